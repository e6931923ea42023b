"""The part of a cabin's picture that is worth looking at: where something stands."""

import cv2
import numpy as np

from detectors.elevator.background import Mask
from detectors.elevator.recogniser import Recogniser, Seen
from gridwatch.model import BoxXyxy, Picture

LEAST_PART = 0.4
"""Of the picture's width so much is looked at, however small what stands there."""
MARGIN = 0.12
"""Of what stands out so much is added on each side: a wheel's thin rim is easily missed."""
LEAST_SPOT = 0.001
"""Share of the picture under which a spot of its own is noise, and widens nothing."""


def look_closely(recogniser: Recogniser, picture: Picture, standing: Mask) -> Seen:
    """Look at what stands in the cabin (a mask at work size), enlarged; boxes are in the picture's pixels."""
    x1, y1, x2, y2 = part_of(standing, picture.size_wh)
    outline = _at(standing, picture.size_wh)[y1:y2, x1:x2]
    seen = recogniser.look(np.ascontiguousarray(picture.pixels[y1:y2, x1:x2]), outline)
    boxes: dict[str, BoxXyxy] = {
        label: (left + x1, top + y1, right + x1, bottom + y1)
        for label, (left, top, right, bottom) in seen.boxes.items()
    }
    return Seen(scores=seen.scores, boxes=boxes)


def _at(standing: Mask, size_wh: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(standing, size_wh, interpolation=cv2.INTER_NEAREST), np.uint8)


def part_of(standing: Mask, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the rectangle in the picture's pixels: around all spots, of the picture's own shape."""
    width, height = size_wh
    _, _, stats, _ = cv2.connectedComponentsWithStats(standing)
    spots = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= LEAST_SPOT * standing.size]
    if not len(spots):
        return 0, 0, width, height
    low = spots[:, :2].min(axis=0) / standing.shape[::-1]
    high = (spots[:, :2] + spots[:, 2:4]).max(axis=0) / standing.shape[::-1]
    share = min(1.0, max(LEAST_PART, (1 + 2 * MARGIN) * float((high - low).max())))
    corner = np.clip((low + high) / 2 - share / 2, 0, 1 - share)
    x1, y1 = int(corner[0] * width), int(corner[1] * height)
    return x1, y1, min(width, x1 + round(share * width)), min(height, y1 + round(share * height))
