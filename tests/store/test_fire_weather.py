"""The fire weather of stations follows from readings that are stored, also from those that come late."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gridwatch.fire_danger import DangerTables, RainMeaning
from gridwatch.fire_weather import Moisture, Noon, season
from gridwatch.model import Channel, Device, DeviceKind, DeviceState, Location
from gridwatch.store import Store
from gridwatch.store.connection import Row
from gridwatch.store.devices import add_devices
from gridwatch.store.fire_weather import fire_weather_now, level_of, list_fire_days, look_at_fire_weather
from gridwatch.store.hourly import sum_up_hours

pytestmark = pytest.mark.anyio

TABLES = DangerTables()
TODAY = datetime.now(UTC).date() - timedelta(days=1)
"""Sums of hours that readings come into late are looked after by the database's clock."""
HOUR, DAY, QUARTER = timedelta(hours=1), timedelta(days=1), timedelta(minutes=15)

WRITE = """
    INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, r.at, r.value * 100, 500, 100
    FROM device d, quantity q, unnest(%(at)s::timestamptz[], %(values)s::float8[]) AS r (at, value)
    WHERE d.id = %(device)s AND q.name = %(quantity)s"""
DOUBT = """
    INSERT INTO doubt (device_key, quantity_key, flag, from_at, until_at, readings, value, seen_at)
    SELECT d.key, q.key, 16, %(at)s, %(until)s, 1, 0, now() FROM device d, quantity q
    WHERE d.id = %(device)s AND q.name = %(quantity)s"""


def noon_of(day: date) -> datetime:
    """Return noon at 120 degrees east."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def station(name: str, *quantities: str, lon: float = 120.0, simulated: bool = False) -> Device:
    """Return a weather station at 40 N."""
    return Device(
        id=name,
        scene="fire",
        kind=DeviceKind.SENSOR,
        location=Location(lon=lon, lat=40.0),
        state=DeviceState.ACTIVE,
        channels=tuple(Channel(quantity=quantity) for quantity in quantities),
        simulated=simulated,
    )


ALL = ("temperature_c", "humidity_pct", "wind_ms", "rain_mm")


class Bench:
    """Stations that measure every quarter of an hour what a test says."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def begin(self, *stations: Device) -> None:
        """Register stations."""
        for quantity in ALL:
            await self.store.execute("INSERT INTO quantity (name) VALUES (%(name)s)", {"name": quantity})
        await add_devices(self.store, stations)

    async def measure(self, device: str, day: date, **given: float | Callable[[datetime], float]) -> None:
        """Let a station measure each quantity from the noon before a day's to its own."""
        at = [noon_of(day) - DAY + index * QUARTER for index in range(96)]
        for quantity, value in given.items():
            values = [value(moment) if callable(value) else value for moment in at]
            row = {"device": device, "quantity": quantity, "at": at, "values": values}
            await self.store.execute(WRITE, row)

    async def day(self, device: str, day: date, **other: float | Callable[[datetime], float]) -> None:
        """Let a station measure a dry day, except for what is said."""
        usual = {"temperature_c": 20.0, "humidity_pct": 40.0, "wind_ms": 3.0, "rain_mm": 0.0}
        await self.measure(device, day, **{**usual, **other})

    async def look(self, at: datetime | None = None, **given: Any) -> None:
        """Compute what can be, ten minutes after the noon of today."""
        await sum_up_hours(self.store)
        now = at or noon_of(TODAY) + timedelta(minutes=10)
        await look_at_fire_weather(self.store, now, **{"tables": TABLES, **given})

    async def days(self, device: str = "ws-1") -> list[Row]:
        """Return the days of a station, the first first."""
        long_ago = TODAY - timedelta(days=100)
        return (await list_fire_days(self.store, station=device, since=long_ago, until=TODAY, limit=500))[
            ::-1
        ]


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    """Return a bench without stations."""
    async with Store.open(database_url) as store:
        yield Bench(store)


def season_of(*rains: float, temp: float = 20.0) -> list[float]:
    """Return FWI of days that differ in rain alone."""
    days = [TODAY - index * DAY for index in reversed(range(len(rains)))]
    noons = [
        Noon(month=day.month, temp_c=temp, rh_pct=40, wind_kmh=3 * 3.6, rain_mm=rain)
        for day, rain in zip(days, rains, strict=True)
    ]
    return [codes.fwi for codes in season(noons, start=Moisture(), latitude=40)]


async def test_a_day_is_what_was_measured_until_its_noon(bench: Bench) -> None:
    await bench.begin(station("ws-1", *ALL), station("other", "temperature_c", "humidity_pct"))
    noon = noon_of(TODAY)

    def warmest_yesterday(at: datetime) -> float:
        return 31.0 if at < noon - 20 * HOUR else 20.0 if noon - at > timedelta(minutes=31) else 24.0

    await bench.day("ws-1", TODAY, temperature_c=warmest_yesterday, rain_mm=0.25)
    await bench.day("ws-1", TODAY + DAY, temperature_c=99)
    await bench.look(noon + timedelta(minutes=4))
    assert await bench.days() == []
    await bench.look()
    (row,) = await bench.days()
    assert (row["station"], row["day"], row["noon_at"]) == ("ws-1", TODAY, noon)
    assert (row["temperature_c"], row["temperature_max_c"]) == (24.0, 31.0)
    assert (row["humidity_pct"], row["wind_ms"], row["rain_mm"]) == (40.0, 3.0, pytest.approx(6.0))
    assert row["filled"] == {"start": "assumed"}
    assert row["fwi"] == pytest.approx(season_of(6.0, temp=24.0)[0])
    assert (row["danger"], row["level"]) == (20 + 12 + 0 + 10, 2)
    await bench.look()
    assert await bench.days() == [row]


@pytest.mark.parametrize(
    ("rain", "per_reading", "fallen"),
    [(RainMeaning.LAST_HOUR, 0.5, 12.0), (RainMeaning.SINCE_LAST, 0.125, 12.0)],
)
async def test_rain_is_what_the_gauges_say_it_is(
    bench: Bench, rain: RainMeaning, per_reading: float, fallen: float
) -> None:
    await bench.begin(station("ws-1", *ALL))
    await bench.day("ws-1", TODAY, rain_mm=per_reading)
    await bench.look(tables=DangerTables(rain=rain))
    (row,) = await bench.days()
    assert row["rain_mm"] == pytest.approx(fallen)


async def test_a_gauge_that_counts_on_may_begin_anew(bench: Bench) -> None:
    await bench.begin(station("ws-1", *ALL))
    begin = noon_of(TODAY) - DAY

    def count(at: datetime) -> float:
        quarters = (at - begin) / QUARTER
        return 5000 + quarters if quarters < 48 else (quarters - 48) * 0.5

    await bench.day("ws-1", TODAY - DAY, rain_mm=4990)
    await bench.day("ws-1", TODAY, rain_mm=count)
    await bench.look(tables=DangerTables(rain=RainMeaning.TOTAL))
    assert [row["rain_mm"] for row in await bench.days()] == [0, pytest.approx(10 + 47 + 47 * 0.5)]


async def test_what_comes_late_changes_its_day_and_all_after_it(bench: Bench) -> None:
    await bench.begin(station("ws-1", *ALL))
    first = TODAY - 4 * DAY
    for index in (0, 1, 3, 4):
        await bench.day("ws-1", first + index * DAY)
    await bench.look()
    before = await bench.days()
    assert [row["filled"].get("temperature") for row in before] == [None, None, "carried 1", None, None]
    assert [row["fwi"] for row in before] == pytest.approx(season_of(0, 0, 0, 0, 0))
    await bench.day("ws-1", first + 2 * DAY, rain_mm=1.0)
    await bench.look()
    after = await bench.days()
    assert after[:2] == before[:2]
    assert [row["filled"] for row in after[1:]] == [{}] * 4
    assert [row["fwi"] for row in after] == pytest.approx(season_of(0, 0, 24, 0, 0))


async def test_readings_in_doubt_are_not_the_weather(bench: Bench) -> None:
    await bench.begin(station("ws-1", *ALL))
    noon = noon_of(TODAY)
    await bench.day("ws-1", TODAY, temperature_c=lambda at: 55.0 if noon - at <= 2 * HOUR else 18.0)
    await bench.look()
    assert (await bench.days())[0]["temperature_c"] == 55.0
    given = {
        "device": "ws-1",
        "quantity": "temperature_c",
        "at": noon - 2 * HOUR,
        "until": noon - 2 * QUARTER,
    }
    await bench.store.execute(DOUBT, given)
    await bench.look()
    assert (await bench.days())[0]["temperature_c"] == 55.0
    await bench.store.execute("UPDATE doubt SET until_at = until_at + interval '1 hour'")
    await bench.look()
    assert await bench.days() == []
    given |= {"at": noon - HOUR, "until": noon}
    await bench.store.execute("UPDATE doubt SET from_at = from_at + interval '15 minutes'")
    await bench.look()
    (row,) = await bench.days()
    assert (row["temperature_c"], row["temperature_max_c"]) == (55.0, 55.0)


async def test_a_neighbour_stands_in_and_days_go_on_after_a_restart(bench: Bench) -> None:
    await bench.begin(
        station("ws-1", *ALL), station("ws-2", *ALL, lon=120.2), station("far", *ALL, lon=121.5)
    )
    yesterday = TODAY - DAY
    for name in ("ws-1", "ws-2", "far"):
        await bench.day(name, yesterday)
    await bench.look(noon_of(yesterday) + HOUR)
    await bench.measure("ws-1", TODAY, temperature_c=20, humidity_pct=40)
    await bench.day("ws-2", TODAY, wind_ms=9)
    await bench.look(all_of_it=True)
    before, row = await bench.days()
    assert before["filled"] == {"start": "assumed"}
    assert row["filled"] == {"wind": "neighbour ws-2", "rain": "neighbour ws-2"}
    assert row["wind_ms"] == 9
    carried = (await bench.days("far"))[1]["filled"]
    assert carried == {
        "temperature": "carried 1",
        "humidity": "carried 1",
        "wind": "carried 1",
        "rain": "assumed",
    }


async def test_hours_without_readings_are_filled_and_flagged(bench: Bench) -> None:
    await bench.begin(station("night", *ALL), station("noon", *ALL, lon=121.5))
    for name in ("night", "noon"):
        await bench.day(name, TODAY - DAY, temperature_c=18)
        await bench.day(name, TODAY, temperature_c=25, rain_mm=0.25)
    for name, hours_before in (("night", (18, 10)), ("noon", (8, 0))):
        first, last = (noon_of(TODAY) - hours * HOUR for hours in hours_before)
        await bench.store.execute(
            "DELETE FROM reading USING device d WHERE device_key = d.key AND d.id = %(name)s"
            " AND observed_at >= %(first)s AND observed_at < %(last)s",
            {"name": name, "first": first, "last": last},
        )
    await bench.look()
    _, night = await bench.days("night")
    assert night["filled"] == {"rain": "partial"}
    assert (night["temperature_c"], night["rain_mm"]) == (25.0, pytest.approx(4.0, abs=0.3))
    _, noon = await bench.days("noon")
    assert noon["filled"] == {
        "temperature": "carried 1",
        "humidity": "carried 1",
        "wind": "carried 1",
        "rain": "partial",
    }
    assert (noon["temperature_c"], noon["rain_mm"]) == (18.0, pytest.approx(4.0, abs=0.3))


async def test_the_level_now_is_the_highest_of_real_stations(bench: Bench) -> None:
    await bench.begin(station("ws-1", *ALL), station("ws-2", *ALL), station("sim", *ALL, simulated=True))
    now = noon_of(TODAY) + timedelta(minutes=10)
    assert level_of(await fire_weather_now(bench.store, now)) is None
    await bench.day("sim", TODAY, temperature_c=30, humidity_pct=10, wind_ms=18)
    await bench.look()
    assert level_of(await fire_weather_now(bench.store, now)) == 4
    await bench.day("ws-1", TODAY, temperature_c=4, humidity_pct=80)
    await bench.day("ws-2", TODAY, temperature_c=30, humidity_pct=30)
    await bench.look()
    assert level_of(await fire_weather_now(bench.store, now)) == 3
    assert await fire_weather_now(bench.store, now + 2 * DAY) == []
