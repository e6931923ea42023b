"""The lift scene: the user's ONNX model, our own recogniser, the empty cabin and the lens."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.elevator import ElevatorDetector
from detectors.elevator.background import EmptyCabin
from detectors.elevator.looks import LONG
from detectors.elevator.watch import CabinWatch
from detectors.onnx.layouts import YOLOX
from detectors.onnx.net import letterbox
from gridwatch.errors import DetectorError
from gridwatch.media import read_picture
from gridwatch.model import Finding, Picture, Pixels
from simulators.cabin.still import render_cabin
from simulators.cabin.visit import Moment, render_visit
from tests.detectors.onnx_files import constant_model

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CABIN = render_cabin(12, size_wh=(480, 270), shows=()).pixels


def watched(pictures: Iterable[Picture]) -> list[Finding]:
    detector = ElevatorDetector()
    state = detector.new_state()
    found = [finding for picture in pictures for finding in detector.see(state, picture)]
    return [*found, *detector.finish(state)]


def still(pixels: Iterable[Pixels]) -> Sequence[Picture]:
    return [Picture(pixels=one, at=START + timedelta(seconds=0.2 * n)) for n, one in enumerate(pixels)]


@pytest.fixture(scope="module")
def weights(shared_data: Path) -> Path:
    return shared_data / "weights" / "yolox_nano.onnx"


@pytest.fixture(scope="module")
def etoilesha(shared_data: Path) -> Sequence[Picture]:
    files = sorted((shared_data / "elevator" / "etoilesha" / "images").glob("*.jpg"))
    return [
        Picture(pixels=read_picture(file.read_bytes()), at=START + timedelta(seconds=index))
        for index, file in enumerate(files)
    ]


def test_yolox_finds_a_two_wheeler_in_ten_of_the_28_real_pictures(
    weights: Path, etoilesha: Sequence[Picture]
) -> None:
    detector = ElevatorDetector(weights)
    found = [detector.judge(picture) for picture in etoilesha]
    assert sum(any(finding.label == "ebike" for finding in findings) for findings in found) == 10
    for picture, findings in zip(etoilesha, found, strict=True):
        assert len(findings) <= 1
        for finding in findings:
            assert finding.observed_at == picture.at
            assert 0.3 <= finding.confidence <= 1
            assert finding.box_xyxy is not None
            x1, y1, x2, y2 = finding.box_xyxy
            assert 0 <= x1 < x2 <= picture.size_wh[0]
            assert 0 <= y1 < y2 <= picture.size_wh[1]
            assert finding.detector == "elevator-yolox_nano/3"


def test_a_bicycle_mapped_to_itself_raises_no_ebike(weights: Path, etoilesha: Sequence[Picture]) -> None:
    strict = ElevatorDetector(weights, {"motorcycle": "motorcycle", "bicycle": "bicycle"})
    found = {finding.label for picture in etoilesha for finding in strict.judge(picture)}
    assert "ebike" not in found
    assert "motorcycle" in found


def test_a_picture_without_a_vehicle_finds_nothing(weights: Path) -> None:
    blank = np.full((360, 640, 3), 90, np.uint8)
    assert ElevatorDetector(weights).judge(Picture(pixels=blank, at=START)) == ()


def test_a_file_that_is_no_model_is_refused_when_the_detector_is_built(tmp_path: Path) -> None:
    wrong = tmp_path / "notes.onnx"
    wrong.write_text("these are not weights")
    with pytest.raises(DetectorError, match=r"notes\.onnx: not an ONNX model"):
        ElevatorDetector(wrong)


def test_a_truncated_model_is_refused(weights: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(DetectorError, match="not an ONNX model"):
        ElevatorDetector(cut)


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"gone\.onnx: the ONNX model can't be read"):
        ElevatorDetector(tmp_path / "gone.onnx")
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(DetectorError, match="empty file"):
        ElevatorDetector(tmp_path / "empty.onnx")


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ((1, 3, 64, 64), "at 64 × 64 YOLOX gives 1 × 84 × "),
        ((1, 3, 50, 50), "multiples of 32 pixels"),
        ((1, 7), "doesn't say the size"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path: Path, shape: Sequence[int], complaint: str) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(constant_model(shape, np.zeros((1, 7, 9), np.float32)))
    with pytest.raises(DetectorError, match=complaint):
        ElevatorDetector(other)


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        ({"moped": "ebike"}, "no class 'moped'"),
        ({"80": "ebike"}, "no class '80'"),
        ({"bicycle": "E-Bike"}, "label of an ONNX class"),
        ({}, "mapping of the ONNX model is empty"),
    ],
)
def test_a_class_mapping_that_can_not_be_is_refused(
    weights: Path, classes: dict[str, str], complaint: str
) -> None:
    with pytest.raises(DetectorError, match=complaint):
        ElevatorDetector(weights, classes)


def test_raw_rows_become_boxes_of_the_cell_they_lie_in() -> None:
    raw = np.zeros((84, 6), np.float32)  # 64 × 64: 8² + 4² + 2² cells
    raw[9] = [0.5, 0.25, np.log(2), np.log(3), 0.8, 0.5]  # second row, second column of stride 8
    boxes, scores = YOLOX.decode(raw, (64, 64))
    assert boxes[9] == pytest.approx([12 - 8, 10 - 12, 12 + 8, 10 + 12])
    assert scores[9, 0] == pytest.approx(0.4)
    assert boxes[83] == pytest.approx([16, 16, 48, 48])  # last cell of stride 32


def test_a_picture_is_fitted_into_the_top_left_of_a_grey_canvas() -> None:
    canvas, scale = letterbox(np.full((100, 200, 3), 7, np.uint8), (416, 416))
    assert scale == pytest.approx(2.08)
    assert (canvas[:208] == 7).all()
    assert (canvas[208:] == 114).all()


def test_without_a_model_of_the_users_a_lone_picture_is_judged_by_the_shipped_one() -> None:
    detector = ElevatorDetector()
    blank = Picture(pixels=np.full((360, 640, 3), 90, np.uint8), at=START)
    for picture in (blank, Picture(pixels=render_cabin(60, shows=["ebike"]).pixels, at=START)):
        scores = detector.recogniser.look(picture.pixels).scores
        found = detector.judge(picture)
        seen = {label for label, score in scores.items() if score >= 0.5} - {"empty", "person"}
        assert {finding.label for finding in found} == seen
        sure = [finding.confidence for finding in found]
        assert sure == sorted((scores[label] for label in seen), reverse=True)
        assert {finding.detector for finding in found} <= {"elevator-cabin/3"}


@pytest.mark.parametrize("cover", [0, 128])
def test_a_covered_lens_is_told_once_until_it_was_free_again(cover: int) -> None:
    covered = np.full_like(CABIN, cover)
    parts = [(CABIN, 15), (covered, 15), (CABIN, 15), (covered, 15)]
    pixels = [pixels for pixels, count in parts for _ in range(count)]
    told = [finding.label for finding in watched(still(pixels))]
    assert told.count("lens_covered") == 2


def test_a_camera_that_was_always_dark_is_not_called_covered() -> None:
    assert watched(still([np.zeros((270, 480, 3), np.uint8)] * 20)) == []


def test_a_change_of_resolution_starts_anew_where_it_must_and_else_goes_on() -> None:
    detector = ElevatorDetector()
    state = detector.new_state()
    larger = np.asarray(cv2.resize(CABIN, (960, 540)), np.uint8)
    for picture in still([CABIN, larger, CABIN[:, 60:420]]):
        detector.see(state, picture)
        assert state.empty is not None
        assert state.empty.fits(picture)


def test_what_is_remembered_of_a_cabin_does_not_grow() -> None:
    detector = ElevatorDetector()
    state = CabinWatch()
    for moment in render_visit(1, shows="ebike", fps=8, ride_s=2):
        detector.see(state, Picture(pixels=moment.still.pixels, at=START + timedelta(seconds=moment.at_s)))
    assert len(state.looks.latest) <= LONG
    assert state.empty is not None
    assert state.empty.believed.shape == (192, 256, 3)


def test_a_visitor_in_the_first_pictures_does_not_stay_part_of_the_cabin() -> None:
    moments = list(render_visit(3, shows="wheelchair", size_wh=(160, 120), empty_s=70, ride_s=4))
    first = next(index for index, moment in enumerate(moments) if moment.inside == 1)
    empty = EmptyCabin.first_seen(picture_of(moments[first]))
    for moment in moments[first:]:
        empty.take_in(picture_of(moment))
    assert np.count_nonzero(empty.take_in(picture_of(moments[0]))) < 0.01 * empty.believed_s.size


def picture_of(moment: Moment) -> Picture:
    return Picture(pixels=moment.still.pixels, at=START + timedelta(seconds=moment.at_s))
