"""A detector that the user brings as an ONNX file, run by cv2.dnn."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.onnx.classes import labels_by_number
from detectors.onnx.layouts import STRIDES_PX, expected, layout_of
from detectors.onnx.net import PAD_LEVEL, letterbox, read_net
from gridwatch.errors import DetectorError
from gridwatch.model import BoxXyxy, Pixels
from gridwatch.protobuf import bytes_of, fields

Floats = NDArray[np.float32]

SCORE_LEAST = 0.3
"""Score from which a box counts: YOLOX's own choice for showing results."""

OVERLAP_MOST = 0.45
"""Intersection over union above which two boxes are one object: YOLOX's own choice."""

LARGEST_SIDE_PX = 4096
"""A model that asks for a larger input takes seconds a picture and is taken for a broken file."""

_INPUT_SHAPE = re.compile(r"<Input> \w+ \[1 x 3 x (\d+) x (\d+)\]")

_METADATA, _KEY, _VALUE = 14, 1, 2
"""Fields of onnx.proto: the model's notes, and the two sides of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One object that the model saw."""

    label: str
    score: float
    box_xyxy: BoxXyxy


class OwnModel:
    """Finds the objects of the classes that matter in one picture.

    YOLOX, YOLOv5, YOLOv8, YOLO11 or NanoDet-Plus, told apart by the shape of what they give. Without
    `classes` its names mean what `usual` says, the first mapping of which it has all. All that can be wrong
    with the file or the mapping raises DetectorError here, not at the first picture.
    """

    def __init__(
        self,
        path: Path,
        classes: Mapping[str, str] | None,
        usual: Sequence[Mapping[str, str]],
        *,
        least_score: float = SCORE_LEAST,
    ) -> None:
        self.least_score = least_score
        self._path = path
        self._net = read_net(path)
        self._size_wh = _input_size(self._net, path)
        blank = np.full((self._size_wh[1], self._size_wh[0], 3), PAD_LEVEL, np.uint8)
        # Any family's blob does to learn the shape, and from it the family.
        rows = self._forward(np.asarray(cv2.dnn.blobFromImage(blank), np.float32))
        layout = layout_of(rows.shape, self._size_wh)
        if layout is None:
            shape = " × ".join(map(str, (1, *rows.shape)))
            raise DetectorError(f"{path}: {expected(self._size_wh)}; this one's output is {shape}")
        self._layout = layout
        rows = self._rows(blank)
        _check_rows(rows, layout.probabilities(rows), path)
        boxes, scores = layout.decode(rows, self._size_wh)
        _check_boxes(boxes, self._size_wh, layout.name, path)
        self._labels = labels_by_number(scores.shape[1], classes, usual, _class_names(path))

    @property
    def labels(self) -> frozenset[str]:
        """What it can find."""
        return frozenset(self._labels.values())

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self._path.stem

    def sightings(self, pixels: Pixels) -> Sequence[Sighting]:
        """Return what is seen, best first, after suppression of overlapping boxes of one label."""
        canvas, scale = letterbox(pixels, self._size_wh)
        boxes, scores = self._layout.decode(self._rows(canvas), self._size_wh)
        height, width = pixels.shape[:2]
        boxes = np.clip(boxes / scale, 0, np.array([width, height, width, height], np.float32))
        found: list[Sighting] = []
        for label in sorted(set(self._labels.values())):
            numbers = [number for number, meaning in self._labels.items() if meaning == label]
            found += _best_boxes(label, boxes, scores[:, numbers].max(axis=1), self.least_score)
        return sorted(found, key=lambda sighting: -sighting.score)

    def _rows(self, canvas: Pixels) -> Floats:
        blob = np.asarray(cv2.dnn.blobFromImage(canvas, 1.0, mean=self._layout.mean), np.float32)
        blob /= np.array(self._layout.spread, np.float32)[:, None, None]
        return self._forward(blob[:, ::-1] if self._layout.is_rgb else blob)

    def _forward(self, blob: Floats) -> Floats:
        try:
            self._net.setInput(np.ascontiguousarray(blob))
            output = self._net.forward()
        except cv2.error as error:
            raise DetectorError(f"{self._path}: the ONNX model fails on a picture: {error.err}") from error
        if output.ndim != 3 or output.shape[0] != 1:
            raise DetectorError(f"{self._path}: {expected(self._size_wh)}; its output is {output.shape}")
        return np.asarray(output[0], np.float32)


def _best_boxes(label: str, boxes: Floats, scores: Floats, least: float) -> list[Sighting]:
    likely = np.flatnonzero(scores >= least)
    corners = boxes[likely]
    boxes_xywh = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    kept = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), scores[likely].tolist(), least, OVERLAP_MOST)
    return [
        Sighting(label=label, score=min(1.0, float(scores[row])), box_xyxy=_as_box(boxes[row]))
        for row in likely[np.asarray(kept, np.intp).ravel()]
    ]


def _as_box(corners: Floats) -> BoxXyxy:
    x1, y1, x2, y2 = (float(corner) for corner in corners)
    return x1, y1, x2, y2


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
            f"{path}: inputs are multiples of {STRIDES_PX[-1]} pixels up to {LARGEST_SIDE_PX}, "
            f"this one is {width} × {height}"
        )
    return width, height


def _check_rows(rows: Floats, scores: Floats, path: Path) -> None:
    """Raise DetectorError unless a blank picture's output could be boxes with their probabilities."""
    if not np.isfinite(rows).all() or scores.min() < 0 or scores.max() > 1:
        raise DetectorError(f"{path}: scores must be probabilities (sigmoid inside the model)")


def _check_boxes(boxes: Floats, size_wh: tuple[int, int], family: str, path: Path) -> None:
    """Raise DetectorError unless the boxes' middles are spread over the picture, as the cells are.

    They crowd in a corner where boxes come out raw that should be in pixels, and lie far outside where
    they come out in pixels that should be raw (YOLOX with decode_in_inference).
    """
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 / size_wh
    spread = np.ptp(np.quantile(middles, (0.05, 0.95), axis=0), axis=0)
    if not ((spread > 0.3) & (spread < 2)).all():
        raise DetectorError(
            f"{path}: this is no {family} export that is understood: its boxes don't lie on the picture. "
            "Export YOLOX without decode_in_inference, YOLOv5, YOLOv8 and YOLO11 with their boxes in pixels"
        )


def _class_names(path: Path) -> Sequence[str] | None:
    """Return the class names that Ultralytics writes into a file's notes, in their order, if it has any."""
    try:
        for number, value in fields(path.read_bytes()):
            if number != _METADATA:
                continue
            note = dict(fields(bytes_of(value)))
            if note.get(_KEY) == b"names":
                names = ast.literal_eval(bytes_of(note[_VALUE]).decode())
                return tuple(str(names[place]) for place in range(len(names)))
    except (ValueError, SyntaxError, KeyError, TypeError, UnicodeDecodeError):
        return None  # the model runs; its notes are somebody else's
    return None
