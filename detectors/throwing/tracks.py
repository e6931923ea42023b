"""Join spots of successive pictures into tracks of things that may be falling."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.spots import Spots

FASTEST = 3.0
"""Picture heights per second. A façade of 6 m is passed at 11 m/s, after a fall of its height, in under two
heights."""

STEEPEST_PX_S2 = 5.0
"""Picture heights per second squared: gravity where the picture shows but two metres of façade."""

MISS_S = 0.2
"""A thing may go unseen for so long: the height of a window frame or cornice at 10 m/s."""

RECENT = 8
"""Points from which the next is predicted: fewer let noise steer, more lag behind perspective and drag."""

SETTLED = 6
"""Points from which on a track owns its spots, so that no other starts there."""

MOST_TRACKS = 150
"""Followed at once, the longest: bounds time and memory in rain."""


@dataclass(kw_only=True, slots=True)
class Track:
    """Where something was seen. Parallel lists; times in seconds after `began`, pixels."""

    began: datetime
    t: list[float]
    x: list[float]
    y: list[float]
    size: list[float]

    @property
    def fall_px(self) -> float:
        """Pixels from the first point down to the last."""
        return self.y[-1] - self.y[0]

    def predict(self, t: float) -> tuple[float, float]:
        """Return where it is expected at `t`: straight on in x, in y with its recent acceleration."""
        n = min(len(self.t), RECENT)
        ts = np.array(self.t[-n:]) - self.t[-1]
        x = np.polyval(np.polyfit(ts, self.x[-n:], 1), t - self.t[-1])
        y = np.polyval(np.polyfit(ts, self.y[-n:], 2 if n >= 5 else 1), t - self.t[-1])
        return float(x), float(y)


@dataclass(kw_only=True, slots=True)
class Tracker:
    """The tracks of one camera that still go on, and the spots that may begin new ones."""

    height: int
    tracks: list[Track] = field(default_factory=list)
    past: deque[tuple[datetime, Spots]] = field(default_factory=lambda: deque(maxlen=2))

    def follow(self, at: datetime, spots: Spots) -> list[Track]:
        """Carry tracks on into the next picture; return those that ended."""
        owned = np.zeros(len(spots), bool)
        going: list[Track] = []
        ended: list[Track] = []
        for track in self.tracks:
            t = (at - track.began).total_seconds()
            index = self._nearest(track, t, spots)
            if index is not None:
                _append(track, t, spots[index])
                owned[index] |= len(track.t) >= SETTLED
            (going if t - track.t[-1] <= MISS_S else ended).append(track)
        going += self._seeds(at, spots, owned)
        going.sort(key=lambda track: -len(track.t))
        self.tracks = going[:MOST_TRACKS]
        self.past.append((at, spots))
        return ended

    def _nearest(self, track: Track, t: float, spots: Spots) -> int | None:
        """Return the spot nearest to where the track is expected, if near enough for its speed."""
        if not len(spots):
            return None
        x, y = track.predict(t)
        step = np.hypot(x - track.x[-1], y - track.y[-1])
        reach = 2.0 + 0.4 * track.size[-1] + 0.25 * step
        away = np.hypot(spots[:, 0] - x, spots[:, 1] - y)
        index = int(np.argmin(away))
        return index if away[index] <= reach and spots[index, 1] > track.y[-1] - 1.0 else None

    def _seeds(self, at: datetime, spots: Spots, owned: NDArray[np.bool_]) -> list[Track]:
        """Return tracks of three spots that go down nearly evenly: too short to show acceleration."""
        if len(self.past) < 2 or not len(spots):
            return []
        (at_0, first), (at_1, second) = self.past
        dt_1, dt_2 = (at_1 - at_0).total_seconds(), (at - at_1).total_seconds()
        if not len(first) or not len(second) or max(dt_1, dt_2) > MISS_S:
            return []
        step_1 = second[None, :, :2] - first[:, None, :2]
        a, b = np.nonzero(self._downward(step_1, dt_1))
        if not len(a):
            return []
        step = step_1[a, b] / dt_1 * dt_2
        actual = spots[None, :, :2] - second[b][:, None, :2]
        away = np.linalg.norm(actual - step[:, None, :], axis=2)
        reach = 1.5 + 0.3 * np.linalg.norm(step, axis=1) + STEEPEST_PX_S2 * self.height * dt_1 * dt_2 * 0.2
        near = (away <= reach[:, None]) & self._downward(actual, dt_2) & ~owned[None, :]
        seeds: dict[int, int] = {}  # newest spot to the pair before it that fits best
        for pair, c in np.argwhere(near).tolist():
            if c not in seeds or away[pair, c] < away[seeds[c], c]:
                seeds[c] = pair
        return [
            _track(((at_0, first[a[pair]]), (at_1, second[b[pair]]), (at, spots[c])))
            for c, pair in seeds.items()
        ]

    def _downward(self, step: NDArray[np.float64], dt: float) -> NDArray[np.bool_]:
        """Return which steps (… × 2, pixels) go down, more than aside, and not too fast."""
        aside, down = np.abs(step[..., 0]), step[..., 1]
        ok: NDArray[np.bool_] = (down >= 0.5) & (aside <= down + 1.0) & (down <= FASTEST * self.height * dt)
        return ok


def _track(points: tuple[tuple[datetime, NDArray[np.float64]], ...]) -> Track:
    track = Track(began=points[0][0], t=[], x=[], y=[], size=[])
    for at, spot in points:
        _append(track, (at - track.began).total_seconds(), spot)
    return track


def _append(track: Track, t: float, spot: NDArray[np.float64]) -> None:
    track.t.append(t)
    track.x.append(float(spot[0]))
    track.y.append(float(spot[1]))
    track.size.append(float(spot[2]))
