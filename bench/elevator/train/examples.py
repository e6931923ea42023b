"""Pictures to learn from, and what is known to be in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.elevator.background import Mask
from detectors.elevator.recogniser import LABELS
from gridwatch.model import BoxXyxy, Pixels

Box = tuple[str, BoxXyxy]
"""A label and its rectangle in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One picture with its boxes; of labels in neither `boxes` nor `absent` nobody knows.

    `whole` are labels of the picture as a whole (`empty`, `lens_covered`). `mask`, where it is known, has per
    pixel 1 more than the number of the label that is seen there, OTHER where none is for it, 0 for the cabin.
    """

    pixels: Pixels
    boxes: Sequence[Box] = ()
    whole: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    source: str = ""
    mask: Mask | None = None


NO_VEHICLE = frozenset({"ebike", "bicycle", "wheelchair", "pram", "trolley"})
WHOLE = frozenset({"empty", "lens_covered"})

OTHER = 255


def standing_of(mask: Mask) -> Mask:
    """Return 255 where a mask of labels shows anything but the cabin."""
    return np.asarray((mask > 0) * np.uint8(255), np.uint8)


NUMBER: Mapping[str, int] = {label: number for number, label in enumerate(LABELS)}


def labels_of(example: Example) -> frozenset[str]:
    """Return what is known to be in a picture."""
    return frozenset({label for label, _ in example.boxes}) | example.whole


def truth_of(labels: frozenset[str], absent: frozenset[str]) -> NDArray[np.float32]:
    """Return 1, 0 or not-a-number (unknown) per class."""
    row = np.full(len(LABELS), np.nan, np.float32)
    row[[NUMBER[label] for label in absent]] = 0
    row[[NUMBER[label] for label in labels]] = 1
    return row
