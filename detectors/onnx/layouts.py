"""What the numbers mean that detectors of different families give: told apart by their shape.

Sources: YOLOX, `yolox/models/yolo_head.py`; YOLOv5, `models/yolo.py` (Detect); Ultralytics,
`nn/modules/head.py` (Detect); NanoDet, `nanodet/model/head/nanodet_plus_head.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WhSize = tuple[int, int]

STRIDES_PX = (8, 16, 32)
"""The grids that the YOLOs predict on, finest first."""
NANODET_STRIDES_PX = (8, 16, 32, 64)

YOLOV5_ANCHORS = 3
"""Boxes of a cell."""

NANODET_BINS = 8
"""Numbers of which NanoDet makes the distance to one side of a box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A family of detectors: how it wants its pixels, and how its numbers become boxes and scores.

    The input is (pixels − `mean`) / `spread`, per channel in the order of blue, green, red, then turned to
    red, green, blue where `is_rgb`. `decode` takes rows × numbers and the input's width and height and
    returns boxes (n × 4, x1 y1 x2 y2 in the input's pixels) and scores (n × classes).
    """

    name: str
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    is_rgb: bool = False
    is_transposed: bool = False
    """Whether a box is a column."""
    extra: int
    """Numbers of a box that are no class."""
    scores: slice
    """Those of a box that must be probabilities: objectness and classes."""
    decode: Callable[[Floats, WhSize], tuple[Floats, Floats]]

    def probabilities(self, output: Floats) -> Floats:
        """Return the part of an output that must be probabilities."""
        return (output.T if self.is_transposed else output)[:, self.scores]


def layout_of(shape: Sequence[int], size_wh: WhSize) -> Layout | None:
    """Return the family that gives an output (rows, numbers) of this shape, or None where none does."""
    rows, numbers = shape
    cells = len(_grid(size_wh, STRIDES_PX)[0])
    if rows == cells and numbers > YOLOX.extra:
        return YOLOX
    if rows == YOLOV5_ANCHORS * cells and numbers > YOLOV5.extra:
        return YOLOV5
    if numbers == cells and rows > YOLOV8.extra:
        return YOLOV8
    if rows == len(_grid(size_wh, NANODET_STRIDES_PX)[0]) and numbers > NANODET.extra:
        return NANODET
    return None


def expected(size_wh: WhSize) -> str:
    """Say what is understood of an input of this size."""
    cells, nanodet = (len(_grid(size_wh, strides)[0]) for strides in (STRIDES_PX, NANODET_STRIDES_PX))
    width, height = size_wh
    return (
        f"at {width} × {height} YOLOX gives 1 × {cells} × (5 + classes) numbers, YOLOv5 "
        f"1 × {YOLOV5_ANCHORS * cells} × (5 + classes), YOLOv8 and YOLO11 1 × (4 + classes) × {cells}, "
        f"NanoDet-Plus 1 × {nanodet} × (classes + 32)"
    )


def _yolox(rows: Floats, size_wh: WhSize) -> tuple[Floats, Floats]:
    """Decode centre x, y in cells from the cell, log width, height in cells, objectness, classes."""
    corners, strides = _grid(size_wh, STRIDES_PX)
    centres = (rows[:, :2] + corners) * strides
    # A side of e^12 cells is beyond every canvas; without the cap a wild value would overflow.
    halves = np.exp(np.minimum(rows[:, 2:4], 12.0)) * strides / 2
    return np.hstack([centres - halves, centres + halves]), rows[:, 4:5] * rows[:, 5:]


def _yolov5(rows: Floats, _: WhSize) -> tuple[Floats, Floats]:
    """Decode centre x, y, width, height in pixels, objectness, classes."""
    halves = rows[:, 2:4] / 2
    return np.hstack([rows[:, :2] - halves, rows[:, :2] + halves]), rows[:, 4:5] * rows[:, 5:]


def _yolov8(rows: Floats, _: WhSize) -> tuple[Floats, Floats]:
    """Decode centre x, y, width, height in pixels, classes; one column a box."""
    boxes = rows.T
    halves = boxes[:, 2:4] / 2
    return np.hstack([boxes[:, :2] - halves, boxes[:, :2] + halves]), boxes[:, 4:]


def _nanodet(rows: Floats, size_wh: WhSize) -> tuple[Floats, Floats]:
    """Decode classes, then for each side the distribution of its distance in cells from the cell."""
    corners, strides = _grid(size_wh, NANODET_STRIDES_PX)
    classes = rows.shape[1] - 4 * NANODET_BINS
    bins = rows[:, classes:].reshape(len(rows), 4, NANODET_BINS)
    likely = np.exp(bins - bins.max(axis=2, keepdims=True))
    likely /= likely.sum(axis=2, keepdims=True)
    distances = likely @ np.arange(NANODET_BINS, dtype=np.float32) * strides
    points = corners * strides
    return np.hstack([points - distances[:, :2], points + distances[:, 2:]]), rows[:, :classes]


def _grid(size_wh: WhSize, strides_px: Sequence[int]) -> tuple[Floats, Floats]:
    corners, strides = [], []
    for stride in strides_px:
        wide, tall = -(-size_wh[0] // stride), -(-size_wh[1] // stride)
        columns, rows = np.meshgrid(np.arange(wide), np.arange(tall))
        corners.append(np.column_stack([columns.ravel(), rows.ravel()]))
        strides.append(np.full((columns.size, 1), stride))
    return np.vstack(corners).astype(np.float32), np.vstack(strides).astype(np.float32)


_TO_ONE = (255.0, 255.0, 255.0)

YOLOX = Layout(name="YOLOX", extra=5, scores=slice(4, None), decode=_yolox)
YOLOV5 = Layout(name="YOLOv5", spread=_TO_ONE, is_rgb=True, extra=5, scores=slice(4, None), decode=_yolov5)
YOLOV8 = Layout(
    name="YOLOv8",
    spread=_TO_ONE,
    is_rgb=True,
    is_transposed=True,
    extra=4,
    scores=slice(4, None),
    decode=_yolov8,
)
NANODET = Layout(
    name="NanoDet",
    mean=(103.53, 116.28, 123.675),
    spread=(57.375, 57.12, 58.395),
    extra=4 * NANODET_BINS,
    scores=slice(0, -4 * NANODET_BINS),
    decode=_nanodet,
)
