"""A YOLOX detector that the user brings as an ONNX file, run by cv2.dnn."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.elevator.classes import labels_by_number
from gridwatch.errors import DetectorError
from gridwatch.model import BoxXyxy, Pixels

Floats = NDArray[np.float32]

STRIDES_PX = (8, 16, 32)
"""The grids that YOLOX predicts on, finest first."""

PAD_LEVEL = 114
"""Grey that YOLOX was trained to see outside the picture."""

SCORE_LEAST = 0.3
"""Objectness times class probability from which a box counts: YOLOX's own choice for showing results."""

OVERLAP_MOST = 0.45
"""Intersection over union above which two boxes are one object: YOLOX's own choice."""

LARGEST_SIDE_PX = 4096
"""A model that asks for a larger input takes seconds a picture and is taken for a broken file."""

_INPUT_SHAPE = re.compile(r"<Input> \w+ \[1 x 3 x (\d+) x (\d+)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One object that the model saw."""

    label: str
    score: float
    box_xyxy: BoxXyxy


class YoloxModel:
    """Finds the objects of the classes that matter in one picture.

    All that can be wrong with the file or the mapping raises DetectorError here, not at the first picture.
    """

    def __init__(self, path: Path, classes: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._net = _read(path)
        self._size_wh = _input_size(self._net, path)
        output = self._forward(np.full((self._size_wh[1], self._size_wh[0], 3), PAD_LEVEL, np.uint8))
        _check_output(output, self._size_wh, path)
        self._labels = labels_by_number(output.shape[1] - 5, classes)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self._path.stem

    def sightings(self, pixels: Pixels) -> Sequence[Sighting]:
        """Return what is seen, best first, after suppression of overlapping boxes of one label."""
        canvas, scale = letterbox(pixels, self._size_wh)
        boxes, scores = decode(self._forward(canvas), self._size_wh)
        height, width = pixels.shape[:2]
        boxes = np.clip(boxes / scale, 0, np.array([width, height, width, height], np.float32))
        found: list[Sighting] = []
        for label in sorted(set(self._labels.values())):
            numbers = [number for number, meaning in self._labels.items() if meaning == label]
            found += _best_boxes(label, boxes, scores[:, numbers].max(axis=1))
        return sorted(found, key=lambda sighting: -sighting.score)

    def _forward(self, canvas: Pixels) -> Floats:
        try:
            self._net.setInput(cv2.dnn.blobFromImage(canvas))
            output = self._net.forward()
        except cv2.error as error:
            raise DetectorError(f"{self._path}: the ONNX model fails on a picture: {error.err}") from error
        if output.ndim != 3 or output.shape[0] != 1:
            raise DetectorError(f"{self._path}: {_expected(self._size_wh)}, its output is {output.shape}")
        return np.asarray(output[0], np.float32)


def letterbox(pixels: Pixels, size_wh: tuple[int, int]) -> tuple[Pixels, float]:
    """Fit a picture into the top left of a grey canvas; return the canvas and the scale used."""
    width, height = size_wh
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner_wh = (max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale)))
    canvas = np.full((height, width, 3), PAD_LEVEL, np.uint8)
    canvas[: inner_wh[1], : inner_wh[0]] = cv2.resize(pixels, inner_wh, interpolation=cv2.INTER_LINEAR)
    return canvas, scale


def decode(raw: Floats, size_wh: tuple[int, int]) -> tuple[Floats, Floats]:
    """Turn YOLOX's raw rows into boxes (n × 4, x1 y1 x2 y2 in canvas pixels) and scores (n × classes).

    A row holds centre x, y in cells of its grid, the logarithm of width, height in cells, objectness and
    class probabilities (YOLOX, `yolox/models/yolo_head.py`, `decode_outputs`).
    """
    corners, strides = _grid(size_wh)
    centres = (raw[:, :2] + corners) * strides
    # A side of e^12 cells is beyond every canvas; without the cap a wild value would overflow.
    halves = np.exp(np.minimum(raw[:, 2:4], 12.0)) * strides / 2
    return np.hstack([centres - halves, centres + halves]), raw[:, 4:5] * raw[:, 5:]


def _grid(size_wh: tuple[int, int]) -> tuple[Floats, Floats]:
    corners, strides = [], []
    for stride in STRIDES_PX:
        columns, rows = np.meshgrid(np.arange(size_wh[0] // stride), np.arange(size_wh[1] // stride))
        corners.append(np.column_stack([columns.ravel(), rows.ravel()]))
        strides.append(np.full((columns.size, 1), stride))
    return np.vstack(corners).astype(np.float32), np.vstack(strides).astype(np.float32)


def _best_boxes(label: str, boxes: Floats, scores: Floats) -> list[Sighting]:
    likely = np.flatnonzero(scores >= SCORE_LEAST)
    corners = boxes[likely]
    boxes_xywh = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    kept = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), scores[likely].tolist(), SCORE_LEAST, OVERLAP_MOST)
    return [
        Sighting(label=label, score=min(1.0, float(scores[row])), box_xyxy=_as_box(boxes[row]))
        for row in likely[np.asarray(kept, np.intp).ravel()]
    ]


def _as_box(corners: Floats) -> BoxXyxy:
    x1, y1, x2, y2 = (float(corner) for corner in corners)
    return x1, y1, x2, y2


def _read(path: Path) -> cv2.dnn.Net:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DetectorError(f"{path}: the ONNX model can't be read: {error.strerror}") from error
    if content.size == 0:
        raise DetectorError(f"{path}: the ONNX model is an empty file")
    try:
        return cv2.dnn.readNetFromONNX(content)
    except cv2.error as error:
        raise DetectorError(f"{path}: not an ONNX model that OpenCV can run: {error.err}") from error


def _input_size(net: cv2.dnn.Net, path: Path) -> tuple[int, int]:
    shape = _INPUT_SHAPE.search(net.dump())
    if shape is None:
        raise DetectorError(
            f"{path}: the ONNX model doesn't say the size of its one input of 1 × 3 × height × width; "
            "export it without dynamic axes"
        )
    width, height = int(shape[2]), int(shape[1])
    if width % STRIDES_PX[-1] or height % STRIDES_PX[-1] or not 0 < max(width, height) <= LARGEST_SIDE_PX:
        raise DetectorError(
            f"{path}: YOLOX inputs are multiples of {STRIDES_PX[-1]} pixels up to {LARGEST_SIDE_PX}, "
            f"this one is {width} × {height}"
        )
    return width, height


def _check_output(output: Floats, size_wh: tuple[int, int], path: Path) -> None:
    """Raise DetectorError unless a blank picture's output looks like YOLOX's raw rows."""
    rows = len(_grid(size_wh)[1])
    if output.shape[0] != rows or output.shape[1] < 6:
        raise DetectorError(
            f"{path}: {_expected(size_wh)}, its output is 1 × {' × '.join(map(str, output.shape))}"
        )
    if not np.isfinite(output).all() or output[:, 4:].min() < 0 or output[:, 4:].max() > 1:
        raise DetectorError(f"{path}: scores must be probabilities (sigmoid inside the model)")
    # Raw centres are offsets of a few cells; decoded ones span the canvas.
    if np.ptp(output[:, 0]) > size_wh[0] / 2:
        raise DetectorError(f"{path}: export YOLOX without decode_in_inference: boxes must come out raw")


def _expected(size_wh: tuple[int, int]) -> str:
    width, height = size_wh
    return f"a YOLOX model of {width} × {height} gives 1 × {len(_grid(size_wh)[1])} × (5 + classes) numbers"
