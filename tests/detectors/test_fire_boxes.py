"""Fire by the user's own ONNX detector: each picture gives boxes, the rules over time decide."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from detectors.fire import FireCameraDetector
from gridwatch.errors import DetectorError
from gridwatch.facade import FacadeView, Preset
from gridwatch.model import Finding, Picture
from tests.detectors.onnx_files import constant_model
from tests.detectors.test_own_model import INPUT, SIDE, yolov8

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)
CLASSES = {"1": "smoke"}
PIXELS = np.full((2 * SIDE, 2 * SIDE, 3), (60, 80, 70), np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a model that finds smoke of 0.9 at (12, 9) to (22, 18) of its input, whatever the picture."""
    output = yolov8()
    output[2:4] *= 0.3
    return write(tmp_path / "smoke.onnx", output)


def write(path: Path, output: np.ndarray, names: str = "") -> Path:
    path.write_bytes(constant_model(INPUT, output[None], {"names": names} if names else None))
    return path


def watch(
    detector: FireCameraDetector, *, view: FacadeView | None = None, preset: str = ""
) -> list[list[Finding]]:
    state = detector.new_state(view)
    moments = [NOON + n * timedelta(seconds=30) for n in range(8)]
    return [[*detector.see(state, Picture(pixels=PIXELS, at=at, preset=preset))] for at in moments]


def fires(told: list[list[Finding]]) -> list[Finding]:
    return [finding for findings in told for finding in findings if finding.label in ("smoke", "flame")]


def test_boxes_that_stay_are_a_fire_with_one_id(file: Path) -> None:
    told = watch(FireCameraDetector(file, CLASSES))
    first = next(number for number, findings in enumerate(told) if fires([findings]))
    assert first == 3
    assert fires(told)[0].label == "smoke"
    assert fires(told)[0].detector == "fire-smoke/2"
    assert len({finding.id for finding in fires(told)}) == 1


def test_what_smokes_at_one_place_for_hours_is_learnt_and_told_no_more(file: Path) -> None:
    detector = FireCameraDetector(file, CLASSES)
    state = detector.new_state()
    told = [
        fires([[*detector.see(state, Picture(pixels=PIXELS, at=NOON + number * timedelta(minutes=2)))]])
        for number in range(120)
    ]
    assert all(told[4:45])
    assert not any(told[-30:])


def test_a_lone_picture_is_judged_by_the_box_alone(file: Path) -> None:
    found = FireCameraDetector(file, CLASSES).judge(Picture(pixels=PIXELS, at=NOON))
    assert [finding.label for finding in found if finding.box_xyxy] == ["smoke"]


def test_a_mask_hides_what_the_model_finds(file: Path) -> None:
    edge = 1.2 * SIDE
    left_half = ((0.0, 0.0), (edge, 0.0), (edge, 2.0 * SIDE), (0.0, 2.0 * SIDE))
    detector, size_wh = FireCameraDetector(file, CLASSES), (2 * SIDE, 2 * SIDE)
    assert fires(watch(detector, view=FacadeView(size_wh=size_wh)))
    assert not fires(watch(detector, view=FacadeView(size_wh=size_wh, masks=(left_half,))))
    of_preset = FacadeView(size_wh=size_wh, presets=(Preset(name="east", masks=(left_half,)),))
    assert not fires(watch(detector, view=of_preset, preset="east"))
    assert fires(watch(detector, view=of_preset, preset="west"))


def test_smoke_has_the_bearing_that_the_camera_s_pose_gives_it(file: Path) -> None:
    pose = Preset(name="east", azimuth_deg=350, horizontal_fov_deg=60)
    view = FacadeView(size_wh=(2 * SIDE, 2 * SIDE), presets=(pose,))
    smoke = fires(watch(FireCameraDetector(file, CLASSES), view=view, preset="east"))[0]
    assert smoke.box_xyxy is not None
    middle = (smoke.box_xyxy[0] + smoke.box_xyxy[2]) / 2
    assert smoke.criteria["bearing_deg"] == pytest.approx(pose.bearing_deg(middle, 2 * SIDE))
    elsewhere = watch(FireCameraDetector(file, CLASSES), view=view, preset="west")
    assert "bearing_deg" not in fires(elsewhere)[0].criteria


def test_each_preset_is_held_against_its_own_pictures(file: Path) -> None:
    detector = FireCameraDetector(file, CLASSES)
    state = detector.new_state()
    told = [
        detector.see(
            state, Picture(pixels=PIXELS, at=NOON + n * timedelta(seconds=30), preset=("n", "e", "s")[n % 3])
        )
        for n in range(15)
    ]
    assert [bool(fires([list(findings)])) for findings in told] == [n >= 9 for n in range(15)]


def test_names_in_the_file_say_what_is_smoke(tmp_path: Path) -> None:
    file = write(tmp_path / "named.onnx", yolov8(), "{0: 'other', 1: 'Smoke'}")
    found = FireCameraDetector(file).judge(Picture(pixels=PIXELS, at=NOON))
    assert [finding.label for finding in found if finding.box_xyxy] == ["smoke"]


def test_what_can_not_be_used_is_told_at_the_start(tmp_path: Path, file: Path) -> None:
    with pytest.raises(DetectorError, match=r"say which class is which label, for example 0=flame"):
        FireCameraDetector(file)
    with pytest.raises(DetectorError, match=r"no class means flame or smoke"):
        FireCameraDetector(file, {"1": "ebike"})
    with pytest.raises(DetectorError, match="can't be read"):
        FireCameraDetector(tmp_path / "none.onnx")
