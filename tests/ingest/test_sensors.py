"""What sensor detectors remember is in the database: a collector that starts again goes on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.fire_danger import DangerTables
from gridwatch.fire_fusion import WARNING
from gridwatch.model import Device, DeviceKind, Observation, Observations
from gridwatch.store import Store
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.entries import Accepted
from gridwatch.usual import LEARN_DAYS
from ingest.clocks import Limits
from ingest.pipeline import FELT, detect
from ingest.sensors import Sensors
from ingest.timekeeper import Timekeeper

pytestmark = pytest.mark.anyio

USUAL = """
    INSERT INTO usual (device_key, quantity_key, hour, days, mean, within, between_days)
    SELECT d.key, q.key, h, %(days)s, 1.0, 0.25, 0.1
    FROM device d, quantity q, generate_series(0, 23) AS h WHERE q.name = 'co_ppm'"""

RAISED = {"co_ppm": 2.6, "pm25_ugm3": 30.0}
WRITE = """
    INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, %(at)s, round(10 * %(value)s::numeric), 500, 10 FROM device d, quantity q
    WHERE d.id = 's-1' AND q.name = %(quantity)s"""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with one sensor whose CO is usually 1 ppm, give or take a half."""
    async with Store.open(database_url) as store:
        await store.execute("INSERT INTO quantity (name) VALUES ('co_ppm')")
        await add_devices(store, [Device(id="s-1", scene="fire", kind=DeviceKind.SENSOR)])
        await store.execute(USUAL, {"days": LEARN_DAYS})
        yield store


def rising(begin: datetime, minutes: range) -> list[Observation]:
    """Return readings of each minute, which rise by three standard deviations after the tenth."""
    return [
        Observation(
            device="s-1",
            observed_at=begin + timedelta(minutes=minute),
            values={"co_ppm": 1.0 if minute < 10 else 2.5},
        )
        for minute in minutes
    ]


def labels(sensors: Sensors, observations: list[Observation]) -> list[str]:
    """Return the labels of what is concluded."""
    return [finding.label for found in sensors.feel(observations).values() for finding in found]


async def test_a_sum_goes_on_after_a_restart_in_the_middle_of_a_fire(store: Store) -> None:
    known, begin = await get_device(store, "s-1"), datetime.now(UTC) - timedelta(minutes=14)
    before = Sensors(store, DangerTables())
    await before.prime([known])
    assert labels(before, rising(begin, range(12))) == []
    await before.save()

    forgetful, after = Sensors(store, DangerTables()), Sensors(store, DangerTables())
    await after.prime([known])
    assert labels(after, rising(begin, range(12, 14))) == [WARNING]
    await after.save()
    await store.execute("DELETE FROM fire_sum")
    await forgetful.prime([known])
    assert labels(forgetful, rising(begin, range(12, 14))) == []


async def test_a_sum_that_is_over_is_forgotten(store: Store) -> None:
    known, begin = await get_device(store, "s-1"), datetime.now(UTC) - timedelta(minutes=30)
    sensors = Sensors(store, DangerTables())
    await sensors.prime([known])
    labels(sensors, rising(begin, range(12)))
    await sensors.save()
    assert len(await store.rows("SELECT FROM fire_sum")) == 1
    calm = [
        Observation(device="s-1", observed_at=begin + timedelta(minutes=minute), values={"co_ppm": 1.0})
        for minute in range(12, 20)
    ]
    labels(sensors, calm)
    await sensors.save()
    assert await store.rows("SELECT FROM fire_sum") == []


async def test_what_co_and_fine_dust_added_up_alike_is_known_after_a_restart(store: Store) -> None:
    await store.execute("INSERT INTO quantity (name) VALUES ('pm25_ugm3')")
    await store.execute(USUAL.replace("'co_ppm'", "'pm25_ugm3'"), {"days": LEARN_DAYS})
    known, begin = await get_device(store, "s-1"), datetime.now(UTC) - timedelta(minutes=14)
    smoulder = [
        Observation(
            device="s-1",
            observed_at=begin + timedelta(minutes=minute),
            values=dict.fromkeys(("co_ppm", "pm25_ugm3"), 1.0) | ({} if minute < 10 else RAISED),
        )
        for minute in range(14)
    ]
    for one in smoulder[:12]:
        for quantity, value in one.values.items():
            row = {"at": one.observed_at, "value": value, "quantity": quantity}
            await store.execute(WRITE, row)
    after, forgetful = Sensors(store, DangerTables()), Sensors(store, DangerTables())
    await after.prime([known])
    assert "smoke" in labels(after, smoulder[12:])
    await store.execute("DELETE FROM reading")
    await forgetful.prime([known])
    assert "smoke" not in labels(forgetful, smoulder[12:])


async def test_of_a_device_that_sends_all_it_kept_at_once_each_moment_is_judged_and_others_go_on(
    store: Store,
) -> None:
    known, now, count = await get_device(store, "s-1"), datetime.now(UTC), 3 * FELT
    sensors = Sensors(store, DangerTables())
    clocks = Timekeeper(store, Limits(future_s=300, old_s=30 * 86_400))
    await sensors.prime([known])
    await clocks.prime([known])
    alarms = (FELT - 1, FELT, 2 * FELT + 7)
    items = tuple(
        Observation(
            device="s-1",
            observed_at=now - timedelta(seconds=10 * (count - number)),
            values={"smoke_alarm": float(number in alarms)},
        )
        for number in range(count)
    )
    entry = Accepted(known=known, message=Observations(device="s-1", items=items), received_at=now)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    (judged,) = await detect([entry], clocks, sensors)
    beside.cancel()
    assert turns >= count // FELT
    assert isinstance(judged, Accepted)
    closed = [one.finding.observed_at for one in judged.concluded if one.finding.severity == "critical"]
    assert closed == [items[alarms[0]].observed_at, items[alarms[2]].observed_at]
