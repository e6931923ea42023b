"""The days of stations: their noon, what is filled in where nothing was measured, and when they stop."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from gridwatch.fire_danger import DangerTables
from gridwatch.fire_days import FireDay, Station, Weather, days_of, nearest
from gridwatch.fire_weather import Moisture, Noon, season

TABLES = DangerTables()
FIRST = date(2026, 4, 1)
DRY = Weather(temperature=(20, 25), humidity=(30, 24), wind=(5, 8), rain=0)


def station(
    key: int, *, lon: float | None = 115.5, lat: float | None = 41.0, simulated: bool = False
) -> Station:
    """Return a station."""
    return Station(key=key, id=f"ws-{key}", latitude=lat, longitude=lon, simulated=simulated)


HERE, NEAR, FAR = station(1), station(2, lon=115.6), station(3, lon=117)


def run(
    weathers: Mapping[int, Sequence[Weather | None]], *, neighbours: Sequence[Station] = (), days: int = 3
) -> list[FireDay]:
    """Return the days of station 1; None: a day without anything measured."""
    measured = {
        (key, FIRST + timedelta(days=index)): weather
        for key, sequence in weathers.items()
        for index, weather in enumerate(sequence)
        if weather is not None
    }
    last = FIRST + timedelta(days=days - 1)
    return list(days_of(HERE, neighbours, measured, TABLES, first=FIRST, last=last, before=None))


def test_noon_is_that_of_the_meridian() -> None:
    noons = {115.5: 4, 87.6: 6, -123.1: 20, 0.0: 12, None: 4}
    for lon, hour in noons.items():
        assert station(1, lon=lon).noon_of(FIRST) == datetime(2026, 4, 1, hour, tzinfo=UTC), lon


def test_the_last_day_is_the_one_whose_noon_was() -> None:
    noon = datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert HERE.last_day(noon) == FIRST
    assert HERE.last_day(noon - timedelta(seconds=1)) == FIRST - timedelta(days=1)
    west = station(1, lon=-170)
    assert west.last_day(west.noon_of(FIRST)) == FIRST


def test_the_codes_are_those_of_the_index_and_the_level_that_of_the_tables() -> None:
    days = run({1: [DRY, DRY, DRY]})
    noon = Noon(month=4, temp_c=20, rh_pct=30, wind_kmh=18, rain_mm=0)
    assert [day.codes for day in days] == list(season([noon] * 3, start=Moisture(), latitude=41))
    assert [day.filled for day in days] == [{"start": "assumed"}, {}, {}]
    assert [day.dry_days for day in days] == [1, 2, 3]
    assert [day.danger for day in days] == [16 + 20 + 25 + 5 * dry for dry in (1, 2, 3)]
    assert [day.level for day in days] == [3, 3, 4]


def test_what_is_missing_comes_from_the_nearest_that_measured_it() -> None:
    here = Weather(temperature=(18, 20))
    other = Weather(temperature=(30, 33), humidity=(50, 40), wind=(1, 2), rain=12)
    (day,) = run({1: [here], 2: [other], 3: [DRY]}, neighbours=[NEAR, FAR], days=1)
    assert (day.temperature, day.humidity, day.wind, day.rain) == ((18, 20), (50, 40), (1, 2), 12)
    told = {"humidity": "neighbour ws-2", "wind": "neighbour ws-2", "rain": "neighbour ws-2"}
    assert day.filled == {"start": "assumed", **told}
    (day,) = run({1: [here], 2: [Weather(wind=(1, 2))], 3: [DRY]}, neighbours=[NEAR, FAR], days=1)
    assert (day.filled["humidity"], day.filled["wind"]) == ("neighbour ws-3", "neighbour ws-2")


def test_without_neighbours_the_day_before_goes_on_and_no_rain_is_assumed() -> None:
    wet = Weather(temperature=(20, 25), humidity=(30, 24), wind=(5, 8), rain=9)
    days = run({1: [wet, None, Weather(humidity=(60, 55), rain=1, rain_whole=False)]})
    assert days[1].filled == {
        "temperature": "carried 1",
        "humidity": "carried 1",
        "wind": "carried 1",
        "rain": "assumed",
    }
    assert days[2].filled == {"temperature": "carried 2", "wind": "carried 2", "rain": "partial"}
    assert [(day.temperature, day.humidity[0], day.rain) for day in days] == [
        ((20, 25), 30, 9),
        ((20, 25), 30, 0),
        ((20, 25), 60, 1),
    ]


def test_a_neighbours_rain_is_no_less_than_what_was_seen_here() -> None:
    here = Weather(temperature=(20, 25), humidity=(30, 24), wind=(5, 8), rain=7, rain_whole=False)
    (day,) = run({1: [here], 2: [DRY]}, neighbours=[NEAR], days=1)
    assert (day.rain, day.filled["rain"]) == (7, "neighbour ws-2")


def test_after_a_week_of_silence_the_days_stop_and_begin_anew() -> None:
    days = run({1: [DRY, *[None] * 10, DRY]}, days=12)
    assert [(day.day - FIRST).days for day in days] == [*range(8), 11]
    assert (days[7].filled["wind"], days[8].filled) == ("carried 7", {"start": "assumed"})
    assert days[8].codes == days[0].codes


def test_days_go_on_from_the_one_that_was_kept() -> None:
    whole = run({1: [DRY] * 6}, days=6)
    measured = {(1, FIRST + timedelta(days=index)): DRY for index in range(6)}
    last = FIRST + timedelta(days=5)
    after = FIRST + timedelta(days=3)
    rest = days_of(HERE, [], measured, TABLES, first=after, last=last, before=whole[2])
    assert list(rest) == whole[3:]


def test_only_what_is_near_and_as_real_stands_in() -> None:
    unplaced, simulated = station(4, lon=None, lat=None), station(5, simulated=True)
    assert nearest(HERE, [FAR, HERE, NEAR, unplaced, simulated]) == [NEAR]
    closer = station(6, lon=115.55)
    assert nearest(HERE, [NEAR, closer]) == [closer, NEAR]
    assert nearest(unplaced, [HERE, NEAR]) == []
    assert nearest(simulated, [HERE, NEAR]) == []


@pytest.mark.parametrize("rain", [0, 40])
def test_an_unplaced_station_has_days_too(rain: float) -> None:
    unplaced = station(1, lon=None, lat=None)
    weather = Weather(temperature=(20, 25), humidity=(30, 24), wind=(5, 8), rain=rain)
    (day,) = days_of(unplaced, [], {(1, FIRST): weather}, TABLES, first=FIRST, last=FIRST, before=None)
    assert day.dry_days == (0 if rain else 1)
