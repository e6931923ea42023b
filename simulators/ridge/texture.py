"""Noise of which woods, clouds and fog are made."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Layer: TypeAlias = NDArray[np.float32]
"""Height × width, or height × width × 3 in blue-green-red; 0 to 255, or 0 to 1."""


def smooth_noise(rng: np.random.Generator, size_wh: tuple[int, int], cell_px: float) -> Layer:
    """Return noise of mean 0 and deviation 1 whose grains are about `cell_px` wide."""
    width, height = size_wh
    coarse = (max(2, round(width / cell_px) + 1), max(2, round(height / cell_px) + 1))
    field = rng.standard_normal((coarse[1], coarse[0])).astype(np.float32)
    smooth = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((smooth - smooth.mean()) / (smooth.std() + 1e-6), np.float32)


def billows(rng: np.random.Generator, size_wh: tuple[int, int], cell_px: float) -> Layer:
    """Return noise of three sizes of grain, mean 0."""
    return np.asarray(
        smooth_noise(rng, size_wh, cell_px)
        + 0.5 * smooth_noise(rng, size_wh, cell_px / 3)
        + 0.25 * smooth_noise(rng, size_wh, cell_px / 8),
        np.float32,
    )


def endless(field: Layer) -> Layer:
    """Return a field beside its mirror image: rolled round, it has no seam."""
    return np.concatenate([field, field[:, ::-1]], axis=1).astype(np.float32)


def drifted(field: Layer, by_px: float, width: int) -> Layer:
    """Return `width` columns of an endless field that has moved to the right."""
    left = int(-by_px) % field.shape[1]
    part = field[:, left : left + width]
    missing = width - part.shape[1]
    return part if missing == 0 else np.concatenate([part, field[:, :missing]], axis=1)
