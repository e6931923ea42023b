"""Tell for many tracks at once, without fitting gravity's curve, which cannot be falls."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.curve import (
    SPOT_NOISE_PX,
    Floats,
    rests_of_line_aslant,
    rests_of_lines,
    rests_of_quartic,
)
from detectors.throwing.tracks import MOST_ASIDE, Track
from detectors.throwing.watched import Watched

LEAST_SAMPLES = 9
LEAST_DURATION_S = 0.35
"""Below them the curve fits nearly anything."""

SEEN_SHARE = 0.4
"""Of the pictures between the first point and the last in which it must be seen: a bottle before windows and
walls in turn was in 45 of 100. Chance tracks skip from leaf to leaf."""

DOWN_SHARE = 0.9
"""Of its steps that must go down."""

LEAST_GAIN = 1.15
"""Ratio of a track's speed in its second half to that in its first quarter: a shirt's is 1.3."""

LEAST_FALL_PX = 20.0
"""Forty times the error of a spot's centre."""

SUSPECTED_BEND = 5.0
"""Standard errors by which gravity's curve must be better than an even motion: thousands of chance tracks
are tried in a day."""

SUSPECTED_BEND_ASLANT = 1.5
"""The same against an even motion towards the camera, as of rain, snow and insects before the lens."""


def gains_speed(track: Track, first: int = 0) -> bool:
    """Tell whether a track gains speed from a point on: cheap enough for every track of every picture."""
    count = len(track.t) - first
    if count < LEAST_SAMPLES:
        return False
    early, middle = first + max(3, count // 4), first + count // 2
    before = (track.y[early] - track.y[first]) / (track.t[early] - track.t[first])
    after = (track.y[-1] - track.y[middle]) / (track.t[-1] - track.t[middle])
    return after >= LEAST_GAIN * before


def may_fall(
    tracks: Sequence[Track], firsts: Sequence[Sequence[int]], least_skips: Sequence[float], watched: Watched
) -> list[list[int]]:
    """Return of each track's `firsts` those points from which on it may be a fall.

    `least_skips` are the standard errors that two even motions, one after the other, must leave.
    """
    rows = [
        (number, first)
        for number, track in enumerate(tracks)
        for first in firsts[number]
        if _is_long_enough(track, first)
    ]
    if rows:
        numbers = np.array([number for number, _ in rows])
        table = _table(tracks, rows, watched)
        ok = _go_down(table)
        ok[ok] = _bend(table.only(ok), np.array(least_skips)[numbers[ok]])
        rows = [row for row, fine in zip(rows, ok.tolist(), strict=True) if fine]
    found: list[list[int]] = [[] for _ in tracks]
    for number, first in rows:
        found[number].append(first)
    return found


def _is_long_enough(track: Track, first: int) -> bool:
    """Tell whether it lasts, is seen in most pictures and gains speed."""
    count = len(track.t) - first
    return (
        count >= LEAST_SAMPLES
        and track.t[-1] - track.t[first] >= LEAST_DURATION_S
        and count >= SEEN_SHARE * (track.pictures - first - track.misses)
        and gains_speed(track, first)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """Tracks from some point on, one row each, as a camera straight before the façade would see them; columns
    after a track's last point repeat it. Seconds and pixels after its first point."""

    t: Floats
    x: Floats
    y: Floats
    count: NDArray[np.int64]
    size: Floats
    """Usual size of each in pixels."""

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which columns are points of the track."""
        return np.arange(self.t.shape[1]) < self.count[:, None]

    def only(self, rows: NDArray[np.bool_]) -> "_Table":
        """Return some of the rows."""
        width = int(self.count[rows].max(initial=1))
        t, x, y = (values[rows, :width] for values in (self.t, self.x, self.y))
        return _Table(t=t, x=x, y=y, count=self.count[rows], size=self.size[rows])


def _table(tracks: Sequence[Track], rows: Sequence[tuple[int, int]], watched: Watched) -> _Table:
    longest = max(len(tracks[number].t) - first for number, first in rows)
    points = np.empty((3, len(rows), longest))
    for row, (number, first) in enumerate(rows):
        track = tracks[number]
        count = len(track.t) - first
        for axis, values in enumerate((track.t, track.x, track.y)):
            points[axis, row, :count] = values[first:]
            points[axis, row, count:] = values[-1]
    t, x, y = points
    x, y = watched.levelled(x, y)
    return _Table(
        t=t - t[:, :1],
        x=x - x[:, :1],
        y=y - y[:, :1],
        count=np.array([len(tracks[number].t) - first for number, first in rows]),
        size=np.array([median(tracks[number].size[first:]) for number, first in rows]),
    )


def _go_down(table: _Table) -> NDArray[np.bool_]:
    """Tell which go down far, nearly all the way, and more than aside."""
    fall = table.y[:, -1]
    down = np.count_nonzero(np.diff(table.y, axis=1) > 0, axis=1) / (table.count - 1)
    far = fall >= np.maximum(LEAST_FALL_PX, 5 * table.size)
    ok: NDArray[np.bool_] = far & (down >= DOWN_SHARE) & (np.abs(table.x[:, -1]) <= MOST_ASIDE * fall)
    return ok


def _bend(table: _Table, least_skip: Floats) -> NDArray[np.bool_]:
    """Tell of which even motions leave so much that gravity's curve can be better: it leaves noise at least,
    and hardly less than a quartic does."""
    if not len(table.t):
        return np.zeros(0, bool)
    there, count = table.there, table.count
    one, two = rests_of_lines(table.t, table.y, there)
    noise = SPOT_NOISE_PX**2
    ok: NDArray[np.bool_] = (one >= SUSPECTED_BEND**2 * noise) & (
        (least_skip == 0) | (two >= (least_skip**2 + count) * noise)
    )
    some = table.only(ok)
    if len(some.t):
        aslant = rests_of_line_aslant(some.t, some.y, some.there)
        quartic = rests_of_quartic(some.t, some.y, some.there)
        left = np.maximum(noise, quartic / (some.count - 4))
        ok[ok] = aslant - quartic >= SUSPECTED_BEND_ASLANT**2 * left
    return ok
