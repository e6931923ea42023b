"""What a patch of a picture shows: a small network of our own, run by cv2.dnn.

It sees the patch now, the same patch a picture ago, and how much they differ; of a lone picture the two are
the same and nothing differs.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.fire.view import CORE_GREEN, CORE_REACH, CORE_RED, Mask
from detectors.onnx.net import read_net
from gridwatch.errors import DetectorError
from gridwatch.model import BoxXyxy, Pixels

Floats = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "weights" / "patches.onnx"

LABELS = ("flame", "smoke")
"""Both may be in one patch; neither is anything else."""

PATCH_PX = 64
CHANNELS = 7
"""Blue, green, red now; the same a picture ago; the difference of their grey levels."""

AROUND = 1.5
"""Side of a patch over the longer side of what it is cut around: what lies about a fire tells it from a
lamp."""
LEAST_PX = 24
"""Side of a patch in the picture's pixels: less is nothing but blur."""

GLOWING_RED, GLOWING_RED_OVER_BLUE = 150, 55
"""What may be flame is looked at by looser colours than what is flame by colour alone."""
JOINED = np.ones((5, 5), np.uint8)
"""Tongues of a flame that lie so near are one."""
LEAST_SHARE = 0.0005
"""Least part of the picture."""
MOST_PLACES = 5


def places_that_glow(small: Pixels) -> list[BoxXyxy]:
    """Return the boxes of a reduced picture whose colours flame may have, the largest first."""
    glow = np.asarray(cv2.morphologyEx(glowing(small), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)))
    count, names, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(glow, JOINED))
    lit = np.bincount(names[glow > 0], minlength=count)
    by_area = sorted(range(1, count), key=lambda name: -int(lit[name]))
    found: list[BoxXyxy] = []
    for name in by_area[:MOST_PLACES]:
        if lit[name] < LEAST_SHARE * glow.size:
            break
        left, top, width, height = (float(number) for number in stats[name, :4])
        found.append((left, top, left + width, top + height))
    return found


def glowing(small: Pixels) -> Mask:
    """Return where a picture has colours that flame may have, bright cores beside them included."""
    blue, green, red = cv2.split(small)
    rim = (
        (red >= GLOWING_RED)
        & (red > green)
        & (cv2.subtract(blue, green) <= 30)
        & (cv2.subtract(red, blue) >= GLOWING_RED_OVER_BLUE)
    )
    near = cv2.dilate(rim.view(np.uint8), CORE_REACH) > 0
    core = (red >= CORE_RED) & (green >= CORE_GREEN) & near
    return np.asarray(rim | core, np.uint8)


def patch(pixels: Pixels, box_xyxy: BoxXyxy, size_px: int = PATCH_PX) -> Pixels:
    """Cut the square around a box, with what lies about it; where it leaves the picture, its edge goes on."""
    left, top, right, bottom = box_xyxy
    side = max(LEAST_PX, AROUND * max(right - left, bottom - top))
    side = min(side, float(max(pixels.shape[:2])))
    corner = np.array([(left + right - side) / 2, (top + bottom - side) / 2])
    first = np.clip(np.floor(corner).astype(int), 0, np.array(pixels.shape[1::-1]) - 1)
    last = np.clip(np.ceil(corner + side).astype(int), first + 1, pixels.shape[1::-1])
    inside = pixels[first[1] : last[1], first[0] : last[0]]
    scale = size_px / side
    shift = (first - corner) * scale
    if scale < 1:
        small_wh = np.maximum(1, np.round((last - first) * scale)).astype(int)
        inside = np.asarray(cv2.resize(inside, small_wh.tolist(), interpolation=cv2.INTER_AREA), np.uint8)
        scale = 1.0
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            inside, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def as_input(now: Pixels, before: Pixels) -> Floats:
    """Return what the network takes (channels × height × width) of a patch and the one before it."""
    grey = cv2.cvtColor(now, cv2.COLOR_BGR2GRAY).astype(np.float32)
    change = grey - cv2.cvtColor(before, cv2.COLOR_BGR2GRAY)
    planes = np.concatenate([now.astype(np.float32) - 128, before.astype(np.float32) - 128], axis=2)
    return np.concatenate([planes.transpose(2, 0, 1) / 64, change[None] / 32])


class PatchModel:
    """Tells flame and smoke in patches; building one raises DetectorError for wrong weights."""

    def __init__(self, path: Path = SHIPPED) -> None:
        self._path = path
        self._net = read_net(path)
        blank = np.zeros((PATCH_PX, PATCH_PX, 3), np.uint8)
        if np.size(self._forward(blank, blank)) != len(LABELS):
            raise DetectorError(f"{path}: the network of patches is of another kind or version")

    def scores(self, pairs: list[tuple[Pixels, Pixels]]) -> Floats:
        """Return a score of 0-1 per patch and label, of patches with those a picture before them."""
        found = [self._forward(now, before).ravel() for now, before in pairs]
        odds = np.array(found, np.float32).reshape(-1, len(LABELS))
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float32)

    def _forward(self, now: Pixels, before: Pixels) -> Floats:
        try:
            self._net.setInput(as_input(now, before)[None])
            return np.asarray(self._net.forward(), np.float32)
        except cv2.error as error:
            raise DetectorError(f"{self._path}: the network fails on a patch: {error.err}") from error
