"""Rendered visits to a lift and their truth."""

from datetime import UTC, datetime

import numpy as np
import pytest

from simulators.cabin.visit import depth_for, filmed, party_of, render_visit, site_for

SIZE_WH = (96, 72)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("shows", ["ebike", "stretcher"])
def test_a_visitor_comes_in_rides_and_leaves(shows: str) -> None:
    moments = list(render_visit(3, shows=shows, size_wh=SIZE_WH, empty_s=1, ride_s=2))
    inside = np.array([moment.inside for moment in moments])
    assert inside[0] == inside[-1] == 0
    full = np.flatnonzero(inside == 1)
    assert len(full) >= 10  # the ride and the door's ways
    assert (np.diff(inside[: full[0]]) >= 0).all()
    assert (np.diff(inside[full[-1] :]) <= 0).all()
    assert shows in moments[full[5]].still.labels
    assert moments[0].still.labels == moments[-1].still.labels == frozenset()
    assert [moment.at_s for moment in moments[:3]] == [0, 0.2, 0.4]


def test_the_same_seed_renders_the_same_visit() -> None:
    one, other = (list(render_visit(8, shows="pram", size_wh=SIZE_WH, ride_s=1)) for _ in range(2))
    assert all(np.array_equal(a.still.pixels, b.still.pixels) for a, b in zip(one, other, strict=True))


def test_another_visit_may_follow_in_the_same_cabin() -> None:
    site = site_for(1, depth_for([party_of(seed, "bicycle") for seed in (1, 2)]), SIZE_WH)
    first, second = (
        list(render_visit(seed, shows="bicycle", size_wh=SIZE_WH, site=site, ride_s=1)) for seed in (1, 2)
    )
    assert difference(first[-1].still.pixels, second[0].still.pixels) < 12  # the camera's noise alone


def test_nobody_comes_in_where_the_door_opens_for_nobody() -> None:
    moments = list(render_visit(5, shows="empty", size_wh=SIZE_WH))
    assert {moment.inside for moment in moments} == {0.0}
    assert max(moment.still.opening for moment in moments) == 1.0
    assert not any(moment.still.things for moment in moments)


def test_who_turns_back_is_never_wholly_inside() -> None:
    moments = list(render_visit(4, shows="ebike", size_wh=SIZE_WH, trick="turns_back"))
    assert 0 < max(moment.inside for moment in moments) < 1


def test_a_lens_is_covered_during_the_ride_only() -> None:
    moments = list(render_visit(6, shows="person", size_wh=SIZE_WH, trick="covered", empty_s=1))
    assert any(moment.still.lens_covered for moment in moments)
    assert not any(moment.still.lens_covered for moment in moments if moment.still.opening > 0)


def test_a_camera_that_is_turned_sees_another_picture_of_the_same_ride() -> None:
    straight = list(render_visit(6, shows="person", size_wh=SIZE_WH, empty_s=1))
    turned = list(render_visit(6, shows="person", size_wh=SIZE_WH, empty_s=1, trick="moved"))
    riding = len(straight) // 2
    assert difference(straight[0].still.pixels, turned[0].still.pixels) < 6
    assert difference(straight[riding].still.pixels, turned[riding].still.pixels) > 10


def test_a_film_of_a_visit_has_a_box_for_each_picture_in_which_it_is_seen() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    film = filmed(render_visit(2, shows="wheelchair", size_wh=SIZE_WH), shows="wheelchair", start=start)
    (truth,) = film.truth
    assert truth.label == "wheelchair"
    assert len(truth.boxes) == len(film.pictures)
    assert truth.boxes[0] is None
    shown = [picture.at for picture, box in zip(film.pictures, truth.boxes, strict=True) if box is not None]
    assert (shown[0], shown[-1]) == (truth.started_at, truth.ended_at)
