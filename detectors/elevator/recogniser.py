"""What a recogniser is: one picture of a cabin in, how surely each class is in it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from detectors.elevator.background import Mask
from gridwatch.model import BoxXyxy, Pixels

EBIKE = "ebike"
"""An e-bike, moped or motorcycle."""

SUSPECTED = "suspected_ebike"
"""What is likely one, and not sure enough for a lift to be held."""

EMPTY = "empty"
"""A cabin without anybody."""

LENS_COVERED = "lens_covered"

LABELS = (EBIKE, "bicycle", "wheelchair", "pram", "trolley", "suitcase", "person", EMPTY, LENS_COVERED)
"""What the shipped recogniser tells apart; several may be in one picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one picture shows: a score of 0-1 per class, and where those lie that have a place.

    A recogniser gives a score for every class it knows, also 0; a class that it doesn't know is missing.
    Boxes are in pixels of the picture. There are none of `empty` and `lens_covered`, and none of a class
    that is hardly seen.
    """

    scores: Mapping[str, float]
    boxes: Mapping[str, BoxXyxy] = field(default_factory=dict)


class Recogniser(Protocol):
    """Tells what is in one picture, without memory; building one raises DetectorError for wrong weights."""

    @property
    def name(self) -> str:
        """What is written beside a finding."""
        ...

    @property
    def least_score(self) -> float:
        """From here a class counts as seen in a picture that is judged alone."""
        ...

    def look(self, pixels: Pixels, standing: Mask | None = None) -> Seen:
        """Look at one picture (height × width × 3, blue green red).

        `standing`, where the empty cabin is known: what stands out from it, of the picture's size.
        """
        ...
