"""The recogniser of our own: features by a small network, and a head of one layer on top of them.

The network (`features.onnx`, run by cv2.dnn) turns a picture into a grid of cells with a vector each; the
head (`head.npz`) gives each cell a score per class. The two lie apart so that the head can be learnt anew
from a user's pictures with nothing but NumPy, while the network stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.elevator.background import Mask
from detectors.elevator.recogniser import EMPTY, LABELS, LENS_COVERED, Seen
from detectors.onnx.net import letterbox, read_net
from gridwatch.errors import DetectorError
from gridwatch.model import BoxXyxy, Pixels

Floats = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "weights"

FEATURES_FILE, HEAD_FILE = "features.onnx", "head.npz"

INPUT_WH = (160, 128)
"""Small enough for 20 lifts on one core; of an e-bike that fills the cabin a wheel is some 15 pixels."""

CELL_PX = 16
GRID_WH = (INPUT_WH[0] // CELL_PX, INPUT_WH[1] // CELL_PX)

DARK, LIGHT, MOST_GAIN = 20.0, 235.0, 6.0
"""Levels that the darkest and lightest parts of a picture are given, and the most that it is stretched."""

FAINT = 0.75
"""How much of the empty cabin's contrast is taken away where it is known what stands in it."""
RIM = 0.02
"""Of the picture's width so much around what stands is left as it is: outlines are never exact."""

SHARPNESS = 4.0
"""How much more the surest cells of a picture count than the others: between their mean and their largest."""

BOX_SHARE = 0.5
"""Cells of at least this share of the best cell's score, and joined to it, belong to its box."""

BOXED_SCORE = 0.3
"""A class of less is hardly seen: it has no place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """One layer: `weight` is features × classes, `bias` one number per class, in the order of `labels`."""

    weight: Floats
    bias: Floats
    labels: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> "Head":
        """Read a head's file; DetectorError where it is none."""
        try:
            with np.load(path, allow_pickle=False) as held:
                weight, bias = (np.asarray(held[key], np.float32) for key in ("weight", "bias"))
                labels = tuple(str(label) for label in held["labels"])
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            raise DetectorError(f"{path}: no head of the recogniser: {error}") from error
        if labels != LABELS or weight.ndim != 2 or weight.shape[1:] != (len(LABELS),) != bias.shape:
            raise DetectorError(f"{path}: the head is of another kind or version")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise DetectorError(f"{path}: the head holds numbers that are not finite")
        return cls(weight=weight, bias=bias, labels=labels)

    def write(self, path: Path) -> None:
        """Write the head's file."""
        np.savez(path, weight=self.weight, bias=self.bias, labels=np.array(self.labels))

    def of_cells(self, features: Floats) -> Floats:
        """Return the log odds of each cell (cells × classes) from its features (cells × features)."""
        return features @ self.weight + self.bias

    def of_pictures(self, features: Floats) -> Floats:
        """Return log odds per picture (pictures × classes) from features of pictures × cells × features."""
        return pooled(self.of_cells(features))


def pooled(cells: Floats) -> Floats:
    """Return the log odds of pictures from those of their cells (… × cells × classes): a soft maximum."""
    highest = cells.max(axis=-2, keepdims=True)
    spread = np.exp(SHARPNESS * (cells - highest)).mean(axis=-2)
    return np.asarray(highest[..., 0, :] + np.log(spread) / SHARPNESS, np.float32)


def odds_to_score(odds: Floats) -> Floats:
    """Turn log odds into scores of 0-1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float32)


class CabinModel:
    """The shipped recogniser, or one that was learnt from it: a folder with the network and its head."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self._folder = folder
        self._net = read_net(folder / FEATURES_FILE)
        self.head = Head.read(folder / HEAD_FILE)
        blank = self.features(np.zeros((INPUT_WH[1], INPUT_WH[0], 3), np.uint8))
        if blank.shape != (GRID_WH[0] * GRID_WH[1], len(self.head.weight)):
            raise DetectorError(f"{folder}: the network and the head don't belong together")

    least_score = 0.5

    @property
    def name(self) -> str:
        """The name of the shipped recogniser, or of the user's own."""
        return "cabin" if self._folder == SHIPPED else "learnt"

    def look(self, pixels: Pixels, standing: Mask | None = None) -> Seen:
        """Look at one picture; where it is known what stands out from the empty cabin, at that before all."""
        shown = pixels if standing is None else faint_around(pixels, standing, RIM * pixels.shape[1])
        cells = self.head.of_cells(self.features(shown))
        scores = odds_to_score(pooled(cells))
        places = {
            label: _box(odds_to_score(cells[:, number]), pixels)
            for number, label in enumerate(self.head.labels)
            if label not in (EMPTY, LENS_COVERED) and scores[number] >= BOXED_SCORE
        }
        return Seen(
            scores={label: float(score) for label, score in zip(self.head.labels, scores, strict=True)},
            boxes=places,
        )

    def features(self, pixels: Pixels) -> Floats:
        """Return the features of one picture's cells (cells × features), row by row."""
        canvas, _ = letterbox(evened(pixels), INPUT_WH)
        try:
            self._net.setInput(cv2.dnn.blobFromImage(canvas, 1 / 64, mean=(128.0, 128.0, 128.0)))
            found = np.asarray(self._net.forward(), np.float32)
        except cv2.error as error:
            raise DetectorError(f"{self._folder}: the network fails on a picture: {error.err}") from error
        if found.ndim != 4 or found.shape[2:] != GRID_WH[::-1]:
            raise DetectorError(f"{self._folder}: the network is of another kind: it gives {found.shape}")
        return np.ascontiguousarray(found[0].reshape(found.shape[1], -1).T)


def faint_around(pixels: Pixels, standing: Mask, rim_px: float) -> Pixels:
    """Return a picture in which all is faint that lies further than `rim_px` from what stands."""
    kept = cv2.dilate(standing, np.ones((2 * max(1, round(rim_px)) + 1,) * 2, np.uint8))
    weight = cv2.blur(kept, (5, 5)).astype(np.float32)[..., None] / 255
    mean = np.array(cv2.mean(pixels)[:3], np.float32)
    return np.asarray(mean + (pixels - mean) * (1 - FAINT * (1 - weight)), np.uint8)


def evened(pixels: Pixels) -> Pixels:
    """Return a picture whose darks and lights lie where those of others do: cabins are dim or glaring."""
    sample = pixels[::4, ::4].max(axis=2)
    dark, light = (float(level) for level in np.percentile(sample, (3, 97)))
    gain = min(MOST_GAIN, (LIGHT - DARK) / max(1.0, light - dark))
    levels = np.clip((np.arange(256) - dark) * gain + DARK, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, levels), np.uint8)


def _box(scores: Floats, pixels: Pixels) -> BoxXyxy:
    """Return the rectangle around the best cell and those joined to it that are nearly as sure."""
    grid = scores.reshape(GRID_WH[::-1])
    sure = (grid >= BOX_SHARE * grid.max()).astype(np.uint8)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(sure, connectivity=4)
    x, y, width, height, _ = stats[numbers.ravel()[int(scores.argmax())]]
    tall, wide = pixels.shape[:2]
    scale = CELL_PX / min(INPUT_WH[0] / wide, INPUT_WH[1] / tall)
    return (
        float(x * scale),
        float(y * scale),
        float(min(wide, (x + width) * scale)),
        float(min(tall, (y + height) * scale)),
    )
