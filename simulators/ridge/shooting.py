"""The pictures of a scene, one after another, each with the truth of what it shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Picture
from simulators.rendered import Truth
from simulators.ridge.air import daylight, left_of, seen_through
from simulators.ridge.landscape import WIDTH_PX, Landscape
from simulators.ridge.lens import NOISE_LEVELS, Camera
from simulators.ridge.plume import SHRINK, Source, hidden_by
from simulators.ridge.scene import Scene
from simulators.ridge.texture import Layer

VISIBLE_LEVELS = 4 * NOISE_LEVELS
"""Grey levels, at the camera's gain, by which smoke must change what is behind it to count as seen."""
FEWEST_PX = 10
LIT_FROM_BELOW = 0.3
"""Light of a fire's smoke by night, of noon's, for each unit of flame's glow."""
LAMP = (120.0, 210.0, 250.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One picture, the preset that it shows, and where the fire is in it; None where it can't be seen."""

    picture: Picture
    preset: str
    smoke: BoxXyxy | None
    flame: BoxXyxy | None
    density: float
    """Part of what is behind the fire's smoke that it hides where it is thickest."""
    change: Layer | None = None
    """Grey levels by which the fire's smoke changes what is behind it, at a quarter of the size."""


def shoot(scene: Scene) -> Iterator[Shot]:
    """Yield the pictures of a scene; a camera that turns shows its presets in turn, one picture each."""
    rng = np.random.default_rng([*scene.seed, 7])
    camera = Camera(
        rng=rng,
        size_wh=scene.size_wh,
        shake_px=scene.shake_px,
        quality=scene.quality,
        drops=scene.drops,
        insects=scene.insects,
    )
    for number, moment_s in enumerate(np.arange(0.0, scene.duration_s, scene.interval_s)):
        turn = number % len(scene.landscapes)
        yield _shot(scene, camera, rng, turn, float(moment_s))


def truth_of(scene: Scene, shots: Sequence[Shot]) -> Sequence[Truth]:
    """Return what happens in the pictures of a scene: `smoke`, and `flame` where any shows."""
    fire = scene.fire
    if fire is None:
        return ()
    ends_at = scene.start + timedelta(seconds=scene.duration_s)
    detail: dict[str, float | str] = {
        "base_x": fire.xy[0],
        "base_y": fire.xy[1],
        "distance_m": fire.distance_m,
        "preset": scene.presets[0],
    }
    boxes = {"smoke": [shot.smoke for shot in shots], "flame": [shot.flame for shot in shots]}
    begins_s = {"smoke": fire.begins_s, "flame": fire.flames_s}
    return [
        Truth(
            label=label,
            started_at=scene.start + timedelta(seconds=begins_s[label]),
            ended_at=ends_at,
            boxes=boxes[label],
            detail=detail,
        )
        for label in boxes
        if begins_s[label] < scene.duration_s
    ]


def _shot(scene: Scene, camera: Camera, rng: np.random.Generator, turn: int, moment_s: float) -> Shot:
    landscape = scene.landscapes[turn]
    light = seen_through(scene.air, landscape, moment_s)
    smoke = flame = None
    density, change = 0.0, None
    level = daylight(scene.air.begins_h + moment_s / 3600)
    if level < 0.05:
        _light_lamps(rng, light, landscape, level)
    if turn == 0:
        for source in scene.sources:
            _hide(scene, landscape, source, light, moment_s, level)
        if scene.fire is not None:
            burning = moment_s >= scene.fire.flames_s
            glow = level + (LIT_FROM_BELOW * 0.1 if burning else 0.0)
            before = light[::SHRINK, ::SHRINK].copy()
            density = _hide(scene, landscape, scene.fire, light, moment_s, glow)
            gain = camera.gain or 1.0
            change = np.asarray(np.abs(light[::SHRINK, ::SHRINK] - before).mean(axis=2) * gain, np.float32)
            smoke = _box(change > VISIBLE_LEVELS, SHRINK, FEWEST_PX * (scene.size_wh[0] / WIDTH_PX) ** 2 / 8)
            if burning:
                flame = _burn(rng, light, landscape, scene.fire, moment_s)
    pixels = camera.take(light, moment_s, scene.interval_s)
    picture = Picture(pixels=pixels, at=scene.start + timedelta(seconds=moment_s))
    return Shot(
        picture=picture,
        preset=scene.presets[turn],
        smoke=smoke,
        flame=flame,
        density=round(density, 3),
        change=change,
    )


def _hide(
    scene: Scene, landscape: Landscape, source: Source, light: Layer, moment_s: float, level: float
) -> float:
    """Draw a source's smoke over the scene; return how much it hides at most."""
    hidden = hidden_by(source, scene.wind, landscape, moment_s)
    if hidden is None:
        return 0.0
    rows, columns = np.flatnonzero(hidden.max(axis=1) > 0.004), np.flatnonzero(hidden.max(axis=0) > 0.004)
    if not len(rows):
        return 0.0
    top, bottom = max(0, int(rows[0]) - 1), int(rows[-1]) + 2
    left, right = max(0, int(columns[0]) - 1), int(columns[-1]) + 2
    part = hidden[top:bottom, left:right]
    size_wh = (part.shape[1] * SHRINK, part.shape[0] * SHRINK)
    alpha = cv2.resize(part, size_wh, interpolation=cv2.INTER_LINEAR)
    window = np.s_[top * SHRINK : top * SHRINK + size_wh[1], left * SHRINK : left * SHRINK + size_wh[0]]
    # Air stands between the smoke and the camera too.
    alpha = alpha * left_of(scene.air, source.distance_m, moment_s, scene.size_wh[0])[window]
    behind = light[window]
    colour = np.array(source.colour, np.float32) * np.float32(level)
    behind += (colour - behind) * alpha[:, :, None]
    return float(hidden.max())


def _light_lamps(rng: np.random.Generator, light: Layer, landscape: Landscape, level: float) -> None:
    """Let windows shine; now and then one goes on or off."""
    colour = np.array(LAMP, np.float32) * 0.12
    for x, y in landscape.windows_xy:
        if rng.random() < 0.97:
            light[max(0, y - 1) : y + 1, x : x + 2] += colour * (1 - level / 0.05)


def _burn(
    rng: np.random.Generator, light: Layer, landscape: Landscape, fire: Source, moment_s: float
) -> BoxXyxy | None:
    """Paint tongues of flame, no two moments the same; return their box, None where they are too small."""
    height, width = light.shape[:2]
    tall_m = 2.0 + 10.0 * min(1.0, (moment_s - fire.flames_s) / 600)
    size = tall_m / (fire.distance_m * landscape.radian_px)
    x, y = fire.xy
    reach = max(2.0, 3 * size)
    left, right = max(0, int(x - reach)), min(width, int(x + reach) + 1)
    top, bottom = max(0, int(y - reach)), min(height, int(y + reach / 2) + 1)
    if right - left < 2 or bottom - top < 2:
        return None
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    glow = np.zeros(rows.shape, np.float32)
    for _ in range(4):
        lean, tall = float(rng.normal(0, 0.5)) * size, max(0.6, size * float(rng.uniform(0.5, 1.3)))
        wide = max(0.6, 0.4 * size)
        tongue = np.exp(-(((columns - x - lean) / wide) ** 2 + ((rows - y + 0.5 * tall) / tall) ** 2))
        np.maximum(glow, tongue * float(rng.uniform(0.7, 1.0)), out=glow)
    core = np.stack([40 + 160 * glow**3, 110 + 140 * glow, np.full_like(glow, 255.0)], axis=2)
    part = light[top:bottom, left:right]
    part += (core - part) * np.clip(glow * 1.6, 0, 1)[:, :, None]
    box = _box(glow > 0.35, 1, 4)
    return None if box is None else (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def _box(seen: NDArray[np.bool_], scale: int, fewest: float) -> BoxXyxy | None:
    """Return the box around what is seen; None where that is too little."""
    if np.count_nonzero(seen) < fewest:
        return None
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    return (
        float(columns[0] * scale),
        float(rows[0] * scale),
        float((columns[-1] + 1) * scale),
        float((rows[-1] + 1) * scale),
    )
