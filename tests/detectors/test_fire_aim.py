"""A camera that was knocked, zoomed or turned says so, raises nothing for it, and learns its new view."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.fire import FireCameraDetector
from detectors.fire.changes import held_still, new_usual
from gridwatch.model import Picture, Pixels

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)
SIZE_WH = (640, 384)


def woods(seed: int, *, grain: int) -> Pixels:
    """Return woods under a plain sky, with the noise of one picture."""
    dice = np.random.default_rng(seed)
    trees = cv2.resize(dice.uniform(40, 140, (96, 160)).astype(np.float32), SIZE_WH)
    picture = np.stack([0.6 * trees, trees, 0.8 * trees], axis=2)
    picture[:100] = (220, 200, 190)
    picture += np.random.default_rng(grain).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def turned(pixels: Pixels, turn: NDArray[np.float64]) -> Pixels:
    return np.asarray(cv2.warpAffine(pixels, turn, SIZE_WH, borderMode=cv2.BORDER_REFLECT), np.uint8)


def knocked(pixels: Pixels) -> Pixels:
    return turned(pixels, np.array([[1.0, 0, 45], [0, 1, 12]]))


def zoomed(pixels: Pixels) -> Pixels:
    return turned(pixels, np.asarray(cv2.getRotationMatrix2D((320, 192), 0, 1.3)))


def tilted(pixels: Pixels) -> Pixels:
    return turned(pixels, np.asarray(cv2.getRotationMatrix2D((320, 192), 4, 1)))


def told(pictures: Iterable[Pixels], gap_s: float = 30.0) -> list[tuple[int, str]]:
    """Return which picture told what."""
    detector = FireCameraDetector()
    state = detector.new_state()
    return [
        (number, finding.label)
        for number, pixels in enumerate(pictures)
        for finding in detector.see(
            state, Picture(pixels=pixels, at=NOON + number * timedelta(seconds=gap_s))
        )
    ]


@pytest.mark.parametrize("bump", [knocked, zoomed, tilted])
@pytest.mark.parametrize("gap_s", [5.0, 10.0, 60.0])
def test_a_moved_camera_says_so_once_and_raises_nothing(
    bump: Callable[[Pixels], Pixels], gap_s: float
) -> None:
    before = [woods(3, grain=number) for number in range(12)]
    after = [bump(woods(3, grain=number)) for number in range(12, 30)]
    assert told([*before, *after], gap_s) == [(14, "camera_moved")]


def test_a_camera_that_was_turned_back_says_so_again() -> None:
    home = [woods(3, grain=number) for number in range(12)]
    away = [woods(4, grain=number) for number in range(12, 30)]
    assert told([*home, *away, *home]) == [(14, "camera_moved"), (32, "camera_moved")]


def test_dusk_and_what_passes_before_the_lens_move_no_camera() -> None:
    quiet = [woods(3, grain=number) for number in range(40)]
    dusk = [(pixels * (1 - number / 60)).astype(np.uint8) for number, pixels in enumerate(quiet)]
    lorry = woods(9, grain=99)
    found = told([*dusk[:20], lorry, lorry, *dusk[20:]])
    assert not [label for _, label in found if label == "camera_moved"]


def test_clouds_that_drive_over_the_woods_do_not_move_the_picture() -> None:
    clouds = cv2.resize(np.random.default_rng(8).uniform(0, 130, (12, 30)).astype(np.float32), (960, 384))

    def under(by_px: int) -> Pixels:
        picture = woods(3, grain=by_px).astype(np.float32) * 0.25 + clouds[:, by_px : by_px + 640, None]
        return np.asarray(np.clip(picture, 0, 255), np.uint8)

    usual = new_usual(under(0))
    for by_px in range(4, 60, 4):
        assert np.array_equal(held_still(usual, under(by_px)), under(by_px))
