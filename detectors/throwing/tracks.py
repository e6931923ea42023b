"""Join spots of successive pictures into tracks of things that may be falling."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.curve import GRAVITY_MS2, SPOT_NOISE_PX, Floats
from detectors.throwing.parabolas import Ways, ways
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

MOST_ASIDE = 1.5
"""Of its way down, in a seed as in a whole fall: a shirt sinks at 3.7 m/s and drifts with a wind of 5."""

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
"""Points from which on a track owns its spots, so that no other starts there or goes on with them."""

WOBBLE_M = 0.15
"""By which something that tumbles leaves its curve, where a metre's pixels are known."""

MOST_ALIKE = 3.0
"""Ratio of the sizes of one thing in two pictures: it tumbles, and noise eats at it."""

UNLIKE = 0.3
"""Weight of the squared logarithms of how many times a spot is larger and brighter, beside its squared share
of the gate: a flake that crosses may be as near as the thing, but is smaller and fainter."""

MOST_TRACKS = 512
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
    gains_speed: bool = False
    """Whether it did at its last point, at a glance."""

    @property
    def fall_px(self) -> float:
        """Pixels from the first point down to the last."""
        return self.y[-1] - self.y[0]

    @property
    def lasts_s(self) -> float:
        """Seconds from the first point to the last."""
        return self.t[-1] - self.t[0]

    @property
    def seen_share(self) -> float:
        """Share of the pictures from the first point to the last in which it was seen."""
        return len(self.t) / (self.pictures - self.misses)

    def without_first(self, count: int) -> "Track":
        """Return the track from a later point on."""
        t, x, y, size = (values[count:] for values in (self.t, self.x, self.y, self.size))
        return Track(t=t, x=x, y=y, size=size, pictures=self.pictures - count, misses=self.misses)


@dataclass(kw_only=True, slots=True)
class Tracker:
    """The tracks of one camera that still go on, and the spots that may begin new ones."""

    watched: Watched
    tracks: list[Track] = field(default_factory=list)
    recent: Floats = field(default_factory=lambda: np.empty((0, RECENT, 5)))
    """The last points of each track: t, x, y, size, peak; the newest last, NaN before the first."""
    past: deque[tuple[float, Spots]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def follow(self, t: float, spots: Spots) -> list[Track]:
        """Carry tracks on into the next picture; return those that ended."""
        owned = self._carry_on(t, spots) if self.tracks else np.zeros(len(spots), bool)
        ended = self._keep(np.array([_goes_on(track, t) for track in self.tracks], bool))
        ended += self._join_twins(t)
        self._begin(t, spots, owned)
        self.past.append((t, spots))
        return ended

    def end(self) -> list[Track]:
        """Forget all tracks and spots; return the tracks."""
        ended, self.tracks = self.tracks, []
        self.recent = np.empty((0, RECENT, 5))
        self.past.clear()
        return ended

    def _carry_on(self, t: float, spots: Spots) -> NDArray[np.bool_]:
        """Append to each track the spot most like what is expected; return which spots have owners."""
        expected = ways(self.recent, t, self.watched)
        masked = self.watched.masks(expected.xy[:, 0], expected.xy[:, 1])
        for track, under_mask in zip(self.tracks, masked.tolist(), strict=True):
            if not (under_mask and _may_pass_mask(track, t)):
                track.pictures += 1
                track.misses += 1
        owned = np.zeros(len(spots), bool)
        if not len(spots):
            return owned
        chosen = self._chosen(self._costs(spots, expected), owned)
        rows = np.flatnonzero(chosen >= 0)
        self.recent[rows, :-1] = self.recent[rows, 1:]
        self.recent[rows, -1, 0] = t
        self.recent[rows, -1, 1:] = spots[chosen[rows]]
        for row in rows.tolist():
            track = self.tracks[row]
            _append(track, t, spots[chosen[row]])
            if len(track.t) == SETTLED:
                owned[chosen[row]] = True
                self._look_back(track)
        return owned

    def _costs(self, spots: Spots, expected: Ways) -> Floats:
        """Return how unlike what is expected each spot is (tracks × spots), infinite where it is too far."""
        last = self.recent[:, -1]
        step = np.hypot(*(expected.xy - last[:, 1:3]).T)
        scale = self.watched.px_per_m(last[:, 1], last[:, 2])
        wobble = WOBBLE_M * scale if self.watched.measured else 0.3 * last[:, 3]
        reach = 1.0 + 5 * SPOT_NOISE_PX * expected.unsure + wobble + 0.15 * step
        settled = np.isfinite(self.recent[:, -SETTLED, 0])
        close = 1.0 + 3 * expected.unsure * expected.misfit + 0.05 * step
        reach = np.where(settled, np.minimum(reach, close), reach)
        away = np.linalg.norm(spots[None, :, :2] - expected.xy[:, None], axis=2) / reach[:, None]
        larger = np.abs(np.log(np.maximum(last[:, None, 3], 3) / np.maximum(spots[None, :, 2], 3)))
        brighter = np.log(last[:, None, 4] / spots[None, :, 3])
        costs = away**2 + UNLIKE * (larger**2 + brighter**2)
        return np.where((away > 1) | (larger > math.log(MOST_ALIKE)), np.inf, costs)

    def _chosen(self, costs: Floats, owned: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return each track's spot, -1 for none, and set which are `owned`.

        A spot belongs to one settled track, the one that it is most like; those that are not settled are
        guesses, and may share what is left.
        """
        settled = np.isfinite(self.recent[:, -SETTLED, 0])
        chosen = np.full(len(costs), -1)
        rows, columns = np.nonzero(np.isfinite(costs) & settled[:, None])
        order = np.argsort(costs[rows, columns], kind="stable")
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            if chosen[row] < 0 and not owned[column]:
                chosen[row], owned[column] = column, True
        left = np.where(owned, np.inf, costs)
        nearest = np.argmin(left, axis=1)
        guess = ~settled & np.isfinite(left[np.arange(len(left)), nearest])
        return np.where(guess, nearest, chosen)

    def _look_back(self, track: Track) -> None:
        """Prepend where a settled track was before it was known: where it came from is told by that."""
        missed = 0
        way = _way(track)
        for t, spots in reversed(self.past):
            if t >= track.t[0]:
                continue
            missed += 1
            if missed > MOST_MISSES + 1:
                return
            if not len(spots):
                continue
            x, y = way(t)
            away = np.hypot(spots[:, 0] - x, spots[:, 1] - y)
            nearest = int(np.argmin(away))
            if away[nearest] <= 2.0 + 0.3 * track.size[0] and spots[nearest, 1] < track.y[0]:
                _insert(track, t, spots[nearest])
                track.pictures += missed
                missed = 0
                way = _way(track)

    def _join_twins(self, t: float) -> list[Track]:
        """Let of tracks that share their last two points one go on, for all of them; return the others.

        It is the one whose points lie best on one way, and of such the longest: a flake's track that skipped
        to a thing is longer than the thing's.
        """
        lasts = self.recent[:, -2:, 1:3].reshape(len(self.tracks), 4)
        _, group = np.unique(lasts, axis=0, return_inverse=True)
        if not len(group) or group.max() == len(group) - 1:
            return []
        length = np.array([len(track.t) for track in self.tracks])
        best = np.lexsort([-length, ways(self.recent, t, self.watched).misfit, group])
        keep = np.zeros(len(length), bool)
        keep[best[np.unique(group[best], return_index=True)[1]]] = True
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
            row = np.full((1, RECENT, 5), np.nan)
            row[0, -3:] = [(when, *spot) for when, spot in points]
            self.recent = np.concatenate([self.recent, row])

    def _seeds(
        self, first: tuple[float, Spots], second: tuple[float, Spots], third: tuple[float, Spots]
    ) -> list[tuple[int, int, int]]:
        """Return the triples that go down, nearly straight, with an acceleration that gravity may give."""
        dt_1, dt_2 = second[0] - first[0], third[0] - second[0]
        scale = self.watched.px_per_m(second[1][:, 0], second[1][:, 1])
        across, down = (second[1][None, :, axis] - first[1][:, None, axis] for axis in (0, 1))
        a, b = np.nonzero(self._downward(across, down, dt_1, scale[None, :]))
        across, down, scale = across[a, b] / dt_1, down[a, b] / dt_1, scale[b]
        slack = 2 * SPOT_NOISE_PX * (1 / dt_1 + 1 / dt_2) + 0.15 * np.hypot(across, down)
        slowest, fastest = (share * (dt_1 + dt_2) / 2 for share in self._accelerations(scale))
        y = second[1][b, 1]
        lowest, highest = (y + dt_2 * (down + slowest - slack), y + dt_2 * (down + fastest + slack))
        pair, c = _within(lowest, highest, third[1][:, 1])
        step_across, step_down = (third[1][c, axis] - second[1][b[pair], axis] for axis in (0, 1))
        aside = np.abs(step_across / dt_2 - across[pair])
        fits = (aside <= slack[pair]) & self._downward(step_across, step_down, dt_2, scale[pair])
        usual = (slowest + fastest) / 2
        misfit = aside + np.abs(step_down / dt_2 - (down + usual)[pair])
        pair, c, misfit = pair[fits], c[fits], misfit[fits]
        best = np.lexsort([misfit, c])  # Of each newest spot the pair before it that fits best.
        _, places = np.unique(c[best], return_index=True)
        best = best[places]
        return list(zip(a[pair[best]].tolist(), b[pair[best]].tolist(), c[best].tolist(), strict=True))

    def _downward(self, across: Floats, down: Floats, dt: float, scale: Floats) -> NDArray[np.bool_]:
        """Return which steps (pixels) go down, more than aside, and not too fast."""
        fastest = (
            FASTEST_MS * scale * 1.3 if self.watched.measured else FASTEST_HEIGHTS_S * self.watched.height
        )
        ok: NDArray[np.bool_] = (
            (down >= LEAST_STEP_PX)
            & (np.abs(across) <= MOST_ASIDE * down + 1.0)
            & (down <= fastest * dt + 2 * SPOT_NOISE_PX)
        )
        return ok

    def _accelerations(self, scale: Floats) -> tuple[Floats | float, Floats | float]:
        """Return the least and the largest acceleration of a seed in pixels per square second."""
        least, most = (share * GRAVITY_MS2 for share in SHARE_OF_G)
        if self.watched.measured:
            return least * scale, most * MOST_BEFORE_FACADE * scale
        return least * LEAST_PX_PER_M, most * self.watched.height / LEAST_VIEW_M


def _within(lowest: Floats, highest: Floats, values: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of a range and of a value that lies within it."""
    order = np.argsort(values, kind="stable")
    begin = np.searchsorted(values[order], lowest, "left")
    count = np.maximum(0, np.searchsorted(values[order], highest, "right") - begin)
    ranges = np.repeat(np.arange(len(lowest)), count)
    inner = np.arange(len(ranges)) - np.repeat(np.cumsum(count) - count, count)
    return ranges, order[begin[ranges] + inner]


def _goes_on(track: Track, t: float) -> bool:
    """Tell whether a track may still be carried on at `t`."""
    settled = len(track.t) >= SETTLED
    return track.misses <= MOST_MISSES or (settled and t - track.t[-1] <= LONGEST_GAP_S)


def _may_pass_mask(track: Track, t: float) -> bool:
    """Tell whether a track may be under a mask at `t` and come out of it."""
    return len(track.t) >= SETTLED and t - track.t[-1] <= LONGEST_MASKED_S


def _way(track: Track) -> Callable[[float], tuple[float, float]]:
    """Return where a track was at a time before its first, by its first points: x straight, y with an
    acceleration."""
    begin = track.t[0]
    dt = np.array(track.t[:RECENT]) - begin
    powers = np.stack([np.ones_like(dt), dt, dt * dt])
    places = np.array([track.x[:RECENT], track.y[:RECENT]]).T
    normal, right = powers @ powers.T, powers @ places
    x_0, x_1 = np.linalg.solve(normal[:2, :2], right[:2, 0]).tolist()
    y_0, y_1, y_2 = np.linalg.solve(normal, right[:, 1]).tolist()
    return lambda t: (
        x_0 + x_1 * (t - begin),
        y_0 + y_1 * (t - begin) + y_2 * (t - begin) ** 2,
    )


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
