"""What a camera on a ridge looks at: ranges of wooded hills one behind another, and how far each place is."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.ridge.texture import Layer, smooth_noise

WIDTH_PX = 640
"""Lengths in pixels are for pictures of this width; others have their share."""
VIEW_RAD = 1.1
"""From the left to the right edge of the picture."""
CROWN_M = 9.0
SKY_M = 40_000.0
FOREST = ((38, 74, 52), (44, 86, 70), (52, 84, 92), (34, 62, 48), (60, 92, 110))
"""Blue, green, red of woods: summer, spring, autumn, firs, a dry year."""
OPEN = ((70, 130, 128), (96, 128, 146), (88, 112, 120), (60, 120, 96))
"""Of meadow, stubble, rock and pasture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Landscape:
    """One view of a camera, in the light of noon; the same in all of its pictures."""

    ground: Layer
    distance_m: Layer
    is_sky: Layer
    """1 over the horizon, height × width × 1, soft at the edge."""
    horizon: NDArray[np.int64]
    """Row of the first ground in each column."""
    radian_px: float
    windows_xy: NDArray[np.int64]
    """Of houses and lamps: what shines by night."""
    road_row: int
    village_xy: tuple[int, int]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Return the size of the picture."""
        return int(self.ground.shape[1]), int(self.ground.shape[0])

    def metres_px(self, x: float, y: float) -> float:
        """Return how much a pixel covers at a place."""
        width, height = self.size_wh
        row, column = min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)
        return float(self.distance_m[row, column]) * self.radian_px


def draw_landscape(rng: np.random.Generator, size_wh: tuple[int, int]) -> Landscape:
    """Draw three to five ranges, from 12 km to some hundred metres away."""
    width, height = size_wh
    ranges = int(rng.integers(3, 6))
    horizon_at = rng.uniform(0.16, 0.4)
    rows = np.arange(height, dtype=np.float32)[:, None]
    ground = np.zeros((height, width, 3), np.float32)
    distance = np.full((height, width), SKY_M, np.float32)
    radian_px = VIEW_RAD / width
    forest = np.array(FOREST[int(rng.integers(len(FOREST)))], np.float32) * rng.uniform(0.85, 1.2)
    horizon = np.full((1, width), height, np.float32)
    for number in range(ranges):
        share = number / ranges
        line = _skyline(rng, size_wh, horizon_at + (0.95 - horizon_at) * share**0.9, 0.05 - 0.02 * share)
        here = rows >= line
        far_m = float(12_000 * (0.5 / 12) ** (share + rng.uniform(0, 0.1)))
        depth_m = far_m * (1 - 0.45 * np.clip((rows - line) / (0.4 * height), 0, 1))
        distance = np.where(here, depth_m, distance)
        cover = _woods(rng, size_wh, forest, far_m * radian_px)
        ground = np.where(here[:, :, None], cover, ground)
        horizon = np.minimum(horizon, line)
    village = (int(rng.uniform(0.15, 0.85) * width), int(rng.uniform(0.6, 0.85) * height))
    windows = _build(rng, ground, village)
    road_row = int(rng.uniform(0.7, 0.92) * height)
    _pave(rng, ground, road_row)
    return Landscape(
        ground=ground.astype(np.float32),
        distance_m=distance.astype(np.float32),
        is_sky=np.asarray(
            cv2.GaussianBlur((rows < horizon).astype(np.float32), (3, 3), 0)[:, :, None], np.float32
        ),
        horizon=np.round(horizon[0]).astype(np.int64),
        radian_px=radian_px,
        windows_xy=windows,
        road_row=road_row,
        village_xy=village,
    )


def _skyline(rng: np.random.Generator, size_wh: tuple[int, int], level: float, rough: float) -> Layer:
    width, height = size_wh
    waves = ((1.6, 1.0), (5.0, 0.4), (60.0, 0.04))
    line = sum(smooth_noise(rng, (width, 1), width / count) * part for count, part in waves)
    return np.asarray(height * (level + rough * np.asarray(line)), np.float32)


def _woods(rng: np.random.Generator, size_wh: tuple[int, int], forest: Layer, metres_px: float) -> Layer:
    """Return crowns in light and shade, smaller the farther away, with open ground between."""
    crown = float(np.clip(CROWN_M / metres_px, 1.2, 12) * size_wh[0] / WIDTH_PX)
    shade = (
        0.5 * smooth_noise(rng, size_wh, crown)
        + 0.4 * smooth_noise(rng, size_wh, 2.5 * crown)
        + 0.3 * smooth_noise(rng, size_wh, 12 * crown)
    )
    trees = forest * np.clip(1 + 0.36 * shade, 0.25, 2.2)[:, :, None]
    clearing = np.array(OPEN[int(rng.integers(len(OPEN)))], np.float32)
    grass = clearing * (1 + 0.06 * smooth_noise(rng, size_wh, 2 * crown))[:, :, None]
    where = np.clip(4 * (smooth_noise(rng, size_wh, size_wh[0] / 7) - rng.uniform(1.1, 2.2)), 0, 1)
    return np.asarray(trees + (grass - trees) * where[:, :, None], np.float32)


def _build(rng: np.random.Generator, ground: Layer, village_xy: tuple[int, int]) -> NDArray[np.int64]:
    """Paint houses; return the places that shine by night, a few lone ones too."""
    height, width = ground.shape[:2]
    scale = width / WIDTH_PX
    at = []
    for _ in range(int(rng.integers(5, 16))):
        x = int(np.clip(village_xy[0] + rng.normal(0, 28 * scale), 4, width - 8))
        y = int(np.clip(village_xy[1] + rng.normal(0, 7 * scale), 4, height - 8))
        w, h = (max(1, round(side * scale)) for side in rng.uniform((2, 1.5), (6, 4)))
        ground[y - h : y, x : x + w] = rng.uniform(150, 235)
        ground[y - h - max(1, h // 2) : y - h, x : x + w] = rng.choice(
            np.array([(60, 70, 150), (90, 90, 95), (70, 80, 110)], np.float32)
        )
        at.append((x, y - 1))
    at += [
        (int(rng.uniform(0, width)), int(rng.uniform(0.65, 0.98) * height))
        for _ in range(int(rng.integers(1, 5)))
    ]
    return np.array(at, np.int64)


def _pave(rng: np.random.Generator, ground: Layer, row: int) -> None:
    """Paint a light road across the foreground."""
    height, width = ground.shape[:2]
    bend = smooth_noise(rng, (width, 1), width / 2)[0] * 0.015 * height
    points = [(x, int(np.clip(row + bend[x], 0, height - 1))) for x in range(0, width, 8)]
    colour = tuple(rng.uniform(130, 180) + shift for shift in (-8.0, 0.0, 6.0))
    thick = max(1, round(1.5 * width / WIDTH_PX))
    cv2.polylines(ground, [np.array(points, np.int32)], False, colour, thick, cv2.LINE_AA)
