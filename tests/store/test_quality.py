"""Readings that can't be right are flagged and told to maintenance, and nothing else happens to them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Channel, Device, DeviceKind, DeviceState
from gridwatch.quality import DRIFT, FLAT, OUT_OF_RANGE, SPIKE
from gridwatch.store import Store
from gridwatch.store.alerts import list_alerts
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import add_devices, delete_devices, replace_device
from gridwatch.store.history import list_readings
from gridwatch.store.quality import look_at_quality, look_for_drifts, watch_quality
from gridwatch.store.retention import drop_old
from gridwatch.store.usual import learn_hours
from gridwatch.usual import LEARN_DAYS

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WRITE = """
    INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, %(at)s, %(value)s, 500, 1 FROM device d, quantity q
    WHERE d.id = %(device)s AND q.name = %(quantity)s"""

USUAL = """
    INSERT INTO usual (device_key, quantity_key, hour, days, mean, within, between_days)
    SELECT d.key, q.key, h, %(days)s, %(mean)s, 0.25, 0.1
    FROM device d, quantity q, generate_series(0, 23) AS h
    WHERE d.id = %(device)s AND q.name = 'temperature_c'"""


def sensor(name: str, area: str | None = None, **limits: float) -> Device:
    """Return a sensor whose temperature has limits."""
    return Device(
        id=name,
        scene="fire",
        kind=DeviceKind.SENSOR,
        area=area,
        state=DeviceState.ACTIVE,
        channels=(Channel(quantity="temperature_c", interval_s=60, quality=limits),),
    )


class Bench:
    """Sensors that measure what a test says, minute by minute, under a clock of their own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON

    async def begin(self, *devices: Device) -> None:
        """Register sensors."""
        await self.store.execute("INSERT INTO quantity (name) VALUES ('temperature_c'), ('co_ppm')")
        await add_devices(self.store, devices)
        await watch_quality(self.store, self.now)

    async def measure(
        self, values: Mapping[str, Sequence[float]], *, quantity: str = "temperature_c", drifts: bool = False
    ) -> None:
        """Let devices measure one value each minute, and look at them once a minute."""
        for turn in range(max(map(len, values.values()))):
            self.now += MINUTE
            for device, given in values.items():
                if turn < len(given):
                    row = {"at": self.now, "value": given[turn], "device": device, "quantity": quantity}
                    await self.store.execute(WRITE, row)
            await self.look()
            if drifts and turn % 10 == 0:
                await look_for_drifts(self.store, self.now)

    async def look(self) -> None:
        """Look at what was measured until now."""
        await look_at_quality(self.store, self.now, extra_alarms={})

    async def wait(self, minutes: int) -> None:
        """Let time pass in which nothing is measured."""
        for _ in range(minutes):
            self.now += MINUTE
            await self.look()

    async def flags(self, device: str = "s-1") -> list[int]:
        """Return the flags of a device's readings, the oldest first, as the API has them."""
        found = await list_readings(
            self.store,
            device,
            quantity=None,
            since=NOON,
            until=self.now + MINUTE,
            limit=10_000,
        )
        rows = await self.store.rows(
            "SELECT flags FROM gw.readings WHERE device = %(device)s ORDER BY observed_at DESC",
            {"device": device},
        )
        flags = [one.flags for one in found]
        assert [row["flags"] for row in rows] == flags
        return flags[::-1]

    async def alerts(self) -> list[tuple[Any, ...]]:
        """Return device, label, severity and state of each alert, the oldest first."""
        found = await list_alerts(self.store)
        return [(a["device"], a["label"], a["severity"], a["state"]) for a in reversed(found)]


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """Return a bench without sensors."""
    async with Store.open(database_url) as store:
        yield Bench(store)


async def test_what_is_out_of_range_is_flagged_and_told_until_it_was_right_for_an_hour(bench: Bench) -> None:
    await bench.begin(sensor("s-1", min=-20, max=60))
    await bench.measure({"s-1": [20, 21, 85, 85, -40, 85, 20, 99, 21, 20]})
    await bench.wait(6)
    assert await bench.flags() == [0, 0, 16, 16, 16, 16, 0, 16, 0, 0]
    told = ("s-1", "maintenance_out_of_range", "minor")
    assert await bench.alerts() == [(*told, "open")]
    (alert,) = await list_alerts(bench.store)
    assert alert["outage"]["channels"] == ["temperature_c"]
    await bench.wait(90)
    assert await bench.alerts() == [(*told, "open")]
    await bench.measure({"s-1": [20, 21] * 35})
    assert await bench.alerts() == [(*told, "resolved")]


async def test_a_flat_line_of_one_minute_readings_is_told_before_the_tenth_of_them(bench: Bench) -> None:
    await bench.begin(sensor("s-1", flat_s=300))
    await bench.measure({"s-1": [20, 21, 22, *[23] * 9]})
    assert await bench.alerts() == [("s-1", "maintenance_flat_line", "minor", "open")]


async def test_one_reading_out_of_range_is_flagged_and_told_to_nobody(bench: Bench) -> None:
    await bench.begin(sensor("s-1", max=60))
    await bench.measure({"s-1": [20, 85, 20, 20]})
    await bench.wait(6)
    assert await bench.flags() == [0, OUT_OF_RANGE, 0, 0]
    assert await bench.alerts() == []


async def test_what_stays_out_of_range_is_one_row_however_long(bench: Bench) -> None:
    await bench.begin(sensor("s-1", max=60))
    await bench.measure({"s-1": [70.0 + n % 3 for n in range(40)]})
    await bench.wait(6)
    assert await bench.flags() == [OUT_OF_RANGE] * 40
    (row,) = await bench.store.rows("SELECT readings, value FROM doubt")
    assert row == {"readings": 40, "value": 72}


async def test_a_spike_stands_out_to_one_side_and_a_step_or_a_slope_does_not(bench: Bench) -> None:
    await bench.begin(sensor("s-1", spike=5))
    values: list[float] = [20, 20, 30, 20, 21, 40, 40, 41, 50, 60, 70, 70, 55, 70]
    await bench.measure({"s-1": values})
    await bench.wait(6)
    assert await bench.flags() == [SPIKE if n in (2, 12) else 0 for n in range(len(values))]
    assert await bench.alerts() == []
    await bench.measure({"s-1": [70, 50, 70, 70]})
    await bench.wait(6)
    assert await bench.alerts() == [("s-1", "maintenance_spikes", "minor", "open")]


async def test_a_spike_between_two_looks_is_found(bench: Bench) -> None:
    await bench.begin(sensor("s-1", spike=5))
    await bench.measure({"s-1": [99.0 if n % 5 == 2 else 20.0 for n in range(40)]})
    await bench.wait(6)
    assert await bench.flags() == [SPIKE if n % 5 == 2 else 0 for n in range(40)]


async def test_a_line_that_is_flat_for_too_long_is_flagged_and_told(bench: Bench) -> None:
    await bench.begin(
        sensor("s-1", flat_s=1800, flat_within=0.1), sensor("s-2", flat_s=1800, flat_within=0.1)
    )
    alive = [20.0 + n % 7 for n in range(30)]
    await bench.measure({"s-1": [*alive, *([22.0, 22.1] * 40)], "s-2": [20.0 + n % 7 for n in range(110)]})
    flags = await bench.flags()
    assert FLAT not in flags[:30]
    assert set(flags[35:95]) == {FLAT}
    assert set(await bench.flags("s-2")) == {0}
    assert await bench.alerts() == [("s-1", "maintenance_flat_line", "minor", "open")]
    await bench.measure({"s-1": [20.0 + n % 7 for n in range(120)]})
    assert await bench.alerts() == [("s-1", "maintenance_flat_line", "minor", "resolved")]
    assert set((await bench.flags())[-100:]) == {0}


async def test_a_silent_sensor_is_not_a_flat_one(bench: Bench) -> None:
    await bench.begin(sensor("s-1", flat_s=1800))
    await bench.measure({"s-1": [20, 21, 22, 22]})
    await bench.wait(60)
    assert await bench.alerts() == []


async def test_a_drift_from_the_neighbours_is_told(bench: Bench) -> None:
    estate = Area(code="e", level=AreaLevel.ESTATE, name="e")
    buildings = [Area(code=f"b-{n}", level=AreaLevel.BUILDING, name="b", parent="e") for n in range(3)]
    await put_areas(bench.store, [estate, *buildings])
    devices = [sensor(f"s-{n}", f"b-{n % 3}", drift=3) for n in range(6)]
    await bench.begin(*devices, sensor("alone", drift=3), sensor("free", "b-0"))
    values = {device.id: [20.0 + n % 5 for n in range(400)] for device in devices}
    values |= {"s-5": [24.0 + n % 5 for n in range(400)], "alone": [90.0] * 400, "free": [90.0] * 400}
    await bench.measure({name: given[:330] for name, given in values.items()}, drifts=True)
    assert await bench.alerts() == []
    await bench.measure({name: given[330:] for name, given in values.items()}, drifts=True)
    assert await bench.alerts() == [("s-5", "maintenance_drift", "minor", "open")]
    assert DRIFT in await bench.flags("s-5")
    assert set(await bench.flags("s-4")) == {0}


async def test_a_drift_from_its_own_usual_is_told_within_a_day_and_a_cold_place_or_a_foggy_night_is_none(
    bench: Bench,
) -> None:
    await put_areas(bench.store, [Area(code="e", level=AreaLevel.ESTATE, name="e")])
    names = [f"s-{n}" for n in range(6)]
    await bench.begin(*(sensor(name, "e", drift=3) for name in names))
    usual = dict.fromkeys(names, 20.0) | {"s-0": 8.0}
    for name, mean in usual.items():
        await bench.store.execute(USUAL, {"device": name, "mean": mean, "days": LEARN_DAYS})
    begin = bench.now.replace(minute=0)
    await bench.store.execute("INSERT INTO usual_learned (at) VALUES (%(at)s)", {"at": begin})
    for hour in range(24):
        # All are four degrees warmer than usual, one stands in fog for ten hours, and one drifts.
        sent = {name: mean + 4 for name, mean in usual.items()}
        sent["s-1"] += 15 if hour < 10 else 0
        sent["s-2"] += min(4.5, 4.5 * hour / 12)
        for minute in range(0, 60, 6):
            at = begin + timedelta(hours=hour, minutes=minute)
            for name, value in sent.items():
                row = {"at": at, "value": value, "device": name, "quantity": "temperature_c"}
                await bench.store.execute(WRITE, row)
        bench.now = begin + timedelta(hours=hour + 1, minutes=11)
        await learn_hours(bench.store, bench.now, ["temperature_c"])
        await bench.look()
        await look_for_drifts(bench.store, bench.now)
    await bench.look()
    assert await bench.alerts() == [("s-2", "maintenance_drift", "minor", "open")]


async def test_without_limits_nothing_is_tested(bench: Bench) -> None:
    await bench.begin(sensor("s-1"))
    await bench.measure({"s-1": [20, 999, -999, 20, 20]})
    await bench.wait(6)
    assert await bench.flags() == [0] * 5


async def test_a_device_that_is_tested_or_maintained_is_flagged_and_told_to_nobody(bench: Bench) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    await bench.begin(sensor("s-1", max=60))
    device = sensor("s-1", max=60)
    changed = Device(
        id=device.id,
        scene=device.scene,
        kind=device.kind,
        channels=device.channels,
        state=DeviceState.MAINTENANCE,
        state_until=until,
    )
    await replace_device(bench.store, changed)
    await bench.measure({"s-1": [85] * 8})
    await bench.wait(6)
    assert await bench.flags() == [OUT_OF_RANGE] * 8
    assert await bench.alerts() == []


async def test_doubts_go_with_their_device_and_with_their_readings(bench: Bench) -> None:
    await bench.begin(sensor("s-1", max=60), sensor("s-2", max=60))
    await bench.measure({"s-1": [85] * 4, "s-2": [85] * 4})
    await bench.wait(6)
    await delete_devices(bench.store, ["s-1"])
    count = "SELECT count(*) AS count FROM doubt"
    assert await bench.store.row(count) == {"count": 1}
    await bench.store.execute(
        "UPDATE doubt SET from_at = from_at - interval '2 years', until_at = until_at - interval '2 years'"
    )
    await drop_old(bench.store, keep_readings=timedelta(days=365), keep_aggregates=timedelta(days=365))
    assert await bench.store.row(count) == {"count": 0}
