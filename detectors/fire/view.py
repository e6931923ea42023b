"""One picture reduced to what the fire rules look at: a working copy and a grid of blocks."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.errors import DetectorError
from gridwatch.facade import FacadeView
from gridwatch.model import BoxXyxy, Pixels

Grid: TypeAlias = NDArray[np.float32]
"""One number per block, rows × columns."""

Mask: TypeAlias = NDArray[np.uint8]
"""1 where something is, else 0."""

LONGEST_SIDE_PX = 640
"""Pictures are judged at this size: a plume or flame that matters is wider than a pixel of it."""
BLOCK_PX = 8
"""Small enough for a young plume, large enough that noise and JPEG blocks average out."""
SMALLEST_SIDE_PX = 4 * BLOCK_PX

FLAME_RED = 165
FLAME_RED_OVER_BLUE = 75
"""Flame is red ≥ green ≥ blue with a bright red channel (after Celik and Demirel 2009, in RGB)."""
CORE_RED, CORE_GREEN = 225, 190
"""The core of a flame is too bright for the sensor; it counts where flame colours are near."""
CORE_REACH = np.ones((7, 7), np.uint8)
DARK_FLOOR = 16.0
"""Grey levels added to the brightness that contrast is measured against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A picture as the rules see it; `size_wh` is the size it came in."""

    size_wh: tuple[int, int]
    pixels: Pixels
    grey: NDArray[np.uint8]
    flame: Mask
    luminance: Grid
    saturation: Grid
    contrast: Grid
    """Edge strength relative to brightness: a change of light leaves it as it was, smoke lowers it."""
    watched: NDArray[np.bool_]
    """The blocks that are looked at."""


@dataclass(slots=True)
class WatchedPart:
    """Which part of a camera's pictures is looked at: inside its polygon, under no mask."""

    view: FacadeView
    _seen: Mask | None = None
    """Of the last size of pictures, at the working size."""
    _size_wh: tuple[int, int] = (0, 0)

    def of(self, size_wh: tuple[int, int], small_wh: tuple[int, int]) -> Mask:
        """Return 1 where pictures of a size are looked at, at the working size; another crop wholly."""
        if self._seen is None or self._size_wh != size_wh or self._seen.shape != small_wh[::-1]:
            fitted = self.view.fitted(size_wh)
            x, y = np.meshgrid(np.arange(small_wh[0]) + 0.5, np.arange(small_wh[1]) + 0.5)
            x, y = x * size_wh[0] / small_wh[0], y * size_wh[1] / small_wh[1]
            inside = np.ones(x.shape, bool) if fitted is None else fitted.inside(x, y)
            self._seen, self._size_wh = inside.astype(np.uint8), size_wh
        return self._seen

    def holds(self, box_xyxy: BoxXyxy, size_wh: tuple[int, int]) -> bool:
        """Tell whether the middle of a box lies in what is looked at."""
        fitted = self.view.fitted(size_wh)
        middle = (box_xyxy[0] + box_xyxy[2]) / 2, (box_xyxy[1] + box_xyxy[3]) / 2
        return fitted is None or bool(fitted.inside(*middle))


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """Where something burns, in pixels of the picture, and the numbers that decided."""

    box_xyxy: BoxXyxy
    area_blocks: int
    confidence: float
    criteria: dict[str, float]


def look(
    pixels: Pixels, *, longest_side_px: int = LONGEST_SIDE_PX, watched: WatchedPart | None = None
) -> View:
    """Reduce a picture; raise DetectorError where it is no colour picture.

    What `watched` leaves out has neither the colours of flame nor any texture that smoke could take.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise DetectorError(f"needs height × width × 3 pixels of 8 bits, got {pixels.shape} {pixels.dtype}")
    height, width = pixels.shape[:2]
    factor = min(1.0, longest_side_px / max(height, width))
    size_wh = (
        max(SMALLEST_SIDE_PX, round(width * factor)),
        max(SMALLEST_SIDE_PX, round(height * factor)),
    )
    small: Pixels = np.asarray(cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
    luminance = over_blocks(grey)
    flame, contrast = flame_coloured(small), _contrast(grey, luminance)
    seen = np.ones(contrast.shape, bool)
    if watched is not None:
        part = watched.of((width, height), size_wh)
        seen = over_blocks(part) > 0.5
        flame &= part
        contrast *= seen
    return View(
        size_wh=(width, height),
        pixels=small,
        grey=grey,
        flame=flame,
        luminance=luminance,
        saturation=_saturation(small),
        contrast=contrast,
        watched=seen,
    )


def over_blocks(values: NDArray[np.uint8] | Grid) -> Grid:
    """Return the mean of a picture-sized array over each block."""
    height, width = values.shape[:2]
    grid_wh = (width // BLOCK_PX, height // BLOCK_PX)
    return np.asarray(cv2.resize(values.astype(np.float32), grid_wh, interpolation=cv2.INTER_AREA))


def flame_coloured(small: Pixels) -> Mask:
    """Return where a picture has the colours of flame, bright cores beside them included."""
    blue, green, red = cv2.split(small)
    rim = (
        (red >= FLAME_RED)
        & (red > green)
        & (green >= blue)
        & (cv2.subtract(red, blue) >= FLAME_RED_OVER_BLUE)
    )
    near = cv2.dilate(rim.view(np.uint8), CORE_REACH) > 0
    core = (red >= CORE_RED) & (green >= CORE_GREEN) & near
    return (rim | core).astype(np.uint8)


def to_picture(view: View, left: float, top: float, right: float, bottom: float) -> BoxXyxy:
    """Turn a box of working pixels into one of the picture's own."""
    width, height = view.size_wh
    across, down = width / view.grey.shape[1], height / view.grey.shape[0]
    return (
        max(0.0, left * across),
        max(0.0, top * down),
        min(float(width), right * across),
        min(float(height), bottom * down),
    )


def block_box(view: View, blocks: NDArray[np.bool_]) -> BoxXyxy:
    """Return the picture box around the marked blocks."""
    rows, columns = np.flatnonzero(blocks.any(axis=1)), np.flatnonzero(blocks.any(axis=0))
    across = view.grey.shape[1] / blocks.shape[1]
    down = view.grey.shape[0] / blocks.shape[0]
    return to_picture(
        view,
        columns[0] * across,
        rows[0] * down,
        (columns[-1] + 1) * across,
        (rows[-1] + 1) * down,
    )


def _saturation(small: Pixels) -> Grid:
    blue, green, red = cv2.split(small)
    brightest = over_blocks(np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8))
    darkest = over_blocks(np.asarray(cv2.min(cv2.min(blue, green), red), np.uint8))
    return (brightest - darkest) / (brightest + np.float32(DARK_FLOOR))


def _contrast(grey: NDArray[np.uint8], luminance: Grid) -> Grid:
    edges = cv2.convertScaleAbs(cv2.Laplacian(cv2.GaussianBlur(grey, (3, 3), 0), cv2.CV_16S))
    return over_blocks(np.asarray(edges, np.uint8)) / (luminance + np.float32(DARK_FLOOR))
