"""Patches to learn from, cut where the detector would cut them: of real, composed and rendered pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import cv2
import numpy as np

from bench.fire.train import painted
from bench.fire.train.licensed import Example
from bench.fire.train.painted import Floats
from detectors.fire.patches import PATCH_PX, glowing, patch, places_that_glow
from gridwatch.model import BoxXyxy, Pixels
from simulators.ridge.scene import Asked, draw_scene
from simulators.ridge.shooting import shoot

SAMPLE_PX = PATCH_PX + 8
"""Room for the shifts that are drawn anew each time a sample is learnt from."""
LONG_SIDE_PX = 320
"""Of the pictures that are composed: as the detector looks for what glows."""
UNKNOWN = np.nan
FLAME, NO_FLAME = (1.0, UNKNOWN), (0.0, UNKNOWN)
SMOKE, NOTHING = (0.0, 1.0), (0.0, 0.0)

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A patch, the one before it, and what is in it: flame and smoke, each 1, 0 or not-a-number."""

    now: Pixels
    before: Pixels
    truth: tuple[float, float]
    picture: Pixels
    """That the patch was cut from."""
    place: BoxXyxy | None = None
    """What glows there, where it was cut around that, in the picture's pixels."""


def of_fire(example: Example, rng: np.random.Generator) -> Iterator[Sample]:
    """Cut a real picture of fire or smoke at its boxes and at what else glows in it."""
    before = example.before if example.before is not None and rng.random() < 0.6 else example.pixels
    flames = [box for label, box in example.boxes if label == "flame"]
    smokes = [box for label, box in example.boxes if label == "smoke"]
    for box in flames:
        yield _cut(example.pixels, before, _jittered(box, rng), (1.0, UNKNOWN))
    for box in smokes:
        burns = any(_share(flame, box) > 0.5 for flame in flames)
        part = box if rng.random() < 0.5 else _part(box, rng)
        yield _cut(example.pixels, before, _jittered(part, rng), (UNKNOWN if burns else 0.0, 1.0))
    for place in _places(example.pixels):
        share = max((_share(place, flame) for flame in flames), default=0.0)
        if share > 0.4:
            yield _cut(example.pixels, before, place, FLAME, glows=True)
        elif share == 0 and example.is_known and flames:
            yield _cut(example.pixels, before, place, NO_FLAME, glows=True)


def of_plain(base: Pixels) -> Iterator[Sample]:
    """Cut a picture without fire where it glows, as it is."""
    for place in _places(base):
        yield _cut(base, base, place, NOTHING, glows=True)


def of_look_alike(base: Pixels, rng: np.random.Generator) -> Iterator[Sample]:
    """Cut a picture without fire, lit and furnished anew, where it glows."""
    shown = _look_alike(base, rng)
    before = _a_picture_ago(shown, rng)
    places = _places(shown)
    for place in places[:3]:
        yield _cut(shown, before, place, NOTHING, glows=True)
    if not places and rng.random() < 0.2:
        yield _cut(shown, before, _anywhere(shown, rng), NOTHING)


def of_composed_fire(base: Pixels, cut_outs: Sequence[Pixels], rng: np.random.Generator) -> Iterator[Sample]:
    """Set a picture without fire alight, with a painted flame or one cut out of a real picture."""
    under = _look_alike(base, rng).astype(np.float32)
    if rng.random() < 0.7:
        under *= rng.uniform(0.15, 0.9)
    height, width = under.shape[:2]
    wide = int(np.exp(rng.uniform(np.log(0.06), np.log(1.2))) * width)
    tall = int(wide * rng.uniform(0.6, 1.8))
    if cut_outs and rng.random() < 0.6:
        lights = _real_flame(cut_outs[int(rng.integers(len(cut_outs)))], (wide, tall), rng)
    else:
        lights = painted.flame(rng, (max(8, wide), max(8, tall)))
    if rng.random() < 0.3:
        veil = painted.plume(rng, (max(8, wide * 2), max(8, tall * 2)), 1)[0]
        under = _laid(under, veil, (width / 2, height * 0.6), 0.8)
    middle = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.2, 0.95) * height)
    lit = cv2.GaussianBlur(_laid(np.zeros_like(under), lights[0], middle, 1.0), (0, 0), 0.12 * wide + 2)
    shown = [_laid(under + lit * rng.uniform(0, 0.5), light, middle, 1.0) for light in lights]
    mask = _laid(np.zeros_like(under), (np.ones_like(lights[0][0]), lights[0][1]), middle, 1.0)[..., 0] > 0.2
    now, then = (_as_taken(picture, rng) for picture in (shown[0], shown[-1]))
    before = then if rng.random() < 0.4 else now
    for place in _places(now):
        left, top, right, bottom = (int(edge) for edge in place)
        burning = mask[top:bottom, left:right] & (glowing(now)[top:bottom, left:right] > 0)
        share = float(burning.sum()) / max(1, int(glowing(now)[top:bottom, left:right].sum()))
        if share > 0.5:
            yield _cut(now, before, place, FLAME, glows=True)
        elif share < 0.02:
            yield _cut(now, before, place, NO_FLAME, glows=True)


def of_composed_smoke(base: Pixels, rng: np.random.Generator) -> Iterator[Sample]:
    """Let painted smoke rise in a picture without fire; cut it out, and a place where none is."""
    under = _small(base, rng).astype(np.float32)
    height, width = under.shape[:2]
    wide = int(np.exp(rng.uniform(np.log(0.08), np.log(0.9))) * width)
    plumes = painted.plume(rng, (max(12, wide), max(12, int(wide * rng.uniform(0.8, 2.0)))))
    middle = (rng.uniform(0.15, 0.85) * width, rng.uniform(0.2, 0.8) * height)
    shown = [_laid(under, plume, middle, 1.0) for plume in plumes]
    mask = _laid(np.zeros_like(under), (np.ones_like(plumes[0][0]), plumes[0][1]), middle, 1.0)[..., 0]
    now, then, clear = (_as_taken(picture, rng) for picture in (shown[0], shown[-1], under))
    roll = rng.random()
    before = now if roll < 0.3 else then if roll < 0.7 else clear
    columns, rows = np.flatnonzero((mask > 0.15).any(0)), np.flatnonzero((mask > 0.15).any(1))
    if len(columns) >= 8 and len(rows) >= 8:
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        yield _cut(now, before, _jittered(box if rng.random() < 0.6 else _part(box, rng), rng), SMOKE)
        elsewhere = _anywhere(now, rng)
        if _share(elsewhere, box) < 0.01:
            yield _cut(now, before, elsewhere, NOTHING)


def of_no_smoke(base: Pixels, rng: np.random.Generator) -> Iterator[Sample]:
    """Let light, shadow, fog, cloud, shake or something that passes change a picture; cut where it did."""
    under = _small(base, rng).astype(np.float32)
    height, width = under.shape[:2]
    soft = painted.noise(rng, (width, height), rng.uniform(0.2, 1.0) * width)[..., None]
    roll = rng.random()
    if roll < 0.2:
        changed = under * (1 - rng.uniform(0.2, 0.6) * soft)
    elif roll < 0.4:
        fog = rng.uniform(0.3, 0.95) * (0.7 + 0.3 * soft)
        changed = under * (1 - fog) + rng.uniform(120, 220) * fog
    elif roll < 0.6:
        changed = painted.sky(rng, (width, height))
        changed = changed.mean(axis=2, keepdims=True) * np.ones(3) * rng.uniform(0.7, 1.2)
        under = np.roll(changed, int(rng.integers(2, 20)), axis=1)
    elif roll < 0.75:
        shift = np.array([[1, 0, rng.normal(0, 3)], [0, 1, rng.normal(0, 3)]])
        moved = cv2.warpAffine(under, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        changed = np.asarray(moved, np.float32)
    elif roll < 0.9:
        changed = painted.things(rng, under)
        changed = np.repeat(changed.mean(axis=2, keepdims=True), 3, axis=2) if rng.random() < 0.6 else changed
    else:
        changed = under + rng.normal(0, 8)
    now, before = _as_taken(changed, rng), _as_taken(under, rng)
    for _ in range(2):
        yield _cut(now, before if rng.random() < 0.75 else now, _anywhere(now, rng), NOTHING)


def of_ridge(seed: int, *, fire: bool) -> Iterator[Sample]:
    """Cut a rendered ridge camera's pictures, 10 to 60 s apart, at its plume and at what else is there."""
    rng = np.random.default_rng([17, seed])
    interval_s = float(rng.choice([10, 20, 30, 60]))
    asked = Asked(start=NOON, duration_s=12 * interval_s, interval_s=interval_s, fire=fire)
    shots = [*shoot(draw_scene([17, seed], asked))]
    for earlier, shot in pairwise(shots):
        now, before, box = shot.picture.pixels, earlier.picture.pixels, shot.smoke
        if box is not None and (box[2] - box[0]) * (box[3] - box[1]) > 150:
            yield _cut(now, before, _jittered(box, rng), (UNKNOWN if shot.flame else 0.0, 1.0))
        if shot.flame is not None:
            yield _cut(now, before, _jittered(shot.flame, rng), (1.0, UNKNOWN))
        elsewhere = _anywhere(now, rng)
        if box is None or _share(elsewhere, box) < 0.01:
            yield _cut(now, before, elsewhere, NOTHING)


def flames_of(examples: Sequence[Example]) -> list[Pixels]:
    """Cut the flames out of real pictures, to set others alight with."""
    found = []
    for example in examples:
        for label, box in example.boxes:
            left, top, right, bottom = (round(max(0.0, edge)) for edge in box)
            cut = example.pixels[top:bottom, left:right]
            if label == "flame" and min(cut.shape[:2]) >= 16 and glowing(cut).mean() > 0.15:
                found.append(cut)
    return found


def _look_alike(base: Pixels, rng: np.random.Generator) -> Pixels:
    shown = _small(base, rng).astype(np.float32)
    height, width = shown.shape[:2]
    if rng.random() < 0.22:
        line = painted.noise(rng, (width, 2), 0.3 * width)[0] * rng.uniform(0.05, 0.4) + rng.uniform(0.4, 0.9)
        ground = (np.arange(height)[:, None] / height > line)[..., None]
        shown = np.where(ground, shown * rng.uniform(0.0, 0.5), painted.sky(rng, (width, height)))
    roll = rng.random()
    if roll < 0.25:
        shown = painted.warm(rng, shown)
    elif roll < 0.4:
        shown = painted.things(rng, shown)
    elif roll < 0.55:
        shown = painted.lamps(rng, shown)
    elif roll < 0.65:
        shown = painted.leaves(rng, shown)
    return _as_taken(shown, rng)


def _real_flame(
    cut: Pixels, size_wh: tuple[int, int], rng: np.random.Generator
) -> list[tuple[Floats, Floats]]:
    light = cv2.resize(cut, (max(8, size_wh[0]), max(8, size_wh[1])), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        light = cv2.flip(light, 1)
    glow = cv2.dilate(glowing(np.asarray(light, np.uint8)), np.ones((5, 5), np.uint8)).astype(np.float32)
    mask = np.asarray(cv2.GaussianBlur(glow, (0, 0), max(1.5, 0.03 * size_wh[0])), np.float32)
    height, width = mask.shape
    rim = np.minimum.outer(np.minimum(np.arange(height), np.arange(height)[::-1]), np.full(width, height))
    rim = np.minimum(rim, np.minimum(np.arange(width), np.arange(width)[::-1])[None])
    mask *= np.clip(rim / (0.06 * min(height, width) + 1), 0, 1)
    gains = np.array([rng.uniform(0.5, 1.3), rng.uniform(0.75, 1.25), rng.uniform(0.9, 1.2)])
    lit = np.clip(light.astype(np.float32) * gains, 0, 255).astype(np.float32)
    return [(lit, mask.astype(np.float32))]


def _laid(under: Floats, layer: tuple[Floats, Floats], middle: tuple[float, float], share: float) -> Floats:
    """Lay a layer of light and cover over a picture, its middle where it is told."""
    light, cover = layer
    height, width = under.shape[:2]
    tall, wide = cover.shape
    left, top = int(middle[0] - wide / 2), int(middle[1] - tall / 2)
    x1, y1, x2, y2 = max(0, left), max(0, top), min(width, left + wide), min(height, top + tall)
    laid = under.copy()
    if x1 < x2 and y1 < y2:
        part = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
        hidden = cover[part][..., None] * share
        laid[y1:y2, x1:x2] = under[y1:y2, x1:x2] * (1 - hidden) + light[part] * hidden
    return laid


def _small(base: Pixels, rng: np.random.Generator) -> Pixels:
    """Crop a picture, flip it, and bring it to the size that is composed in."""
    height, width = base.shape[:2]
    share = rng.uniform(0.45, 1.0)
    h, w = max(16, int(height * share)), max(16, int(width * share))
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    scale = LONG_SIDE_PX / max(h, w)
    size_wh = max(32, round(w * scale)), max(32, round(h * scale))
    small = cv2.resize(base[y : y + h, x : x + w], size_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.flip(small, 1) if rng.random() < 0.5 else small, np.uint8)


def _as_taken(picture: Floats, rng: np.random.Generator) -> Pixels:
    """Return a picture as a camera takes, sharpens or blurs, and packs it."""
    taken = picture
    if rng.random() < 0.3:
        taken = np.asarray(cv2.GaussianBlur(taken, (0, 0), rng.uniform(0.4, 1.5)), np.float32)
    taken = taken + rng.normal(0, rng.uniform(0, 5), taken.shape).astype(np.float32)
    packed = cv2.imencode(
        ".jpg", np.clip(taken, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
    )[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _a_picture_ago(shown: Pixels, rng: np.random.Generator) -> Pixels:
    roll = rng.random()
    if roll < 0.6:
        return shown
    if roll < 0.8:
        return _as_taken(shown.astype(np.float32) * rng.uniform(0.85, 1.15), rng)
    shift = np.array([[1, 0, rng.normal(0, 2)], [0, 1, rng.normal(0, 2)]])
    size_wh = (shown.shape[1], shown.shape[0])
    return np.asarray(cv2.warpAffine(shown, shift, size_wh, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _places(pixels: Pixels) -> list[BoxXyxy]:
    """Return what glows, as the detector finds it, in a picture's own pixels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LONG_SIDE_PX / max(height, width))
    size_wh = (max(32, round(width * scale)), max(32, round(height * scale)))
    small = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    across, down = width / size_wh[0], height / size_wh[1]
    return [(x1 * across, y1 * down, x2 * across, y2 * down) for x1, y1, x2, y2 in places_that_glow(small)]


def _cut(
    now: Pixels, before: Pixels, box: BoxXyxy, truth: tuple[float, float], *, glows: bool = False
) -> Sample:
    grown = (SAMPLE_PX / PATCH_PX - 1) / 2
    wide, tall = box[2] - box[0], box[3] - box[1]
    larger = (
        box[0] - grown * wide,
        box[1] - grown * tall,
        box[2] + grown * wide,
        box[3] + grown * tall,
    )
    then = before if before.shape == now.shape else now
    return Sample(
        now=patch(now, larger, SAMPLE_PX),
        before=patch(then, larger, SAMPLE_PX),
        truth=truth,
        picture=now,
        place=box if glows else None,
    )


def _jittered(box: BoxXyxy, rng: np.random.Generator) -> BoxXyxy:
    wide, tall = box[2] - box[0], box[3] - box[1]
    x, y = (
        (box[0] + box[2]) / 2 + rng.normal(0, 0.12) * wide,
        (box[1] + box[3]) / 2 + rng.normal(0, 0.12) * tall,
    )
    wide, tall = wide * np.exp(rng.normal(0, 0.2)), tall * np.exp(rng.normal(0, 0.2))
    return float(x - wide / 2), float(y - tall / 2), float(x + wide / 2), float(y + tall / 2)


def _part(box: BoxXyxy, rng: np.random.Generator) -> BoxXyxy:
    wide, tall = box[2] - box[0], box[3] - box[1]
    w, h = wide * rng.uniform(0.35, 0.9), tall * rng.uniform(0.35, 0.9)
    x, y = box[0] + rng.uniform(0, 1) * (wide - w), box[1] + rng.uniform(0, 1) * (tall - h)
    return float(x), float(y), float(x + w), float(y + h)


def _anywhere(pixels: Pixels, rng: np.random.Generator) -> BoxXyxy:
    height, width = pixels.shape[:2]
    side = np.exp(rng.uniform(np.log(0.06), np.log(0.5))) * width
    x, y = rng.uniform(0, max(1.0, width - side)), rng.uniform(0, max(1.0, height - side))
    return float(x), float(y), float(x + side), float(y + side * rng.uniform(0.5, 1.2))


def _share(inner: BoxXyxy, outer: BoxXyxy) -> float:
    """Return the part of one box that lies in another."""
    wide = min(inner[2], outer[2]) - max(inner[0], outer[0])
    tall = min(inner[3], outer[3]) - max(inner[1], outer[1])
    area = (inner[2] - inner[0]) * (inner[3] - inner[1])
    return max(0.0, wide) * max(0.0, tall) / max(area, 1e-6)
