"""Coordinates: pairs that others published, the way back, and places where nothing is shifted."""

from math import cos, hypot, radians
from random import Random

import pytest

from gridwatch.coordinates import Crs, from_wgs84, to_wgs84

METRES_PER_DEGREE = 111_320.0

# googollee/eviltransform, python/test.py: longitude and latitude in WGS-84 and GCJ-02.
GCJ02_PAIRS = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]

SHIFTED = [Crs.GCJ02, Crs.BD09]


def _apart_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    east = (one[0] - other[0]) * cos(radians(one[1]))
    return hypot(east, one[1] - other[1]) * METRES_PER_DEGREE


@pytest.mark.parametrize(("wgs84", "gcj02"), GCJ02_PAIRS)
def test_gcj02_is_as_published_and_comes_back(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert _apart_m(from_wgs84(Crs.GCJ02, *wgs84), gcj02) < 0.001
    assert _apart_m(to_wgs84(Crs.GCJ02, *gcj02), wgs84) < 0.001


def test_bd09_is_as_published() -> None:
    # The README of wandergis/coordtransform: 116.404, 39.915 as GCJ-02 in BD-09.
    wgs84 = to_wgs84(Crs.GCJ02, 116.404, 39.915)
    assert _apart_m(from_wgs84(Crs.BD09, *wgs84), (116.41036949371029, 39.92133699351021)) < 0.001


@pytest.mark.parametrize("crs", SHIFTED)
def test_every_place_in_china_comes_back_within_a_centimetre(crs: Crs) -> None:
    random = Random(4)  # noqa: S311 - places, not secrets
    for _ in range(2_000):
        place = random.uniform(98, 119), random.uniform(24, 41)
        shifted = from_wgs84(crs, *place)
        assert 20 < _apart_m(place, shifted) < 2_500
        assert _apart_m(to_wgs84(crs, *shifted), place) < 0.01


@pytest.mark.parametrize(
    "place",
    [
        (103.8198, 1.3521),
        (126.9780, 37.5665),
        (139.6917, 35.6895),
        (106.9057, 47.8864),
        (105.8342, 21.0278),
        (77.2090, 28.6139),
        (131.8855, 43.1155),
        (-74.0060, 40.7128),
        (2.3522, 48.8566),
    ],
    ids=["Singapore", "Seoul", "Tokyo", "Ulan Bator", "Hanoi", "Delhi", "Vladivostok", "New York", "Paris"],
)
def test_outside_of_china_gcj02_is_wgs84_and_bd09_comes_back(place: tuple[float, float]) -> None:
    assert from_wgs84(Crs.GCJ02, *place) == place
    assert to_wgs84(Crs.GCJ02, *place) == place
    assert _apart_m(to_wgs84(Crs.BD09, *from_wgs84(Crs.BD09, *place)), place) < 0.01


@pytest.mark.parametrize("crs", list(Crs))
def test_no_place_on_earth_is_an_error(crs: Crs) -> None:
    for lon in range(-180, 181, 30):
        for lat in range(-90, 91, 15):
            there = to_wgs84(crs, lon, lat)
            assert _apart_m(there, (float(lon), float(lat))) < 2_500
