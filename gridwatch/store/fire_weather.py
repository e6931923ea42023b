"""The fire weather of stations, day by day: measured anew where readings came late, and what follows.

A station is a device that is registered with the channels `temperature_c`, `humidity_pct` and `wind_ms`. All
is in the database: whoever computes next goes on where the last one stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.fire_danger import DangerLevel, DangerTables
from gridwatch.fire_days import DAY, FireDay, Measured, Pair, Station, Weather, days_of, nearest
from gridwatch.fire_weather import Codes
from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("fire_weather")

NEEDED = ("temperature_c", "humidity_pct", "wind_ms")
PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "temperature_c": (-90, 60),
    "humidity_pct": (0, 110),
    "wind_ms": (0, 110),
    "rain_mm": (0, 1e6),
}
"""Beyond these a reading is nonsense. A wet sensor reads a little more than 100 %; a gauge that counts on has
no end."""
MOST_RAIN_MM = 2000.0
"""In 24 hours, nowhere on earth."""
WHOLE_DAY_HOURS = 18
"""With rain measured in so many of 24 hours, it was measured throughout."""

LOOK_BACK = timedelta(days=60)
"""What comes later than this changes no code any more; the slowest follows its weather by about 52 days."""
READY_AFTER = timedelta(minutes=5)
"""After noon its readings are in the database."""
DAYS_AT_ONCE = 50
RECENT = timedelta(hours=36)
"""The level of a station that has none of today or yesterday is unknown."""


async def look_at_fire_weather(
    store: Store, now: datetime, tables: DangerTables, *, all_of_it: bool = False
) -> None:
    """Compute the days of each station up to its last noon.

    Days are computed anew from the first whose readings changed; `all_of_it`: all that are not too old, for
    tables that may have changed.
    """
    rows = await store.rows(SQL["stations"], {"needed": list(NEEDED)})
    stations = [Station(**row) for row in rows]
    if not stations:
        return
    lasts = {station.key: station.last_day(now - READY_AFTER) for station in stations}
    oldest = min(lasts.values()) - LOOK_BACK
    changed = await _measure(store, stations, lasts, oldest, tables)
    newest = min(lasts.values()) - DAY
    first = oldest if all_of_it else min([newest, *changed])
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        await _compute(connection, stations, lasts, first, tables)


async def _measure(
    store: Store, stations: Sequence[Station], lasts: Mapping[int, date], oldest: date, tables: DangerTables
) -> set[date]:
    """Measure anew the days whose readings changed, and return them."""
    by_key = {station.key: station for station in stations}
    given = {
        "keys": list(by_key),
        "firsts": [station.noon_of(oldest) for station in stations],
        "lasts": [station.noon_of(lasts[station.key]) for station in stations],
        "used": list(PLAUSIBLE),
    }
    changed = await store.rows(SQL["changed"], given)
    for row in changed:
        station = by_key[row["device_key"]]
        row["day"] = row["noon_at"].astimezone(station.noon_of(oldest).tzinfo).date()
    for begin in range(0, len(changed), DAYS_AT_ONCE):
        some = changed[begin : begin + DAYS_AT_ONCE]
        asked = {
            "keys": [row["device_key"] for row in some],
            "days": [row["day"] for row in some],
            "noons": [row["noon_at"] for row in some],
            "readings": [row["readings"] for row in some],
            "doubted": [row["doubted"] for row in some],
            "used": list(PLAUSIBLE),
            "least": Jsonb({name: least for name, (least, _) in PLAUSIBLE.items()}),
            "most": Jsonb({name: most for name, (_, most) in PLAUSIBLE.items()}),
            "most_rain": MOST_RAIN_MM,
            "rain": tables.rain,
        }
        await store.execute(SQL["measure"], asked)
    return {row["day"] for row in changed}


async def _compute(
    connection: Connection,
    stations: Sequence[Station],
    lasts: Mapping[int, date],
    first: date,
    tables: DangerTables,
) -> None:
    """Write the days of all stations from `first` on: any may stand in for another."""
    keys = [station.key for station in stations]
    given = {"keys": keys, "first": first, "before": first - DAY}
    measured = _weather(await (await connection.execute(SQL["measured"], given)).fetchall())
    rows = await (await connection.execute(SQL["day before"], given)).fetchall()
    before = {row["device_key"]: _fire_day(row) for row in rows}
    days = [
        (station, day)
        for station in stations
        for day in days_of(
            station,
            nearest(station, stations),
            measured,
            tables,
            first=first,
            last=lasts[station.key],
            before=before.get(station.key),
        )
    ]
    given |= {"rows": Jsonb([_row(station, day) for station, day in days])}
    await connection.execute(SQL["forget"], given)
    await connection.execute(SQL["write"], given)


async def list_fire_days(
    store: Store,
    *,
    station: str | None = None,
    area: str | None = None,
    since: date,
    until: date,
    limit: int,
) -> list[Row]:
    """Return days of one station, of those in an area and below, or of all, the last first."""
    given = {"station": station, "area": area, "since": since, "until": until, "limit": limit}
    return await store.rows(SQL["days"], given)


async def fire_weather_now(store: Store, now: datetime, *, area: str | None = None) -> list[Row]:
    """Return the last day of each station, in an area and below or anywhere, that has a recent one."""
    return await store.rows(SQL["now"], {"since": now - RECENT, "area": area})


def level_of(rows: Sequence[Row]) -> DangerLevel | None:
    """Return the highest level of stations; of simulated ones only where there are no others."""
    real = [row for row in rows if not row["simulated"]]
    return max((DangerLevel(row["level"]) for row in real or rows), default=None)


def _weather(rows: Sequence[Row]) -> Measured:
    return {
        (row["device_key"], row["day"]): Weather(
            temperature=_pair(row, "temperature_c", "temperature_max_c"),
            humidity=_pair(row, "humidity_pct", "humidity_min_pct"),
            wind=_pair(row, "wind_ms", "wind_max_ms"),
            rain=row["rain_mm"],
            rain_whole=row["rain_hours"] >= WHOLE_DAY_HOURS,
        )
        for row in rows
    }


def _pair(row: Row, at_noon: str, extreme: str) -> Pair | None:
    return None if row[at_noon] is None else (row[at_noon], row[extreme])


def _fire_day(row: Row) -> FireDay:
    codes = {name: row[name] for name in Codes.__slots__}
    return FireDay(
        station=row["device_key"],
        day=row["day"],
        temperature=(row["temperature_c"], row["temperature_max_c"]),
        humidity=(row["humidity_pct"], row["humidity_min_pct"]),
        wind=(row["wind_ms"], row["wind_max_ms"]),
        rain=row["rain_mm"],
        filled=row["filled"],
        dry_days=row["dry_days"],
        codes=Codes(**codes),
        danger=row["danger"],
        level=DangerLevel(row["level"]),
    )


def _row(station: Station, day: FireDay) -> dict[str, Any]:
    return {
        "device_key": station.key,
        "day": day.day.isoformat(),
        "noon_at": station.noon_of(day.day).isoformat(),
        "temperature_c": day.temperature[0],
        "temperature_max_c": day.temperature[1],
        "humidity_pct": day.humidity[0],
        "humidity_min_pct": day.humidity[1],
        "wind_ms": day.wind[0],
        "wind_max_ms": day.wind[1],
        "rain_mm": day.rain,
        "filled": dict(day.filled),
        "dry_days": day.dry_days,
        **asdict(day.codes),
        "danger": day.danger,
        "level": int(day.level),
    }
