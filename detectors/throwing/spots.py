"""Find small things that move, against the noise of their own place in the picture."""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.throwing.watched import Watched
from gridwatch.model import Pixels

Spots: TypeAlias = NDArray[np.float64]
"""One row per spot: x, y (centre), size (longer side), peak (grey levels above its surroundings' past)."""

LAG_S = 0.1
"""Between the three pictures compared. At 30 pictures a second a thing that moves by a pixel a picture still
covers new ground; neighbouring pictures would show only things that move by half their own size."""

CELL = 8
"""Pixels along a side of the cells whose noise is learnt: finer than a branch, coarser than a leaf's
swing."""

SUBCELL = 4
"""Of those that are joined to spots: things so far apart are seen as two."""

SOFTENED_PX = 3
"""Side of the squares that pictures are averaged over before they are compared. It takes two thirds of the
sensor's noise, and little of a thing of 4 pixels: tens of spots a picture by night become one or two."""

LEAST_CONTRAST = 7.0
"""Grey levels, so averaged. Two video codings of the same still scene differ by up to about eight in single
pixels."""

NOISE_FACTOR = 4.0
"""Mean deviations above a cell's mean peak: noise that is not Gaussian passes it in about one of a thousand
cells."""

MEMORY = 40
"""Pictures over which a cell's noise is averaged: long against a fall through one cell, short against a
gust."""

CLUTTER_MEMORY = 250
"""Pictures over which is counted how often something moves in a cell."""

CLUTTER_WEIGHT = 5.0
"""By which the noise factor rises, times the share of pictures in which something moves there. A tree that
moves in a fifth of them must move twice as much to be seen."""

MOST_SPOTS = 256
"""Per picture, the strongest. Where there are more, all limits rise until there are not. Heavy snow has some
hundred and fifty."""

LOAD_STEP, LOAD_REST, MOST_LOAD = 1.05, 0.99, 4.0
"""By which limits rise and sink from picture to picture under load, and how far."""

LARGEST_SHARE = 0.2
"""Of the picture's longer side. Nothing that is thrown is as large in a picture of a façade."""

DISTURBED_SHARE = 0.25
"""Of the cells that move at once: then it is the camera or the light. Trees and rain are in their cells'
noise."""

FAINTEST_SHARE = 0.5
"""Of its cell's limit that a pixel of a spot must reach."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """What moved in one picture. `changed_share` of the watched cells did."""

    t: float
    spots: Spots
    changed_share: float

    @property
    def disturbed(self) -> bool:
        """Whether camera or light changed, so that spots mean nothing."""
        return self.changed_share > DISTURBED_SHARE


@dataclass(kw_only=True, slots=True)
class SpotFinder:
    """The last pictures of one camera, and the noise that it has learnt of each place."""

    watched: Watched
    pictures: deque[tuple[float, Pixels]] = field(default_factory=deque)
    middle: int = 0
    """Of `pictures`: the next to be judged."""
    compared: int = 0
    cells: NDArray[np.bool_] = field(init=False)
    mean: NDArray[np.float32] = field(init=False)
    deviation: NDArray[np.float32] = field(init=False)
    clutter: NDArray[np.float32] = field(init=False)
    load: float = 1.0
    buffers: tuple[Pixels, Pixels] = field(init=False)

    def __post_init__(self) -> None:
        width, height = self.watched.size_wh
        rows, columns = height // CELL, width // CELL
        self.cells = self.watched.cells(CELL)[:rows, :columns]
        self.mean, self.deviation, self.clutter = (np.zeros((rows, columns), np.float32) for _ in range(3))
        self.buffers = tuple(np.empty((rows * CELL, columns * CELL), np.uint8) for _ in range(2))  # type: ignore[assignment]

    def see(self, grey: Pixels, t: float) -> list[Sighting]:
        """Take in the next picture; return what moved in those that now have a past and a future.

        Rows and columns at the lower and right edge that fill no cell are left out.
        """
        height, width = self.buffers[0].shape
        self.pictures.append(
            (t, np.asarray(cv2.blur(grey[:height, :width], (SOFTENED_PX, SOFTENED_PX)), np.uint8))
        )
        found = []
        while (triple := self._next_triple()) is not None:
            found.append(self._compare(*triple))
            self.middle += 1
        return found

    def forget_pictures(self) -> None:
        """Compare nothing to come with what was; the noise of each place stays known."""
        self.pictures.clear()
        self.middle = 0

    def _next_triple(self) -> tuple[Pixels, float, Pixels, Pixels] | None:
        """Return past, middle and future for the next picture to judge; drop what is no longer needed."""
        newest_t, newest = self.pictures[-1]
        while self.middle < len(self.pictures):
            t, grey = self.pictures[self.middle]
            if newest_t - t < LAG_S * 0.95:
                return None
            while len(self.pictures) > 1 and t - self.pictures[1][0] >= LAG_S * 0.95:
                self.pictures.popleft()
                self.middle -= 1
            past_t, past = self.pictures[0]
            if t - past_t >= LAG_S * 0.95:
                return past, t, grey, newest
            self.middle += 1
        return None

    def _compare(self, past: Pixels, t: float, grey: Pixels, future: Pixels) -> Sighting:
        moved, other = self.buffers
        cv2.absdiff(grey, past, moved)
        cv2.absdiff(grey, future, other)
        cv2.min(moved, other, moved)
        fine = _peaks(moved)
        peaks = np.maximum(fine[::2], fine[1::2])
        peaks = np.maximum(peaks[:, ::2], peaks[:, 1::2])
        limits = self._limits(peaks)
        hits = peaks > limits
        share = float(hits.sum()) / max(1.0, float(self.cells.sum()))
        self._learn(np.minimum(peaks, limits).astype(np.float32), hits)
        spots = np.empty((0, 4))
        if share <= DISTURBED_SHARE:
            spots = self._strongest(_spots(moved, fine, limits))
        return Sighting(t=t, spots=spots, changed_share=share)

    def _limits(self, peaks: Pixels) -> Pixels:
        """Return the grey levels that a cell's peak must pass; 255, which none does, where none is
        watched."""
        if not self.compared:
            # Nothing is known yet: what is usual in this picture is taken for noise everywhere.
            usual = float(np.median(peaks))
            np.minimum(peaks, usual, out=self.mean)
            self.deviation[:] = max(2.0, usual / 2)
        factor = NOISE_FACTOR * self.load * (1 + CLUTTER_WEIGHT * self.clutter)
        limits = np.clip(self.mean + factor * self.deviation, LEAST_CONTRAST * self.load, 254)
        return np.where(self.cells, limits, 255).astype(np.uint8)

    def _learn(self, peaks: NDArray[np.float32], hits: NDArray[np.bool_]) -> None:
        """Take peaks for noise, those above their limits for no more than these.

        So flakes that cross a cell in one picture of fifteen hide nothing that falls there; where something
        moves in every fifth, limits still rise above it, within six seconds.
        """
        self.compared = min(self.compared + 1, MEMORY)
        rate = 1 / (self.compared + 1)
        self.deviation += rate * (np.abs(peaks - self.mean) - self.deviation)
        self.mean += rate * (peaks - self.mean)
        self.clutter += (hits - self.clutter) / CLUTTER_MEMORY

    def _strongest(self, spots: Spots) -> Spots:
        """Return the strongest spots, and raise or lower the limits of the next picture."""
        crowded = len(spots) > MOST_SPOTS
        self.load = min(max(self.load * (LOAD_STEP if crowded else LOAD_REST), 1.0), MOST_LOAD)
        if not crowded:
            return spots
        return spots[np.argsort(-spots[:, 2] * spots[:, 3], kind="stable")[:MOST_SPOTS]]


def _peaks(moved: Pixels) -> Pixels:
    """Return each subcell's largest value (height / SUBCELL × width / SUBCELL).

    Rows first, as whole rows: half the cost of a dilation in both directions.
    """
    rows = cv2.max(cv2.max(moved[::4], moved[1::4]), cv2.max(moved[2::4], moved[3::4]))
    grown = cv2.dilate(rows, np.ones((1, SUBCELL), np.uint8), anchor=(0, 0))
    return np.ascontiguousarray(grown[:, ::SUBCELL], dtype=np.uint8)


def _spots(moved: Pixels, fine: Pixels, limits: Pixels) -> Spots:
    """Return the spots that subcells above their cells' limits make up, where they touch.

    Pixels are looked at only in those subcells, all at once: twenty times faster than joining pixels.
    """
    limits = np.asarray(cv2.resize(limits, fine.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    above = np.asarray(cv2.compare(fine, limits, cv2.CMP_GT), np.uint8)
    if not cv2.countNonZero(above):
        return np.empty((0, 4))
    columns, rows = np.asarray(cv2.findNonZero(above), np.int32).reshape(-1, 2).T
    _, labels = cv2.connectedComponents(above, ltype=cv2.CV_16U)
    own = labels[rows, columns]
    order = np.argsort(own, kind="stable")
    rows, columns, own = rows[order], columns[order], own[order]
    starts = np.flatnonzero(np.diff(own, prepend=0))
    tiles = moved.reshape(fine.shape[0], SUBCELL, fine.shape[1], SUBCELL)[rows, :, columns, :]
    bright = np.where(tiles > FAINTEST_SHARE * limits[rows, columns, None, None], tiles, 0).astype(np.float64)
    weight = np.add.reduceat(bright.sum(axis=(1, 2)), starts)
    inner = np.arange(SUBCELL)
    y, y_first, y_last = _extent(bright.sum(axis=2), rows, inner, starts)
    x, x_first, x_last = _extent(bright.sum(axis=1), columns, inner, starts)
    size = np.maximum(x_last - x_first, y_last - y_first) + 1.0
    peak = np.maximum.reduceat(tiles.max(axis=(1, 2)), starts)
    spots = np.column_stack([x / weight, y / weight, size, peak])
    kept: Spots = spots[size <= LARGEST_SHARE * max(moved.shape)]
    return kept


def _extent(
    profile: NDArray[np.float64], tile: NDArray[np.int32], inner: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the weighted sum of positions, the first and the last position of each spot along one side."""
    place = tile[:, None] * SUBCELL + inner
    lit = profile > 0
    total = np.add.reduceat((profile * place).sum(axis=1), starts)
    first = np.minimum.reduceat(np.where(lit, place, 1 << 30).min(axis=1), starts)
    last = np.maximum.reduceat(np.where(lit, place, -1).max(axis=1), starts)
    return total, first, last
