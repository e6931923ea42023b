"""Notice that something covers the lens of a cabin camera, or that the camera was turned.

Both are told from edges: walls, ceiling and rails of the empty cabin stay where they are, even in a crowd.
Where few of them are left the picture is either blank (covered) or sharp (turned).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Pixels

Trouble: TypeAlias = Literal["lens_covered", "camera_moved"]
Floats: TypeAlias = NDArray[np.float32]

WORK_WH = (128, 96)
"""Edges are compared at this size: noise averages out, a cabin's seams and corners stay."""

EDGE_LEVELS = 18.0
"""Slope of grey (Sobel, 0-255 a step of 4) from which a pixel of the empty cabin is an edge."""

FAINT = 0.35
"""Share of its slope that an edge keeps under less light."""

SAME_WAY = 0.8
"""Cosine between two slopes of one edge."""

KEPT_LEAST = 0.5
"""Share of edges below which another scene, or none, is seen: rendered crowds of nine left 0.64 and more,
turned cameras 0.43 and less (light falls off the same way everywhere)."""

SHARP_LEAST = 0.3
"""Share of the empty cabin's mean slope below which the picture is blank."""

DARK_LEVEL, FLAT_LEVELS = 14.0, 7.0
"""Mean and spread of grey under which a picture shows nothing, whatever was learnt."""

COVERED_AFTER, MOVED_AFTER = timedelta(seconds=1.0), timedelta(seconds=4.0)
"""A hand that passes takes less; who squeezes past the lens takes less than the longer one."""

OVER_AFTER = timedelta(seconds=2.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edges:
    """Where an empty cabin has edges, their slopes, and how steep the whole picture is."""

    where: NDArray[np.bool_]
    across: Floats
    down: Floats
    steep: float


@dataclass(kw_only=True, slots=True)
class LensMemory:
    """What is wrong with the lens, since when; `edges` are those of the empty cabin."""

    edges: _Edges | None = None
    trouble: Trouble | None = None
    began_at: datetime | None = None
    seems: Trouble | None = None
    seems_since: datetime | None = None
    was_clear: bool = field(default=False)

    def learn(self, pixels: Pixels) -> None:
        """Take the edges of a picture of the empty cabin; one that has hardly any teaches nothing."""
        found = _edges(pixels)
        if np.count_nonzero(found.where) >= 100:
            self.edges = found

    def take_in(self, pixels: Pixels, at: datetime) -> Sequence[Trouble]:
        """Take in a picture; return what is wrong since now."""
        seems = self._seems(pixels)
        if seems != self.seems:
            self.seems, self.seems_since = seems, at
        since = self.seems_since or at
        if seems is None:
            self.was_clear = True
            if self.trouble is not None and at - since >= OVER_AFTER:
                self.trouble = None
            return ()
        after = COVERED_AFTER if seems == "lens_covered" else MOVED_AFTER
        if self.trouble == seems or at - since < after or not self.was_clear:
            return ()
        self.trouble, self.began_at = seems, since
        return (seems,)

    def _seems(self, pixels: Pixels) -> Trouble | None:
        small = _grey(pixels)
        mean, deviation = cv2.meanStdDev(small)
        if mean[0, 0] < DARK_LEVEL or deviation[0, 0] < FLAT_LEVELS:
            return "lens_covered"
        if self.edges is None:
            return None
        across, down = _slopes(small)
        known = self.edges
        product = across * known.across + down * known.down
        steep, before = np.hypot(across, down), np.hypot(known.across, known.down)
        kept = (product > SAME_WAY * steep * before) & (steep > FAINT * EDGE_LEVELS)
        if kept[known.where].mean() >= KEPT_LEAST:
            return None
        return "lens_covered" if steep.mean() < SHARP_LEAST * known.steep else "camera_moved"


def _edges(pixels: Pixels) -> _Edges:
    across, down = _slopes(_grey(pixels))
    steep = np.hypot(across, down)
    return _Edges(where=steep >= EDGE_LEVELS, across=across, down=down, steep=float(steep.mean()))


def _slopes(grey: Pixels) -> tuple[Floats, Floats]:
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return (
        np.asarray(cv2.Sobel(soft, cv2.CV_32F, 1, 0)),
        np.asarray(cv2.Sobel(soft, cv2.CV_32F, 0, 1)),
    )


def _grey(pixels: Pixels) -> Pixels:
    small = cv2.resize(pixels, WORK_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
