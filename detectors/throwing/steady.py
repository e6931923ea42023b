"""Hold the picture of a camera that shakes in its place."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Pixels

Small: TypeAlias = NDArray[np.float32]
"""A picture shrunk for comparison."""

SMALL_WIDTH = 240
"""Pixels: an eighth of a 1080p picture, at a tenth of the cost of the whole. Shifts of a pixel or two of
the whole picture are found to half a pixel, larger ones to a tenth of themselves."""

ALIKE = 0.8
"""Correlation of two pictures of one scene in one light; below it a shift is looked for over the whole
picture."""

OTHER_VIEW = 0.4
"""Correlation below which it is another scene: clouds and lamps leave more."""

FARTHEST_SHARE = 0.08
"""Of the width. A view moved by more is another view."""

SHAKING_PX = 0.8
"""Of the whole picture, from which it is moved back. Below it edges stay under their cells' limits."""

STILL_S = 2.0
"""After which a camera that shook is calm, and its pictures are taken as they come."""

ADOPT_S = 1.0
"""After which a view that stays where it moved to is the one to compare with."""

REFRESH_S = 5.0
"""After which the picture compared with is replaced in calm, for light wanders."""

OUTLIER = 2.0
"""Median deviations from which a pixel counts little for the shift: something moves there by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Steadied:
    """A picture moved back to where it should be. `shift_px` is by how much; None: it is another view."""

    grey: Pixels
    shift_px: float | None
    adopted: bool = False
    """Whether this picture is the first of a new view: nothing before compares with it."""


@dataclass(kw_only=True, slots=True)
class Steadier:
    """The small picture that the next ones are compared with. Times in seconds."""

    reference: Small | None = None
    reference_t: float = 0.0
    shook_t: float | None = None
    away_since: float | None = None
    """When the view came to rest elsewhere, at `away_xy`."""
    away_xy: tuple[float, float] = (0.0, 0.0)

    def steady(self, grey: Pixels, shrunk_grey: Pixels, t: float) -> Steadied:
        """Return the picture as it would be without the camera's shaking."""
        # Blurred, for gradients that hold over a pixel or so.
        small: Small = cv2.GaussianBlur(shrunk_grey, (5, 5), 1.0).astype(np.float32)
        if self.reference is None:
            return self._adopt(grey, small, t)
        dx, dy, alike = _shift(self.reference, small)
        scale = grey.shape[1] / small.shape[1]
        dx, dy = dx * scale, dy * scale
        shift = float(np.hypot(dx, dy))
        lost = alike < OTHER_VIEW or shift > FARTHEST_SHARE * grey.shape[1]
        if self._rests_away((dx, dy), lost=lost, away=lost or shift > SHAKING_PX, t=t):
            return self._adopt(grey, small, t)
        if lost:
            return Steadied(grey=grey, shift_px=None)
        if shift > SHAKING_PX:
            self.shook_t = t
        if self.shook_t is not None and t - self.shook_t < STILL_S:
            return Steadied(grey=moved_back(grey, dx, dy), shift_px=shift)
        if t - self.reference_t > REFRESH_S:
            self.reference, self.reference_t = small, t
        return Steadied(grey=grey, shift_px=shift)

    def _adopt(self, grey: Pixels, small: Small, t: float) -> Steadied:
        self.reference, self.reference_t = small, t
        self.shook_t = self.away_since = None
        return Steadied(grey=grey, shift_px=0.0, adopted=True)

    def _rests_away(self, xy: tuple[float, float], *, lost: bool, away: bool, t: float) -> bool:
        """Tell whether the view has rested at another place for long enough to be the new one."""
        if not away:
            self.away_since = None
            return False
        moves = not lost and float(np.hypot(xy[0] - self.away_xy[0], xy[1] - self.away_xy[1])) > SHAKING_PX
        if self.away_since is None or moves:
            self.away_since, self.away_xy = t, xy
        return t - self.away_since >= ADOPT_S


def shrunk(grey: Pixels) -> Pixels:
    """Return the picture at about SMALL_WIDTH, a whole fraction of its size and at most a quarter.

    Sides are even: where one is odd, OpenCV's phase correlation is off by half a pixel.
    """
    factor = max(4, round(grey.shape[1] / SMALL_WIDTH))
    height, width = (max(1, side // factor // 2) * 2 for side in grey.shape)
    part = grey[: height * factor, : width * factor]
    while factor % 2 == 0:  # Halving again and again takes a fifth of the time.
        factor //= 2
        part = np.asarray(cv2.resize(part, (width * factor, height * factor), interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def moved_back(grey: Pixels, dx: float, dy: float) -> Pixels:
    """Return the picture moved by -dx, -dy; edges are repeated.

    Two weighted sums of neighbouring rows and columns: a third of the cost of a general warp.
    """
    left, top = int(np.floor(dx)), int(np.floor(dy))
    margin = max(abs(left), abs(top)) + 1
    wide = np.pad(grey, margin, mode="edge")
    height, width = grey.shape
    wide = wide[margin + top : margin + top + height + 1, margin + left : margin + left + width + 1]
    wide = _between(wide[:-1], wide[1:], dy - top)
    return _between(wide[:, :-1], wide[:, 1:], dx - left)


def _between(first: Pixels, second: Pixels, share: float) -> Pixels:
    return np.asarray(cv2.addWeighted(first, 1 - share, second, share, 0), np.uint8)


def _shift(before: Small, now: Small) -> tuple[float, float, float]:
    """Return by how much `now` lies to the right of and below `before`, and how alike they are then."""
    dx, dy = _nudge(before, now)
    alike = _alike(before, now)
    if alike >= ALIKE and max(abs(dx), abs(dy)) <= 0.5:
        return dx, dy, alike
    (far_x, far_y), _ = cv2.phaseCorrelate(before, now)
    right, down = round(far_x), round(far_y)
    margin = max(abs(right), abs(down))
    if not 0 < margin < min(now.shape) // 4:
        return dx, dy, alike
    inner = np.s_[margin:-margin, margin:-margin]
    back = np.roll(now, (-down, -right), axis=(0, 1))[inner]
    far_alike = _alike(before[inner], back)
    if far_alike <= alike:
        return dx, dy, alike
    dx, dy = _nudge(before[inner], back)
    return right + dx, down + dy, far_alike


def _nudge(before: Small, now: Small) -> tuple[float, float]:
    """Return a shift of up to a pixel or so, from gradients (Lucas and Kanade 1981), ten times as exact as
    phase correlation; what moves by itself, and the light's change, count little."""
    right = ((before[1:-1, 2:] - before[1:-1, :-2]) / 2).ravel()
    down = ((before[2:, 1:-1] - before[:-2, 1:-1]) / 2).ravel()
    change = (now - before)[1:-1, 1:-1].ravel()
    change = change - _middle(change)
    weight = np.ones_like(change)
    dx = dy = 0.0
    for _ in range(2):
        right_w, down_w = right * weight, down * weight
        xx, xy, yy = right_w @ right, right_w @ down, down_w @ down
        spread = xx * yy - xy * xy
        if spread <= 1e-6 * max(1.0, float(xx * yy)):
            return 0.0, 0.0  # There is no structure, or all edges run one way.
        x, y = right_w @ change, down_w @ change
        dx, dy = -float((yy * x - xy * y) / spread), -float((xx * y - xy * x) / spread)
        rest = np.abs(change + dx * right + dy * down)
        usual = OUTLIER * (_middle(rest) + 0.3)
        weight = 1 / (1 + (rest / usual) ** 2) ** 2
    return dx, dy


def _middle(values: NDArray[np.float32]) -> float:
    """Return about the median: that of every sixteenth value."""
    some = values[::16]
    return float(np.partition(some, len(some) // 2)[len(some) // 2])


def _alike(before: Small, now: Small) -> float:
    """Return the correlation of two pictures; 1 where neither has structure."""
    a, b = before[::2, ::2], now[::2, ::2]
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / spread if spread > a.size else 1.0
