"""What is wrong with a camera is said, once, by its name; nothing is taken for a fall, and it goes on."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from detectors.throwing import ThrowingDetector
from detectors.throwing.steady import Steadier, moved_back, shrunk
from gridwatch.model import Finding, Picture, Pixels
from simulators.facade.things import fallen_m

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIZE_WH = (320, 240)


def wall(seed: int = 0) -> Pixels:
    """Return a wall with structure of several sizes."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 200, (24, 32), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_CUBIC), np.uint8)


def filmed(scene: Pixels, seed: int, *, thing_y: float | None = None) -> Pixels:
    """Return one noisy picture of a scene, with a thing of 6 pixels before it."""
    canvas = cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR)
    if thing_y is not None:
        cv2.circle(canvas, (160 * 16, round(thing_y * 16)), 3 * 16, (10, 10, 10), -1, cv2.LINE_AA, 4)
    noise = np.random.default_rng(seed).normal(0, 2, canvas.shape)
    return np.asarray(np.clip(canvas + noise, 0, 255), np.uint8)


def clip(times: Iterable[float], pictures: Sequence[Pixels]) -> list[Picture]:
    """Return the pictures, again and again, at these seconds."""
    return [
        Picture(pixels=pictures[index % len(pictures)], at=START + timedelta(seconds=float(t)))
        for index, t in enumerate(times)
    ]


def calm(start_s: float, seconds: float, fps: float = 25) -> list[Picture]:
    """Return a wall on which nothing happens."""
    times = np.arange(start_s, start_s + seconds, 1 / fps)
    return clip(times, [filmed(wall(), seed) for seed in range(7)])


def throw(start_s: float, fps: float = 25) -> list[Picture]:
    """Return the same wall with a fall of 1.5 s before it."""
    return [
        Picture(
            pixels=filmed(wall(), index, thing_y=20 + 15 * fallen_m(index / fps, 30)),
            at=START + timedelta(seconds=start_s + index / fps),
        )
        for index in range(round(1.4 * fps))
    ]


def told(pictures: Iterable[Picture]) -> list[Finding]:
    """Return everything that the detector says."""
    detector = ThrowingDetector()
    state = detector.new_state()
    said = [finding for picture in pictures for finding in detector.see(state, picture)]
    return [*said, *detector.finish(state)]


def labels(pictures: Iterable[Picture]) -> list[str]:
    """Return the labels of what it says, each id once."""
    by_id = {finding.id or number: finding.label for number, finding in enumerate(told(pictures))}
    return list(by_id.values())


def after(trouble: Sequence[Picture], until_s: float) -> list[Picture]:
    """Return a calm start, the trouble, and a throw before which the camera is well again."""
    return [*calm(0, 4), *trouble, *calm(until_s, 6), *throw(until_s + 6), *calm(until_s + 7.4, 1)]


def test_a_calm_camera_says_nothing() -> None:
    assert labels(calm(0, 8)) == []


def test_a_black_camera_is_told_and_sees_again_afterwards() -> None:
    black = [np.random.default_rng(seed).integers(14, 19, (240, 320, 3), np.uint8) for seed in range(5)]
    trouble = clip(np.arange(4, 8, 0.04), black)
    assert labels(after(trouble, 8)) == ["camera_black", "falling_object"]


def test_a_frozen_camera_is_told_and_sees_again_afterwards() -> None:
    trouble = clip(np.arange(4, 8, 0.04), [filmed(wall(), 3)])
    assert labels(after(trouble, 8)) == ["camera_frozen", "falling_object"]


def test_a_camera_that_is_turned_is_told_and_sees_the_new_view() -> None:
    times = np.arange(4, 12, 0.04)
    trouble = clip(times, [filmed(wall(1), seed) for seed in range(7)])
    turned = [
        Picture(pixels=filmed(wall(1), index, thing_y=20 + 15 * fallen_m(index / 25, 30)), at=at)
        for index, at in enumerate(START + timedelta(seconds=12 + n / 25) for n in range(35))
    ]
    assert labels([*calm(0, 4), *trouble, *turned]) == ["camera_moved", "falling_object"]


def test_a_camera_that_is_nudged_is_told() -> None:
    nudged = np.roll(wall(), (5, 4), axis=(0, 1))
    trouble = clip(np.arange(4, 10, 0.04), [filmed(nudged, seed) for seed in range(7)])
    (finding,) = told([*calm(0, 4), *trouble])
    assert finding.label == "camera_moved"
    assert finding.criteria["shift_px"] == pytest.approx(np.hypot(5, 4), abs=1)


def test_a_new_size_is_told_with_both() -> None:
    larger = [np.asarray(cv2.resize(filmed(wall(), seed), (480, 360)), np.uint8) for seed in range(7)]
    findings = told([*calm(0, 4), *clip(np.arange(4, 8, 0.04), larger)])
    assert [finding.label for finding in findings] == ["camera_changed"]
    assert findings[0].criteria == {"width": 480, "height": 360, "width_before": 320, "height_before": 240}


def test_after_a_new_size_a_throw_is_seen_in_it() -> None:
    enlarged = [
        Picture(pixels=np.asarray(cv2.resize(picture.pixels, (480, 360)), np.uint8), at=picture.at)
        for picture in [*calm(4, 6), *throw(10), *calm(11.4, 1)]
    ]
    assert labels([*calm(0, 4), *enlarged]) == ["camera_changed", "falling_object"]


def test_a_new_rate_is_told_with_both_and_a_throw_is_seen_at_it() -> None:
    findings = told([*calm(0, 5), *calm(5, 7, fps=15), *throw(12, fps=15), *calm(13.4, 1, fps=15)])
    assert [finding.label for finding in findings] == ["camera_changed", "falling_object"]
    assert findings[0].criteria == {
        "rate": pytest.approx(15, rel=0.05),
        "rate_before": pytest.approx(25, rel=0.05),
    }


def test_half_the_rate_may_be_half_the_pictures_lost() -> None:
    assert labels([*calm(0, 5), *calm(5, 7, fps=12.5)]) == ["camera_changed", "camera_drops"]


def test_a_clock_that_goes_back_is_told_once_and_a_throw_after_it_is_seen() -> None:
    assert labels([*calm(100, 3), *calm(20, 6), *throw(26), *calm(27.4, 1)]) == [
        "camera_clock",
        "falling_object",
    ]


def test_half_the_pictures_lost_at_random_are_told_and_the_rest_is_watched() -> None:
    rng = np.random.default_rng(0)
    lossy = [picture for picture in calm(4, 8) if rng.random() < 0.5]
    assert labels(after(lossy, 12)) == ["camera_drops", "falling_object"]


def test_a_tenth_of_the_pictures_lost_is_nothing_to_tell() -> None:
    rng = np.random.default_rng(0)
    assert labels(picture for picture in calm(0, 12) if rng.random() > 0.1) == []


def test_sixty_pictures_a_second_are_no_trouble() -> None:
    pictures = [*calm(0, 3, fps=60), *throw(3, fps=60), *calm(4.4, 1, fps=60)]
    assert labels(pictures) == ["falling_object"]


def test_a_fall_while_the_camera_shakes_is_seen() -> None:
    rng = np.random.default_rng(0)

    def shaken(picture: Picture) -> Picture:
        dx, dy = rng.normal(0, 1.5, 2)
        moved = cv2.warpAffine(
            picture.pixels, np.array([[1, 0, dx], [0, 1, dy]]), SIZE_WH, borderMode=cv2.BORDER_REPLICATE
        )
        return Picture(pixels=np.asarray(moved, np.uint8), at=picture.at)

    pictures = [shaken(picture) for picture in [*calm(0, 4), *throw(4), *calm(5.4, 1)]]
    assert "falling_object" in labels(pictures)


def test_a_flash_hides_nothing_that_comes_later() -> None:
    flash = clip([4.0, 4.04], [np.full((240, 320, 3), 250, np.uint8)])
    assert labels([*calm(0, 4), *flash, *calm(4.08, 3), *throw(7.08), *calm(8.48, 1)]) == ["falling_object"]


@pytest.mark.parametrize("xy", [(0.4, -0.3), (2.0, 1.0), (-7.5, 11.0), (30.0, -18.0)])
def test_a_shifted_picture_is_moved_back_to_its_place(xy: tuple[float, float]) -> None:
    scene = np.asarray(cv2.resize(wall(), (960, 720), interpolation=cv2.INTER_CUBIC), np.uint8)
    moved = cv2.warpAffine(
        scene, np.array([[1, 0, xy[0]], [0, 1, xy[1]]]), (960, 720), borderMode=cv2.BORDER_REPLICATE
    )
    steadier = Steadier()
    steadier.steady(scene, shrunk(scene), 0.0)
    shift = steadier.steady(np.asarray(moved, np.uint8), shrunk(np.asarray(moved, np.uint8)), 0.04).shift_px
    assert shift == pytest.approx(np.hypot(*xy), abs=0.35, rel=0.09)
    back = moved_back(np.asarray(moved, np.uint8), *xy)
    inner = np.s_[60:-60, 60:-60]
    assert np.abs(back[inner].astype(int) - scene[inner]).mean() < 1.5
