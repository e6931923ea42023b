"""Coordinates as maps in China have them: WGS-84, GCJ-02 and BD-09, in degrees.

GCJ-02 shifts WGS-84 by some hundred metres, BD-09 shifts GCJ-02 once more. Neither was published by who made
it; the formulas are those that the community found, as googollee/eviltransform and wandergis/coordtransform
document them. There is no formula for the way back: it is found by iteration.
"""

from collections.abc import Callable
from enum import StrEnum
from math import atan2, cos, hypot, pi, radians, sin, sqrt
from typing import TypeAlias

LonLat: TypeAlias = tuple[float, float]
"""Degrees east and north."""

METRES_PER_DEGREE = 6_371_000 * pi / 180
"""Of latitude, on a sphere of the earth's mean radius."""

SEMI_MAJOR_M, ECCENTRICITY_2 = 6378245.0, 0.00669342162296594323
"""Of the Krasovsky ellipsoid, which the shift is made on."""

SHIFTED: tuple[tuple[float, float, float, float], ...] = (
    (79.4462, 42.8899, 96.3300, 49.2204),
    (109.6872, 39.3742, 135.0002, 54.1415),
    (73.1246, 29.5297, 124.143255, 42.8899),
    (82.9684, 26.7186, 97.0352, 29.5297),
    (97.0253, 20.414096, 124.367395, 29.5297),
    (107.975793, 17.871542, 111.744104, 20.414096),
)
"""West, south, east and north of rectangles that together hold where maps are shifted."""

NOT_SHIFTED: tuple[tuple[float, float, float, float], ...] = (
    (119.921265, 21.785006, 122.497559, 25.398623),
    (101.8652, 20.0988, 106.6650, 22.2840),
    (106.4525, 20.4878, 108.0510, 21.5422),
    (109.0323, 50.3257, 119.1270, 55.8175),
    (127.4568, 49.5574, 137.0227, 55.8175),
    (131.2662, 42.5692, 137.0227, 44.8922),
)
"""Corners of those rectangles where they are not. Within some 100 km of a border this is rough."""

BD_LON, BD_LAT, BD_TURN = 0.0065, 0.006, pi * 3000 / 180

PRECISE_DEG = 1e-10
"""Of the way back: a hundredth of a millimetre."""

MOST_STEPS = 30
"""Each step leaves less than a tenth of the error; five are enough."""


class Crs(StrEnum):
    """The system that coordinates are stated in."""

    WGS84 = "WGS-84"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


def to_wgs84(crs: Crs, lon: float, lat: float) -> LonLat:
    """Return a place in WGS-84 that is stated in `crs`; outside of China GCJ-02 is WGS-84."""
    if crs is Crs.WGS84:
        return lon, lat
    if crs is Crs.BD09:
        lon, lat = _undone(_gcj02_to_bd09, lon, lat)
    return _undone(_wgs84_to_gcj02, lon, lat) if _is_shifted(lon, lat) else (lon, lat)


def from_wgs84(crs: Crs, lon: float, lat: float) -> LonLat:
    """Return a place of WGS-84 as `crs` has it; outside of China GCJ-02 is WGS-84."""
    if crs is Crs.WGS84:
        return lon, lat
    if _is_shifted(lon, lat):
        lon, lat = _wgs84_to_gcj02(lon, lat)
    return _gcj02_to_bd09(lon, lat) if crs is Crs.BD09 else (lon, lat)


def _is_shifted(lon: float, lat: float) -> bool:
    def within(box: tuple[float, float, float, float]) -> bool:
        west, south, east, north = box
        return west <= lon <= east and south <= lat <= north

    return any(map(within, SHIFTED)) and not any(map(within, NOT_SHIFTED))


def _undone(shift: Callable[[float, float], LonLat], lon: float, lat: float) -> LonLat:
    """Return the place that `shift` moves to `lon`, `lat`."""
    found_lon, found_lat = lon, lat
    for _ in range(MOST_STEPS):
        shifted_lon, shifted_lat = shift(found_lon, found_lat)
        error_lon, error_lat = shifted_lon - lon, shifted_lat - lat
        if max(abs(error_lon), abs(error_lat)) < PRECISE_DEG:
            break
        found_lon, found_lat = found_lon - error_lon, found_lat - error_lat
    return found_lon, found_lat


def _wgs84_to_gcj02(lon: float, lat: float) -> LonLat:
    x, y = lon - 105.0, lat - 35.0
    ripple = 20.0 * sin(6 * pi * x) + 20.0 * sin(2 * pi * x)
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north_m += (ripple + 20.0 * sin(pi * y) + 40.0 * sin(pi * y / 3)) * 2 / 3
    north_m += (160.0 * sin(pi * y / 12) + 320.0 * sin(pi * y / 30)) * 2 / 3
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east_m += (ripple + 20.0 * sin(pi * x) + 40.0 * sin(pi * x / 3)) * 2 / 3
    east_m += (150.0 * sin(pi * x / 12) + 300.0 * sin(pi * x / 30)) * 2 / 3
    latitude = radians(lat)
    magic = 1 - ECCENTRICITY_2 * sin(latitude) ** 2
    meridian_m = SEMI_MAJOR_M * (1 - ECCENTRICITY_2) / (magic * sqrt(magic))
    parallel_m = SEMI_MAJOR_M / sqrt(magic) * cos(latitude)
    return lon + east_m * 180 / (parallel_m * pi), lat + north_m * 180 / (meridian_m * pi)


def _gcj02_to_bd09(lon: float, lat: float) -> LonLat:
    radius = hypot(lon, lat) + 0.00002 * sin(lat * BD_TURN)
    angle = atan2(lat, lon) + 0.000003 * cos(lon * BD_TURN)
    return radius * cos(angle) + BD_LON, radius * sin(angle) + BD_LAT
