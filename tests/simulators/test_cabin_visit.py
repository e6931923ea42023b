"""Rendered visits to a lift."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gridwatch.model import Pixels
from simulators.cabin_view import Cabin
from simulators.cabin_visit import render_visit
from simulators.rendered import Rendered
from simulators.visitors import VisitorKind

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
VEHICLES: Sequence[VisitorKind] = ("ebike", "wheelchair", "bicycle", "pram")


def visit(visitor: VisitorKind, seed: int = 1, size_wh: tuple[int, int] = (320, 180)) -> Rendered:
    return render_visit(np.random.default_rng(seed), start=START, visitor=visitor, size_wh=size_wh)


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_the_same_seed_renders_the_same_visit() -> None:
    one, other = visit("ebike", 5), visit("ebike", 5)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one.pictures, other.pictures, strict=True))
    assert one.truth == other.truth


def test_another_seed_renders_another_cabin() -> None:
    assert difference(visit("empty", 5).pictures[0].pixels, visit("empty", 6).pictures[0].pixels) > 10


def test_pictures_follow_each_other_at_the_frame_rate() -> None:
    rendered = visit("empty")
    assert rendered.pictures[0].at == START
    gaps = {b.at - a.at for a, b in zip(rendered.pictures, rendered.pictures[1:], strict=False)}
    assert gaps == {timedelta(seconds=0.2)}
    assert rendered.pictures[0].size_wh == (320, 180)


def test_an_empty_lift_has_no_truth_to_tell() -> None:
    assert visit("empty").truth == ()


@pytest.mark.parametrize("visitor", [*VEHICLES, "person"])
def test_the_truth_has_a_box_for_every_picture_of_the_ride(visitor: VisitorKind) -> None:
    rendered = visit(visitor)
    (truth,) = rendered.truth
    assert truth.label == visitor
    assert len(truth.boxes) == len(rendered.pictures)
    riding = [
        box
        for picture, box in zip(rendered.pictures, truth.boxes, strict=True)
        if truth.started_at + timedelta(seconds=5) < picture.at < truth.ended_at - timedelta(seconds=5)
    ]
    assert riding
    assert all(box is not None and 0 <= box[0] < box[2] <= 320 for box in riding)
    assert truth.boxes[0] is None
    assert truth.boxes[-1] is None


@pytest.mark.parametrize("visitor", VEHICLES)
def test_what_changed_during_the_ride_lies_in_the_box(visitor: VisitorKind) -> None:
    rendered = visit(visitor, 3)
    middle = len(rendered.pictures) // 2
    box = rendered.truth[0].boxes[middle]
    assert box is not None
    empty, ridden = rendered.pictures[0].pixels.astype(int), rendered.pictures[middle].pixels.astype(int)
    changed = np.abs(empty - ridden).mean(axis=2) > 25  # beyond the camera's noise
    inside = changed[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])]
    assert inside.mean() > 0.12
    assert inside.mean() > 2 * changed.mean()


def test_a_cabin_can_be_visited_again() -> None:
    cabin = Cabin.drawn(np.random.default_rng(9))
    first, second = (
        render_visit(
            np.random.default_rng(seed), start=START, visitor="person", size_wh=(320, 180), cabin=cabin
        )
        for seed in (1, 2)
    )
    assert difference(first.pictures[0].pixels, second.pictures[0].pixels) < 6
    assert first.truth != second.truth


def test_a_picture_is_rendered_in_a_few_milliseconds() -> None:
    began = time.process_time()
    rendered = visit("ebike", size_wh=(640, 360))
    assert (time.process_time() - began) / len(rendered.pictures) < 0.03
