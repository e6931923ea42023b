"""Smoke, steam and dust as a camera sees them: Gaussian puffs that the wind carries, and what they hide.

A puff of mass m and standard deviation σ has the optical depth k·m / (2π σ²) through its middle; warm smoke
rises as Briggs says (1.6 F^⅓ x^⅔ / u). Spread and extinction are those of the valley's ground sensors.
"""

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from simulators.ridge.landscape import Landscape
from simulators.ridge.texture import Layer
from simulators.smoulder import EXTINCTION_M2_G, SLOWEST_DRIFT_MS, SPREAD

PUFF_S = 2.5
FLYING_S = 300.0
SHRINK = 4
"""Smoke is soft: it is drawn at a quarter of the size."""
BUOYANCY_G = 3.7
"""Briggs' F in m⁴/s³ of a fire that gives a gram of smoke a second: 50 g of wood, 12 MJ/kg, 70 % of it."""
BEHIND = 0.85
"""Ground nearer than this part of a plume's distance stands before it."""
THICKEST = 3.0
"""Optical depth through which nothing is seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Something that smokes or raises dust, at a place of the picture, `distance_m` away.

    Its smoke grows for `grows_s` to `smoke_g_s`. `on_s` of every `cycle_s` it gives any; `speed_ms` is how
    fast it moves itself, across the picture.
    """

    kind: str
    xy: tuple[float, float]
    distance_m: float
    begins_s: float
    lasts_s: float
    smoke_g_s: float
    grows_s: float
    colour: tuple[float, float, float]
    heat: float = 1.0
    """Part of a fire's buoyancy."""
    first_sigma_m: float = 2.0
    on_s: float = 1.0
    cycle_s: float = 1.0
    speed_ms: float = 0.0
    flames_s: float = float("inf")
    """When flames show, in the time of the scene."""

    def strength(self, moment_s: float) -> float:
        """Return how much it gives, g/s."""
        since, left = moment_s - self.begins_s, self.begins_s + self.lasts_s - moment_s
        if since < 0 or left < 0 or since % self.cycle_s > self.on_s:
            return 0.0
        return self.smoke_g_s * min(1.0, 0.02 + since / self.grows_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wind:
    """Wind over the scene: its speed, how much of it crosses the picture, and how that turns."""

    speed_ms: float
    angle_rad: float
    turns_rad: float
    period_s: float
    phase: float

    def at(self, moment_s: float) -> tuple[float, float]:
        """Return its speed, and what of it goes to the right."""
        turn = self.turns_rad * sin(2 * pi * moment_s / self.period_s + self.phase)
        gust = 1 + 0.25 * sin(2 * pi * moment_s / (0.37 * self.period_s) + 2 * self.phase)
        speed = max(SLOWEST_DRIFT_MS, self.speed_ms * gust)
        return speed, speed * cos(self.angle_rad + turn)


def draw_wind(rng: np.random.Generator) -> Wind:
    """Draw a wind of 0.5 to 6 m/s."""
    return Wind(
        speed_ms=float(rng.uniform(0.5, 6)),
        angle_rad=float(rng.uniform(0, 2 * pi)),
        turns_rad=float(rng.uniform(0.1, 0.7)),
        period_s=float(rng.uniform(200, 900)),
        phase=float(rng.uniform(0, 2 * pi)),
    )


def hidden_by(source: Source, wind: Wind, landscape: Landscape, moment_s: float) -> Layer | None:
    """Return how much of each pixel a source's smoke hides, 0 to 1; None where there is none."""
    width, height = landscape.size_wh
    metres_px = source.distance_m * landscape.radian_px
    first = max(source.begins_s, moment_s - FLYING_S)
    count = int((min(moment_s, source.begins_s + source.lasts_s) - first) / PUFF_S)
    if count <= 0:
        return None
    depth = np.zeros((height // SHRINK, width // SHRINK), np.float32)
    begin = int(np.ceil((first - source.begins_s) / PUFF_S))
    for number in range(begin, begin + count):
        _add_puff(depth, source, wind, metres_px, moment_s, number)
    if depth.max() < 0.01:
        return None
    behind = landscape.distance_m[SHRINK // 2 :: SHRINK, SHRINK // 2 :: SHRINK] >= BEHIND * source.distance_m
    depth *= behind[: depth.shape[0], : depth.shape[1]]
    return np.asarray(1 - np.exp(-np.minimum(depth, THICKEST)), np.float32)


def _add_puff(
    depth: Layer, source: Source, wind: Wind, metres_px: float, moment_s: float, number: int
) -> None:
    born_s = source.begins_s + number * PUFF_S
    strength, age_s = source.strength(born_s), moment_s - born_s
    if strength <= 0 or age_s <= 0:
        return
    speed, across = wind.at(born_s)
    # Golden angles: every puff differs from its neighbours, and is the same in every picture.
    wobble, swirl = sin(number * 2.39996), sin(number * 3.88322 + 1)
    way = speed * age_s
    sigma = source.first_sigma_m + SPREAD * (0.8 + 0.3 * swirl) * way
    flux = source.heat * BUOYANCY_G * strength
    rise = 1.6 * flux ** (1 / 3) * way ** (2 / 3) / speed * (1 + 0.15 * wobble)
    x = source.xy[0] + (source.speed_ms * (born_s - source.begins_s)) / metres_px
    x += across * age_s * (1 + 0.2 * wobble) / metres_px
    y = source.xy[1] - rise / metres_px
    dense = EXTINCTION_M2_G * strength * PUFF_S * (1 + 0.5 * wobble) / (2 * pi * sigma**2)
    if dense > 0.003:
        _blur_in(depth, x / SHRINK, y / SHRINK, sigma / metres_px / SHRINK, dense)


def _blur_in(depth: Layer, x: float, y: float, sigma: float, dense: float) -> None:
    """Add a puff; one that is smaller than a pixel of the map keeps its mass."""
    wide = max(sigma, 0.6)
    dense *= (sigma / wide) ** 2
    reach = 3 * wide + 1
    left, right = max(0, int(x - reach)), min(depth.shape[1], int(x + reach) + 2)
    top, bottom = max(0, int(y - reach)), min(depth.shape[0], int(y + reach) + 2)
    if left >= right or top >= bottom:
        return
    across = np.exp(-((np.arange(left, right, dtype=np.float32) - x) ** 2) / (2 * wide**2))
    down = np.exp(-((np.arange(top, bottom, dtype=np.float32) - y) ** 2) / (2 * wide**2))
    depth[top:bottom, left:right] += np.float32(dense) * down[:, None] * across[None, :]
