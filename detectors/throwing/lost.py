"""Join a track to the one that ended before it, where one thing was lost under way."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.curve import GRAVITY_MS2, Floats
from detectors.throwing.tracks import SETTLED, SHARE_OF_G, Track
from detectors.throwing.watched import MOST_BEFORE_FACADE, Watched

LONGEST_LOSS_S = 1.0
"""In which a thing may go unseen: before a wall as bright as itself, or beside a lamp."""

REMEMBERED_S = 3.0
"""In which what comes after must have settled."""

LEAST_GAIN = 1.05
"""Of the speed of a lost track's second half to that of its first: what sinks evenly is not looked for."""

NEAREST_UNMEASURED = 5.0
"""Times that a metre may be larger than is guessed where nothing was measured."""

COMPARED = 12
"""Points of each that must lie on one way."""

MISLED_LAST, MISLED_FIRST, MISLED_STEP = 4, 8, 4
"""Last points of a lost track, and first points of the other, that may lie on something else; the latter are
tried by steps."""

LEFT_OUT_COST = 0.1
"""By which what remains must fit better, for each point that is left out."""

ROUGHEST_PX, ROUGHEST_OF_SIZE = 1.0, 0.05
"""Root mean square by which both may leave one way."""


@dataclass(kw_only=True, slots=True)
class LostTracks:
    """The tracks that ended some moments ago."""

    watched: Watched
    tracks: list[Track] = field(default_factory=list)
    ends: Floats = field(default_factory=lambda: np.empty((0, 7)))
    """Of each: when and where it was last (t, x, y), how fast (x, y), its first y, and the most that gravity
    may add to its speed in a second; seconds and pixels."""

    def add(self, track: Track) -> None:
        """Take in a track that ended; forget those that ended long before."""
        self._keep(self.ends[:, 0] >= track.t[-1] - REMEMBERED_S)
        if len(track.t) < SETTLED:
            return
        half, last = len(track.t) // 2, len(track.t) - SETTLED
        before = (track.y[half] - track.y[0]) / (track.t[half] - track.t[0])
        passed = track.t[-1] - track.t[last]
        aside, down = (track.x[-1] - track.x[last]) / passed, (track.y[-1] - track.y[last]) / passed
        if not down >= LEAST_GAIN * before > 0:
            return
        scale = float(self.watched.px_per_m(np.array(track.x[-1:]), np.array(track.y[-1:]))[0])
        nearest = MOST_BEFORE_FACADE if self.watched.measured else NEAREST_UNMEASURED
        gain = SHARE_OF_G[1] * GRAVITY_MS2 * scale * nearest
        end = [track.t[-1], track.x[-1], track.y[-1], aside, down, track.y[0], gain]
        self.tracks.append(track)
        self.ends = np.vstack([self.ends, end])

    def forget(self) -> None:
        """Look for none of them any more."""
        self._keep(np.zeros(len(self.tracks), bool))

    def rejoin(self, track: Track) -> bool:
        """Prepend to a track the lost one that it continues; return whether there is one.

        Where a thing is lost, tracks are misled: the last points of the one, and the first of the other, may
        lie on something else. Those are left out.
        """
        best = ROUGHEST_PX + ROUGHEST_OF_SIZE * track.size[-1]
        found: tuple[int, int, int] | None = None
        for first in range(0, min(MISLED_FIRST, len(track.t) - SETTLED) + 1, MISLED_STEP):
            for number in np.flatnonzero(self._may_continue(track, first)).tolist():
                lost = self.tracks[number]
                for count in range(len(lost.t), max(SETTLED, len(lost.t) - MISLED_LAST) - 1, -1):
                    if lost.t[count - 1] >= track.t[first]:
                        continue
                    left_out = len(lost.t) - count + first
                    rest = _rest(lost, count, track, first) * (1 + LEFT_OUT_COST * left_out)
                    if rest < best:
                        best, found = rest, (number, count, first)
        if found is None:
            return False
        number, count, first = found
        _prepend(self.tracks[number], count, track, first)
        self._keep(np.arange(len(self.tracks)) != number)
        return True

    def _may_continue(self, track: Track, first: int) -> NDArray[np.bool_]:
        """Tell at a glance from which lost tracks gravity may have drawn a thing to a track's point."""
        t, x, y, speed_x, speed_y, y_first, gain = self.ends.T
        dt = track.t[first] - t
        slack = 6.0 + 0.3 * np.abs(dt) * np.hypot(speed_x, speed_y) + track.size[first] / 2
        aside = track.x[first] - x - speed_x * dt
        down = track.y[first] - y - speed_y * dt
        near = (np.abs(aside) <= slack) & (down >= -slack) & (down <= gain * dt * dt / 2 + slack)
        ok: NDArray[np.bool_] = (np.abs(dt) < LONGEST_LOSS_S) & (track.y[first] > y_first) & near
        return ok

    def _keep(self, keep: NDArray[np.bool_]) -> None:
        if not keep.all():
            self.tracks = [track for track, kept in zip(self.tracks, keep.tolist(), strict=True) if kept]
            self.ends = self.ends[keep]


def _rest(lost: Track, count: int, track: Track, first: int) -> float:
    """Return the root mean square by which the last of a lost track's first `count` points, and a track's
    from `first` on, leave one way: x with an acceleration, y with one that changes evenly."""
    begin, end = max(0, count - COMPARED), first + COMPARED
    t = np.array(lost.t[begin:count] + track.t[first:end])
    t = t - t[0]
    rest = 0.0
    for before, after, degree in ((lost.x, track.x, 2), (lost.y, track.y, 3)):
        values = np.array(before[begin:count] + after[first:end])
        design = np.vander(t, degree + 1)
        fitted, *_ = np.linalg.lstsq(design, values, rcond=None)
        rest += float(np.mean((values - design @ fitted) ** 2))
    return math.sqrt(rest)


def _prepend(lost: Track, count: int, track: Track, first: int) -> None:
    """Put the first `count` points of a lost track in the place of a track's before `first`; what lies
    between is no miss."""
    track.pictures += max(count, lost.pictures - lost.misses - (len(lost.t) - count)) - first
    for values, before in ((track.t, lost.t), (track.x, lost.x), (track.y, lost.y), (track.size, lost.size)):
        values[:first] = before[:count]
