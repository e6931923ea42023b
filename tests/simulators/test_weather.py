"""The simulated weather is plausible, and the same for the same seed."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from simulators.weather import Weather, relative_humidity

START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = [Weather(7).at(START + timedelta(hours=hour)) for hour in range(0, 365 * 24, 5)]


def test_a_year_in_chengdu_stays_within_what_was_ever_measured_there() -> None:
    assert all(-7 < c.temperature_c < 42 for c in YEAR)
    assert all(10 < c.humidity_pct <= 100 for c in YEAR)
    assert all(0 < c.wind_ms < 6 for c in YEAR)


def test_afternoons_are_warmer_and_drier_than_nights() -> None:
    weather = Weather(3)
    noons = [weather.at(START + timedelta(days=day, hours=7.5)) for day in range(60)]
    nights = [weather.at(START + timedelta(days=day, hours=19.5)) for day in range(60)]
    assert sum(c.temperature_c for c in noons) > sum(c.temperature_c for c in nights) + 60 * 4
    assert sum(c.humidity_pct for c in noons) < sum(c.humidity_pct for c in nights) - 60 * 10


def test_it_rains_rarely_and_the_air_is_moist_then() -> None:
    wet = [c for c in YEAR if c.rain_mm > 0]
    assert 0 < len(wet) < 0.1 * len(YEAR)
    assert min(c.humidity_pct for c in wet) > 50


def test_the_weather_does_not_jump_within_a_second() -> None:
    weather = Weather(5)
    moments = [weather.at(START + timedelta(seconds=second)) for second in range(3600)]
    steps = [abs(b.temperature_c - a.temperature_c) for a, b in itertools.pairwise(moments)]
    assert 0 < max(steps) < 0.01


def test_the_same_seed_gives_the_same_weather_and_another_seed_another() -> None:
    assert Weather(1).at(START) == Weather(1).at(START)
    assert Weather(1).at(START) != Weather(2).at(START)


def test_air_at_its_dew_point_is_saturated_and_warmer_air_is_not() -> None:
    assert relative_humidity(20, 20) == pytest.approx(100)
    assert relative_humidity(20, 9.3) == pytest.approx(50, abs=1)
