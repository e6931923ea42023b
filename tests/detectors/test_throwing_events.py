"""Spots become events: told in time, once, under one id; what a measured view knows is made use of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detectors.throwing.events import Events
from detectors.throwing.spots import CELL, MOST_SPOTS, SpotFinder, Spots
from detectors.throwing.watched import Watched
from gridwatch.facade import FacadeView
from gridwatch.model import Finding
from simulators.facade.things import fallen_m
from tests.gridwatch.facade_geometry import PinholeCamera, make_scene

ORIGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIZE_WH = (640, 480)
FPS = 25

Way = Callable[[float], tuple[float, float] | None]
"""Where something is at a time, in pixels, or None where it can't be seen."""


def told(
    ways: Sequence[Way], *, seconds: float = 5, watched: Watched | None = None
) -> list[tuple[float, Finding]]:
    """Return what is told of things on their ways, and when."""
    rng = np.random.default_rng(0)
    events = Events(watched=watched or Watched(size_wh=SIZE_WH), detector="test")
    said: list[tuple[float, Finding]] = []
    for index in range(round(seconds * FPS)):
        t = index / FPS
        places = [place for way in ways if (place := way(t)) is not None]
        noisy = [(x + rng.normal(0, 0.4), y + rng.normal(0, 0.4), 6.0, 60.0) for x, y in places]
        spots: Spots = np.array(noisy).reshape(-1, 4)
        said += [(t, finding) for finding in events.take(t, spots, ORIGIN)]
    return said + [(seconds, finding) for finding in events.break_off(ORIGIN)]


def falls(*, released_s: float = 0.5, x: float = 320, lasts_s: float = 1.5, terminal_ms: float = 30) -> Way:
    """Return the way of a thing that is let go, seen from 0.15 s on."""

    def way(t: float) -> tuple[float, float] | None:
        since = t - released_s
        return (x, 40 + 15 * fallen_m(since, terminal_ms)) if 0.15 <= since <= lasts_s else None

    return way


def test_a_fall_that_ends_is_told_at_once_and_not_again() -> None:
    ((t, finding),) = told([falls()])
    assert finding.label == "falling_object"
    assert t < 2.5
    assert finding.id == f"fall {finding.observed_at.isoformat()}"
    assert abs(finding.observed_at - ORIGIN - timedelta(seconds=0.65)) < timedelta(seconds=0.15)


def test_a_fall_that_goes_on_is_told_within_two_and_a_half_seconds_and_again_when_it_is_over() -> None:
    (early, first), (_, last) = told([falls(lasts_s=3.4, terminal_ms=6)])
    assert early - 0.5 <= 2.4
    assert first.id == last.id
    assert last.ended_at is not None
    assert first.ended_at is not None
    assert last.ended_at > first.ended_at
    assert first.label == last.label == "falling_object"


def test_a_reflection_is_the_same_event() -> None:
    said = told([falls(), falls(x=380, lasts_s=1.3)])
    assert [finding.label for _, finding in said] == ["falling_object"]


def test_two_throws_one_after_the_other_are_two_events() -> None:
    said = told([falls(), falls(released_s=3)], seconds=6)
    assert [finding.label for _, finding in said] == ["falling_object"] * 2
    assert said[0][1].id != said[1][1].id


@pytest.mark.parametrize("share_of_g", [0.5, 0.75])
def test_a_bird_that_dives_and_spreads_its_wings_raises_nothing(share_of_g: float) -> None:
    def dives(t: float) -> tuple[float, float] | None:
        since, turn = t - 0.5, 0.7
        if since < 0:
            return None
        fast, aside = 9.81 * share_of_g * 1.3, 1.5
        if since < 1.3:
            return 200 + 15 * aside * since, 40 + 7.5 * 9.81 * share_of_g * since**2
        after = min(since - 1.3, turn)
        down = (
            40 + 7.5 * 9.81 * share_of_g * 1.3**2 + 15 * fast * turn * np.sin(after / turn * np.pi / 2) / 1.57
        )
        return 200 + 15 * (aside * since + fast * max(0, since - 1.3)), down

    assert "falling_object" not in [finding.label for _, finding in told([dives])]


def drop_of(rng: np.random.Generator, speed: float) -> Way:
    """Return the way of one raindrop after the other at a steady speed."""
    x, phase = rng.uniform(0, SIZE_WH[0]), rng.uniform(0, SIZE_WH[1])
    return lambda t: (x + 20 * t, (phase + speed * t) % SIZE_WH[1])


def test_a_throw_in_rain_is_told_and_rain_is_not() -> None:
    rng = np.random.default_rng(3)
    rain = [drop_of(rng, float(rng.uniform(90, 130))) for _ in range(30)]
    assert told(rain, seconds=8) == []
    (*_, (_, finding)) = told([*rain, falls(released_s=5)], seconds=8)
    assert finding.label == "falling_object"
    assert abs(finding.observed_at - ORIGIN - timedelta(seconds=5.15)) < timedelta(seconds=0.3)


@pytest.fixture(scope="module")
def scene() -> tuple[PinholeCamera, FacadeView]:
    """Return a camera 25 m before a house and its view as eight clicks make it."""
    made = make_scene(np.random.default_rng(1), 25, 42)
    return made.camera, made.view()


def seen_fall(camera: PinholeCamera, share_of_g: float, z_m: float = 38) -> Way:
    """Return how a camera sees a thing fall 0.6 m before the façade with a share of gravity."""

    def way(t: float) -> tuple[float, float] | None:
        since = t - 0.5
        x, y = camera.see((camera.x_m + 1, 0.6, z_m - share_of_g * fallen_m(max(0, since), 30)))
        return (float(x), float(y)) if 0.15 <= since <= 1.9 and y < camera.size_wh[1] else None

    return way


def test_a_measured_view_gives_metres(scene: tuple[PinholeCamera, FacadeView]) -> None:
    camera, view = scene
    watched = Watched(size_wh=camera.size_wh, view=view)
    ((_, finding), *_) = told([seen_fall(camera, 1.0)], watched=watched)
    assert finding.label == "falling_object"
    assert finding.criteria["fall_m"] == pytest.approx(fallen_m(1.9, 30), rel=0.2)


def test_what_falls_too_slowly_for_its_metres_is_no_fall(
    scene: tuple[PinholeCamera, FacadeView],
) -> None:
    """With a third of gravity it could be a thing in a picture of three times the scale."""
    camera, view = scene
    way = seen_fall(camera, 0.3)
    measured = told([way], watched=Watched(size_wh=camera.size_wh, view=view))
    assert "falling_object" not in [finding.label for _, finding in measured]


def test_only_facade_is_watched_and_masks_are_not() -> None:
    view = FacadeView(
        size_wh=SIZE_WH,
        polygon=((100, 100), (500, 100), (500, 400), (100, 400)),
        masks=(((200, 200), (300, 200), (300, 300), (200, 300)),),
    )
    cells = Watched(size_wh=SIZE_WH, view=view).cells(CELL)

    def watched(x: int, y: int) -> bool:
        return bool(cells[y // CELL, x // CELL])

    assert watched(150, 150)
    assert watched(92, 250), "what is thrown far out is seen beside the façade"
    assert not watched(30, 250)
    assert not watched(250, 250)
    assert not watched(205, 205), "a mask has no margin"


@pytest.mark.parametrize("masked", [True, False])
def test_a_fall_that_is_hidden_for_a_while_is_the_same_behind_it(masked: bool) -> None:
    tree = ((0.0, 75.0), (640.0, 75.0), (640.0, 165.0), (0.0, 165.0))
    fall = falls(lasts_s=1.9)

    def hidden(t: float) -> tuple[float, float] | None:
        place = fall(t)
        return place if place and not 75 <= place[1] <= 165 else None

    view = FacadeView(size_wh=SIZE_WH, masks=(tree,) if masked else ())
    said = told([hidden], watched=Watched(size_wh=SIZE_WH, view=view))
    assert [finding.label for _, finding in said] == ["falling_object"]


def test_what_begins_inside_of_the_facade_at_speed_is_no_fall_but_what_comes_over_its_edge_is() -> None:
    high = FacadeView(size_wh=SIZE_WH, polygon=((0, 20), (640, 20), (640, 480), (0, 480)))
    low = replace(high, polygon=((0, 200), (640, 200), (640, 480), (0, 480)))

    def way(t: float) -> tuple[float, float] | None:
        y = 15 * fallen_m(t, 30) + 60
        return (320, y) if 205 < y < 480 else None

    def labels(view: FacadeView) -> list[str]:
        return [f.label for _, f in told([way], watched=Watched(size_wh=SIZE_WH, view=view))]

    assert "falling_object" in labels(low)
    assert labels(high) == []


def noisy_pictures(seed: int, count: int, *, at_xy: Iterable[tuple[int, int]]) -> list[np.ndarray]:
    """Return grey pictures of noise with a square of 6 pixels at one place after the other."""
    rng = np.random.default_rng(seed)
    places = list(at_xy)
    pictures = []
    for index in range(count):
        grey = rng.normal(120, 2, (SIZE_WH[1], SIZE_WH[0]))
        if index < len(places):
            x, y = places[index]
            grey[y : y + 6, x : x + 6] += 60
        pictures.append(np.clip(grey, 0, 255).astype(np.uint8))
    return pictures


def test_a_thing_that_moves_is_one_spot_at_its_centre() -> None:
    finder = SpotFinder(watched=Watched(size_wh=SIZE_WH))
    places = [(40 + 9 * index, 60 + 11 * index) for index in range(30)]
    off = []
    for index, grey in enumerate(noisy_pictures(0, 30, at_xy=places)):
        for sighting in finder.see(grey, index / FPS):
            x, y = places[round(sighting.t * FPS)]
            away = np.hypot(sighting.spots[:, 0] - x - 2.5, sighting.spots[:, 1] - y - 2.5)
            off.append(float(away.min()) if len(away) else np.inf)
    assert np.mean(np.array(off[8:]) < 0.6) > 0.9


def test_where_something_moves_all_the_time_it_must_move_more_to_be_seen() -> None:
    finder = SpotFinder(watched=Watched(size_wh=SIZE_WH))
    flickering = [(200, 200 if index % 5 else 20) for index in range(250)]
    seen = []
    for index, grey in enumerate(noisy_pictures(1, 250, at_xy=flickering)):
        away = [np.hypot(*(one.spots[:, :2] - 202).T) for one in finder.see(grey, index / FPS)]
        seen += [bool((distances < 5).any()) for distances in away]
    assert sum(seen[200:]) < 0.2 * sum(seen[:50])


def test_flakes_that_cross_a_place_now_and_then_hide_nothing_that_comes_there_later() -> None:
    rng = np.random.default_rng(4)
    finder = SpotFinder(watched=Watched(size_wh=SIZE_WH))
    count, found = 120, []
    for index, grey in enumerate(noisy_pictures(5, count, at_xy=())):
        for x, y in rng.integers(8, 470, (60, 2)):
            grey[y : y + 4, x : x + 4] = 220
        if index >= count - 20:
            grey[300 + 8 * (index - count) :][:6, 300:306] += 22
        for sighting in finder.see(grey, index / FPS):
            y = 300 + 8 * (round(sighting.t * FPS) - count) + 2.5
            away = np.hypot(sighting.spots[:, 0] - 302.5, sighting.spots[:, 1] - y)
            found += [bool((away < 4).any())] if sighting.t * FPS >= count - 18 else []
    assert sum(found) > 0.7 * len(found)


def test_under_load_limits_rise_until_there_are_few_enough_spots() -> None:
    rng = np.random.default_rng(2)
    finder = SpotFinder(watched=Watched(size_wh=SIZE_WH))
    finder.see(np.full((480, 640), 120, np.uint8), 0.0)
    counts = []
    for index in range(1, 40):
        grey = rng.normal(120, 1, (480, 640))
        for x, y in rng.integers(8, 470, (900, 2)):
            grey[y : y + 3, x : x + 3] += rng.uniform(10, 40)
        found = finder.see(np.clip(grey, 0, 255).astype(np.uint8), index / FPS)
        counts += [len(sighting.spots) for sighting in found]
    assert max(counts) <= MOST_SPOTS
    assert finder.load > 1.05
