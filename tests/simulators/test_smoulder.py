"""Smoke from a smouldering fire reaches sensors as wind and distance say."""

from datetime import UTC, datetime, timedelta

import pytest

from simulators.district import build_district
from simulators.smoulder import CLEAN_AIR, Ignition, Smoulder, air_of
from simulators.weather import Conditions

START = datetime(2026, 5, 1, 6, tzinfo=UTC)
SENSOR = build_district(1, seed=1).sensors[0]
FULL = START + timedelta(seconds=60)


def east_wind_of(speed_ms: float) -> Conditions:
    return Conditions(
        temperature_c=22, humidity_pct=60, dew_point_c=14, wind_x_ms=speed_ms, wind_y_ms=0.0, rain_mm=0.0
    )


def smoulder(*, wind_ms: float = 1.5) -> Smoulder:
    ignition = Ignition(at_s=0, sensor=SENSOR, upwind_m=5, smoke_g_s=0.6, lasts_s=120)
    return Smoulder(ignition, START, lambda _: east_wind_of(wind_ms))


def test_before_the_fire_and_long_after_it_the_air_is_clean() -> None:
    fire = smoulder()
    assert fire.air_at(SENSOR.x_m, SENSOR.y_m, START) == CLEAN_AIR
    assert fire.air_at(SENSOR.x_m, SENSOR.y_m, START + timedelta(minutes=10)) == CLEAN_AIR


def test_at_the_sensor_near_by_smoke_and_co_rise_to_what_alarms() -> None:
    air = smoulder().air_at(SENSOR.x_m, SENSOR.y_m, FULL)
    assert 5 < air.smoke_pct_m < 30
    assert 80 < air.co_ppm < 600
    assert 1 < air.warming_c < 15


def test_a_neighbour_downwind_smells_it_thinner_and_one_upwind_not_at_all() -> None:
    fire = smoulder()
    near = fire.air_at(SENSOR.x_m, SENSOR.y_m, FULL)
    downwind = fire.air_at(SENSOR.x_m + 60, SENSOR.y_m, FULL)
    upwind = fire.air_at(SENSOR.x_m - 60, SENSOR.y_m, FULL)
    assert 0.1 < downwind.smoke_pct_m < near.smoke_pct_m / 5
    assert upwind.smoke_pct_m < 0.001


def test_the_smoke_needs_the_wind_s_time_to_a_neighbour() -> None:
    fire = smoulder(wind_ms=1.0)
    there = (SENSOR.x_m + 60, SENSOR.y_m)
    assert fire.air_at(*there, START + timedelta(seconds=30)).smoke_pct_m < 0.001
    assert fire.air_at(*there, START + timedelta(seconds=90)).smoke_pct_m > 0.1


def test_in_calm_air_the_smoke_still_spreads() -> None:
    assert smoulder(wind_ms=0.05).air_at(SENSOR.x_m, SENSOR.y_m, FULL).smoke_pct_m > 5


def test_quantities_keep_the_proportions_of_smouldering_wood() -> None:
    air = air_of(0.024)
    assert air.smoke_pct_m == pytest.approx(10.0, abs=0.1)
    assert air.co_ppm == pytest.approx(209, abs=1)
    assert air.co2_ppm == pytest.approx(1000, abs=2)
