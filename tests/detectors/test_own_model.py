"""A detector that the user brings: four families, told apart by their shape, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.elevator.own_model import OwnModel
from gridwatch.errors import DetectorError
from tests.detectors.onnx_files import constant_model

Floats = NDArray[np.float32]

SIDE = 64
"""8² + 4² + 2² cells of 8, 16 and 32 pixels, and one of 64."""
CELLS = 84
INPUT = (1, 3, SIDE, SIDE)
CLASSES = {"1": "ebike"}
FOUND = (16.0, 8.0, 48.0, 40.0)
"""The box of class 1 that each of the models below finds, on its own input."""


def centres(strides: tuple[int, ...] = (8, 16, 32), middle: float = 0.5) -> Floats:
    points = []
    for stride in strides:
        across, down = np.meshgrid(np.arange(-(-SIDE // stride)), np.arange(-(-SIDE // stride)))
        points.append(np.column_stack([across.ravel(), down.ravel()]) * stride + middle * stride)
    return np.vstack(points).astype(np.float32)


def yolox() -> Floats:
    rows = np.zeros((CELLS, 7), np.float32)
    rows[:, :2] = 0.5
    rows[27] = [1.0, 0.0, np.log(4), np.log(4), 0.9, 0.0, 1.0]  # row 3, column 3 of 8 pixels
    return rows


def yolov5() -> Floats:
    rows = np.zeros((3 * CELLS, 7), np.float32)
    rows[:, :2] = np.tile(centres(), (3, 1))
    rows[100] = [32, 24, 32, 32, 0.9, 0.0, 1.0]
    return rows


def yolov8() -> Floats:
    rows = np.zeros((CELLS, 6), np.float32)
    rows[:, :2] = centres()
    rows[50] = [32, 24, 32, 32, 0.0, 0.9]
    return rows.T.copy()


def nanodet() -> Floats:
    rows = np.zeros((CELLS + 1, 2 + 32), np.float32)
    rows[27, 1] = 0.9  # at 24, 24: 1, 2, 3 and 2 cells of 8 pixels to the sides
    for side, cells in enumerate((1, 2, 3, 2)):
        rows[27, 2 + 8 * side + cells] = 50
    return rows


FAMILIES: list[Callable[[], Floats]] = [yolox, yolov5, yolov8, nanodet]


def model(tmp_path: Path, output: Floats, classes: dict[str, str] | None, names: str = "") -> OwnModel:
    file = tmp_path / "own.onnx"
    file.write_bytes(constant_model(INPUT, output[None], {"names": names} if names else None))
    return OwnModel(file, classes)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_understood(tmp_path: Path, family: Callable[[], Floats]) -> None:
    seen = model(tmp_path, family(), CLASSES).look(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert seen.scores == {"ebike": pytest.approx(0.9)}
    assert seen.boxes["ebike"] == pytest.approx(FOUND, abs=0.01)


def test_a_box_lies_on_the_picture_that_was_fitted_into_the_input(tmp_path: Path) -> None:
    seen = model(tmp_path, yolov8(), CLASSES).look(np.zeros((90, 160, 3), np.uint8))
    assert seen.boxes["ebike"] == pytest.approx([2.5 * edge for edge in (16, 8, 48, 36)], abs=0.1)


def test_a_class_that_is_not_seen_scores_nothing(tmp_path: Path) -> None:
    seen = model(tmp_path, yolov8(), {"0": "wheelchair"}).look(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert seen.scores == {"wheelchair": 0.0}
    assert seen.boxes == {}


def test_classes_may_be_called_by_the_names_in_the_file(tmp_path: Path) -> None:
    named = model(tmp_path, yolov8(), {"E-Bike": "ebike"}, "{0: 'pram', 1: 'e-bike'}")
    assert named.look(np.zeros((SIDE, SIDE, 3), np.uint8)).scores["ebike"] == pytest.approx(0.9)
    with pytest.raises(DetectorError, match=r"no class 'moped': use one of pram, e_bike or class numbers"):
        model(tmp_path, yolov8(), {"moped": "ebike"}, "{0: 'pram', 1: 'e-bike'}")


def test_notes_of_another_kind_do_not_stop_a_model(tmp_path: Path) -> None:
    assert model(tmp_path, yolov8(), CLASSES, "two classes").name == "own"


def test_classes_that_nobody_explained_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"2 classes, not COCO's 80: say which class .* example 0=ebike"):
        model(tmp_path, yolov8(), None)


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    raw = yolov8()
    raw[4:] -= 3
    with pytest.raises(DetectorError, match="scores must be probabilities"):
        model(tmp_path, raw, CLASSES)


@pytest.mark.parametrize("factor", [0.01, 100])
def test_boxes_that_do_not_lie_on_the_picture_are_refused(tmp_path: Path, factor: float) -> None:
    elsewhere = yolov8()
    elsewhere[:4] *= factor
    with pytest.raises(DetectorError, match="boxes don't lie on the picture"):
        model(tmp_path, elsewhere, CLASSES)


def test_a_yolox_that_decodes_by_itself_is_refused(tmp_path: Path) -> None:
    decoded = yolox()
    decoded[:, :2] = centres()
    with pytest.raises(DetectorError, match="without decode_in_inference"):
        model(tmp_path, decoded, CLASSES)


def test_an_output_of_no_known_shape_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"YOLOX gives 1 × 84 × .* this one's output is 1 × 7 × 9"):
        model(tmp_path, np.zeros((7, 9), np.float32), CLASSES)
