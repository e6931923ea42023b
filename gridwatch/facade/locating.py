"""Say which window a thing came from: a probability for each, from the earliest points of its track.

What is not known is marginalised over: how far before the wall it was let go, how fast outwards, how long
before it was first seen, and how heavy it was for its size. A thing o metres before the wall seems
o · (z - camera height) / (camera distance - o) too high: that is why outward speed matters most.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gridwatch.facade.view import Calibration, FacadeView, Floats, WindowGrid
from gridwatch.model import Finding, Origin, TrackPoint

GRAVITY_MS2 = 9.81

EARLIEST_S, MOST_POINTS, LEAST_POINTS = 0.6, 16, 3
"""Of a track: later points say little of its start, and more of the drag."""

NOISE_PX, NOISE_SHARE = 0.8, 1 / 2400
"""Least error of a track's point: in pixels, and of the picture's longer side."""

DRAWS = 500
"""Of what is not known. Twice as many change no probability by more than 0.02."""

LEAST_SHARING = 12.0
"""Draws that share the weight, by the square of their sum over the sum of their squares."""

OUTWARD_MS, MOST_OUTWARD_MS = 1.8, 6.0
"""Outward speeds: those of things dropped or thrown, a half normal distribution of this spread up to this."""

BEFORE_WALL_M = 0.35
"""How far before the wall a thing is let go: a hand held out, an exponential distribution of this mean."""

TERMINAL_MS = (4.0, 36.0)
"""From a balled tissue to a brick."""

FIRST_SEEN_S = np.concatenate([np.arange(0, 0.6, 0.04), np.arange(0.6, 2.4, 0.1)])
SEEN_MEAN_S, SEEN_LATE = 0.2, 0.1
"""From release to the first point: mostly short (a mean), sometimes (a share) any of these."""

DOWN_MS, ASIDE_MS = 0.7, 2.0
"""Standard deviations of the speed at release: down or up, and along the wall."""

REACH_M = 0.2
"""Beside and below its opening, where a hand at a window lets go."""

OF_WINDOWS, OF_ROOF, OF_ELSEWHERE = 0.93, 0.02, 0.05
"""Share of throws that come from a window, from the roof, and from where the grid has nothing."""

BESIDE_OPENING = 0.15
"""Share of a window's throws that come from elsewhere in its part of the wall: a balcony, a corridor."""

ROOF_M = 4.0
ELSEWHERE_M = 30.0
"""Heights above the top floor that are its roof; how far around the grid anything else may be."""

LEAST_SHOWN, MOST_SHOWN = 0.005, 40
"""Probabilities below, and windows beyond, go together as elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """The earliest points on the façade's plane: seconds since the first, metres, and their error."""

    t: Floats
    x: Floats
    z: Floats
    error_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Release:
    """Where it may have been let go: weights that sum to 1, means and standard deviations in metres."""

    weight: Floats
    x: Floats
    x_error: Floats
    z: Floats
    z_error: Floats


def with_origin(finding: Finding, view: FacadeView | None, size_wh: tuple[int, int]) -> Finding:
    """Return a finding that says where its thing came from, where a view of the façade tells it.

    The track is in pixels of pictures of `size_wh`.
    """
    fitted = view.fitted(size_wh) if view is not None else None
    if fitted is None or finding.where or not finding.track:
        return finding
    return replace(finding, where=locate(fitted, finding.track))


def locate(view: FacadeView, track: Sequence[TrackPoint]) -> tuple[Origin, ...]:
    """Return where the thing came from, the likeliest first; the probabilities sum to 1.

    Empty without a calibration, or with fewer than three points. The track is in the view's pixels.
    """
    if view.calibration is None or len(track) < LEAST_POINTS:
        return ()
    seen = _earliest(view, view.calibration, track)
    return _shares(_released(view.calibration, seen), view.calibration.grid)


def _earliest(view: FacadeView, calibration: Calibration, track: Sequence[TrackPoint]) -> _Seen:
    ordered = sorted(track, key=lambda point: point.at)
    since = [(point.at - ordered[0].at).total_seconds() for point in ordered]
    count = max(LEAST_POINTS, sum(s <= EARLIEST_S for s in since))
    # Thinned where there are many: their errors go together at high rates.
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int))
    t = np.array(since)[chosen]
    pixels = np.array([(ordered[one].x, ordered[one].y) for one in chosen])
    there = calibration.on_facade(pixels)
    scale = view.px_per_m(pixels[0, 0], pixels[0, 1])
    assert scale is not None  # noqa: S101 - the view is calibrated
    least = max(NOISE_PX, NOISE_SHARE * max(view.size_wh)) / float(scale)
    return _Seen(t=t, x=there[:, 0], z=there[:, 1], error_m=max(least, _wobble(t, there)))


def _wobble(t: Floats, there: Floats) -> float:
    """Return how far the points stray from smooth curves, in metres."""
    if len(t) < 6:
        return 0.0
    rest = there - np.vander(t, 3) @ np.linalg.lstsq(np.vander(t, 3), there, rcond=None)[0]
    return float(np.sqrt(np.sum(rest**2) / (2 * (len(t) - 3))))


def _released(calibration: Calibration, seen: _Seen) -> _Release:
    """Weigh every draw of what is not known by how well the points fit it.

    Given a draw and the time from release to first point, the points depend linearly on place and speed at
    release, whose distribution and likelihood then have a closed form.
    """
    rng = np.random.default_rng(0)
    outward = np.minimum(np.abs(rng.normal(0, OUTWARD_MS, DRAWS)), MOST_OUTWARD_MS)[:, None, None]
    before = rng.exponential(BEFORE_WALL_M, DRAWS)[:, None, None]
    terminal = np.exp(rng.uniform(math.log(TERMINAL_MS[0]), math.log(TERMINAL_MS[1]), DRAWS))[:, None, None]
    away = calibration.camera_away_m
    since = FIRST_SEEN_S[None, :, None] + seen.t[None, None, :]
    slowing = terminal / GRAVITY_MS2
    carried = slowing * (1 - np.exp(-since / slowing))
    nearer = 1 - np.clip((before + outward * carried) / away, 0, 0.9)
    fallen = terminal * slowing * np.log(np.cosh(np.minimum(since / slowing, 50)))
    high = calibration.camera_z_m + (seen.z - calibration.camera_z_m) * nearer + fallen
    aside = calibration.camera_x_m + (seen.x - calibration.camera_x_m) * nearer
    z, z_error, z_fit = _line_back(carried, high, seen.error_m, DOWN_MS)
    x, x_error, x_fit = _line_back(carried, aside, seen.error_m, ASIDE_MS)
    late = SEEN_LATE / FIRST_SEEN_S[-1] + (1 - SEEN_LATE) / SEEN_MEAN_S * np.exp(-FIRST_SEEN_S / SEEN_MEAN_S)
    fit = z_fit + x_fit + np.log(late * np.gradient(FIRST_SEEN_S))
    weight = _weighed(fit - fit.max())
    kept = weight > 1e-4
    return _Release(
        weight=weight[kept] / weight[kept].sum(),
        x=x[kept],
        x_error=np.hypot(x_error[kept], calibration.error_m),
        z=z[kept],
        z_error=np.hypot(z_error[kept], calibration.error_m),
    )


def _weighed(fit: Floats) -> Floats:
    """Return weights of draws by the logarithms of their fits; the largest is 1.

    Where next to no draw fits, the model is not quite what happened: the fits then count for less, until
    several draws share the weight. One alone would be surer than anybody can be.
    """
    doubt = 1.0
    while True:
        weight: Floats = np.exp(fit / doubt)
        if weight.sum() ** 2 >= LEAST_SHARING * (weight**2).sum():
            return weight
        doubt *= 1.5


def _line_back(carried: Floats, place: Floats, error: float, speed: float) -> tuple[Floats, Floats, Floats]:
    """Fit place = start + velocity · carried over the last axis, with a normal velocity around zero.

    Returns the start, its standard error, and the logarithm of the fit's likelihood.
    """
    count = carried.shape[-1]
    s_1, s_2 = carried.sum(-1), (carried**2).sum(-1) + (error / speed) ** 2
    y_0, y_1 = place.sum(-1), (carried * place).sum(-1)
    determinant = count * s_2 - s_1**2
    start = (s_2 * y_0 - s_1 * y_1) / determinant
    velocity = (count * y_1 - s_1 * y_0) / determinant
    rest = ((place - start[..., None] - velocity[..., None] * carried) ** 2).sum(-1)
    fit = -(rest / error**2 + (velocity / speed) ** 2 + np.log(determinant)) / 2
    return start, error * np.sqrt(s_2 / determinant), fit


def _shares(release: _Release, grid: WindowGrid) -> tuple[Origin, ...]:
    """Return the probability of each place: of the wall's parts, the roof, and elsewhere."""
    left = np.arange(grid.windows) * grid.window_pitch_m
    level = grid.first_floor_m + np.arange(grid.floors) * grid.floor_m
    margin = (grid.window_pitch_m - grid.window_width_m) / 2
    cells = grid.floors * grid.windows
    opening_z = _density(
        release.z, release.z_error, level + grid.sill_m - REACH_M, grid.window_height_m + REACH_M
    )
    opening_x = _density(release.x, release.x_error, left - REACH_M, grid.window_width_m + 2 * REACH_M)
    part_z = _density(release.z, release.z_error, level, grid.floor_m)
    part_x = _density(release.x, release.x_error, left - margin, grid.window_pitch_m)
    opening = (opening_z * release.weight) @ opening_x.T
    part = (part_z * release.weight) @ part_x.T
    by_window = OF_WINDOWS / cells * ((1 - BESIDE_OPENING) * opening + BESIDE_OPENING * part)
    width = grid.windows * grid.window_pitch_m
    roof = _density(release.z, release.z_error, np.array([grid.top_m]), ROOF_M) * _density(
        release.x, release.x_error, np.array([-margin]), width
    )
    around = 1 / ((width + 2 * ELSEWHERE_M) * (grid.floors * grid.floor_m + 2 * ELSEWHERE_M))
    by_roof = OF_ROOF * float(roof[0] @ release.weight)
    total = by_window.sum() + by_roof + OF_ELSEWHERE * around
    return _listed(by_window / total, by_roof / total, grid)


def _density(mean: Floats, error: Floats, lower: Floats, length: float) -> Floats:
    """Return how likely each normal place is under even distributions over these lengths (one row each)."""
    ends = [(edge[:, None] - mean) / error for edge in (lower, lower + length)]
    below: list[Floats] = [(1 + np.tanh(0.7978846 * (u + 0.044715 * u**3))) / 2 for u in ends]
    return (below[1] - below[0]) / length


def _listed(by_window: Floats, roof: float, grid: WindowGrid) -> tuple[Origin, ...]:
    order = np.argsort(-by_window, axis=None)[:MOST_SHOWN]
    shown = [divmod(int(one), grid.windows) for one in order]
    origins = [
        Origin(p=round(float(by_window[row, column]), 3), floor=grid.numbers[row], window=column + 1)
        for row, column in shown
        if by_window[row, column] >= LEAST_SHOWN
    ]
    if roof >= LEAST_SHOWN:
        origins.append(Origin(p=round(float(roof), 3), place="roof"))
    rest = round(1 - sum(origin.p for origin in origins), 3)
    if rest > 0:
        origins.append(Origin(p=rest, place="elsewhere"))
    return tuple(sorted(origins, key=lambda origin: -origin.p))
