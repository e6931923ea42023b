"""When two devices tell of one fire."""

from math import cos, radians

import pytest

from gridwatch.coordinates import METRES_PER_DEGREE
from gridwatch.fire_danger import DangerLevel
from gridwatch.fire_fusion import Wind, corroborated, mean_wind, sees, spread, supports, way
from gridwatch.model import Location, Severity

HERE = Location(lon=103.92, lat=30.57)
WEST_WIND = Wind(east_ms=2.0, north_ms=0.0)


def at(east_m: float, north_m: float) -> Location:
    """Return a place so many metres away."""
    lat = HERE.lat + north_m / METRES_PER_DEGREE
    return Location(lon=HERE.lon + east_m / METRES_PER_DEGREE / cos(radians(HERE.lat)), lat=lat)


def test_a_way_is_measured_in_metres() -> None:
    assert way(HERE, at(120, -50)) == pytest.approx((120, -50), abs=0.1)


@pytest.mark.parametrize(
    ("east_m", "north_m", "wind", "together"),
    [
        (120, 20, WEST_WIND, True),
        (-120, 20, WEST_WIND, True),
        (20, 120, WEST_WIND, False),
        (20, 120, None, True),
        (20, 120, Wind(east_ms=0.2, north_ms=0.0), True),
        (200, 0, WEST_WIND, False),
        (200, 0, None, False),
        (0, 0, WEST_WIND, True),
    ],
)
def test_sensors_support_each_other_along_the_wind(
    east_m: float, north_m: float, wind: Wind | None, together: bool
) -> None:
    assert supports(HERE, at(east_m, north_m), wind) is together


def test_winds_come_from_where_vanes_point_and_opposite_ones_are_none() -> None:
    wind = mean_wind([(2.0, 270.0), (2.0, 270.0)])
    assert wind is not None
    assert (wind.east_ms, wind.north_ms) == pytest.approx((2.0, 0.0))
    turning = mean_wind([(2.0, 0.0), (2.0, 180.0)])
    assert turning is not None
    assert turning.speed_ms == pytest.approx(0, abs=1e-9)
    assert mean_wind([]) is None


def test_a_camera_sees_what_lies_in_its_direction_and_no_further_than_it_can() -> None:
    assert sees(HERE, 45.0, at(1000, 1000))
    assert sees(HERE, 38.0, at(1000, 1000))
    assert not sees(HERE, 60.0, at(1000, 1000))
    assert sees(HERE, 359.0, at(50, 1000))
    assert not sees(HERE, 45.0, at(5000, 5000))


@pytest.mark.parametrize(
    ("bearing_deg", "beside_m", "seen"), [(0.0, 150, True), (0.0, 170, False), (180.0, 150, False)]
)
def test_smoke_that_passes_by_a_sensor_close_to_the_camera_can_be_felt_there(
    bearing_deg: float, beside_m: float, seen: bool
) -> None:
    assert sees(HERE, bearing_deg, at(beside_m, 300)) is seen


def test_two_that_agree_are_worse_than_one() -> None:
    assert corroborated(Severity.MINOR) is Severity.MAJOR
    assert corroborated(Severity.MAJOR) is corroborated(Severity.CRITICAL) is Severity.CRITICAL


def test_fires_are_ranked_by_wind_and_danger_and_what_is_not_known_adds_nothing() -> None:
    gale = Wind(east_ms=0.0, north_ms=-10.0)
    assert spread(None, None) == 1.0
    assert spread(None, DangerLevel.VERY_HIGH) == 5.0
    assert spread(gale, DangerLevel.LOW) == pytest.approx(6.14, abs=0.01)
    assert spread(gale, DangerLevel.HIGH) > spread(WEST_WIND, DangerLevel.VERY_HIGH)
