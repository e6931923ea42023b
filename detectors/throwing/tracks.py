"""Join spots of successive pictures into tracks of things that may be falling."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.curve import GRAVITY_MS2, SPOT_NOISE_PX, Floats
from detectors.throwing.spots import Spots
from detectors.throwing.watched import LEAST_PX_PER_M, LEAST_VIEW_M, MOST_BEFORE_FACADE, Watched

FASTEST_HEIGHTS_S = 3.0
"""Picture heights per second. A façade of 6 m is passed at 11 m/s, after a fall of its height, in under two
heights."""

FASTEST_MS = 45.0
"""After a fall of a hundred metres without drag, in metres per second, where a metre's pixels are known."""

LEAST_STEP_PX = 0.5
"""Down from one picture to the next in a seed: what moves by less is noise of the spots' centres."""

SHARE_OF_G = (0.3, 1.3)
"""Acceleration of a seed: from a sheet that is still gaining speed to a thing thrown nearer to the camera."""

MOST_MISSES = 3
"""Pictures in a row in which a thing may go unseen: the height of a window's frame or a cornice."""

LONGEST_GAP_S = 0.35
"""In which a settled track may: half a floor as bright as the thing."""

LONGEST_MASKED_S = 0.7
"""In which a settled track may pass under a mask, as before a tree: two floors at 9 m/s."""

MOST_SEED_GAP_S = 0.2
"""Between two pictures of a seed. Over a longer one anything fits."""

RECENT = 8
"""Points from which the next is predicted: fewer let noise steer, more lag behind perspective and drag."""

REMEMBERED = 12
"""Pictures whose spots are kept, in which the beginning of a settled track is looked for."""

SETTLED = 6
"""Points from which on a track owns its spots, so that no other starts there."""

WOBBLE_M = 0.15
"""By which something that tumbles leaves its curve, where a metre's pixels are known."""

MOST_ALIKE = 3.0
"""Ratio of the sizes of one thing in two pictures: it tumbles, and noise eats at it."""

MOST_TRACKS = 256
"""Followed at once. None is thrown away for another: while there are so many, none begins."""


@dataclass(kw_only=True, slots=True, eq=False)
class Track:
    """Where something was seen. Parallel lists; times in seconds, pixels."""

    t: list[float]
    x: list[float]
    y: list[float]
    size: list[float]
    pictures: int
    """From the first point on until now, but for those in which it was under a mask."""
    misses: int = 0
    """Of these, in a row until now, those in which it was not seen."""

    @property
    def fall_px(self) -> float:
        """Pixels from the first point down to the last."""
        return self.y[-1] - self.y[0]

    @property
    def lasts_s(self) -> float:
        """Seconds from the first point to the last."""
        return self.t[-1] - self.t[0]


@dataclass(kw_only=True, slots=True)
class Tracker:
    """The tracks of one camera that still go on, and the spots that may begin new ones."""

    watched: Watched
    tracks: list[Track] = field(default_factory=list)
    recent: Floats = field(default_factory=lambda: np.empty((0, RECENT, 3)))
    """The last points of each track: t, x, y; the newest last, NaN before the first."""
    past: deque[tuple[float, Spots]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def follow(self, t: float, spots: Spots) -> list[Track]:
        """Carry tracks on into the next picture; return those that ended."""
        owned = self._carry_on(t, spots) if self.tracks else np.zeros(len(spots), bool)
        ended = self._keep(np.array([_goes_on(track, t) for track in self.tracks], bool))
        ended += self._join_twins()
        self._begin(t, spots, owned)
        self.past.append((t, spots))
        return ended

    def end(self) -> list[Track]:
        """Forget all tracks and spots; return the tracks."""
        ended, self.tracks = self.tracks, []
        self.recent = np.empty((0, RECENT, 3))
        self.past.clear()
        return ended

    def _carry_on(self, t: float, spots: Spots) -> NDArray[np.bool_]:
        """Append to each track the spot nearest to where it is expected; return which spots have owners."""
        owned = np.zeros(len(spots), bool)
        expected, unsure = self._expected(t)
        masked = self.watched.masks(expected[:, 0], expected[:, 1])
        for track, under_mask in zip(self.tracks, masked.tolist(), strict=True):
            if not (under_mask and _may_pass_mask(track, t)):
                track.pictures += 1
                track.misses += 1
        if not len(spots):
            return owned
        last = self.recent[:, -1]
        sizes = np.array([track.size[-1] for track in self.tracks])
        step = np.hypot(*(expected - last[:, 1:]).T)
        wobble = (
            WOBBLE_M * self.watched.px_per_m(last[:, 1], last[:, 2]) if self.watched.measured else 0.3 * sizes
        )
        reach = 1.0 + 2.5 * unsure + wobble + 0.15 * step
        away = np.linalg.norm(spots[None, :, :2] - expected[:, None], axis=2)
        ratio = np.maximum(sizes[:, None], 3) / np.maximum(spots[None, :, 2], 3)
        other = np.maximum(ratio, 1 / ratio) > MOST_ALIKE
        away = np.where(other, np.inf, away)
        nearest = np.argmin(away, axis=1)
        found = np.flatnonzero(away[np.arange(len(nearest)), nearest] <= reach)
        self.recent[found, :-1] = self.recent[found, 1:]
        self.recent[found, -1, 0] = t
        self.recent[found, -1, 1:] = spots[nearest[found], :2]
        for row in found.tolist():
            track = self.tracks[row]
            _append(track, t, spots[nearest[row]])
            owned[nearest[row]] |= len(track.t) >= SETTLED
            if len(track.t) == SETTLED:
                self._look_back(track)
        return owned

    def _look_back(self, track: Track) -> None:
        """Prepend where a settled track was before it was known: where it came from is told by that."""
        missed = 0
        x, y = _ways(track)
        for t, spots in reversed(self.past):
            if t >= track.t[0]:
                continue
            missed += 1
            if missed > MOST_MISSES + 1:
                return
            if not len(spots):
                continue
            away = np.hypot(spots[:, 0] - np.polyval(x, t), spots[:, 1] - np.polyval(y, t))
            nearest = int(np.argmin(away))
            if away[nearest] <= 2.0 + 0.3 * track.size[0] and spots[nearest, 1] < track.y[0]:
                _insert(track, t, spots[nearest])
                track.pictures += missed
                missed = 0
                x, y = _ways(track)

    def _expected(self, t: float) -> tuple[Floats, Floats]:
        """Return where each track is expected (x, y) and the standard error, by constant accelerations.

        What is known of gravity before anything is measured counts as one more point of the parabola. A bird
        that spreads its wings is followed too: what it does then tells it from a thing.
        """
        dt = self.recent[:, :, 0] - t
        there = np.isfinite(dt)
        dt = np.where(there, dt, 0.0)
        x, y = (np.where(there, self.recent[:, :, axis], 0.0) for axis in (1, 2))
        sums = [(there * dt**power).sum(axis=1) for power in range(5)]
        normal = np.empty((len(dt), 3, 3))
        for row in range(3):
            for column in range(3):
                normal[:, row, column] = sums[row + column]
        half_g = 0.4 * GRAVITY_MS2 * self.watched.px_per_m(self.recent[:, -1, 1], self.recent[:, -1, 2])
        weight = (2 * SPOT_NOISE_PX / (half_g if self.watched.measured else 2 * half_g)) ** 2
        normal[:, 2, 2] += weight
        inverse = np.linalg.inv(normal)
        expected = []
        for place, usual in ((x, 0.0), (y, half_g)):
            right = np.stack([(place * dt**power).sum(axis=1) for power in range(3)], axis=1)
            right[:, 2] += weight * usual
            expected.append(np.einsum("nj,nj->n", inverse[:, 0], right))
        unsure = 2 * SPOT_NOISE_PX * np.sqrt(1 + inverse[:, 0, 0])
        return np.stack(expected, axis=1), unsure

    def _join_twins(self) -> list[Track]:
        """Let of tracks that share their last two points the longest go on, for all of them; return the
        others."""
        if len(self.tracks) < 2:
            return []
        longest = np.argsort([-len(track.t) for track in self.tracks], kind="stable")
        lasts = self.recent[longest, -2:, 1:].reshape(len(longest), 4)
        _, first = np.unique(lasts, axis=0, return_index=True)
        keep = np.zeros(len(longest), bool)
        keep[longest[first]] = True
        return self._keep(keep)

    def _keep(self, keep: NDArray[np.bool_]) -> list[Track]:
        """Go on with some of the tracks; return the others."""
        if keep.all():
            return []
        ended = [track for track, kept in zip(self.tracks, keep.tolist(), strict=True) if not kept]
        self.tracks = [track for track, kept in zip(self.tracks, keep.tolist(), strict=True) if kept]
        self.recent = self.recent[keep]
        return ended

    def _begin(self, t: float, spots: Spots, owned: NDArray[np.bool_]) -> None:
        """Begin tracks at three spots that gravity may join, as far as there is room."""
        if len(self.past) < 2 or not len(spots):
            return
        (t_0, first), (t_1, second) = self.past[-2], self.past[-1]
        if not len(first) or not len(second) or max(t_1 - t_0, t - t_1) > MOST_SEED_GAP_S:
            return
        room = MOST_TRACKS - len(self.tracks)
        for a, b, c in self._seeds((t_0, first), (t_1, second), (t, spots[~owned]))[:room]:
            points = [(t_0, first[a]), (t_1, second[b]), (t, spots[~owned][c])]
            track = Track(t=[], x=[], y=[], size=[], pictures=3)
            for when, spot in points:
                _append(track, when, spot)
            self.tracks.append(track)
            row = np.full((1, RECENT, 3), np.nan)
            row[0, -3:] = [(when, spot[0], spot[1]) for when, spot in points]
            self.recent = np.concatenate([self.recent, row])

    def _seeds(
        self, first: tuple[float, Spots], second: tuple[float, Spots], third: tuple[float, Spots]
    ) -> list[tuple[int, int, int]]:
        """Return the triples that go down, nearly straight, with an acceleration that gravity may give."""
        dt_1, dt_2 = second[0] - first[0], third[0] - second[0]
        scale = self.watched.px_per_m(second[1][:, 0], second[1][:, 1])
        step_1 = second[1][None, :, :2] - first[1][:, None, :2]
        a, b = np.nonzero(self._downward(step_1, dt_1, scale[None, :]))
        step_2 = third[1][None, :, :2] - second[1][b][:, None, :2]
        straight = step_1[a, b][:, None] / dt_1
        gain = step_2 / dt_2 - straight
        slack = 2 * SPOT_NOISE_PX * (1 / dt_1 + 1 / dt_2) + 0.15 * np.linalg.norm(straight, axis=2)
        slowest, fastest = self._accelerations(scale[b][:, None])
        lasting = (dt_1 + dt_2) / 2
        fits = (np.abs(gain[..., 0]) <= slack) & self._downward(step_2, dt_2, scale[b][:, None])
        fits &= (gain[..., 1] >= slowest * lasting - slack) & (gain[..., 1] <= fastest * lasting + slack)
        misfit = np.abs(gain[..., 0]) + np.abs(gain[..., 1] - (slowest + fastest) / 2 * lasting)
        seeds: dict[int, int] = {}  # newest spot to the pair before it that fits best
        for pair, c in np.argwhere(fits).tolist():
            if c not in seeds or misfit[pair, c] < misfit[seeds[c], c]:
                seeds[c] = pair
        return [(int(a[pair]), int(b[pair]), c) for c, pair in seeds.items()]

    def _downward(self, step: Floats, dt: float, scale: Floats) -> NDArray[np.bool_]:
        """Return which steps (… × 2, pixels) go down, more than aside, and not too fast."""
        aside, down = np.abs(step[..., 0]), step[..., 1]
        fastest = (
            FASTEST_MS * scale * 1.3 if self.watched.measured else FASTEST_HEIGHTS_S * self.watched.height
        )
        ok: NDArray[np.bool_] = (
            (down >= LEAST_STEP_PX) & (aside <= down + 1.0) & (down <= fastest * dt + 2 * SPOT_NOISE_PX)
        )
        return ok

    def _accelerations(self, scale: Floats) -> tuple[Floats | float, Floats | float]:
        """Return the least and the largest acceleration of a seed in pixels per square second."""
        least, most = (share * GRAVITY_MS2 for share in SHARE_OF_G)
        if self.watched.measured:
            return least * scale, most * MOST_BEFORE_FACADE * scale
        return least * LEAST_PX_PER_M, most * self.watched.height / LEAST_VIEW_M


def _goes_on(track: Track, t: float) -> bool:
    """Tell whether a track may still be carried on at `t`."""
    settled = len(track.t) >= SETTLED
    return track.misses <= MOST_MISSES or (settled and t - track.t[-1] <= LONGEST_GAP_S)


def _may_pass_mask(track: Track, t: float) -> bool:
    """Tell whether a track may be under a mask at `t` and come out of it."""
    return len(track.t) >= SETTLED and t - track.t[-1] <= LONGEST_MASKED_S


def _ways(track: Track) -> tuple[Floats, Floats]:
    """Return the polynomials of its first points, x straight and y with an acceleration."""
    t, x, y = (values[:RECENT] for values in (track.t, track.x, track.y))
    return np.polyfit(t, x, 1), np.polyfit(t, y, 2)


def _insert(track: Track, t: float, spot: Floats) -> None:
    track.t.insert(0, t)
    track.x.insert(0, float(spot[0]))
    track.y.insert(0, float(spot[1]))
    track.size.insert(0, float(spot[2]))


def _append(track: Track, t: float, spot: Floats) -> None:
    track.t.append(t)
    track.x.append(float(spot[0]))
    track.y.append(float(spot[1]))
    track.size.append(float(spot[2]))
    track.misses = 0
