"""What of a camera's picture is façade, and how its pixels relate to metres as far as that is known."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.throwing.curve import Floats
from gridwatch.facade import FacadeView

LEAST_PX_PER_M = 6.0
"""A bag of 0.3 m must cover two pixels to be seen at all; a scale below it is not that of anything seen."""

LEAST_VIEW_M = 5.0
"""A picture that shows less of a façade's height shows no fall of two floors."""

USUAL_VIEW_M = 40.0
"""Height of façade that a picture shows, for a first guess where nobody measured it."""

MOST_BEFORE_FACADE = 1.6
"""A thing that falls 6 m before a façade 16 m away has so many times its pixels per metre."""

MARGIN = 0.12
"""Of the picture's height around the façade: what is thrown far out or drifts in wind is seen beside it."""

GRID = 16
"""Pixels from one place to the next where the scale is worked out beforehand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """The part of pictures of one size that is watched; `view` is None where nobody said."""

    size_wh: tuple[int, int]
    view: FacadeView | None = None
    scales: Floats | None = field(init=False, default=None)
    """Pixels per metre at every GRID pixels, where the view is calibrated."""

    def __post_init__(self) -> None:
        if self.view is not None and self.view.calibration is not None:
            x, y = self._places(GRID)
            scales = self.view.px_per_m(x, y)
            assert scales is not None  # noqa: S101 - there is a calibration
            object.__setattr__(self, "scales", np.clip(np.nan_to_num(scales, nan=1.0), 1.0, self.height))

    @property
    def height(self) -> int:
        """Of the picture, in pixels."""
        return self.size_wh[1]

    @property
    def measured(self) -> bool:
        """Whether metres are known."""
        return self.scales is not None

    def px_per_m(self, x: Floats, y: Floats) -> Floats:
        """Return the pixels of one metre of height at places, or a guess where it was not measured."""
        if self.scales is None:
            return np.full(x.shape, self.height / USUAL_VIEW_M)
        rows = np.clip(y / GRID, 0, self.scales.shape[0] - 1).astype(int)
        columns = np.clip(x / GRID, 0, self.scales.shape[1] - 1).astype(int)
        found: Floats = self.scales[rows, columns]
        return found

    def cells(self, side: int) -> NDArray[np.bool_]:
        """Return which cells of `side` pixels are watched, by their centres: the façade with MARGIN around
        it, without the masks."""
        x, y = self._places(side)
        if self.view is None:
            return np.ones(x.shape, bool)
        facade = replace(self.view, masks=()).inside(x, y).astype(np.uint8)
        reach = 2 * round(MARGIN * self.height / side) + 1
        grown = np.asarray(cv2.dilate(facade, np.ones((reach, reach), np.uint8)), bool)
        return grown & replace(self.view, polygon=()).inside(x, y)

    def has(self, x: float, y: float) -> bool:
        """Tell whether a place is façade, from where things may come."""
        within = 0 <= x < self.size_wh[0] and 0 <= y < self.size_wh[1]
        return within and (self.view is None or bool(self.view.inside(x, y)))

    def masks(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Tell which places of the picture a mask covers: nothing is seen there, and much may pass."""
        if self.view is None or not self.view.masks:
            return np.zeros(x.shape, bool)
        within = (x >= 0) & (x < self.size_wh[0]) & (y >= 0) & (y < self.size_wh[1])
        return within & ~replace(self.view, polygon=()).inside(x, y)

    def levelled(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return a track, or one a row, as a camera straight before the façade would see it, with the scale
        of its start.

        Where nothing was measured it is returned as it is.
        """
        if self.view is None or self.view.calibration is None:
            return x, y
        metres = self.view.calibration.on_facade(np.stack([x, y], axis=-1))
        scale = self.px_per_m(x[..., :1], y[..., :1])
        return np.asarray(metres[..., 0] * scale, float), np.asarray(-metres[..., 1] * scale, float)

    def scale_bounds(self, x: float, y: float, size_px: float, largest_m: float) -> tuple[float, float]:
        """Return the least and the most pixels per metre that a thing of `size_px`, first seen there, may
        have."""
        if self.scales is None:
            return max(LEAST_PX_PER_M, size_px / largest_m), self.height / LEAST_VIEW_M
        scale = float(self.px_per_m(np.array([x]), np.array([y]))[0])
        return 0.8 * scale, MOST_BEFORE_FACADE * scale

    def _places(self, side: int) -> tuple[Floats, Floats]:
        width, height = self.size_wh
        x: Floats = np.arange(side / 2, width, side)
        y: Floats = np.arange(side / 2, height, side)
        return np.broadcast_to(x, (len(y), len(x))), np.broadcast_to(y[:, None], (len(y), len(x)))
