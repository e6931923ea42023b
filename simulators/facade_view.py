"""A block of flats as a static camera sees it, and the light and noise of that camera."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Pixels

FLOOR_M = 3.0
"""Height of a storey."""

WINDOW_M = (1.5, 1.4)
"""Width and height of a window."""

BAY_M = 3.6
"""From one window to the next."""

SKY_SHARE = 0.12
"""Of the picture's height, above the roof."""

NOISE_LEVELS = 2.0
"""Standard deviation of the sensor's noise in grey levels: a cheap camera by day."""

FLICKER = 0.004
"""Relative standard deviation of exposure from picture to picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facade:
    """A rendered house. `windows` are the left upper corners of the openings in pixels, the highest first."""

    background: Pixels
    px_per_m: float
    windows: tuple[tuple[float, float], ...]
    roof_y: float


def build_facade(rng: np.random.Generator, *, size_wh: tuple[int, int], view_m: float) -> Facade:
    """Paint sky, wall and windows; the picture's height shows `view_m` metres."""
    width, height = size_wh
    px_per_m = height / view_m
    roof_y = SKY_SHARE * height
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = np.linspace(235, 205, height)[:, None, None] * np.array([1.0, 0.96, 0.9])
    left, right = 0.08 * width, 0.92 * width
    wall = rng.uniform(120, 190) * np.array([0.86, 0.94, 1.0])
    canvas[round(roof_y) :, round(left) : round(right)] = wall
    _roughen(rng, canvas, slice(round(roof_y), height), slice(round(left), round(right)))
    windows = _window_corners(left, right, roof_y, height, px_per_m)
    for corner in windows:
        _paint_window(rng, canvas, corner, px_per_m)
    background = np.clip(canvas, 0, 255).astype(np.uint8)
    return Facade(background=background, px_per_m=px_per_m, windows=windows, roof_y=roof_y)


def _roughen(rng: np.random.Generator, canvas: NDArray[np.float32], rows: slice, columns: slice) -> None:
    part = canvas[rows, columns]
    stains = cv2.resize(
        rng.normal(0, 6, (12, 12)).astype(np.float32),
        (part.shape[1], part.shape[0]),
        interpolation=cv2.INTER_CUBIC,
    )
    grain = rng.normal(0, 3, part.shape[:2])
    part += (stains + grain)[..., None].astype(np.float32)


def _window_corners(
    left: float, right: float, roof_y: float, height: int, px_per_m: float
) -> tuple[tuple[float, float], ...]:
    bay, floor = BAY_M * px_per_m, FLOOR_M * px_per_m
    columns = np.arange(left + 0.3 * bay, right - WINDOW_M[0] * px_per_m, bay)
    rows = np.arange(roof_y + 0.3 * floor, height - 0.3 * floor, floor)
    return tuple((float(x), float(y)) for y in rows for x in columns)


def _paint_window(
    rng: np.random.Generator, canvas: NDArray[np.float32], corner: tuple[float, float], px_per_m: float
) -> None:
    x, y = (round(v) for v in corner)
    right, bottom = round(corner[0] + WINDOW_M[0] * px_per_m), round(corner[1] + WINDOW_M[1] * px_per_m)
    glass = rng.uniform(40, 110) * np.array([1.1, 1.0, 0.9])
    canvas[y:bottom, x:right] = glass
    if rng.random() < 0.4:
        canvas[y:bottom, x : (x + right) // 2] = rng.uniform(130, 220, 3)  # a curtain
    frame = (225.0, 225.0, 225.0)
    cv2.rectangle(canvas, (x, y), (right, bottom), frame, 1)
    cv2.line(canvas, ((x + right) // 2, y), ((x + right) // 2, bottom), frame, 1)


class Sensor:
    """The camera's noise and exposure. Noise comes from a bank at random offsets: fresh noise costs too
    much."""

    def __init__(self, rng: np.random.Generator, *, size_wh: tuple[int, int]) -> None:
        self.rng = rng
        self.margin = 32
        shape = (size_wh[1] + self.margin, size_wh[0] + self.margin, 3)
        self.bank = [rng.normal(0, NOISE_LEVELS, shape).astype(np.int16) for _ in range(3)]

    def expose(self, canvas: Pixels, *, gain: float = 1.0) -> Pixels:
        """Return what the camera makes of a scene; `gain` is a change of light."""
        height, width = canvas.shape[:2]
        noise = self.bank[int(self.rng.integers(len(self.bank)))]
        dy, dx = (int(v) for v in self.rng.integers(0, self.margin, 2))
        factor = gain * (1 + float(self.rng.normal(0, FLICKER)))
        lit = cv2.convertScaleAbs(canvas, alpha=factor)
        noisy = cv2.add(lit, noise[dy : dy + height, dx : dx + width], dtype=cv2.CV_8U)
        return np.asarray(noisy, dtype=np.uint8)
