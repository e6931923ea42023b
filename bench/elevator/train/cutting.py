"""Cut two-wheelers out of licensed pictures, with GrabCut inside their boxes."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from bench.elevator.train.examples import Example
from bench.elevator.train.rendered import CutOut
from gridwatch.model import BoxXyxy, Pixels

LEAST_PX = 44
"""A smaller box shows too little to be enlarged."""
LARGEST_PX = 110
"""GrabCut takes a second and more on larger pictures."""
MARGIN = 0.12
OVERHEAD = "shamin_topview"
"""Its boxes hold the person too; its pictures are of a cabin already."""
ROUNDS = 2
FILLED = (0.15, 0.85)
"""Share of its box that a bicycle or motorcycle fills; else the cut went wrong."""


def cut_outs(examples: Iterable[Example]) -> Iterator[CutOut]:
    """Cut out each two-wheeler that stands free of others in its picture."""
    for example in examples:
        if example.source == OVERHEAD:
            continue
        for label, box in example.boxes:
            if label in ("ebike", "bicycle") and min(box[2] - box[0], box[3] - box[1]) >= LEAST_PX:
                others = [other for name, other in example.boxes if other != box and name != "person"]
                found = None if any(_meet(box, other) for other in others) else _cut(example.pixels, box)
                if found is not None:
                    yield CutOut(label=label, pixels=found)


def _cut(pixels: Pixels, box: BoxXyxy) -> Pixels | None:
    wide, tall = box[2] - box[0], box[3] - box[1]
    x1, y1 = max(0, int(box[0] - MARGIN * wide)), max(0, int(box[1] - MARGIN * tall))
    x2, y2 = int(box[2] + MARGIN * wide), int(box[3] + MARGIN * tall)
    part = pixels[y1:y2, x1:x2]
    scale = min(1.0, LARGEST_PX / max(part.shape[:2]))
    part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    left, top = int((box[0] - x1) * scale), int((box[1] - y1) * scale)
    inner = (
        *(left, top),
        *(min(int(wide * scale), part.shape[1] - left - 1), min(int(tall * scale), part.shape[0] - top - 1)),
    )
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.setRNGSeed(1)
    cv2.grabCut(part, mask, inner, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_RECT)
    object_ = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))
    filled = object_.sum() / max(1, inner[2] * inner[3])
    if not FILLED[0] <= filled <= FILLED[1]:
        return None
    alpha = cv2.GaussianBlur(object_.astype(np.uint8) * 255, (3, 3), 0)
    return np.dstack([part, alpha])


def _meet(one: BoxXyxy, other: BoxXyxy) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
