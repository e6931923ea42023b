"""Night and fog are told when they come and when they go, and thresholds change with them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from detectors.fire import FireCameraDetector
from gridwatch.model import Picture, Pixels

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)


def hillside(seed: int = 3) -> Pixels:
    """Return a wooded slope under a plain sky."""
    dice = np.random.default_rng(seed)
    trees = cv2.resize(dice.uniform(30, 170, (90, 160)).astype(np.float32), (320, 180))
    picture = np.stack([0.6 * trees, trees, 0.7 * trees], axis=2)
    picture[:50] = (220, 190, 170)
    return np.clip(picture, 0, 255).astype(np.uint8)


def darker(pixels: Pixels) -> Pixels:
    return (pixels * 0.15).astype(np.uint8)


def fogged(pixels: Pixels) -> Pixels:
    return (pixels * 0.12 + 160).astype(np.uint8)


def infrared(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    grey[:60] = 12
    return np.repeat(grey[:, :, None], 3, axis=2)


def sights(pictures: Iterable[Pixels], gap_s: float = 20.0) -> list[tuple[int, str]]:
    """Return which picture told which state."""
    detector = FireCameraDetector()
    state = detector.new_state()
    told = []
    for number, pixels in enumerate(pictures):
        at = NOON + number * timedelta(seconds=gap_s)
        told += [(number, found.label) for found in detector.see(state, Picture(pixels=pixels, at=at))]
    return told


def test_fog_is_told_by_its_third_picture_and_when_it_lifts() -> None:
    clear = hillside()
    assert sights([*[clear] * 5, *[fogged(clear)] * 6, *[clear] * 5]) == [(7, "fog"), (13, "clear_view")]


@pytest.mark.parametrize("nightly", [darker, infrared])
def test_night_is_told_by_darkness_and_by_infrared_light(nightly) -> None:  # type: ignore[no-untyped-def]
    clear = hillside()
    assert sights([*[clear] * 4, *[nightly(clear)] * 5, *[clear] * 4]) == [(6, "night"), (11, "clear_view")]


def test_a_camera_that_starts_in_fog_says_so() -> None:
    assert sights([fogged(hillside())] * 5) == [(2, "fog")]


def test_a_flash_and_a_lorry_before_the_lens_change_nothing() -> None:
    clear = hillside()
    lorry = np.full_like(clear, 130)
    assert sights([*[clear] * 5, lorry, lorry, *[clear] * 5, darker(clear), *[clear] * 3]) == []


def test_a_lone_picture_says_night_and_fog_as_notes() -> None:
    detector, clear = FireCameraDetector(), hillside()
    for pixels, labels in ((clear, []), (darker(clear), ["night"]), (fogged(clear), ["fog"])):
        assert [found.label for found in detector.judge(Picture(pixels=pixels, at=NOON))] == labels
