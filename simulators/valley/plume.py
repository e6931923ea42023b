"""Smoke that the wind carries from where it begins to the posts: Gaussian puffs.

The chemistry of the smoke is that of `smoulder.py`.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulators.smoulder import SLOWEST_DRIFT_MS
from simulators.valley.climate import Climate
from simulators.valley.layout import Post

Array: TypeAlias = NDArray[np.float64]

PUFF_S = 10.0
FLYING_S = 420.0
"""After that a puff is too thin to be measured."""
SPREAD_DAY, SPREAD_NIGHT = 0.16, 0.09
"""Growth of a puff's standard deviation a metre of its way: the sun mixes the air."""
WOBBLE_RAD = 0.22
"""Of each puff's way about that of the wind: eddies of less than a minute."""
NOSE_M = 2.0
"""Height of the sensors above the ground."""
HARD_TO_PASS_M = 35.0
"""Difference of height over which smoke that creeps along the ground thins to a third."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Something that smokes from `begins_s` (Unix seconds) on: a fire, or a chimney of height `stack_m`.

    Its smoke grows for `grows_s` to `smoke_g_s` and fades over the last tenth of `lasts_s`.
    """

    x_m: float
    y_m: float
    z_m: float
    begins_s: float
    grows_s: float
    lasts_s: float
    smoke_g_s: float
    first_sigma_m: float = 0.7
    stack_m: float = 0.0

    def strength(self, seconds: Array) -> Array:
        """Return how much smoke it gives at moments, g/s."""
        since, left = seconds - self.begins_s, self.begins_s + self.lasts_s - seconds
        part = np.clip(since / self.grows_s, 0, 1) * np.clip(left / (0.1 * self.lasts_s), 0, 1)
        return np.asarray(self.smoke_g_s * part)


def smoke_g_m3(source: Source, climate: Climate, posts: tuple[Post, ...], rng: np.random.Generator) -> Array:
    """Return what a source adds at the climate's moments to the air at each post: moments × posts.

    `rng` draws the eddies; a puff keeps to the wind of the moment that it was released in.
    """
    first, last = climate.seconds[0] - FLYING_S, climate.seconds[-1]
    begin = max(source.begins_s, first)
    released = np.arange(begin, min(source.begins_s + source.lasts_s, last), PUFF_S)
    smoke = np.zeros((len(climate.seconds), len(posts)))
    if not len(released):
        return smoke
    wobble = rng.normal(0, WOBBLE_RAD, len(released))
    wind_x = np.interp(released, climate.seconds, climate.wind_x_ms)
    wind_y = np.interp(released, climate.seconds, climate.wind_y_ms)
    speed = np.maximum(np.hypot(wind_x, wind_y), SLOWEST_DRIFT_MS)
    heading = np.arctan2(wind_y, wind_x) + wobble * np.minimum(2.0, 1.0 / np.sqrt(speed))
    spread = np.interp(
        released, climate.seconds, SPREAD_NIGHT + (SPREAD_DAY - SPREAD_NIGHT) * climate.sun**0.5
    )
    mass = source.strength(released) * PUFF_S
    x = np.array([post.x_m for post in posts]) - source.x_m
    y = np.array([post.y_m for post in posts]) - source.y_m
    up = np.array([post.z_m for post in posts]) - source.z_m
    passing = np.exp(-np.abs(up) / HARD_TO_PASS_M)
    for step in range(int(np.searchsorted(climate.seconds, released[0])) + 1, len(climate.seconds)):
        now = climate.seconds[step]
        flying = slice(*np.searchsorted(released, [now - FLYING_S, now]))
        if flying.start == flying.stop:
            break
        way = speed[flying] * (now - released[flying])
        sigma = source.first_sigma_m + spread[flying] * way
        # A concentration measured over half a minute: puffs smear along their way.
        along = np.maximum(sigma, 0.5 * PUFF_S * speed[flying])
        c, s = np.cos(heading[flying]), np.sin(heading[flying])
        ahead = x[None, :] * c[:, None] + y[None, :] * s[:, None] - way[:, None]
        beside = y[None, :] * c[:, None] - x[None, :] * s[:, None]
        # The ground reflects: twice what free air would hold.
        dense = 2 * mass[flying] / ((2 * np.pi) ** 1.5 * sigma**2 * along)
        low = np.exp(-((NOSE_M - source.stack_m) ** 2) / (2 * sigma**2))
        reach = np.exp(-(ahead**2) / (2 * along[:, None] ** 2) - beside**2 / (2 * sigma[:, None] ** 2))
        smoke[step] = ((dense * low)[:, None] * reach).sum(axis=0) * passing
    return smoke
