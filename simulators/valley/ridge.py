"""A wooded ridge under a moving sky, seen by a fixed camera; on its slope a fire may begin."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Picture, Pixels
from simulators.rendered import Rendered, Truth

Layer: TypeAlias = NDArray[np.float32]
"""Height × width, or height × width × 3 in blue-green-red, 0 to 255 or 0 to 1."""

PUFF_LIFE_S = 60.0
PUFF_EVERY_S = 1.5
SMOKE_GREY = (196.0, 192.0, 188.0)
VISIBLE_ALPHA = 0.12
"""Smoke thinner than this can't be told from haze; the truth calls it invisible."""
PLUME_SCALE = 4
"""Smoke is soft: it is drawn at a quarter of the size."""
FLAME_SHARE = 0.6
"""Part of the burning time after which flames show."""
NOISE_LEVELS = 2.0
"""Standard deviation of the camera's noise, in grey levels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire:
    """Where and when it burns; the wind drives the plume in pixels a second."""

    base_xy: tuple[float, float]
    ignited_s: float
    flames_s: float
    wind_px_s: float
    rise_px_s: float
    full_after_s: float
    phase: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Valley:
    """What stays the same from picture to picture, and how the weather moves over it."""

    ground: Layer
    sky: Layer
    is_sky: Layer
    skyline: NDArray[np.int64]
    clouds: Layer
    shadows: Layer
    grain: Layer
    cloud_px_s: float
    light_period_s: float
    light_phase: float


def render_ridge(
    rng: np.random.Generator,
    *,
    start: datetime,
    duration_s: float,
    interval_s: float,
    size_wh: tuple[int, int] = (640, 360),
    fire: bool,
    ignited_s: float | None = None,
) -> Rendered:
    """Render one picture every `interval_s`; a `fire` starts after `ignited_s`, else a quarter of the time.

    The truth holds `smoke` and, once flames show, `flame`, each with a box per picture.
    """
    valley = _draw_valley(rng, size_wh)
    burning = (
        _light_fire(rng, valley, duration_s, duration_s / 4 if ignited_s is None else ignited_s)
        if fire
        else None
    )
    moments = np.arange(0.0, duration_s, interval_s)
    drawn = [_draw(rng, valley, burning, float(moment_s)) for moment_s in moments]
    pictures = [
        Picture(pixels=pixels, at=start + timedelta(seconds=float(moment_s)))
        for moment_s, (pixels, _, _) in zip(moments, drawn, strict=True)
    ]
    if burning is None:
        return Rendered(pictures=pictures, truth=())
    ends_at = start + timedelta(seconds=duration_s)
    smoke = [box for _, box, _ in drawn]
    flame = [box for _, _, box in drawn]
    truth = [
        Truth(
            label=label,
            started_at=start + timedelta(seconds=begins_s),
            ended_at=ends_at,
            boxes=boxes,
            detail={"base_x": burning.base_xy[0], "base_y": burning.base_xy[1]},
        )
        for label, begins_s, boxes in (
            ("smoke", burning.ignited_s, smoke),
            ("flame", burning.flames_s, flame),
        )
        if begins_s < duration_s
    ]
    return Rendered(pictures=pictures, truth=truth)


def _noise(rng: np.random.Generator, size_wh: tuple[int, int], cell_px: float) -> Layer:
    """Return smooth noise of mean 0 and deviation 1 whose grains are about `cell_px` wide."""
    width, height = size_wh
    coarse = (max(2, round(width / cell_px) + 1), max(2, round(height / cell_px) + 1))
    field = rng.standard_normal((coarse[1], coarse[0])).astype(np.float32)
    smooth = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((smooth - smooth.mean()) / (smooth.std() + 1e-6), np.float32)


def _endless(field: NDArray[np.floating]) -> Layer:
    """Return a field beside its mirror image: rolled round, it has no seam."""
    return np.concatenate([field, field[:, ::-1]], axis=1).astype(np.float32)


def _skyline(rng: np.random.Generator, size_wh: tuple[int, int], level: float, rough: float) -> Layer:
    width, height = size_wh
    line = sum(
        _noise(rng, (width, 1), width / waves)[0] * amplitude for waves, amplitude in ((2, 1.0), (7, 0.35))
    )
    return np.asarray(height * (level + rough * np.asarray(line)), np.float32)


def _forest(rng: np.random.Generator, size_wh: tuple[int, int], haze: float) -> Layer:
    """Return crowns of trees in light and shade; `haze` (0 to 1) is how far away they are."""
    shade = (
        0.45 * _noise(rng, size_wh, 3)
        + 0.45 * _noise(rng, size_wh, 7)
        + 0.35 * _noise(rng, size_wh, 30)
        + 0.25 * _noise(rng, size_wh, 1.5)
    )
    green = np.array([42.0, 82.0, 62.0], np.float32) * rng.uniform(0.85, 1.15)
    trees = green * np.clip(1 + 0.38 * shade, 0.25, 2.2)[:, :, None]
    distance = np.array([176.0, 168.0, 158.0], np.float32)
    return np.asarray(trees * (1 - haze) + distance * haze, np.float32)


def _draw_valley(rng: np.random.Generator, size_wh: tuple[int, int]) -> Valley:
    width, height = size_wh
    rows = np.arange(height, dtype=np.float32)[:, None]
    far = _skyline(rng, size_wh, rng.uniform(0.28, 0.36), 0.04)
    near = _skyline(rng, size_wh, rng.uniform(0.5, 0.6), 0.05)
    ground = np.where(
        (rows >= near)[:, :, None],
        _forest(rng, size_wh, rng.uniform(0.0, 0.08)),
        _forest(rng, size_wh, rng.uniform(0.15, 0.35)),
    )
    is_sky = (rows < far).astype(np.float32)
    top, bottom = np.array([205.0, 160.0, 120.0]), np.array([225.0, 212.0, 200.0])
    share = np.clip(rows / max(float(far.mean()), 1.0), 0, 1)[:, :, None]
    sky = np.broadcast_to(top * (1 - share) + bottom * share, (height, width, 3)).astype(np.float32)
    clouds = np.clip(_noise(rng, size_wh, width / 5) + 0.4 * _noise(rng, size_wh, width / 20) - 0.1, 0, 1)
    shadows = np.clip(0.5 + 0.5 * _noise(rng, size_wh, width / 2.5), 0, 1)
    grain = rng.standard_normal((height, width, 3), dtype=np.float32) * np.float32(NOISE_LEVELS)
    return Valley(
        ground=ground.astype(np.float32),
        sky=sky,
        is_sky=cv2.GaussianBlur(is_sky, (3, 3), 0).astype(np.float32)[:, :, None],
        skyline=np.round(far).astype(np.int64),
        clouds=_endless(clouds),
        shadows=_endless(shadows),
        grain=grain,
        cloud_px_s=float(rng.uniform(0.4, 2.5) * width / 640),
        light_period_s=float(rng.uniform(120, 900)),
        light_phase=float(rng.uniform(0, 2 * np.pi)),
    )


def _light_fire(rng: np.random.Generator, valley: Valley, duration_s: float, ignited_s: float) -> Fire:
    height, width = valley.ground.shape[:2]
    x = int(rng.uniform(0.2, 0.8) * width)
    y = float(rng.uniform(valley.skyline[x] + 0.22 * height, 0.85 * height))
    scale = width / 640
    return Fire(
        base_xy=(float(x), y),
        ignited_s=ignited_s,
        flames_s=ignited_s + FLAME_SHARE * max(duration_s - ignited_s, 0.0),
        wind_px_s=float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.8) * scale),
        rise_px_s=float(rng.uniform(2.0, 3.5) * scale),
        full_after_s=float(rng.uniform(60, 150)),
        phase=float(rng.uniform(0, 1000)),
    )


def _draw(
    rng: np.random.Generator, valley: Valley, fire: Fire | None, moment_s: float
) -> tuple[Pixels, BoxXyxy | None, BoxXyxy | None]:
    """Draw one picture; return it with the boxes of smoke and flame."""
    scene = _weather(valley, moment_s)
    smoke_box = flame_box = None
    if fire is not None and moment_s >= fire.ignited_s:
        alpha = _plume(valley.ground.shape[:2], fire, moment_s)
        scene = scene + (np.array(SMOKE_GREY, np.float32) - scene) * alpha[:, :, None]
        smoke_box = _box(alpha > VISIBLE_ALPHA)
        if moment_s >= fire.flames_s:
            flame_box = _burn(rng, scene, fire, moment_s)
    height, width = scene.shape[:2]
    grain = np.roll(valley.grain, (int(rng.integers(height)), int(rng.integers(width))), axis=(0, 1))
    return np.clip(scene + grain, 0, 255).astype(np.uint8), smoke_box, flame_box


def _weather(valley: Valley, moment_s: float) -> Layer:
    """Return ground and sky with their clouds, cloud shadows and the light of the moment."""
    width = valley.ground.shape[1]
    shift = round(moment_s * valley.cloud_px_s) % valley.clouds.shape[1]
    clouds = np.roll(valley.clouds, shift, axis=1)[:, :width, None]
    shadows = np.roll(valley.shadows, shift, axis=1)[:, :width, None]
    light = 1 + 0.08 * np.sin(2 * np.pi * moment_s / valley.light_period_s + valley.light_phase)
    scene = valley.ground * ((1 - 0.3 * shadows) * np.float32(light))
    bottom = int(valley.skyline.max()) + 3
    sky = valley.sky[:bottom]
    sky = sky + (245 - sky) * (clouds[:bottom] * np.float32(0.8))
    scene[:bottom] += (sky - scene[:bottom]) * valley.is_sky[:bottom]
    return np.asarray(scene, np.float32)


def _plume(size_hw: tuple[int, int], fire: Fire, moment_s: float) -> Layer:
    """Return how much smoke hides each pixel, 0 to 1: puffs that rise, drift, widen and thin out."""
    height, width = size_hw[0] // PLUME_SCALE, size_hw[1] // PLUME_SCALE
    clear = np.ones((height, width), np.float32)
    last = int((moment_s - fire.ignited_s) / PUFF_EVERY_S)
    for number in range(max(0, last - int(PUFF_LIFE_S / PUFF_EVERY_S)), last + 1):
        born_s = fire.ignited_s + number * PUFF_EVERY_S
        age_s = moment_s - born_s
        strength = min(1.0, 0.15 + (born_s - fire.ignited_s) / fire.full_after_s)
        wobble = np.sin(fire.phase + number * 2.39996)
        x = fire.base_xy[0] + fire.wind_px_s * age_s + wobble * (1.5 + 0.12 * age_s)
        y = fire.base_xy[1] - fire.rise_px_s * age_s * (1 - 0.3 * age_s / PUFF_LIFE_S)
        radius = (2.5 + 0.42 * age_s) * (0.5 + 0.5 * strength) * size_hw[1] / 640
        density = 0.5 * strength * (1 - age_s / PUFF_LIFE_S) * (0.75 + 0.25 * wobble)
        _hide(clear, x / PLUME_SCALE, y / PLUME_SCALE, radius / PLUME_SCALE, density)
    whole = cv2.resize(1 - clear, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, np.float32)


def _hide(clear: Layer, x: float, y: float, radius: float, density: float) -> None:
    """Multiply a soft disc into what is still clear."""
    reach = 2 * radius + 1
    left, right = max(0, int(x - reach)), min(clear.shape[1], int(x + reach) + 2)
    top, bottom = max(0, int(y - reach)), min(clear.shape[0], int(y + reach) + 2)
    if left >= right or top >= bottom or density <= 0:
        return
    across = (np.arange(left, right, dtype=np.float32) - x) ** 2
    down = (np.arange(top, bottom, dtype=np.float32) - y) ** 2
    disc = np.exp(-(down[:, None] + across[None, :]) / (2 * max(radius, 0.5) ** 2) * 1.6)
    clear[top:bottom, left:right] *= (1 - density * disc).astype(np.float32)


def _burn(rng: np.random.Generator, scene: Layer, fire: Fire, moment_s: float) -> BoxXyxy | None:
    """Paint tongues of flame into the scene, no two moments the same; return their box."""
    size = scene.shape[1] / 640 * (3.0 + 4.0 * min(1.0, (moment_s - fire.flames_s) / 60))
    left, right = (max(0, int(fire.base_xy[0] + reach * size)) for reach in (-4, 4))
    top, bottom = (max(0, int(fire.base_xy[1] + reach * size)) for reach in (-6, 3))
    part = scene[top:bottom, left:right]
    rows, columns = np.mgrid[0 : part.shape[0], 0 : part.shape[1]].astype(np.float32)
    glow = np.zeros(part.shape[:2], np.float32)
    for _ in range(4):
        x = fire.base_xy[0] - left + rng.normal(0, 0.8) * size
        tall = size * rng.uniform(0.8, 2.0)
        y = fire.base_xy[1] - top - tall * 0.6
        tongue = np.exp(-(((columns - x) / (0.55 * size)) ** 2 + ((rows - y) / tall) ** 2))
        np.maximum(glow, tongue * rng.uniform(0.7, 1.0), out=glow)
    core = np.stack([40 + 160 * glow**3, 110 + 140 * glow, np.full_like(glow, 255.0)], axis=2)
    part += (core - part) * np.clip(glow * 1.8, 0, 1)[:, :, None]
    box = _box(glow > 0.35)
    return None if box is None else (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def _box(seen: NDArray[np.bool_]) -> BoxXyxy | None:
    """Return the box around what is seen, None when that is less than 12 pixels."""
    if np.count_nonzero(seen) < 12:
        return None
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
