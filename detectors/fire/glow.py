"""What a place that glows looks like, in numbers, and whether that is flame.

The network of patches sees a place alone and has met few fires. These numbers say what holds of any flame: a
white-yellow core and a red rim, a ragged edge, surroundings that it outshines, and little else that is warm.
"""

from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.fire.patches import JOINED, PatchModel, glowing, patch
from detectors.fire.view import CORE_GREEN, CORE_RED
from gridwatch.errors import DetectorError
from gridwatch.model import BoxXyxy, Pixels

Floats = NDArray[np.float32]
Marks = NDArray[np.bool_]

SHIPPED = Path(__file__).parent / "weights" / "glow.npz"

FEATURES = 73
LONG_SIDE_PX = 320
"""At this size the fine pattern of cloth, brick and lettering is gone and a flame's slow colours stay."""
LEAST_SIDE_PX = 32
FEWEST = 4
"""Pixels that a mean is taken of."""
WHITE_BLUE, FULL_RED = 180, 250
RED_OVER, RED_UNDER_GREEN = 200, 120
"""Red without yellow: embers, cloth, tail lights."""
YELLOW_GREEN, YELLOW_UNDER_BLUE = (120, 210), 110
WARM, COLD = 30, 15
"""Red over blue, and blue over red, of what is warm and cold."""
DARK, DARK_AROUND, BRIGHT = 40, 50, 220
RING, LEAST_RING_PX = 0.35, 6
"""What lies around a place reaches so many times its longer side."""
COARSE_PX = 4
BLOB_SHARE = 0.0002
"""Part of a picture from which what glows apart is counted."""
MOST = 4.0
"""Deviations beyond which more says nothing more."""
LEAST_SCORE = 1e-4


class Glow:
    """A picture at the size that is judged, and what of it glows: made once for all its places."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        height, width = pixels.shape[:2]
        scale = min(1.0, LONG_SIDE_PX / max(height, width))
        size_wh = (max(LEAST_SIDE_PX, round(width * scale)), max(LEAST_SIDE_PX, round(height * scale)))
        self.small = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        self.across, self.down = width / size_wh[0], height / size_wh[1]
        self.glows: Marks = glowing(self.small) > 0
        _, self.names = cv2.connectedComponents(cv2.dilate(self.glows.astype(np.uint8), JOINED))
        blue, green, red = (plane.astype(np.float32) for plane in cv2.split(self.small))
        self.blue, self.green, self.red = blue, green, red
        self.value = np.maximum(np.maximum(blue, green), red)
        self.saturation = (self.value - np.minimum(np.minimum(blue, green), red)) / (self.value + 1)
        self.light = np.asarray(0.114 * blue + 0.587 * green + 0.299 * red, np.float32)
        self.slope_x = np.asarray(cv2.Sobel(self.light, cv2.CV_32F, 1, 0), np.float32) / 255
        self.slope_y = np.asarray(cv2.Sobel(self.light, cv2.CV_32F, 0, 1), np.float32) / 255
        self.slope = np.sqrt(self.slope_x**2 + self.slope_y**2)
        self.edges = np.abs(np.asarray(cv2.Laplacian(self.light, cv2.CV_32F), np.float32)) / 255
        self.fine = np.abs(self.light - cv2.GaussianBlur(self.light, (0, 0), COARSE_PX)) / 255
        _, _, stats, _ = cv2.connectedComponentsWithStats(self.glows.astype(np.uint8))
        self.blobs = int((stats[1:, cv2.CC_STAT_AREA] > BLOB_SHARE * self.glows.size).sum())

    def features(self, place: BoxXyxy, patches: PatchModel) -> Floats | None:
        """Return FEATURES numbers of a place, a box of the picture's own pixels; None where nothing glows."""
        height, width = self.glows.shape
        x1, y1 = max(0, int(place[0] / self.across)), max(0, int(place[1] / self.down))
        x2 = min(width, int(np.ceil(place[2] / self.across)))
        y2 = min(height, int(np.ceil(place[3] / self.down)))
        if x2 - x1 < 2 or y2 - y1 < 2:
            return None
        lit = np.bincount(self.names[y1:y2, x1:x2][self.glows[y1:y2, x1:x2]])
        if not lit.size:
            return None
        marks: Marks = (self.names == int(lit.argmax())) & self.glows
        cut = patch(self.pixels, place)
        score = float(np.clip(patches.scores([(cut, cut)])[0, 0], LEAST_SCORE, 1 - LEAST_SCORE))
        numbers = [
            *_shape(marks, (x1, y1, x2, y2)),
            *self._colours(marks),
            *self._core_to_rim(marks),
            *_outline(marks),
            *self._texture(marks),
            *self._around(marks, max(x2 - x1, y2 - y1)),
            *self._elsewhere(marks),
            np.log(score / (1 - score)),
        ]
        return np.array(numbers, np.float32)

    def _colours(self, marks: Marks) -> list[float]:
        blue, green, red = self.blue[marks], self.green[marks], self.red[marks]
        ratios = (green / (red + 1), blue / (green + 1))
        found: list[float] = []
        for values in (self.value[marks] / 255, self.saturation[marks], *ratios, self.light[marks] / 255):
            found += [*np.percentile(values, [5, 50, 95]).tolist(), float(values.std())]
        core = (red >= CORE_RED) & (green >= CORE_GREEN)
        yellow = (red >= CORE_RED) & (green > YELLOW_GREEN[0]) & (green < YELLOW_GREEN[1])
        shares = (
            core,
            core & (blue > WHITE_BLUE),
            red >= FULL_RED,
            (red > RED_OVER) & (green < RED_UNDER_GREEN),
            yellow & (blue < YELLOW_UNDER_BLUE),
        )
        return found + [float(share.mean()) for share in shares]

    def _core_to_rim(self, marks: Marks) -> list[float]:
        """Tell how the colours of a place go from its rim to its middle, and with its light."""
        deep = cv2.distanceTransform(marks.astype(np.uint8), cv2.DIST_L2, 3)[marks]
        # Where all of a picture glows nothing is a rim, and the distance to it without end.
        depth = np.minimum(deep, np.float32(max(marks.shape)))
        red, light = self.red[marks], self.light[marks]
        yellow = self.green[marks] / (red + 1)
        white = self.blue[marks] / (self.green[marks] + 1)
        pairs = ((depth, yellow), (depth, light), (yellow, red), (yellow, light), (white, light))
        return [*(_correlation(*pair) for pair in pairs), float(depth.max() / np.sqrt(marks.sum()))]

    def _texture(self, marks: Marks) -> list[float]:
        across, down = np.abs(self.slope_x[marks]).mean(), np.abs(self.slope_y[marks]).mean()
        rim = _grown(marks, 3) & ~marks
        slopes = self.slope[rim] if rim.any() else np.zeros(1, np.float32)
        return [
            float(across + down),
            float(np.log((across + 0.01) / (down + 0.01))),
            float(self.edges[marks].mean()),
            float(self.fine[marks].mean()),
            float(slopes.mean()),
            float(slopes.std()),
        ]

    def _around(self, marks: Marks, side_px: int) -> list[float]:
        ring = _grown(marks, int(max(LEAST_RING_PX, RING * side_px)) | 1) & ~_grown(marks, 3)
        ring = _some(ring, ~marks)
        light = self.light[ring]
        return [
            float(light.mean() / 255),
            float(light.std() / 255),
            float(self.saturation[ring].mean()),
            float((self.light[marks].mean() - light.mean()) / 255),
            float((light < DARK_AROUND).mean()),
            float((self.red - self.blue)[ring].mean() / 255),
            float((self.green - self.red)[ring].mean() / 255),
            float(np.percentile(self.value[ring], 90) / 255),
        ]

    def _elsewhere(self, marks: Marks) -> list[float]:
        rest = _some(~_grown(marks, 5), ~marks)
        warmth, light = self.red - self.blue, self.light[rest]
        top = rest.copy()
        top[len(top) // 3 :] = False
        top = _some(top, rest)
        green = (self.green > self.red) & (self.green > self.blue)
        return [
            float(self.glows[rest].mean()),
            float((warmth[rest] > WARM).mean()),
            float(light.mean() / 255),
            float(light.std() / 255),
            float(self.saturation[rest].mean()),
            float(warmth[rest].mean() / 255),
            float((light < DARK).mean()),
            float((self.value[rest] > BRIGHT).mean()),
            float((warmth[rest] < -COLD).mean()),
            float(green[rest].mean()),
            float(self.light[top].mean() / 255),
            float((warmth[top] > WARM).mean()),
            float(self.edges[top].mean()),
            float(np.log1p(self.blobs)),
            float(marks.sum() / max(1, int(self.glows.sum()))),
        ]


class GlowModel:
    """Tells flame in a place's numbers, by some small networks; building one raises DetectorError."""

    def __init__(self, path: Path = SHIPPED) -> None:
        names = ("mean", "spread", "first", "first_bias", "second", "second_bias")
        try:
            with np.load(path, allow_pickle=False) as held:
                parts = [np.asarray(held[name], np.float32) for name in names]
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise DetectorError(f"{path}: no weights for what glows: {error}") from error
        self._mean, self._spread, self._first, self._first_bias, self._second, self._second_bias = parts
        if self._mean.shape != (FEATURES,) or self._first.ndim != 3 or self._first.shape[2] != FEATURES:
            raise DetectorError(f"{path}: the weights for what glows are of another kind or version")

    def score(self, features: Floats) -> float:
        """Return how surely the numbers of a place are a flame's, 0-1."""
        seen = np.clip((features - self._mean) / self._spread, -MOST, MOST)
        hidden = np.maximum(self._first @ seen + self._first_bias, 0)
        odds = float(((self._second * hidden).sum(axis=1) + self._second_bias).mean())
        return 1 / (1 + float(np.exp(-np.clip(odds, -30, 30))))


def _shape(marks: Marks, box: tuple[int, int, int, int]) -> list[float]:
    (x1, y1, x2, y2), (height, width), area = box, marks.shape, float(marks.sum())
    boxed = (x2 - x1) * (y2 - y1)
    return [
        float(np.log(area / marks.size)),
        float(np.log(boxed / marks.size)),
        area / boxed,
        float(np.log((y2 - y1) / (x2 - x1))),
        (y1 + y2) / 2 / height,
        float(x1 == 0) + float(x2 == width),
        float(y1 == 0),
        float(y2 == height),
    ]


def _outline(marks: Marks) -> list[float]:
    """Tell how ragged a place's edge is, how far from convex, in how many parts, and how hollow."""
    contours, _ = cv2.findContours(marks.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(one, True) for one in contours)
    hull = cv2.contourArea(cv2.convexHull(np.vstack(contours)))
    filled = float(cv2.drawContours(np.zeros(marks.shape, np.uint8), contours, -1, (1.0,), -1).sum())
    return [
        float(np.log(max(length, 1.0) ** 2 / (4 * np.pi * filled))),
        filled / max(hull, filled),
        float(np.log(len(contours))),
        1 - float(marks.sum()) / filled,
    ]


def _correlation(one: Floats, other: Floats) -> float:
    one, other = one - one.mean(), other - other.mean()
    both = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / both if both > 0 else 0.0


def _grown(marks: Marks, side_px: int) -> Marks:
    return np.asarray(cv2.dilate(marks.astype(np.uint8), np.ones((side_px, side_px), np.uint8)) > 0)


def _some(marks: Marks, instead: Marks) -> Marks:
    """Return the first marks that are not too few, all of the picture at last."""
    return next((one for one in (marks, instead) if one.sum() >= FEWEST), np.ones_like(marks))
