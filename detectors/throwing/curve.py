"""The curve that gravity and drag draw in a picture, fitted to a track."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GRAVITY_MS2 = 9.81

TERMINAL_MS = (1.4, 2.2, 3.0, 3.7, 4.6, 6.0, 8.0, 12.0, 20.0, math.inf)
"""Terminal speeds tried, m/s: from a sheet of paper to a brick."""

LEAST_TERMINAL_MS = 3.0
"""Of litter: a shirt sinks at 3.7 m/s, a leaf at 1.6, a sheet of paper at 1.2, a bag in the wind at 1.1."""

RELEASED_S = (-3.0, -2.4, -1.9, -1.5, -1.2, -1.0, -0.8, -0.65, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.15, 0.3)
"""Times of rest tried, seconds after the first point. A thing thrown down was at rest before its release, by
this reckoning; one thrown up comes to rest later."""

REFINED = np.linspace(-1, 1, 9)
"""Steps between two tried times, around the best."""

SPOT_NOISE_PX = 0.5
"""Standard deviation of a spot's centre: no track is known better, however well few points fit."""

LIGHT_MS = 8.0
"""Terminal speed up to which drag bends a sideways motion within the first floors."""

NEAREST = 0.2
"""Of its first distance, to which a thing may come before a camera that looks up, by perspective."""

LIGHT_COST, ASLANT_COST = 10.0, 4.0
"""Squared pixels that a curve must be better for each 1/v of its terminal speed, and for each factor e by
which the thing comes nearer: what drag slows, perspective hastens, so both together fit what neither does."""

MODEL_ERROR = 0.01
"""Of the fall, by which no curve is right: tumbling, wind, a lens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """y(t) = (y0 + s·f(t))/(1 + c·f(t)) with f(t) = (v²/g)·ln cosh(g·(t - released)/v) metres fallen from
    rest, terminal speed v, and c for perspective where the camera looks up and nothing was measured.

    `px_per_m` is the average over the track. `rms_px` is what the curve leaves; `bend` is by how many
    standard errors it is better than an even motion, `bend_aslant` than an even motion in perspective;
    `leaf` by how many a curve of less than LEAST_TERMINAL_MS would be better.
    """

    released_s: float
    px_per_m: float
    terminal_ms: float
    rms_px: float
    bend: float
    bend_aslant: float
    leaf: float

    def fallen_m(self, t: float) -> float:
        """Return the metres fallen from rest until `t`."""
        fallen = _fallen(np.array([t - self.released_s]), np.array([self.terminal_ms]))
        return float(fallen[0])


def fit_curve(t: Floats, y: Floats, *, px_per_m: tuple[float, float], aslant: bool) -> Curve:
    """Return the curve nearest to the points whose scale lies within `px_per_m`, `aslant`: in perspective.

    Scale, height and perspective follow from least squares for each pair of a terminal speed and a time of
    rest.
    """
    t = t - t[0]
    best = _best(t, y, np.array(RELEASED_S), np.array(TERMINAL_MS), px_per_m, aslant=aslant)
    index = RELEASED_S.index(best.released_s)
    step = abs(RELEASED_S[index] - RELEASED_S[index - 1 if index else 1])
    finer = best.released_s + step * REFINED
    fine = _best(t, y, finer, np.array([best.terminal_ms]), px_per_m, aslant=aslant)
    noise = max(SPOT_NOISE_PX**2, fine.rest / max(1, len(t) - 4))
    whole = t[None], y[None] - y[0], np.ones((1, len(t)), bool)
    return Curve(
        released_s=fine.released_s,
        px_per_m=fine.px_per_m,
        terminal_ms=fine.terminal_ms,
        rms_px=math.sqrt(fine.rest / len(t)),
        bend=math.sqrt(max(0.0, float(rests_of_lines(*whole)[0][0]) - fine.rest) / noise),
        bend_aslant=math.sqrt(max(0.0, float(rests_of_line_aslant(*whole)[0]) - fine.rest) / noise),
        leaf=math.sqrt(best.leaf_gain / noise),
    )


def drift_rest(t: Floats, x: Floats, curve: Curve) -> float:
    """Return what a throw, wind and drag leave unexplained of a sideways motion (root mean square, pixels).

    A part in proportion to the fall stands for perspective and for a camera that is not level. Drag takes a
    throw's sideways speed as 1/cosh(g·t/v): its integral is the Gudermannian function.
    """
    since = t - t[0] - curve.released_s
    columns = [np.ones_like(t), t - t[0], _fallen(since, np.array(curve.terminal_ms))]
    if curve.terminal_ms <= LIGHT_MS:
        columns.append(2 * np.arctan(np.tanh(GRAVITY_MS2 * since / curve.terminal_ms / 2)))
    design = np.column_stack(columns)
    parameters, *_ = np.linalg.lstsq(design, x, rcond=None)
    return float(np.sqrt(np.mean((x - design @ parameters) ** 2)))


class _Best(NamedTuple):
    rest: float
    released_s: float
    terminal_ms: float
    px_per_m: float
    leaf_gain: float
    """Squared pixels by which the best curve of a leaf is better than the best of anything heavier."""


def _best(
    t: Floats,
    y: Floats,
    released: Floats,
    terminal: Floats,
    px_per_m: tuple[float, float],
    *,
    aslant: bool,
) -> _Best:
    """Return the best of all pairs of a time of rest and a terminal speed."""
    fallen = _fallen(t[None, None, :] - released[None, :, None], terminal[:, None, None])
    off = y - y.mean()
    weight = 1 + (MODEL_ERROR * (y[-1] - y[0])) ** 2
    rest, scale = _level(fallen, off, px_per_m)
    cost = rest + weight * LIGHT_COST / terminal[:, None]
    if aslant:
        rest_aslant, scale_aslant, nearest = _aslant(fallen, off, px_per_m)
        cost_aslant = rest_aslant + weight * (LIGHT_COST / terminal[:, None] - ASLANT_COST * np.log(nearest))
        better = cost_aslant < cost
        cost, rest = np.where(better, cost_aslant, cost), np.where(better, rest_aslant, rest)
        scale = np.where(better, scale_aslant, scale)
    light = terminal < LEAST_TERMINAL_MS
    gain = 0.0
    if light.any() and not light.all():
        gain = max(0.0, float(rest[~light].min() - rest[light].min()))
    v, r = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return _Best(float(rest[v, r]), float(released[r]), float(terminal[v]), float(scale[v, r]), gain)


def _level(fallen: Floats, off: Floats, px_per_m: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return the squared rest and the scale of off = a + s·fallen for each pair, s within its bounds."""
    spread = fallen - fallen.mean(axis=2, keepdims=True)
    scale = np.clip((spread @ off) / np.maximum((spread**2).sum(axis=2), 1e-9), *px_per_m)
    return ((off - scale[..., None] * spread) ** 2).sum(axis=2), scale


def _aslant(fallen: Floats, off: Floats, px_per_m: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """Return the same for off = (a + s·fallen)/(1 + c·fallen) with c < 0, and how near it comes.

    The rest is infinite where that is out of bounds.
    """
    seen = fallen - fallen[..., :1]  # From the first point on, so that c is a share of the distance there.
    design = np.stack([np.ones_like(seen), seen, -seen * off], axis=-1)
    across = np.swapaxes(design, -1, -2)
    normal = across @ design + 1e-9 * np.eye(3)
    a, s, c = np.moveaxis(np.linalg.solve(normal, across @ off[:, None])[..., 0], -1, 0)
    nearer = 1 + c[..., None] * seen
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (a[..., None] + s[..., None] * seen) / nearer
        scale = (at[..., -1] - at[..., 0]) / seen[..., -1]
        rest = ((off - at) ** 2).sum(axis=2)
    nearest = nearer.min(axis=2)
    ok = (c < 0) & (nearest >= NEAREST) & (scale >= px_per_m[0]) & (scale <= px_per_m[1])
    return np.where(ok, rest, np.inf), scale, np.where(ok, nearest, 1.0)


def _fallen(t: Floats, terminal_ms: Floats) -> Floats:
    """Return metres fallen from rest in `t` seconds: before the rest a thing rises as it falls after it."""
    light = np.where(np.isinf(terminal_ms), 1.0, terminal_ms)
    u = np.abs(GRAVITY_MS2 * t / light)
    drawn = (u + np.log1p(np.exp(-2 * u)) - math.log(2)) * light**2 / GRAVITY_MS2
    return np.where(np.isinf(terminal_ms), GRAVITY_MS2 / 2 * t**2, drawn)


def rests_of_lines(t: Floats, y: Floats, there: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the least squared rests of an even motion, and of two, one after the other, as of a track that
    skipped; one track a row, from its first point on, `there` where it has points."""
    weight = there.astype(float)
    terms = np.stack([weight, t * weight, y * weight, t * t * weight, t * y * weight, y * y * weight])
    before = np.cumsum(terms, axis=2)
    whole = before[:, :, -1:]
    one = _rest_of_sums(before)
    two = np.where(before[0] < whole[0], one + _rest_of_sums(whole - before), np.inf)
    return one[:, -1], two.min(axis=1)


def _rest_of_sums(sums: Floats) -> Floats:
    """Return the squared rest of an even motion, of the sums of 1, t, y, t², t·y, y² over its points."""
    count, t, y, tt, ty, yy = sums
    count = np.maximum(count, 1)
    spread = np.maximum(tt - t * t / count, 1e-12)
    rests: Floats = np.maximum(0.0, yy - y * y / count - (ty - t * y / count) ** 2 / spread)
    return rests


def rests_of_quartic(t: Floats, y: Floats, there: NDArray[np.bool_]) -> Floats:
    """Return the least squared rests of polynomials of the fourth degree, one track a row."""
    t = 2 * t / t[:, -1:] - 1
    design = np.stack([t**power for power in range(5)], axis=-1) * there[..., None]
    across = np.swapaxes(design, -1, -2)
    fitted = np.linalg.solve(across @ design + 1e-9 * np.eye(5), across @ (y * there)[..., None])
    rests: Floats = (((design @ fitted)[..., 0] - y * there) ** 2).sum(axis=1)
    return rests


def rests_of_line_aslant(t: Floats, y: Floats, there: NDArray[np.bool_]) -> Floats:
    """Return the squared rests of y = (a + b·t)/(1 + c·t): even motions, seen in perspective, one a row."""
    rest, _ = rests_of_lines(t, y, there)
    long, far = t[:, -1:], np.maximum(np.abs(y).max(axis=1, keepdims=True), 1e-9)
    t, y = t / long, y / far
    weight = there.astype(float)
    ok = np.ones(len(t), bool)
    for _ in range(2):
        design = np.stack([np.ones_like(t), t, -t * y], axis=-1) * weight[..., None]
        across = np.swapaxes(design, -1, -2)
        a, b, c = np.linalg.solve(across @ design + 1e-12 * np.eye(3), across @ (y * weight)[..., None])[
            ..., 0
        ].T[..., None]
        below = 1 + c * t
        ok &= below.min(axis=1) >= 0.05
        below = np.where(ok[:, None], below, 1.0)
        left = ((y - (a + b * t) / below) ** 2 * there).sum(axis=1) * far[:, 0] ** 2
        rest = np.where(ok, np.minimum(rest, left), rest)
        weight = there / below
    return rest
