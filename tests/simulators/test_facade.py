"""Rendered façades are the same for the same seed, and what falls in them obeys gravity and drag."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest

from simulators.facade import render_throw
from simulators.facade_actors import THINGS, fallen_m
from simulators.rendered import Rendered

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def render(seed: int, *, throws: bool = True, thing: str | None = "brick") -> Rendered:
    """Return a clip of four seconds of 24 m of house."""
    return render_throw(
        np.random.default_rng(seed),
        start=START,
        duration_s=4,
        fps=25,
        size_wh=(320, 240),
        throws=throws,
        thing=thing,
        view_m=24,
    )


def test_the_same_seed_gives_the_same_clip() -> None:
    first, second = render(5), render(5)
    assert first.truth == second.truth
    for one, other in zip(first.pictures, second.pictures, strict=True):
        assert one.at == other.at
        assert np.array_equal(one.pixels, other.pixels)


def test_another_seed_gives_another_house() -> None:
    assert not np.array_equal(render(5).pictures[0].pixels, render(6).pictures[0].pixels)


def test_pictures_follow_each_other_at_the_rate_asked_for() -> None:
    pictures = render(1).pictures
    assert len(pictures) == 100
    assert pictures[0].at == START
    assert {p.size_wh for p in pictures} == {(320, 240)}
    assert (pictures[50].at - START).total_seconds() == pytest.approx(2.0)


def test_without_a_throw_there_is_no_truth_to_tell() -> None:
    assert render(2, throws=False).truth == []


def test_the_truth_says_where_the_thing_is_in_every_picture() -> None:
    rendered = render(3)
    (truth,) = rendered.truth
    assert truth.label == "falling_object"
    assert len(truth.boxes) == len(rendered.pictures)
    for picture, box in zip(rendered.pictures, truth.boxes, strict=True):
        if box is not None:
            assert truth.started_at <= picture.at <= truth.ended_at
        else:
            assert not truth.started_at < picture.at <= truth.ended_at


def test_the_thing_is_painted_where_the_truth_says() -> None:
    """The same generator paints the same house with and without it."""
    thrown, quiet = render(4, thing="bag"), render(4, thing="bag", throws=False)
    boxes = [box for box in thrown.truth[0].boxes if box is not None]
    index = thrown.truth[0].boxes.index(boxes[len(boxes) // 2])
    change = np.abs(thrown.pictures[index].pixels.astype(int) - quiet.pictures[index].pixels).max(axis=2)
    left, top, right, bottom = (round(v) for v in boxes[len(boxes) // 2])
    assert change[top : bottom + 1, left : right + 1].max() > 40
    change[max(0, top - 3) : bottom + 4, max(0, left - 3) : right + 4] = 0
    assert change.max() < 25, "elsewhere only the exposure may differ"


def test_a_brick_falls_as_gravity_says() -> None:
    rendered = render(7)
    (truth,) = rendered.truth
    px_per_m = float(truth.detail["px_per_m"])
    boxes = [
        ((p.at - truth.started_at).total_seconds(), box)
        for p, box in zip(rendered.pictures, truth.boxes, strict=True)
        if box is not None and box[3] < 235
    ]
    times = np.array([t for t, _ in boxes])
    middles = np.array([(box[1] + box[3]) / 2 for _, box in boxes])
    assert len(times) > 10
    acceleration = 2 * np.polyfit(times, middles, 2)[0] / px_per_m
    assert acceleration == pytest.approx(9.81, rel=0.12)


@pytest.mark.parametrize("name", sorted(THINGS))
def test_drag_holds_a_thing_at_its_terminal_speed(name: str) -> None:
    terminal = THINGS[name].terminal_ms
    assert fallen_m(60.1, terminal) - fallen_m(60.0, terminal) == pytest.approx(0.1 * terminal, rel=1e-3)
    assert fallen_m(0.1, terminal) == pytest.approx(9.81 * 0.01 / 2, rel=0.02)


def test_an_unknown_thing_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="brick"):
        render(0, thing="piano")


def test_a_clip_is_rendered_faster_than_it_plays() -> None:
    before = time.process_time()
    render_throw(np.random.default_rng(0), start=START, duration_s=6, fps=25, size_wh=(640, 480), throws=True)
    assert time.process_time() - before < 6
