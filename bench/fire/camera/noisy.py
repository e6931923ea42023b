"""Boxes as a detector of single pictures gives them: a model of one, for those of a real one are not here.

It misses, its boxes jitter, and what it takes for smoke stays (a chimney, a rock), drives on (a cloud) or
flickers. How much of each is chosen on the train split alone, so that the peers' own rules come near to what
Pyronear measured with them on 302 real sequences; see README.md.
"""

from dataclasses import dataclass
from math import exp, log

import numpy as np

from detectors.fire.tubes import Box
from gridwatch.model import BoxXyxy
from simulators.ridge.landscape import WIDTH_PX

FIRE_SURE, FIRE_SURE_SPREAD = 1.2, 0.85
"""Logit of a fire's confidence: mean over fires and deviation between them,"""
PICTURE_SPREAD = 0.5
"""and from picture to picture; of what is no fire too."""
HALF_SEEN_PX2 = 70.0
"""Area of a plume, in pictures 640 wide, that half of the pictures show to a detector."""
JITTER = 0.12
"""Deviation of a box's sides, in its own size."""

ANY_FALSE = 0.24
"""Part of the sequences in which something is taken for smoke again and again."""
KINDS = {"stays": 0.45, "drives on": 0.25, "flickers": 0.3}
FALSE_SURE, FALSE_SURE_SPREAD = -0.2, 0.8
SHOWN = {"stays": 0.8, "drives on": 0.8, "flickers": 0.3}
"""Part of the pictures in which it is taken for smoke, while it is there."""
LONE = 0.004
"""Part of the pictures with a box that no other one repeats."""
FLOOR = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    """Something that is no smoke and looks like it from a picture on, for some pictures."""

    kind: str
    box_xyxy: BoxXyxy
    step_xy: tuple[float, float]
    first: int
    last: int
    sure: float


def noisy_boxes(
    rng: np.random.Generator, smoke: list[BoxXyxy | None], size_wh: tuple[int, int]
) -> list[list[Box]]:
    """Return what such a detector would say of each picture, where the fire's true boxes are known."""
    sure = rng.normal(FIRE_SURE, FIRE_SURE_SPREAD)
    mistakes = [_mistake(rng, len(smoke), size_wh)] if rng.random() < ANY_FALSE else []
    pictures = []
    for number, true in enumerate(smoke):
        boxes = []
        if true is not None and rng.random() < _recall(true, sure, size_wh[0]):
            boxes.append(_box(rng, true, sure, size_wh))
        for mistake in mistakes:
            if mistake.first <= number <= mistake.last and rng.random() < SHOWN[mistake.kind]:
                left, top, right, bottom = mistake.box_xyxy
                dx, dy = (step * (number - mistake.first) for step in mistake.step_xy)
                moved = (left + dx, top + dy, right + dx, bottom + dy)
                boxes.append(_box(rng, moved, mistake.sure, size_wh))
        if rng.random() < LONE:
            boxes.append(_box(rng, _anywhere(rng, size_wh), FALSE_SURE, size_wh))
        pictures.append([box for box in boxes if box.confidence > FLOOR])
    return pictures


def _recall(box: BoxXyxy, sure: float, width: int) -> float:
    """Return how often a plume is seen: the larger the oftener, and the surer the detector is of it."""
    area = (box[2] - box[0]) * (box[3] - box[1]) * (WIDTH_PX / width) ** 2
    return 1 / (1 + exp(-(log(area / HALF_SEEN_PX2) + 1.2 * sure)))


def _mistake(rng: np.random.Generator, pictures: int, size_wh: tuple[int, int]) -> Mistake:
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    box = _anywhere(rng, size_wh)
    long = int(rng.integers(3, 30)) if kind != "stays" else int(rng.integers(4, 60))
    first = int(rng.integers(0, pictures))
    step = float(rng.uniform(0.15, 0.8)) * (box[2] - box[0]) * int(rng.choice([-1, 1]))
    return Mistake(
        kind=kind,
        box_xyxy=box,
        step_xy=(step, float(rng.normal(0, 1))) if kind == "drives on" else (0.0, 0.0),
        first=first,
        last=first + long,
        sure=float(rng.normal(FALSE_SURE, FALSE_SURE_SPREAD)),
    )


def _anywhere(rng: np.random.Generator, size_wh: tuple[int, int]) -> BoxXyxy:
    width, height = size_wh
    wide, tall = (float(np.exp(rng.normal(log(side), 0.5))) * width / WIDTH_PX for side in (34, 22))
    left, top = float(rng.uniform(0, width - wide)), float(rng.uniform(0.2 * height, height - tall))
    return left, top, left + wide, top + tall


def _box(rng: np.random.Generator, true: BoxXyxy, sure: float, size_wh: tuple[int, int]) -> Box:
    wide, tall = true[2] - true[0], true[3] - true[1]
    sides = [
        side + float(rng.normal(0, JITTER)) * long
        for side, long in zip(true, (wide, tall, wide, tall), strict=True)
    ]
    left, right = sorted((sides[0], sides[2]))
    top, bottom = sorted((sides[1], sides[3]))
    width, height = size_wh
    inside = (max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom))
    confidence = 1 / (1 + exp(-(sure + float(rng.normal(0, PICTURE_SPREAD)))))
    return Box(label="smoke", confidence=confidence, box_xyxy=inside)
