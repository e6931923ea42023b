"""The lift scene: the user's ONNX model, the outline without one, the covered lens."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.elevator import CabinMemory, ElevatorDetector
from detectors.elevator.layouts import YOLOX
from detectors.elevator.net import letterbox
from gridwatch.errors import DetectorError
from gridwatch.media import read_picture
from gridwatch.model import Finding, Picture, Pixels
from simulators.cabin_visit import render_visit
from simulators.rendered import Rendered
from simulators.visitors import VisitorKind
from tests.detectors.onnx_files import constant_model

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
REPORT_SEED = 9_000_000
"""Seeds from here on were never fitted on."""


def rendered(visitor: VisitorKind, seed: int, *, fps: float = 4.0, empty_s: float = 3.0) -> Rendered:
    rng = np.random.default_rng(seed)
    return render_visit(rng, start=START, visitor=visitor, fps=fps, empty_s=empty_s, size_wh=(480, 270))


def watched(pictures: Iterable[Picture], state: CabinMemory | None = None) -> list[Finding]:
    detector = ElevatorDetector()
    state = state or detector.new_state()
    found = [finding for picture in pictures for finding in detector.see(state, picture)]
    return [*found, *detector.finish(state)]


def labels(pictures: Iterable[Picture]) -> list[str]:
    return [finding.label for finding in watched(pictures)]


def still(pixels: Pixels, count: int, start: datetime = START) -> Sequence[Picture]:
    return [Picture(pixels=pixels, at=start + timedelta(seconds=0.2 * index)) for index in range(count)]


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
    state = detector.new_state()
    found = [detector.see(state, picture) for picture in etoilesha]
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
            assert finding.detector == "elevator-yolox_nano/2"


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
    for picture in (blank, rendered("ebike", 1, fps=1).pictures[10]):
        scores = detector.recogniser.look(picture.pixels).scores
        found = detector.judge(picture)
        seen = {label for label, score in scores.items() if score >= 0.5} - {"empty", "person"}
        assert {finding.label for finding in found} == seen
        sure = [finding.confidence for finding in found]
        assert sure == sorted((scores[label] for label in seen), reverse=True)
        assert {finding.detector for finding in found} <= {"elevator-cabin/2"}


def test_rendered_ebikes_are_found_and_told_once_a_visit() -> None:
    visits = [labels(rendered("ebike", REPORT_SEED + seed).pictures) for seed in range(10)]
    assert sum("ebike" in told for told in visits) >= 7
    assert all(told.count("ebike") <= 1 and told.count("suspected_ebike") <= 1 for told in visits)


@pytest.mark.parametrize("visitor", ["person", "wheelchair", "pram", "empty"])
def test_rendered_visits_without_a_two_wheeler_hardly_ever_raise(visitor: VisitorKind) -> None:
    visits = [labels(rendered(visitor, REPORT_SEED + seed).pictures) for seed in range(5)]
    assert sum("ebike" in told for told in visits) <= (0 if visitor == "empty" else 1)


def test_the_finding_lies_on_the_ebike_and_is_never_surer_than_the_shape_allows() -> None:
    visit = next(
        v for s in range(20) if "ebike" in labels((v := rendered("ebike", REPORT_SEED + s)).pictures)
    )
    finding = next(finding for finding in watched(visit.pictures) if finding.label == "ebike")
    index = [picture.at for picture in visit.pictures].index(finding.observed_at)
    truth = visit.truth[0].boxes[index]
    assert truth is not None
    assert finding.box_xyxy is not None
    x, y = (truth[0] + truth[2]) / 2, (truth[1] + truth[3]) / 2
    assert finding.box_xyxy[0] < x < finding.box_xyxy[2]
    assert finding.box_xyxy[1] < y < finding.box_xyxy[3]
    assert 0.3 <= finding.confidence <= 0.6


def test_a_second_visit_is_told_again() -> None:
    seed = next(s for s in range(20) if "ebike" in labels(rendered("ebike", REPORT_SEED + s).pictures))
    once = rendered("ebike", REPORT_SEED + seed).pictures
    length = once[-1].at - once[0].at + timedelta(seconds=0.25)
    twice = [*once, *(Picture(pixels=picture.pixels, at=picture.at + length) for picture in once)]
    assert labels(twice).count("ebike") == 2


def test_a_change_of_resolution_starts_anew_where_it_must_and_else_goes_on() -> None:
    visit = next(
        v for s in range(20) if "ebike" in labels((v := rendered("ebike", REPORT_SEED + s)).pictures)
    )
    middle = 12
    larger = [
        Picture(pixels=cv2.resize(picture.pixels, (960, 540)).astype(np.uint8), at=picture.at)
        for picture in visit.pictures[middle:]
    ]
    assert "ebike" in labels([*visit.pictures[:middle], *larger])
    other_shape = [
        Picture(pixels=picture.pixels[:, 60:420], at=picture.at) for picture in visit.pictures[middle:]
    ]
    state = ElevatorDetector().new_state()
    watched([*visit.pictures[:middle], *other_shape], state)
    assert state.empty is not None
    assert state.empty.believed.shape == (192, 256, 3)


def test_a_visitor_in_the_first_pictures_does_not_stay_part_of_the_cabin() -> None:
    visit = rendered("wheelchair", 3, empty_s=60)
    state = ElevatorDetector().new_state()
    riding = [picture for picture in visit.pictures if picture.at > START + timedelta(seconds=66)]
    watched(riding, state)
    assert state.empty is not None
    left_over = state.empty.take_in(visit.pictures[0])
    assert np.count_nonzero(left_over) < 0.01 * left_over.size


@pytest.mark.parametrize("cover", [0, 128])
def test_a_covered_lens_is_told_once_until_it_was_free_again(cover: int) -> None:
    cabin = rendered("empty", 4).pictures[0].pixels
    covered = np.full_like(cabin, cover)
    parts = [(cabin, 10), (covered, 10), (cabin, 10), (covered, 10)]
    pictures = [picture for pixels, count in parts for picture in still(pixels, count)]
    assert labels(pictures) == ["lens_covered", "lens_covered"]


def test_a_camera_that_was_always_dark_is_not_called_covered() -> None:
    assert labels(still(np.zeros((270, 480, 3), np.uint8), 20)) == []


def test_what_is_remembered_of_a_cabin_does_not_grow() -> None:
    detector = ElevatorDetector()
    state = detector.new_state()
    for picture in rendered("ebike", REPORT_SEED, fps=8).pictures:
        detector.see(state, picture)
    assert state.empty is not None
    assert len(state.visit.odds) <= 6
    assert state.empty.believed.shape == (144, 256, 3)
