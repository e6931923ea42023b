"""Where tracks go on by constant accelerations, and how well their last points lie on such a way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.curve import GRAVITY_MS2, SPOT_NOISE_PX, Floats
from detectors.throwing.watched import Watched

FITTED = 5
"""Points from which what is left of a parabola says how well a track is joined."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """Parabolas through the last points of some tracks, one row each."""

    xy: Floats
    """Where each is at the time that was asked for, in pixels."""
    unsure: Floats
    """Standard error of that, in pixels, for spots whose centres err by one."""
    misfit: Floats
    """Root mean square by which its points leave it, in pixels: never below the error of a spot of that size,
    and twice that where fewer than FITTED points say little."""


def ways(recent: Floats, t: float, watched: Watched) -> Ways:
    """Return the parabolas of tracks from their last points (tracks × points × t, x, y, size, peak; NaN where
    there are fewer) and where they are at `t`.

    What is known of gravity before anything is measured counts as one more point of each. A bird that spreads
    its wings is followed too: what it does then tells it from a thing.
    """
    dt = recent[:, :, 0] - t
    there = np.isfinite(dt)
    dt = np.where(there, dt, 0.0)
    square = dt * dt
    powers = np.stack([there, dt, square, square * dt, square * square], axis=-1)
    x, y = (np.where(there, recent[:, :, axis], 0.0) for axis in (1, 2))
    half_g = 0.4 * GRAVITY_MS2 * watched.px_per_m(recent[:, -1, 1], recent[:, -1, 2])
    weight = (2 * SPOT_NOISE_PX / (half_g if watched.measured else 2 * half_g)) ** 2
    sums = powers.sum(axis=1)
    normal = sums[:, np.add.outer(np.arange(3), np.arange(3))]
    normal[:, 2, 2] += weight
    inverse = np.linalg.inv(normal)
    right = np.einsum("nkp,ankx->anp", powers[..., :3], np.stack([x, y])[..., None])
    right[1, :, 2] += weight * half_g
    fitted = np.einsum("npq,anq->anp", inverse, right)
    left = np.stack([x, y]) - np.einsum("nkp,anp->ank", powers[..., :3], fitted)
    return Ways(
        xy=fitted[:, :, 0].T,
        unsure=np.sqrt(1 + inverse[:, 0, 0]),
        misfit=_misfit((left**2 * there).sum(axis=(0, 2)), there, recent[:, -1, 3]),
    )


def _misfit(rest: Floats, there: NDArray[np.bool_], size: Floats) -> Floats:
    noise = SPOT_NOISE_PX + 0.1 * size
    count = there.sum(axis=1)
    misfit = np.where(count < FITTED, 2 * noise, np.sqrt(rest / np.maximum(1, count - 2)))
    return np.maximum(misfit, noise)
