"""What falls is seen once, whatever the house; what only moves is not taken for it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from detectors.protocol import CameraDetector
from detectors.throwing import ThrowingDetector
from detectors.throwing.detector import ThrowingState
from gridwatch.media import read_video
from gridwatch.model import Finding, Picture, latest
from simulators.facade import Disturber, draw_throw_take, film
from simulators.facade.sensor import ShakeName
from simulators.rendered import Rendered

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def watch(pictures: Iterable[Picture]) -> list[Finding]:
    """Return everything that the detector concludes from a clip."""
    detector: CameraDetector[ThrowingState] = ThrowingDetector()
    state = detector.new_state()
    findings = [finding for picture in pictures for finding in detector.see(state, picture)]
    return latest([*findings, *detector.finish(state)])


def labels(pictures: Iterable[Picture]) -> list[str]:
    """Return the labels of everything that the detector concludes from a clip."""
    return [finding.label for finding in watch(pictures)]


def seconds(moment: datetime | None) -> float:
    """Return the seconds after the clip's start."""
    assert moment is not None
    return (moment - START).total_seconds()


def render(
    seed: int,
    *,
    thing: str | None = None,
    disturbers: Mapping[Disturber, int] | None = None,
    shake: ShakeName = "none",
    light_changes: int = 0,
    duration_s: float = 4.5,
    fps: float = 25,
    size_wh: tuple[int, int] = (480, 360),
) -> Rendered:
    """Return a clip in which a thing is thrown, or nothing is, with what else moves."""
    take = draw_throw_take(
        np.random.default_rng(seed),
        duration_s=duration_s,
        fps=fps,
        size_wh=size_wh,
        throws=thing is not None,
        thing=thing,
        disturbers=disturbers or {},
        shake=shake,
        light_changes=light_changes,
    )
    return film(take, start=START)


@pytest.mark.parametrize("thing", ["brick", "glass_bottle", "rubbish_bag", "box", "nappy"])
@pytest.mark.parametrize(("seed", "size_wh", "fps"), [(4, (640, 480), 25), (2, (480, 360), 15)])
def test_a_throw_is_one_finding_at_its_time_and_place(
    thing: str, seed: int, size_wh: tuple[int, int], fps: float
) -> None:
    rendered = render(seed, thing=thing, disturbers={"laundry": 2}, fps=fps, size_wh=size_wh)
    (truth,) = rendered.truth
    (finding,) = watch(rendered.pictures)
    assert finding.label == "falling_object"
    assert finding.started_at is not None
    assert finding.ended_at is not None
    assert abs(finding.started_at - truth.started_at) < timedelta(seconds=0.6)
    assert finding.ended_at <= truth.ended_at + timedelta(seconds=0.1)
    boxes = {picture.at: box for picture, box in zip(rendered.pictures, truth.boxes, strict=True)}
    for point in finding.track:
        box = boxes[point.at]
        assert box is not None
        assert abs(point.x - (box[0] + box[2]) / 2) < 8
        assert abs(point.y - (box[1] + box[3]) / 2) < 8


@pytest.mark.parametrize(
    "disturbers",
    [
        {"tree": 1},
        {"bird": 2},
        {"laundry": 2},
        {"leaf": 3},
        {"walker": 1},
        {"rain": 10},
        {"snow": 10},
        {"tree": 1, "bird": 1, "laundry": 2, "leaf": 3, "walker": 1},
    ],
    ids="-".join,
)
@pytest.mark.parametrize("seed", [11, 12])
def test_what_only_moves_raises_nothing(disturbers: Mapping[Disturber, int], seed: int) -> None:
    assert "falling_object" not in labels(render(seed, disturbers=disturbers).pictures)


@pytest.mark.parametrize("seed", [11, 12])
def test_a_change_of_light_raises_nothing(seed: int) -> None:
    assert labels(render(seed, light_changes=1).pictures) == []


def test_a_shaking_camera_is_told_once_and_nothing_is_judged() -> None:
    rendered = render(3, disturbers={"tree": 1}, shake="knock")
    assert labels(rendered.pictures) == ["camera_moved"]


def test_a_throw_in_rain_is_seen() -> None:
    rendered = render(4, thing="rubbish_bag", disturbers={"rain": 10}, size_wh=(640, 480))
    assert labels(rendered.pictures) == ["falling_object"]


def test_two_throws_apart_are_two_findings() -> None:
    one = render(5, thing="box", fps=20).pictures
    later = [Picture(pixels=p.pixels, at=p.at + timedelta(seconds=60)) for p in one]
    assert labels([*one, *later]) == ["falling_object"] * 2


def test_a_fall_is_told_soon_after_its_end() -> None:
    rendered = render(1, thing="brick", duration_s=6)
    detector = ThrowingDetector()
    state = detector.new_state()
    for picture in rendered.pictures:
        if findings := detector.see(state, picture):
            assert findings[0].ended_at is not None
            assert picture.at - findings[0].ended_at <= timedelta(seconds=1)
            return
    pytest.fail("the fall was not told before the clip's end")


def test_one_picture_shows_no_fall() -> None:
    picture = Picture(pixels=np.zeros((120, 160, 3), np.uint8), at=START)
    assert ThrowingDetector().judge(picture) == ()


def test_pictures_of_changing_size_and_backward_times_do_no_harm() -> None:
    rng = np.random.default_rng(0)
    pictures = [
        Picture(pixels=rng.integers(0, 255, (h, w, 3), dtype=np.uint8), at=START + timedelta(seconds=s))
        for w, h, s in [
            (64, 48, 0),
            (64, 48, 0.04),
            (65, 49, 0.08),
            (65, 49, 0.02),
            (64, 48, 900),
            (16, 16, 901),
        ]
    ]
    assert labels(pictures) == ["camera_changed", "camera_clock", "camera_changed", "camera_changed"]


def test_the_real_throw_and_its_reflection_are_one_event(shared_data: Path) -> None:
    (finding,) = watch(read_video(shared_data / "throwing/bharath_office1/office1.mp4", start=START))
    assert finding.label == "falling_object"
    assert 7.0 <= seconds(finding.started_at) < 7.6
    assert 8.3 < seconds(finding.ended_at) <= 9.5
    assert finding.criteria["fall_px"] > 400
    assert len(finding.track) > 30


def test_the_real_throw_played_backward_is_none(shared_data: Path) -> None:
    forward = list(read_video(shared_data / "throwing/bharath_office1/office1.mp4", start=START))[190:]
    backward = [
        Picture(pixels=picture.pixels, at=START + (forward[-1].at - picture.at))
        for picture in reversed(forward)
    ]
    assert labels(backward) == []


@pytest.mark.parametrize("clip", ["bgslibrary/video02.avi", "waving_trees/waving_trees.avi"])
def test_real_traffic_and_real_trees_raise_nothing(shared_data: Path, clip: str) -> None:
    assert "falling_object" not in labels(read_video(shared_data / "throwing" / clip, start=START))


@pytest.mark.parametrize("clip", ["furg/house6.mp4", "gengyanlei/forest1.mp4"])
def test_flames_fall_upward(shared_data: Path, clip: str) -> None:
    assert "falling_object" not in labels(read_video(shared_data / "fire" / clip, start=START))
