"""Find small things that move, against the noise of their own place in the picture."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Picture, Pixels

Spots: TypeAlias = NDArray[np.float64]
"""One row per spot: x, y (centre), size (longer side), peak (grey levels above its surroundings' past)."""

LAG_S = 0.1
"""Between the three pictures compared. At 30 pictures a second a thing that moves by a pixel a picture still
covers new ground; neighbouring pictures would show only things that move by half their own size."""

CELL = 8
"""Pixels along a side of the cells whose noise is learnt: finer than a branch, coarser than a leaf's
swing."""

LEAST_CONTRAST = 10.0
"""Grey levels. Two video codings of the same still scene differ by up to about eight."""

NOISE_FACTOR = 4.0
"""Mean deviations above a cell's mean peak: noise that is not Gaussian passes it in about one of a thousand
cells."""

MEMORY = 40
"""Pictures over which a cell's noise is averaged: long against a fall through one cell, short against a
gust."""

MOST_SPOTS = 48
"""Per picture, the strongest: more is rain or a gust, and the search for seeds grows with the cube."""

LARGEST_SHARE = 0.2
"""Of the picture's longer side. Nothing that is thrown is as large in a picture of a façade."""

DISTURBED_SHARE = 0.25
"""Of the cells that move at once: then it is the camera or the light. Trees and rain are in their cells'
noise."""

SHIFT_PX = 0.6
"""Between two pictures, at a quarter of their size × 4. Below it edges stay under their cells' limits."""

SHIFTED_SHARE = 0.1
"""Of the cells that move when the picture shifts: its edges. Less is a large thing that passes."""

SHIFT_RESPONSE = 0.3
"""Of the phase correlation: below it the picture has no structure that could tell a shift."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What moved in one picture. `shift_px` and `changed_share` say how much the whole picture changed."""

    at: datetime
    spots: Spots
    shift_px: float
    changed_share: float

    @property
    def disturbed(self) -> bool:
        """Whether camera or light changed, so that spots mean nothing."""
        return self.changed_share > DISTURBED_SHARE or (
            self.shift_px > SHIFT_PX and self.changed_share > SHIFTED_SHARE
        )


@dataclass(kw_only=True, slots=True)
class SpotFinder:
    """The last pictures of one camera, and the noise it has learnt of each place."""

    pictures: deque[tuple[datetime, Pixels]] = field(default_factory=deque)
    compared: int = 0
    mean: NDArray[np.float32] | None = None
    deviation: NDArray[np.float32] | None = None
    middle: int = 0
    quarter: NDArray[np.float32] | None = None

    def see(self, picture: Picture) -> list[Sighting]:
        """Take in the next picture; return what moved in those that now have a past and a future."""
        grey = cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        self.pictures.append((picture.at, grey))
        found = []
        while (triple := self._next_triple()) is not None:
            found.append(self._compare(*triple))
            self.middle += 1
        return found

    def _next_triple(self) -> tuple[Pixels, datetime, Pixels, Pixels] | None:
        """Return past, middle and future for the next picture to judge; drop what is no longer needed."""
        newest_at, newest = self.pictures[-1]
        while self.middle < len(self.pictures):
            at, grey = self.pictures[self.middle]
            if (newest_at - at).total_seconds() < LAG_S * 0.95:
                return None
            while len(self.pictures) > 1 and (at - self.pictures[1][0]).total_seconds() >= LAG_S * 0.95:
                self.pictures.popleft()
                self.middle -= 1
            past_at, past = self.pictures[0]
            if (at - past_at).total_seconds() >= LAG_S * 0.95:
                return past, at, grey, newest
            self.middle += 1
        return None

    def _compare(self, past: Pixels, at: datetime, grey: Pixels, future: Pixels) -> Sighting:
        moved: Pixels = np.minimum(cv2.absdiff(grey, past), cv2.absdiff(grey, future)).astype(
            np.uint8, copy=False
        )
        peaks = _peaks(moved)
        limits = self._limits(peaks.astype(np.float32))
        share = float(np.mean(peaks > limits))
        shift = self._shift(grey)
        self._learn(peaks.astype(np.float32))
        spots = np.empty((0, 4)) if share > DISTURBED_SHARE else _spots(moved, peaks, limits)
        return Sighting(at=at, spots=spots, shift_px=shift, changed_share=share)

    def _limits(self, peaks: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.mean is None or self.deviation is None or self.mean.shape != peaks.shape:
            # Nothing is known yet: what is usual in this picture is taken for noise everywhere.
            self.mean = np.minimum(peaks, np.median(peaks))
            self.deviation = np.full_like(peaks, max(2.0, float(np.median(peaks)) / 2))
            self.compared = 0
        return np.minimum(np.maximum(LEAST_CONTRAST, self.mean + NOISE_FACTOR * self.deviation), 254)

    def _learn(self, peaks: NDArray[np.float32]) -> None:
        assert self.mean is not None and self.deviation is not None  # noqa: S101, PT018 - set by _limits
        self.compared = min(self.compared + 1, MEMORY)
        rate = 1 / (self.compared + 1)
        self.deviation += rate * (np.abs(peaks - self.mean) - self.deviation)
        self.mean += rate * (peaks - self.mean)

    def _shift(self, grey: Pixels) -> float:
        """Return by how many pixels the picture moved since the one before."""
        quarter = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self.quarter = self.quarter, quarter
        if before is None or before.shape != quarter.shape:
            return 0.0
        (dx, dy), response = cv2.phaseCorrelate(before, quarter)
        return 4 * float(np.hypot(dx, dy)) if response > SHIFT_RESPONSE else 0.0


def _peaks(moved: Pixels) -> Pixels:
    """Return each cell's largest value (height / CELL × width / CELL, rounded up)."""
    grown = cv2.dilate(moved, np.ones((CELL, CELL), np.uint8), anchor=(0, 0))
    return np.ascontiguousarray(grown[::CELL, ::CELL], dtype=np.uint8)


def _spots(moved: Pixels, peaks: Pixels, limits: NDArray[np.float32]) -> Spots:
    """Return the strongest spots.

    Cells are joined first: pixels are joined only where something moved, which is ten times faster.
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats((peaks > limits).astype(np.uint8))
    rows: list[tuple[float, float, float, float]] = []
    for left, top, width, height, _ in stats[1:][np.argsort(-stats[1:, cv2.CC_STAT_AREA])][: 4 * MOST_SPOTS]:
        limit = float(limits[top : top + height, left : left + width].min())
        x, y = max(0, (left - 1) * CELL), max(0, (top - 1) * CELL)
        part = moved[y : (top + height + 1) * CELL, x : (left + width + 1) * CELL]
        rows += _spots_in_part(part, limit, x, y)
    largest = LARGEST_SHARE * max(moved.shape)
    rows = sorted((row for row in rows if row[2] <= largest), key=lambda row: -row[3] * row[2])
    return np.array(rows[:MOST_SPOTS], dtype=np.float64).reshape(-1, 4)


def _spots_in_part(part: Pixels, limit: float, x: int, y: int) -> Iterator[tuple[float, float, float, float]]:
    """Yield the spots of a part of the picture whose corner lies at x, y; gaps of two pixels are bridged."""
    mask = cv2.dilate((part > limit).astype(np.uint8), np.ones((3, 3), np.uint8))
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask)
    for index in range(1, count):
        left, top, width, height = (int(v) for v in stats[index, :4])
        own = labels[top : top + height, left : left + width] == index
        peak = float(part[top : top + height, left : left + width][own].max())
        yield x + centres[index, 0], y + centres[index, 1], float(max(1, max(width, height) - 2)), peak
