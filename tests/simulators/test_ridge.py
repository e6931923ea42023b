"""The rendered ridge: seeded, with a truth that says where smoke and flame are."""

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gridwatch.model import BoxXyxy, Pixels
from simulators.rendered import Rendered
from simulators.valley.ridge import render_ridge

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)


def ridge(seed: int, *, fire: bool, size_wh: tuple[int, int] = (320, 180), **how: float) -> Rendered:
    """Render four minutes in steps of ten seconds, burning after one minute."""
    return render_ridge(
        np.random.default_rng(seed),
        start=NOON,
        duration_s=how.get("duration_s", 240.0),
        interval_s=how.get("interval_s", 10.0),
        size_wh=size_wh,
        fire=fire,
        ignited_s=60.0 if fire else None,
    )


def inside(pixels: Pixels, box: BoxXyxy) -> Pixels:
    """Cut a box out of a picture."""
    left, top, right, bottom = map(int, box)
    return pixels[top:bottom, left:right]


def test_the_same_seed_renders_the_same_pictures() -> None:
    first, again, other = ridge(7, fire=True), ridge(7, fire=True), ridge(8, fire=True)
    pairs = zip(first.pictures, again.pictures, strict=True)
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in pairs)
    assert first.truth == again.truth
    assert not np.array_equal(first.pictures[0].pixels, other.pictures[0].pixels)


@pytest.mark.parametrize("size_wh", [(640, 360), (320, 180), (1280, 720)])
def test_pictures_have_the_size_and_times_that_were_asked_for(size_wh: tuple[int, int]) -> None:
    rendered = ridge(1, fire=True, size_wh=size_wh, duration_s=9.0, interval_s=3.0)
    assert [picture.size_wh for picture in rendered.pictures] == [size_wh] * 3
    assert [picture.at - NOON for picture in rendered.pictures] == [
        timedelta(seconds=3 * n) for n in range(3)
    ]


def test_a_quiet_ridge_has_no_truth_to_tell() -> None:
    assert ridge(3, fire=False).truth == ()


@pytest.mark.parametrize("seed", range(6))
def test_smoke_begins_after_ignition_and_grows_from_its_base(seed: int) -> None:
    rendered = ridge(seed, fire=True)
    smoke = rendered.truth[0]
    assert smoke.label == "smoke"
    assert len(smoke.boxes) == len(rendered.pictures)
    assert smoke.boxes[:6] == [None] * 6
    shown = [box for box in smoke.boxes if box is not None]
    assert len(shown) >= 12
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in shown]
    assert areas[-1] > 3 * areas[0]
    base_x, base_y = float(smoke.detail["base_x"]), float(smoke.detail["base_y"])
    for left, _, right, bottom in shown:
        assert left - 8 <= base_x <= right + 8
        assert abs(bottom - base_y) <= 16


def test_smoke_is_grey_before_the_green_ridge() -> None:
    rendered = ridge(2, fire=True)
    box = rendered.truth[0].boxes[-1]
    assert box is not None
    before, after = (inside(rendered.pictures[n].pixels, box).astype(float) for n in (0, -1))
    assert after.mean() > before.mean() + 10
    assert np.ptp(after.mean(axis=(0, 1))) < np.ptp(before.mean(axis=(0, 1)))


def test_flames_come_later_are_small_and_flicker() -> None:
    rendered = ridge(5, fire=True)
    smoke, flame = rendered.truth
    assert (flame.label, flame.started_at > smoke.started_at) == ("flame", True)
    shown = [(n, box) for n, box in enumerate(flame.boxes) if box is not None]
    assert len(shown) >= 5
    assert all((right - left) * (bottom - top) < 0.01 * 320 * 180 for _, (left, top, right, bottom) in shown)
    assert len({box for _, box in shown}) > 1
    last, box = shown[-1]
    blue, _, red = inside(rendered.pictures[last].pixels, box).reshape(-1, 3).max(axis=0)
    assert red > 230
    assert red > blue


def test_a_picture_takes_at_most_30_ms_of_processor_time() -> None:
    took_s = []
    for _ in range(3):
        began_s = time.process_time()
        rendered = ridge(1, fire=True, size_wh=(640, 360), duration_s=120.0, interval_s=10.0)
        took_s.append((time.process_time() - began_s) / len(rendered.pictures))
    assert min(took_s) <= 0.03
