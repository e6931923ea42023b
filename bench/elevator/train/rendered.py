"""Rendered cabins with everything that rides in them, some of it cut out of licensed pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.elevator.train.examples import NO_VEHICLE, NUMBER, OTHER, WHOLE, Box, Example, standing_of
from detectors.elevator.part import part_of
from gridwatch.model import BoxXyxy, Pixels
from simulators.cabin.still import Still, render_cabin

SIZE_WH = (320, 240)
STORED_WH = (192, 144)
"""What stands in a cabin is cut out, as over time it is at run time, and kept at this size."""

CUT_OUT_SHARE = 0.15
"""How many pictures show a two-wheeler that was cut out of a real picture, in a rendered cabin or a room."""
ROOM_SHARE = 0.2
"""How many show rendered visitors before a real room, so that no cabin of ours tells that something rides."""

NOWHERE: BoxXyxy = (0.0, 0.0, 0.0, 0.0)
"""The box of what has a mask."""

LEAST_SHARE = 0.006
"""Of what takes less of a picture nobody could say what it is."""

MEANING = {"motorcycle": "ebike"}
ALL = NO_VEHICLE | WHOLE | {"suitcase", "person"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CutOut:
    """What was cut out of a real picture: its label, and blue, green, red, alpha."""

    label: str
    pixels: Pixels


def rendered(seed: int, cut_outs: Sequence[CutOut], rooms: Sequence[Pixels]) -> Example:
    """Render one picture."""
    rng = np.random.default_rng([13, seed])
    return _cut(_whole(rng, seed, cut_outs, rooms), rng)


def _whole(
    rng: np.random.Generator, seed: int, cut_outs: Sequence[CutOut], rooms: Sequence[Pixels]
) -> Example:
    roll = rng.random()
    if cut_outs and roll < CUT_OUT_SHARE:
        return _with_cut_out(rng, render_cabin(seed, size_wh=SIZE_WH, shows=()), cut_outs, rooms)
    if rooms and roll < CUT_OUT_SHARE + ROOM_SHARE:
        still = render_cabin(seed, size_wh=SIZE_WH, as_cctv=False)
        if still.things:
            alpha = cv2.GaussianBlur((still.mask > 0).astype(np.float32), (3, 3), 0)[..., None]
            mixed = still.pixels * alpha + _room(rng, rooms, still.pixels) * (1 - alpha)
            return _example(still, _padded(np.asarray(mixed, np.uint8)))
        return _example(still, _padded(still.pixels))
    still = render_cabin(seed, size_wh=SIZE_WH)
    return _example(still, still.pixels)


def _example(still: Still, pixels: Pixels) -> Example:
    boxes: list[Box] = []
    unsure = set()
    for thing in still.things:
        label = MEANING.get(thing.label, thing.label)
        if thing.share < LEAST_SHARE:
            unsure.add(label)
        elif label in ALL:
            boxes.append((label, thing.box_xyxy))
    whole = {"lens_covered"} if still.lens_covered else set() if still.things else {"empty"}
    present = {label for label, _ in boxes}
    return Example(
        pixels=pixels,
        boxes=boxes,
        whole=frozenset(whole),
        absent=frozenset(ALL - present - whole - unsure),
        source="rendered",
        mask=_mask(still, pixels),
    )


def _mask(still: Still, like: Pixels) -> NDArray[np.uint8]:
    """Return per pixel the number of the label that is seen there."""
    meaning = np.zeros(256, np.uint8)
    for thing in still.things:
        label = MEANING.get(thing.label, thing.label)
        meaning[thing.number] = NUMBER[label] + 1 if label in ALL else OTHER
    mask = np.zeros(like.shape[:2], np.uint8)
    mask[: still.mask.shape[0], : still.mask.shape[1]] = meaning[still.mask]
    return mask


def _cut(example: Example, rng: np.random.Generator) -> Example:
    """Cut a picture to what stands in it, hardly ever exactly; an empty one anywhere."""
    size_wh = example.pixels.shape[1], example.pixels.shape[0]
    assert example.mask is not None
    standing = standing_of(example.mask)
    if not standing.any():
        w, h = (int(side * rng.uniform(0.4, 1.0)) for side in size_wh)
        x, y = int(rng.integers(0, size_wh[0] - w + 1)), int(rng.integers(0, size_wh[1] - h + 1))
        standing[y : y + h, x : x + w] = 255
    x1, y1, x2, y2 = part_of(standing, size_wh)
    return Example(
        pixels=_stored(example.pixels[y1:y2, x1:x2], cv2.INTER_AREA),
        boxes=[(label, NOWHERE) for label, _ in example.boxes],
        whole=example.whole,
        absent=example.absent,
        source=example.source,
        mask=_stored(example.mask[y1:y2, x1:x2], cv2.INTER_NEAREST),
    )


def _stored(pixels: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(pixels, STORED_WH, interpolation=by), np.uint8)


def _room(rng: np.random.Generator, rooms: Sequence[Pixels], like: Pixels) -> Pixels:
    """Return part of a real room in the size of another picture."""
    room = rooms[int(rng.integers(len(rooms)))]
    height, width = room.shape[:2]
    share = rng.uniform(0.5, 1.0)
    h, w = int(height * share), int(width * share)
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    part = room[y : y + h, x : x + w]
    size_wh = like.shape[1], like.shape[0]
    return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _padded(pixels: Pixels) -> Pixels:
    """Lay a picture without the bars of its CCTV into the top left of a whole one."""
    whole = np.zeros((*SIZE_WH[::-1], 3), np.uint8)
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    return whole


def _with_cut_out(
    rng: np.random.Generator, cabin: Still, cut_outs: Sequence[CutOut], rooms: Sequence[Pixels]
) -> Example:
    """Paste a real two-wheeler into a cabin or room, turned and tilted."""
    one = cut_outs[int(rng.integers(len(cut_outs)))]
    pixels = _room(rng, rooms, cabin.pixels) if rooms and rng.random() < 0.4 else cabin.pixels
    scale = rng.uniform(0.35, 0.95) * SIZE_WH[1] / max(one.pixels.shape[:2])
    turn = rng.normal(0, 0.3) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi)
    across = (-1 if rng.random() < 0.5 else 1) * (rng.uniform(0.45, 1.0) if rng.random() < 0.5 else 1.0)
    height, width = one.pixels.shape[:2]
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.array([[cos * across, -sin], [sin * across, cos]])
    centre = rng.uniform(0.3, 0.7, 2) * SIZE_WH
    matrix = np.column_stack([linear, centre - linear @ (width / 2, height / 2)])
    warped = cv2.warpAffine(one.pixels, matrix, SIZE_WH, flags=cv2.INTER_LINEAR)
    alpha = warped[..., 3:].astype(np.float32) / 255
    mixed = np.clip(warped[..., :3] * rng.uniform(0.6, 1.15), 0, 255) * alpha + pixels * (1 - alpha)
    found = _box_of(alpha[..., 0] > 0.5)
    boxes = [] if found is None else [(one.label, found)]
    return Example(
        pixels=np.asarray(mixed, np.uint8),
        boxes=boxes,
        absent=frozenset(ALL - {label for label, _ in boxes} - {"empty", "person"}),
        source="rendered",
        mask=np.asarray((alpha[..., 0] > 0.5) * np.uint8(NUMBER[one.label] + 1), np.uint8),
    )


def _box_of(mask: NDArray[np.bool_]) -> BoxXyxy | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) < 8 or len(columns) < 8:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
