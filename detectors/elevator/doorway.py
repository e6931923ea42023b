"""Learn where a cabin's door is, from what changes first whenever the empty cabin is opened.

Who stands on the landing is seen through the open door, but is not in the lift: of what the door covers
nothing counts, as long as nothing else is there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import cv2
import numpy as np

from detectors.elevator.background import Floats, Mask

OPENS_WITHIN = timedelta(seconds=0.9)
"""A door takes 1 to 2 s to open; before it is half open nobody is through it."""

NEW_SHARE = 0.34
"""Weight of the newest opening: one in which somebody hurried in is outvoted."""

DOOR_SHARE = 0.5
"""Pixels that changed in this share of the openings belong to the door."""

GROWN_PX = 9
"""A door's leaves were not wholly open yet while it was learnt."""

LEAST_SHARE, MOST_SHARE = 0.004, 0.4
"""Of the picture: what is smaller is a blink of a lamp, what is larger is no door alone."""


@dataclass(kw_only=True, slots=True)
class Doorway:
    """How often each pixel changed while the door opened, at work size; None until it was seen open."""

    share: Floats | None = None
    opening: Mask | None = None
    opened_at: datetime | None = None

    def take_in(self, standing: Mask, at: datetime, *, is_clear: bool) -> None:
        """Take in what stands out from the empty cabin; `is_clear`: nothing does."""
        if is_clear:
            self.opening, self.opened_at = None, None
            return
        if self.opened_at is None:
            self.opened_at, self.opening = at, standing.copy()
            return
        if self.opening is None:
            return
        if at - self.opened_at <= OPENS_WITHIN:
            self.opening = np.asarray(cv2.bitwise_or(self.opening, standing), np.uint8)
            return
        self._learn(self.opening)
        self.opening = None

    def beyond(self, standing: Mask) -> Mask:
        """Return what stands out elsewhere than in the door."""
        door = self.mask
        return (
            standing
            if door is None
            else np.asarray(cv2.bitwise_and(standing, cv2.bitwise_not(door)), np.uint8)
        )

    @property
    def mask(self) -> Mask | None:
        """Return the pixels of the door, or None until it was seen open."""
        return None if self.share is None else np.where(self.share >= DOOR_SHARE, 255, 0).astype(np.uint8)

    def _learn(self, opening: Mask) -> None:
        part = np.count_nonzero(opening) / opening.size
        if not LEAST_SHARE <= part <= MOST_SHARE:
            return
        grown = cv2.morphologyEx(opening, cv2.MORPH_CLOSE, np.ones((GROWN_PX, GROWN_PX), np.uint8))
        grown = cv2.dilate(grown, np.ones((GROWN_PX, GROWN_PX), np.uint8))
        newest = (grown > 0).astype(np.float32)
        self.share = newest if self.share is None else (1 - NEW_SHARE) * self.share + NEW_SHARE * newest
