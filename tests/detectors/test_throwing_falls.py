"""A track is a fall where gravity and drag draw it, in pixels or in metres, and in no other case."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from detectors.throwing.falls import Fall, as_falls
from detectors.throwing.lost import LostTracks
from detectors.throwing.tracks import MOST_TRACKS, Track, Tracker
from detectors.throwing.watched import Watched
from simulators.facade.things import fallen_m

WHOLE = Watched(size_wh=(640, 480))


def track(down: Sequence[float], *, fps: float = 25, aside_px_s: float = 20, size: float = 6) -> Track:
    """Return a track with these heights, as noisy as spots' centres are."""
    rng = np.random.default_rng(0)
    t = [index / fps for index in range(len(down))]
    return Track(
        t=t,
        x=[300 + aside_px_s * s + rng.normal(0, 0.4) for s in t],
        y=[50 + y + rng.normal(0, 0.4) for y in down],
        size=[size] * len(t),
        pictures=len(t),
    )


def drop(
    seconds: float, *, terminal_ms: float = 30, px_per_m: float = 15, fps: float = 25, seen_after: float = 0.2
) -> list[float]:
    """Return the pixels fallen at each picture, from when it is seen first."""
    times = [seen_after + index / fps for index in range(round((seconds - seen_after) * fps))]
    return [px_per_m * fallen_m(t, terminal_ms) for t in times]


def as_fall(one: Track, watched: Watched, *, rain: bool = False, large: bool = False) -> Fall | None:
    """Return the fall that a track shows."""
    (fall,) = as_falls([one], watched, rain=rain, large=[large])
    return fall


def part(whole: Track, first: int, last: int, *, aside_px: float = 0.0) -> Track:
    """Return what is left of a track from a point until before another."""
    t, x, y, size = (values[first:last] for values in (whole.t, whole.x, whole.y, whole.size))
    return Track(t=t, x=[value + aside_px for value in x], y=y, size=size, pictures=len(t))


@pytest.mark.parametrize(
    ("terminal_ms", "seconds"), [(36, 1.5), (17, 1.5), (11, 1.7), (6.1, 2), (4.6, 2.3), (3.7, 2.6)]
)
def test_gravity_is_known_by_its_acceleration_even_where_drag_takes_it(
    terminal_ms: float, seconds: float
) -> None:
    fall = as_fall(track(drop(seconds, terminal_ms=terminal_ms)), WHOLE)
    assert fall is not None
    assert fall.confirmed


@pytest.mark.parametrize(("terminal_ms", "seconds"), [(30, 1.4), (6.1, 2.2), (4.6, 2.5)])
def test_the_metres_fallen_follow_from_the_curve_alone(terminal_ms: float, seconds: float) -> None:
    fall = as_fall(track(drop(seconds, terminal_ms=terminal_ms)), WHOLE)
    assert fall is not None
    assert fall.fall_m == pytest.approx(fallen_m(seconds, terminal_ms), rel=0.35)


def test_a_fall_of_one_storey_is_only_suspected() -> None:
    fall = as_fall(track(drop(0.9)), WHOLE)
    assert fall is not None
    assert not fall.confirmed


def test_a_fall_towards_a_camera_that_looks_up_is_one() -> None:
    """It comes from 40 m to 20 m away, so its speed in pixels grows by four times what gravity adds."""
    metres = [fallen_m(0.15 + i / 25, 36) for i in range(36)]
    down = [600 * (1 / (1 - m / 30) - 1) for m in metres]
    fall = as_fall(track(down), WHOLE)
    assert fall is not None
    assert fall.confirmed
    assert fall.fall_m == pytest.approx(metres[-1], rel=0.3)


@pytest.mark.parametrize(
    ("what", "down"),
    [
        ("rain at its steady speed", [7 * 15 * i / 25 for i in range(40)]),
        ("a snowflake that comes nearer", [300 / (1 - i / 25 / 4) for i in range(50)]),
        ("a leaf from its twig on", drop(2.5, terminal_ms=1.6, seen_after=0.0)),
        ("a sheet of paper", drop(3, terminal_ms=1.2, seen_after=0.0)),
        ("a leaf at its steady speed", drop(2.5, terminal_ms=1.6)),
        (
            "something thrown up that is slowed by gravity",
            [200 * i / 25 - 75 * (i / 25) ** 2 for i in range(30)],
        ),
        ("a stop", [*[8.0 * i for i in range(12)], *[96.0] * 12]),
        ("noise", np.random.default_rng(1).uniform(0, 200, 30).tolist()),
        ("three points", drop(0.32)),
    ],
)
def test_what_gravity_did_not_draw_is_no_fall(what: str, down: list[float]) -> None:
    assert as_fall(track(down), WHOLE) is None, what


def test_a_car_that_comes_nearer_is_no_fall() -> None:
    """It gains speed by perspective, but for its size far too little."""
    down = [3000 / (6 - i / 25) - 500 for i in range(60)]
    assert as_fall(track(down, size=60), WHOLE) is None


def test_what_goes_far_more_aside_than_down_is_no_fall() -> None:
    assert as_fall(track(drop(1.4), aside_px_s=250), WHOLE) is None


def test_what_comes_in_at_speed_over_the_edge_is_a_fall_in_dry_weather_only() -> None:
    """From three floors above the picture. Rain and snow come in the same way."""
    entering = track([y - 155 for y in drop(2.6, seen_after=1.4)])
    entering.y = [y - entering.y[0] + 4 for y in entering.y]
    fall = as_fall(entering, WHOLE)
    assert fall is not None
    assert fall.confirmed
    assert as_fall(entering, WHOLE, rain=True) is None


def test_in_snow_a_track_that_begins_on_a_flake_is_judged_without_it() -> None:
    flake = [-7.0 * 8 + 7.0 * index for index in range(8)]
    skipped = track([*flake, *drop(1.6, seen_after=0.04)])
    assert as_fall(skipped, WHOLE) is None
    fall = as_fall(skipped, WHOLE, rain=True)
    assert fall is not None
    assert fall.confirmed
    assert fall.track.t[0] >= 4 / 25


def test_in_snow_a_light_thing_is_found_where_it_is_larger_than_flakes() -> None:
    """A shirt soon sinks evenly: a flake's track that skips to a faster flake looks the same."""
    shirt = track(drop(2.6, terminal_ms=3.7, px_per_m=30), size=20)
    assert as_fall(shirt, WHOLE, rain=True) is None
    fall = as_fall(shirt, WHOLE, rain=True, large=True)
    assert fall is not None
    assert fall.confirmed


def test_in_snow_what_comes_over_the_edge_is_a_flake_however_large_unless_it_clearly_gains_speed() -> None:
    near = track([4.0 * index + 3.0 * max(0, index - 12) for index in range(40)], size=14)
    near.y = [y - near.y[0] + 4 for y in near.y]
    assert as_fall(near, WHOLE) is not None
    assert as_fall(near, WHOLE, rain=True, large=True) is None
    heavy = track(drop(1.7, seen_after=0.04), size=8)
    heavy.y = [y - heavy.y[0] + 4 for y in heavy.y]
    fall = as_fall(heavy, WHOLE, rain=True)
    assert fall is not None
    assert fall.confirmed


def test_what_begins_at_speed_in_the_middle_of_the_facade_is_no_fall() -> None:
    begun = track(drop(2.2, seen_after=1.2))
    begun.y = [y - begun.y[0] + 200 for y in begun.y]
    assert as_fall(begun, WHOLE) is None


def test_memory_is_bounded_where_everything_moves() -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker(watched=WHOLE)
    for index in range(60):
        spots = np.column_stack(
            [rng.uniform(0, 640, 48), rng.uniform(0, 480, 48), np.full(48, 4), np.full(48, 90)]
        )
        tracker.follow(index / 25, spots)
    assert len(tracker.tracks) <= MOST_TRACKS
    assert len(tracker.recent) == len(tracker.tracks)


def test_a_track_is_not_given_up_for_another_however_many_there_are() -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker(watched=WHOLE)
    for index in range(35):
        y = 20 + 15 * fallen_m(index / 25, 36)
        clutter = np.column_stack(
            [rng.uniform(0, 640, 80), rng.uniform(0, 480, 80), np.full(80, 4), np.full(80, 90)]
        )
        tracker.follow(index / 25, np.vstack([clutter, [[320.0, y, 5.0, 60.0]]]))
    longest = max(tracker.tracks, key=lambda going: len(going.t))
    assert longest.lasts_s > 1.0
    assert math.isclose(longest.x[-1], 320, abs_tol=1)


def test_a_thing_that_is_hidden_for_three_pictures_is_the_same_after_them() -> None:
    tracker = Tracker(watched=WHOLE)
    for index in range(35):
        spot = [[320.0, 20 + 15 * fallen_m(index / 25, 36), 5.0, 60.0]]
        hidden = 20 <= index < 23
        tracker.follow(index / 25, np.empty((0, 4)) if hidden else np.array(spot))
    (going,) = tracker.tracks
    assert going.t[0] < 0.4
    assert going.t[-1] == 34 / 25


def test_where_a_thing_came_from_is_looked_for_once_it_is_known() -> None:
    """Its first points, with a gap among them, begin no track by themselves."""
    tracker = Tracker(watched=WHOLE)
    for index in range(30):
        spot = [[320.0, 20 + 15 * fallen_m(0.2 + index / 25, 36), 5.0, 60.0]]
        tracker.follow(index / 25, np.empty((0, 4)) if index in (2, 4) else np.array(spot))
    (going,) = tracker.tracks
    assert going.t[0] == 0.0


def test_a_flake_that_crosses_a_thing_does_not_take_its_track() -> None:
    """Both keep their own, although the flake is nearer to where the thing is expected for two pictures."""
    tracker = Tracker(watched=WHOLE)
    for index in range(35):
        t = index / 25
        y = 20 + 15 * fallen_m(t, 36)
        meets = 20 + 15 * fallen_m(0.8, 36)
        spots = [[320.0, y, 8.0, 90.0], [322.0 + 60 * (t - 0.8), meets + 1 + 110 * (t - 0.8), 4.0, 40.0]]
        tracker.follow(t, np.array(spots))
    thing, flake = sorted(tracker.tracks, key=lambda going: abs(going.x[-1] - 320))
    assert thing.x == pytest.approx([320.0] * len(thing.x))
    assert set(flake.size) == {4.0}
    assert min(len(thing.t), len(flake.t)) >= 32


def test_what_was_lost_before_a_bright_wall_goes_on_as_the_same_fall() -> None:
    whole = track(drop(1.7))
    before, after = part(whole, 0, 14), part(whole, 27, 38)
    alone = [as_fall(one, WHOLE) for one in (before, after)]
    assert not any(fall is not None and fall.confirmed for fall in alone)
    lost = LostTracks(watched=WHOLE)
    lost.add(before)
    assert lost.rejoin(after)
    assert after.t == whole.t[:14] + whole.t[27:38]
    fall = as_fall(after, WHOLE)
    assert fall is not None
    assert fall.confirmed
    assert not lost.rejoin(part(whole, 27, 38)), "what was joined is lost no more"


def test_points_on_something_else_are_left_out_where_tracks_are_joined() -> None:
    whole = track(drop(1.7))
    before, after = part(whole, 0, 14), part(whole, 23, 38)
    before.x[-2:] = [x + 6 for x in before.x[-2:]]
    after.x[:4] = [x - 9 for x in after.x[:4]]
    lost = LostTracks(watched=WHOLE)
    lost.add(before)
    assert lost.rejoin(after)
    assert after.t == whole.t[:12] + whole.t[27:38]


@pytest.mark.parametrize("aside_px", [-40.0, 40.0])
def test_what_comes_elsewhere_is_another_thing(aside_px: float) -> None:
    whole = track(drop(1.7))
    lost = LostTracks(watched=WHOLE)
    lost.add(part(whole, 0, 14))
    other = part(whole, 27, 38, aside_px=aside_px)
    assert not lost.rejoin(other)
    assert len(other.t) == 11
