"""Flame in one picture alone: what has its colours, and looks like it to the network of patches."""

import cv2
import numpy as np

from detectors.fire.patches import PatchModel, patch, places_that_glow
from detectors.fire.tubes import Box
from gridwatch.model import Pixels

LONG_SIDE_PX = 320
"""At this size the fine pattern of cloth, brick and lettering is gone and a flame's slow colours stay."""
LEAST_SIDE_PX = 32
SURE = 0.8
"""Score from which a patch counts as flame: one in twenty held-back pictures without fire has one."""


def judge_still(pixels: Pixels, model: PatchModel) -> list[Box]:
    """Return the flames of one picture."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LONG_SIDE_PX / max(height, width))
    size_wh = (max(LEAST_SIDE_PX, round(width * scale)), max(LEAST_SIDE_PX, round(height * scale)))
    small = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    across, down = width / size_wh[0], height / size_wh[1]
    places = [(x1 * across, y1 * down, x2 * across, y2 * down) for x1, y1, x2, y2 in places_that_glow(small)]
    patches = [patch(pixels, place) for place in places]
    scores = model.scores([(one, one) for one in patches])
    return [
        Box(label="flame", confidence=float(score), box_xyxy=place)
        for place, score in sorted(zip(places, scores[:, 0], strict=True), key=lambda one: -one[1])
        if score >= SURE
    ]
