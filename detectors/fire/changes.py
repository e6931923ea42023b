"""How a view differs from what it usually shows, in cells: its light, two colours and texture.

Each is measured in deviations that are usual for its cell. Smoke changes several of them a little over some
cells and takes texture from what is behind it; noise does so in none.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.fire.view import DARK_FLOOR
from gridwatch.model import Pixels

Layers = NDArray[np.float32]
"""Planes × rows × columns: light in grey levels; blue over green, red over green and texture, parts of it."""

Plane = NDArray[np.float32]
"""Rows × columns."""

CELLS_WH = (160, 96)
"""A picture of any size is held in so many cells, each smaller than a young plume."""
GREY_PARTS = np.array([0.114, 0.587, 0.299], np.float32)
EDGE_STEPS = 8
"""Parts of a level in which edges are kept while cells are averaged."""

USUAL_S, USUAL_PICTURES = 240.0, 16.0
"""The usual view follows within so long, or within so many pictures where these take longer."""
FIRST_PICTURES = 5
"""Of which the usual view is the plain mean."""
CHANGED, CHANGED_LEARNING = 3.0, 0.15
"""Sum over the planes of squared deviations, of a cell with its neighbours, from which it has changed; it is
learnt so much slower."""
NEAR_CELLS = 1.5
LEAST_SPREAD = np.array([1.2, 0.015, 0.015, 0.012], np.float32)[:, None, None]
"""Least deviation of a cell's planes."""
FIRST_SPREAD = 2.0
"""Deviation of a cell whose habits are unknown, over the least."""
SPREAD_PICTURES = 16.0
"""Times that the deviations follow slower than the means."""
MOST = 6.0
"""Deviations beyond which more says nothing more."""
TEXTURED = 0.012
"""Texture of ground; the sky above has less."""
DARKEST = 4.0
LEAST_GAIN = 0.1

STEADY_WH = (320, 192)
"""A camera on a mast that sways is held still at this size."""
MOST_SHIFT = 0.03
"""Part of the picture's width by which it may sway."""
LEAST_SHIFT_PX = 0.1
LEAST_RESPONSE = 0.05
"""Of the phase correlation: by night and in fog there may be nothing to hold on to."""
STEADY_SHARE = 0.1
EDGE_PX = 5
"""Of the steady size: clouds and fog have little that is so fine."""
WINDOW = cv2.createHanningWindow(STEADY_WH, cv2.CV_32F)


@dataclass(slots=True)
class UsualView:
    """What one view usually shows: the mean and variance of each cell's planes, and a small grey picture."""

    planes: Layers
    variance: Layers
    grey: NDArray[np.float32]
    pictures: int = 1


def new_usual(pixels: Pixels) -> UsualView:
    """Take the first picture of a view for what is usual."""
    planes = planes_of(pixels)
    variance = np.broadcast_to((FIRST_SPREAD * LEAST_SPREAD) ** 2, planes.shape).copy()
    return UsualView(planes=planes, variance=variance, grey=_steady_grey(pixels))


def planes_of(pixels: Pixels) -> Layers:
    """Return the planes of each cell."""
    cells = np.asarray(cv2.resize(pixels, CELLS_WH, interpolation=cv2.INTER_AREA), np.float32)
    soft = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    edges = cv2.convertScaleAbs(cv2.Laplacian(soft, cv2.CV_16S), alpha=EDGE_STEPS)
    texture = np.asarray(cv2.resize(edges, CELLS_WH, interpolation=cv2.INTER_AREA), np.float32) / EDGE_STEPS
    light = cells @ GREY_PARTS
    floor = light + np.float32(DARK_FLOOR)
    blue, green, red = np.moveaxis(cells, 2, 0)
    return np.stack([light, (blue - green) / floor, (red - green) / floor, texture / floor])


def held_still(usual: UsualView, pixels: Pixels) -> Pixels:
    """Return a picture moved to where the view usually is; what is usual of it follows slowly."""
    grey = _steady_grey(pixels)
    (x, y), response = cv2.phaseCorrelate(usual.grey, grey, WINDOW)
    by = max(abs(x), abs(y))
    if response >= LEAST_RESPONSE and LEAST_SHIFT_PX < by <= MOST_SHIFT * STEADY_WH[0]:
        height, width = pixels.shape[:2]
        back = np.array([[1, 0, -x * width / STEADY_WH[0]], [0, 1, -y * height / STEADY_WH[1]]])
        moved = cv2.warpAffine(pixels, back, (width, height), borderMode=cv2.BORDER_REPLICATE)
        moved_grey = _steady_grey(np.asarray(moved, np.uint8))
        # What drives over the woods as one, clouds or fog, is no sway: the ground's edges would part.
        if likeness(moved_grey, usual.grey, EDGE_PX) > likeness(grey, usual.grey, EDGE_PX):
            pixels, grey = np.asarray(moved, np.uint8), moved_grey
    usual.grey += (grey - usual.grey) * np.float32(max(1 / (usual.pictures + 1), STEADY_SHARE))
    return pixels


def likeness(one: Plane, other: Plane, fine: int) -> float:
    """Return how two planes go together in what is finer than `fine`: 1 for the same, about 0 for any two."""
    one, other = (plane - cv2.blur(plane, (fine, fine)) for plane in (one, other))
    both = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / both if both > 0 else 1.0


def differences(usual: UsualView, planes: Layers) -> tuple[Layers, Layers]:
    """Return by how much each plane differs after the light of the whole picture, and that in deviations."""
    change = planes - usual.planes
    ground = _ground(usual)
    if ground.any():
        gains = planes[0][ground] / np.maximum(usual.planes[0][ground], DARKEST)
        change[0] = planes[0] / max(float(np.median(gains)), LEAST_GAIN) - usual.planes[0]
        change[1:3] -= np.median(change[1:3, ground], axis=1)[:, None, None]
    spread = np.sqrt(np.maximum(usual.variance, LEAST_SPREAD**2))
    return change, np.clip(change / spread, -MOST, MOST)


def learn(usual: UsualView, planes: Layers, change: Layers, deviations: Layers, gap_s: float) -> None:
    """Let what is usual follow a picture, slower where it has changed: it must not learn smoke at once."""
    follows_s = max(USUAL_S, USUAL_PICTURES * gap_s)
    share = max(1 - float(np.exp(-gap_s / follows_s)), 1 / (usual.pictures + 1))
    shares = np.full(planes.shape[1:], share, np.float32)
    if usual.pictures >= FIRST_PICTURES:
        near = [cv2.GaussianBlur(plane, (0, 0), NEAR_CELLS) for plane in deviations]
        shares[(np.stack(near) ** 2).sum(axis=0) >= CHANGED] *= CHANGED_LEARNING
    usual.planes += (planes - usual.planes) * shares
    most = (MOST / 2) ** 2 * np.maximum(usual.variance, LEAST_SPREAD**2)
    usual.variance += (np.minimum(change**2, most) - usual.variance) * (shares / (share * SPREAD_PICTURES))
    usual.pictures += 1


def _ground(usual: UsualView) -> NDArray[np.bool_]:
    """Return the cells under the horizon: of each column all from the first on that has texture."""
    texture = cv2.blur(usual.planes[3], (5, 5))
    return np.asarray(np.maximum.accumulate(texture >= TEXTURED, axis=0))


def _steady_grey(pixels: Pixels) -> NDArray[np.float32]:
    small = cv2.resize(pixels, STEADY_WH, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
