"""Light and air before a ridge camera: the sun's way, clouds and their shadows, haze, fog, the night."""

from dataclasses import dataclass
from math import exp, pi, sin

import numpy as np

from simulators.ridge.landscape import WIDTH_PX, Landscape
from simulators.ridge.texture import Layer, billows, drifted, endless, smooth_noise

SUNRISE_H, SUNSET_H = 6.0, 18.5
HIGHEST_DEG = 58.0
NIGHT_LIGHT = 0.012
"""Of noon's, under the moon and the lights of the town."""
HAZE = np.array([205.0, 196.0, 186.0], np.float32)
MEETS_EYE = 3.9
"""Of an object at the distance of the visibility a fiftieth of its contrast is left."""
FOG_REACHES_M = 4_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Air:
    """The weather of a scene."""

    begins_h: float
    """Local time of its first picture."""
    visibility_m: float
    cloud: float
    """0 for a clear sky to 1 for an overcast one."""
    clouds: Layer
    shadows: Layer
    cloud_px_s: float
    fog: Layer
    fog_depth: float
    """Optical depth of the fog's thickest parts over a kilometre; 0 for none."""
    fog_px_s: float
    fog_period_s: float
    sun_x: float
    """Column over which the sun stands, in widths of the picture."""


def draw_air(
    rng: np.random.Generator, size_wh: tuple[int, int], *, begins_h: float, fog: bool, cloud: float
) -> Air:
    """Draw the weather of a scene that begins at a local time."""
    width, height = size_wh
    wide = (2 * width, height)
    scale = width / WIDTH_PX
    clouds = np.clip(billows(rng, wide, width / 4) - 1.2 + 2 * cloud, 0, 1)
    shadows = np.clip(smooth_noise(rng, wide, width / 2.5) - 0.6 + 1.4 * cloud, 0, 1)
    banks = np.clip(billows(rng, wide, width / 6) * 0.6 + 0.1, 0, 1)
    low = np.clip((np.arange(height, dtype=np.float32)[:, None] / height - 0.25) / 0.5, 0, 1)
    return Air(
        begins_h=begins_h,
        visibility_m=float(rng.uniform(9_000, 45_000)),
        cloud=cloud,
        clouds=endless(clouds),
        shadows=endless(shadows),
        cloud_px_s=float(rng.choice([-1, 1]) * rng.uniform(0.05, 1.2) * scale),
        fog=endless(banks * low),
        fog_depth=float(rng.uniform(0.5, 3.0)) if fog else 0.0,
        fog_px_s=float(rng.choice([-1, 1]) * rng.uniform(0.02, 0.3) * scale),
        fog_period_s=float(rng.uniform(1_200, 5_000)),
        sun_x=float(rng.uniform(-0.5, 1.5)),
    )


def sun_deg(hour: float) -> float:
    """Return how high the sun stands at a local time, below the horizon by night."""
    return HIGHEST_DEG * sin(pi * (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H))


def daylight(hour: float) -> float:
    """Return how much light there is: 1 under a high sun, NIGHT_LIGHT from the end of dusk on."""
    up = sun_deg(hour)
    return max(NIGHT_LIGHT, min(1.0, 0.08 * exp(up / 2.2)) if up < 0 else 0.08 + 0.92 * min(1.0, up / 25))


def seen_through(air: Air, landscape: Landscape, moment_s: float) -> Layer:
    """Return the scene in its light and air, without anything that happens in it."""
    width, height = landscape.size_wh
    hour = air.begins_h + moment_s / 3600
    light, warm = daylight(hour), max(0.0, 1 - abs(sun_deg(hour)) / 14)
    tint = np.array([1 - 0.38 * warm, 1 - 0.12 * warm, 1 + 0.05 * warm], np.float32)
    by_px = moment_s * air.cloud_px_s
    scene = landscape.ground.copy()
    sunny = min(1.0, light * 1.5) * (1 - 0.6 * air.cloud)
    if sunny > 0.05:
        scene *= 1 - np.float32(0.45 * sunny) * drifted(air.shadows, 1.6 * by_px, width)[:, :, None]
    sight = np.exp(-landscape.distance_m * np.float32(MEETS_EYE / air.visibility_m))[:, :, None]
    scene = HAZE + (scene - HAZE) * sight
    bottom = min(height, int(landscape.horizon.max()) + 3)
    sky = _sky(air, landscape, bottom, by_px, warm)
    scene[:bottom] += (sky - scene[:bottom]) * landscape.is_sky[:bottom]
    fog = _fog_depth(air, moment_s)
    if fog > 0:
        way_km = np.minimum(landscape.distance_m, FOG_REACHES_M) * np.float32(0.001)
        veil = 1 - np.exp(-np.float32(fog) * drifted(air.fog, moment_s * air.fog_px_s, width) * way_km)
        scene += (HAZE + 14 - scene) * veil[:, :, None]
    return np.asarray(scene * (tint * np.float32(light)), np.float32)


def left_of(air: Air, distance_m: float, moment_s: float, width: int) -> Layer:
    """Return how much of something's contrast haze and fog leave at a distance, per pixel."""
    sight = np.float32(exp(-distance_m * MEETS_EYE / air.visibility_m))
    way_km = min(distance_m, FOG_REACHES_M) / 1_000
    fog = np.float32(_fog_depth(air, moment_s) * way_km)
    return np.asarray(sight * np.exp(-fog * drifted(air.fog, moment_s * air.fog_px_s, width)), np.float32)


def _fog_depth(air: Air, moment_s: float) -> float:
    return air.fog_depth * (0.5 + 0.5 * sin(2 * pi * moment_s / air.fog_period_s))


def _sky(air: Air, landscape: Landscape, bottom: int, by_px: float, warm: float) -> Layer:
    width, _ = landscape.size_wh
    top, low = np.array([198.0, 152.0, 112.0], np.float32), np.array([224.0, 214.0, 204.0], np.float32)
    share = (np.arange(bottom, dtype=np.float32) / max(bottom - 1, 1))[:, None, None]
    sky = np.broadcast_to(top + (low - top) * share, (bottom, width, 3))
    clouds = drifted(air.clouds, by_px, width)[:bottom, :, None]
    sky = sky + (np.float32(238 - 50 * air.cloud) - sky) * clouds * np.float32(0.85)
    if warm > 0 and -0.2 < air.sun_x < 1.2:
        columns = np.arange(width, dtype=np.float32)
        glow = np.exp(-(((columns - air.sun_x * width) / (0.22 * width)) ** 2))[None, :, None] * share
        sky = sky + np.array([40.0, 110.0, 190.0], np.float32) * np.float32(warm) * glow
    return np.asarray(sky, np.float32)
