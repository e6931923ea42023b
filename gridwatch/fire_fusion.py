"""When what several devices tell is one fire: by place, time and wind; pure.

Smoke that one sensor feels reaches others down the wind of it; a camera sees it in the direction of the
sensor, or is registered as one that looks there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import atan2, cos, degrees, hypot, radians, sin

from gridwatch.coordinates import METRES_PER_DEGREE
from gridwatch.fire_danger import DangerLevel
from gridwatch.fire_weather import wind_factor
from gridwatch.model import Location, Severity

WARNING = "fire_warning"
"""What a sensor tells that feels something and is not sure: with another's it is an alarm."""
UNCONFIRMED = "unconfirmed"
"""The criterion of a warning that another of the sensor's senses ought to confirm and does not: of fog, dust
or an engine. Neighbours do not support it."""
SUPPORTED = "smoke"
"""What it is then."""

SUPPORT_WITHIN_M = 160.0
"""Between two sensors of one smoke: twice the radius that their makers plan for."""
SUPPORT_WITHIN = timedelta(minutes=10)
"""Smoke takes minutes from one to the other, and comes and goes."""
DOWNWIND_DEG = 45.0
"""Wind turns by that much from minute to minute."""
CALM_MS = 0.4
"""Such a wind has no direction."""
SEEN_WITHIN_M = 5_000.0
SEEN_BESIDE_DEG = 10.0
"""How far the direction in which a camera sees smoke may lie beside a sensor that feels it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wind:
    """Where a wind blows to, in m/s, east and north."""

    east_ms: float
    north_ms: float

    @property
    def speed_ms(self) -> float:
        """Return how fast it is."""
        return hypot(self.east_ms, self.north_ms)


def mean_wind(readings: Iterable[tuple[float, float]]) -> Wind | None:
    """Return the mean of winds, given as speed in m/s and the direction in degrees that they come from."""
    winds = [(-speed * sin(radians(deg)), -speed * cos(radians(deg))) for speed, deg in readings]
    if not winds:
        return None
    return Wind(
        east_ms=sum(east for east, _ in winds) / len(winds),
        north_ms=sum(north for _, north in winds) / len(winds),
    )


def way(begin: Location, end: Location) -> tuple[float, float]:
    """Return how far one place lies east and north of another, in metres; right for some kilometres."""
    east = (end.lon - begin.lon) * METRES_PER_DEGREE * cos(radians((begin.lat + end.lat) / 2))
    return east, (end.lat - begin.lat) * METRES_PER_DEGREE


def supports(one: Location, other: Location, wind: Wind | None) -> bool:
    """Tell whether two sensors can feel the same smoke: close by, and one down the wind of the other."""
    east, north = way(one, other)
    far = hypot(east, north)
    if far > SUPPORT_WITHIN_M:
        return False
    if wind is None or wind.speed_ms < CALM_MS or far == 0:
        return True
    along = abs(east * wind.east_ms + north * wind.north_ms) / (far * wind.speed_ms)
    return along >= cos(radians(DOWNWIND_DEG))


def sees(camera: Location, bearing_deg: float, sensor: Location) -> bool:
    """Tell whether a sensor can feel what a camera sees at `bearing_deg`, clockwise from north.

    It lies in that direction, or the line of sight passes it as near as two sensors that feel one smoke.
    """
    east, north = way(camera, sensor)
    far = hypot(east, north)
    beside = abs((degrees(atan2(east, north)) - bearing_deg + 180) % 360 - 180)
    passes_near = beside < 90 and far * sin(radians(beside)) <= SUPPORT_WITHIN_M
    return far <= SEEN_WITHIN_M and (beside <= SEEN_BESIDE_DEG or passes_near)


def spread(wind: Wind | None, level: DangerLevel | None) -> float:
    """Return how fast a fire spreads, to rank it among others: the level of danger, 1 to 5, by the wind.

    The wind counts as in the initial spread index of the Canadian system (Van Wagner and Pickett, 1985).
    Where no station tells of it, the air is taken for calm and the danger for the lowest.
    """
    wind_ms = wind.speed_ms if wind is not None else 0.0
    return float(level or DangerLevel.LOW) * wind_factor(3.6 * wind_ms)


def corroborated(severity: Severity) -> Severity:
    """Return how severe a fire is that two devices tell of: a step more than each of them says."""
    return Severity.CRITICAL if severity.rank >= Severity.MAJOR.rank else Severity.MAJOR
