"""Read an ONNX file into cv2.dnn, and fit pictures to it."""

from pathlib import Path

import cv2
import numpy as np

from gridwatch.errors import DetectorError
from gridwatch.model import Pixels

PAD_LEVEL = 114
"""Grey that detectors are trained to see outside the picture."""


def read_net(path: Path) -> cv2.dnn.Net:
    """Read an ONNX file; DetectorError where it is missing, or OpenCV can't run it."""
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


def letterbox(pixels: Pixels, size_wh: tuple[int, int]) -> tuple[Pixels, float]:
    """Fit a picture into the top left of a grey canvas; return the canvas and the scale used."""
    width, height = size_wh
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner_wh = (max(1, int(pixels.shape[1] * scale)), max(1, int(pixels.shape[0] * scale)))
    canvas = np.full((height, width, 3), PAD_LEVEL, np.uint8)
    canvas[: inner_wh[1], : inner_wh[0]] = cv2.resize(pixels, inner_wh, interpolation=cv2.INTER_LINEAR)
    return canvas, scale
