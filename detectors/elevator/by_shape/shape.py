"""Measure the outline of what stands in a cabin, and judge whether it is a two-wheeler with its rider."""

from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.elevator.background import Mask
from detectors.elevator.by_shape.fit import BIAS, CENTRE, LINEAR, SPREAD, SQUARE
from gridwatch.model import BoxXyxy, Pixels

LEAST_SHARE = 0.006
"""Share of the picture under which nothing rides: an e-bike takes 4 % and more, a person 1 % and more."""

MOST_SHARE = 0.5
"""Share above which the picture as a whole changed (lights, a moved camera), which has no shape."""

PIECE_SHARE = 0.12
"""Pieces of less than this share of the largest piece are gaps of the door, reflections, blinks."""

DARK_LEVEL = 60
"""Brightest channel (0-255) of a tyre."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What was measured; lengths relative to the picture or, `per_side`, to the square root of the area."""

    top_cut: float
    """1 where the outline is cut off by the upper edge."""
    bottom: float
    """How far down it reaches: a long vehicle comes nearer to the camera than a person."""
    height: float
    width: float
    thickest_per_side: float
    """Largest inscribed radius: handlebars, wheels and arms leave little room for a large circle."""
    thin: float
    """Share of the area that a small circle can't reach: bars, mirrors, spokes."""
    thinnish: float
    """The same for a circle of twice the size: wheels seen end-on, arms."""
    dark_below: float
    """Share of tyre-dark pixels in the lower part."""
    head_per_side: float
    """Width near the top."""
    waist_per_side: float
    """Filled width at half height."""
    knee_per_side: float
    """Filled width below half height."""
    foot_per_side: float
    """Width near the bottom: one wheel is narrow, two feet or four wheels are wide."""


def standing_body(mask: Mask) -> Mask | None:
    """Return the pieces that belong to a visitor, or None where nobody is there or all changed."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(opened)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    if not LEAST_SHARE * mask.size <= areas.max() <= MOST_SHARE * mask.size:
        return None
    kept = areas >= PIECE_SHARE * areas.max()
    return np.where(kept[numbers], 255, 0).astype(np.uint8)


def box_of(body: Mask, size_wh: tuple[int, int]) -> BoxXyxy:
    """Return the rectangle around a body in pixels of a picture of `size_wh`."""
    x, y, width, height = cv2.boundingRect(body)
    across, down = size_wh[0] / body.shape[1], size_wh[1] / body.shape[0]
    return x * across, y * down, (x + width) * across, (y + height) * down


def measure(body: Mask, look: Pixels) -> Outline:
    """Measure a body (not empty) in its picture, both at work size."""
    x, y, width, height = cv2.boundingRect(body)
    inner = body[y : y + height, x : x + width] > 0
    side = float(np.sqrt(np.count_nonzero(inner)))
    filled = inner.sum(axis=1)
    spans = width - inner[:, ::-1].argmax(axis=1) - inner.argmax(axis=1)
    spans[filled == 0] = 0
    return Outline(
        top_cut=float(y <= 1),
        bottom=(y + height) / body.shape[0],
        height=height / body.shape[0],
        width=width / body.shape[1],
        thickest_per_side=float(cv2.distanceTransform(body, cv2.DIST_L2, 3).max()) / side,
        thin=_share_lost(body, 0.06 * side),
        thinnish=_share_lost(body, 0.12 * side),
        dark_below=_dark_below(inner, look[y : y + height, x : x + width]),
        head_per_side=_mean_between(spans, 0.0, 0.15) / side,
        waist_per_side=_mean_between(filled, 0.35, 0.6) / side,
        knee_per_side=_mean_between(filled, 0.6, 0.85) / side,
        foot_per_side=_mean_between(spans, 0.8, 0.92) / side,
    )


def two_wheeler_odds(outline: Outline) -> float:
    """Return the logarithm of the odds that the outline is a two-wheeler with its rider.

    A logistic judgement of the measures and of their products (`shape_fit`), fitted on rendered visits only:
    the figure ranks outlines, it is no calibrated probability of real cabins.
    """
    scaled = (np.array(astuple(outline)) - CENTRE) / SPREAD
    return float(BIAS + LINEAR @ scaled + scaled @ SQUARE @ scaled)


def _share_lost(body: Mask, radius_px: float) -> float:
    """Return the share of a body that a circle of that radius inside it can't cover."""
    radius = max(1, round(radius_px))
    circle = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    framed = cv2.copyMakeBorder(body, radius, radius, radius, radius, cv2.BORDER_CONSTANT)
    reached = cv2.morphologyEx(framed, cv2.MORPH_OPEN, circle)
    return 1 - np.count_nonzero(reached) / np.count_nonzero(body)


def _dark_below(inner: NDArray[np.bool_], look: Pixels) -> float:
    lower = int(0.6 * len(inner))
    return (
        float((look[lower:].max(axis=2) < DARK_LEVEL)[inner[lower:]].mean()) if inner[lower:].any() else 0.0
    )


def _mean_between(rows: NDArray[np.int64], low: float, high: float) -> float:
    first = int(low * len(rows))
    return float(rows[first : max(first + 1, int(high * len(rows)))].mean())
