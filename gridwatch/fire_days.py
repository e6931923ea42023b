"""The fire weather of a station, day after day, from what it measured and what had to be filled in: pure.

A day ends at noon of the station's own standard time. What it lacks comes from the nearest station that
measured it, else from the day before, else, of rain alone, none fell: the index must not stop in the dry
week in which a rain gauge is broken. Each such value is marked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from math import cos, hypot, radians
from typing import TypeAlias

from gridwatch.fire_danger import DangerDay, DangerLevel, DangerTables
from gridwatch.fire_weather import Codes, Moisture, Noon, codes_of

DAY = timedelta(days=1)
NOON_H = 12
DEGREES_AN_HOUR = 15.0
OFFSET_UNPLACED_H = 8
"""China's standard time, of a station that nobody has placed."""
LATITUDE_UNPLACED = 40.0

NEIGHBOURS_WITHIN_KM = 50.0
KM_PER_DEGREE = 111.32
KMH_PER_MS = 3.6
CARRIED_MOST_DAYS = 7
"""Older weather says nothing of today: the codes stop, and begin anew when the station is heard again."""

PAIRS = ("temperature", "humidity", "wind")
NEIGHBOUR, CARRIED, ASSUMED, PARTIAL = "neighbour", "carried", "assumed", "partial"


@dataclass(frozen=True, kw_only=True, slots=True)
class Station:
    """A device that measures temperature, humidity and wind. Degrees, both None where it is not placed."""

    key: int
    id: str
    latitude: float | None
    longitude: float | None
    simulated: bool = False

    def noon_of(self, day: date) -> datetime:
        """Return noon of local standard time: the hour of its meridian, not that of its country's clocks."""
        hours = OFFSET_UNPLACED_H if self.longitude is None else round(self.longitude / DEGREES_AN_HOUR)
        return datetime(day.year, day.month, day.day, NOON_H, tzinfo=timezone(timedelta(hours=hours)))

    def last_day(self, now: datetime) -> date:
        """Return the day whose noon was last."""
        local = now.astimezone(self.noon_of(now.date()).tzinfo)
        return local.date() if local.hour >= NOON_H else local.date() - DAY

    def km_to(self, other: "Station") -> float | None:
        """Return about how far away another is, None where either is not placed."""
        if (
            self.latitude is None
            or self.longitude is None
            or other.latitude is None
            or other.longitude is None
        ):
            return None
        east = (other.longitude - self.longitude) * cos(radians(self.latitude))
        return KM_PER_DEGREE * hypot(east, other.latitude - self.latitude)


Pair: TypeAlias = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weather:
    """What a day's codes follow from; None: not measured.

    Of temperature and wind at noon and at most, of humidity at noon and at least, in °C, % and m/s; rain of
    24 hours in mm.
    """

    temperature: Pair | None = None
    humidity: Pair | None = None
    wind: Pair | None = None
    rain: float | None = None
    rain_whole: bool = True
    """Whether rain was measured throughout the day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FireDay:
    """One day of a station: its weather as used, what of it was filled in and how, and what follows.

    `filled` has for a part of the weather `neighbour` and its id, `carried` and the number of days, `assumed`
    (no rain) or `partial` (rain of a part of the day); for `start` `assumed` where no day before was known.
    """

    station: int
    day: date
    temperature: Pair
    humidity: Pair
    wind: Pair
    rain: float
    filled: Mapping[str, str]
    dry_days: int
    codes: Codes
    danger: float
    level: DangerLevel


Measured: TypeAlias = Mapping[tuple[int, date], Weather]
"""By station and day."""


def nearest(station: Station, others: Iterable[Station]) -> list[Station]:
    """Return the stations that may stand in for one, the nearest first: no simulated one for a real one."""
    alike = (other for other in others if other != station and other.simulated == station.simulated)
    far = {other: station.km_to(other) for other in alike}
    near = {other: km for other, km in far.items() if km is not None and km <= NEIGHBOURS_WITHIN_KM}
    return sorted(near, key=lambda other: (near[other], other.key))


def days_of(
    station: Station,
    neighbours: Sequence[Station],
    measured: Measured,
    tables: DangerTables,
    *,
    first: date,
    last: date,
    before: FireDay | None,
) -> Iterator[FireDay]:
    """Yield the days of a station from `first` to `last`; `before` is the one before the first.

    A day of which too little is known has none, and the next one begins anew.
    """
    day = first
    while day <= last:
        others = {one.id: measured[one.key, day] for one in neighbours if (one.key, day) in measured}
        before = _day(station, day, measured.get((station.key, day), Weather()), others, before, tables)
        if before is not None:
            yield before
        day += DAY


def _day(
    station: Station,
    day: date,
    own: Weather,
    others: Mapping[str, Weather],
    before: FireDay | None,
    tables: DangerTables,
) -> FireDay | None:
    filled = {} if before is not None else {"start": ASSUMED}
    temperature, humidity, wind = (_pair(part, own, others, before, filled) for part in PAIRS)
    if temperature is None or humidity is None or wind is None:
        return None
    rain = _rain(own, others, filled)
    noon = Noon(
        month=day.month,
        temp_c=temperature[0],
        rh_pct=humidity[0],
        wind_kmh=wind[0] * KMH_PER_MS,
        rain_mm=rain,
    )
    latitude = LATITUDE_UNPLACED if station.latitude is None else station.latitude
    dry_days = tables.dry_days_after(before.dry_days if before else 0, rain)
    danger = tables.index(
        DangerDay(
            month=day.month,
            temperature_max_c=temperature[1],
            humidity_min_pct=humidity[1],
            wind_max_ms=wind[1],
            dry_days=dry_days,
        )
    )
    return FireDay(
        station=station.key,
        day=day,
        temperature=temperature,
        humidity=humidity,
        wind=wind,
        rain=rain,
        filled=filled,
        dry_days=dry_days,
        codes=codes_of(noon, before.codes.moisture if before else Moisture(), latitude=latitude),
        danger=danger,
        level=tables.level(danger),
    )


def _pair(
    part: str,
    own: Weather,
    others: Mapping[str, Weather],
    before: FireDay | None,
    filled: dict[str, str],
) -> Pair | None:
    """Return a part of the weather, and mark where it is from; None where nobody knows it."""
    pair: Pair | None = getattr(own, part)
    if pair is not None:
        return pair
    for station, weather in others.items():
        pair = getattr(weather, part)
        if pair is not None:
            filled[part] = f"{NEIGHBOUR} {station}"
            return pair
    if before is None or (days := _carried_days(before, part)) >= CARRIED_MOST_DAYS:
        return None
    filled[part] = f"{CARRIED} {days + 1}"
    at_noon, extreme = getattr(before, part)
    return at_noon, extreme


def _carried_days(day: FireDay, part: str) -> int:
    how, _, days = day.filled.get(part, "").partition(" ")
    return int(days) if how == CARRIED else 0


def _rain(own: Weather, others: Mapping[str, Weather], filled: dict[str, str]) -> float:
    """Return the rain of the day; yesterday's shower is no guess at today's."""
    if own.rain is not None and own.rain_whole:
        return own.rain
    seen = own.rain or 0.0
    for station, weather in others.items():
        if weather.rain is not None and weather.rain_whole:
            filled["rain"] = f"{NEIGHBOUR} {station}"
            return max(weather.rain, seen)
    filled["rain"] = ASSUMED if own.rain is None else PARTIAL
    return seen
