"""What is rendered of a façade is where the truth and the view say, and as the physics of it says."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import get_args

import numpy as np
import pytest

from gridwatch.model import Picture, Pixels
from simulators.facade.coding import recoded
from simulators.facade.light import LIGHTS, LightName
from simulators.facade.stage import Stage, draw_stage
from simulators.facade.take import Disturber, Filming, Take, draw_take
from simulators.facade.things import STEP_S, THINGS, fallen_m, flight

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIZE_WH = (480, 270)


def stage(seed: int = 3, light: LightName = "day", lowest_m: float | None = None) -> Stage:
    """Return a façade that is seen from 25 m."""
    return draw_stage(
        np.random.default_rng(seed), size_wh=SIZE_WH, light=light, distance_m=25, lowest_m=lowest_m
    )


def film(take: Take) -> tuple[list[Picture], Filming]:
    """Return the pictures of a take, and what is known after them."""
    filming = Filming(take=take, start=START)
    return list(filming.pictures()), filming


def change(one: Pixels, other: Pixels) -> Pixels:
    """Return by how much each pixel differs."""
    return np.asarray(np.abs(one.astype(int) - other).max(axis=2), np.uint8)


def test_the_same_numbers_give_the_same_pictures_and_the_same_truth() -> None:
    def once() -> tuple[list[Picture], Filming]:
        return film(
            draw_take(
                np.random.default_rng(1),
                stage(),
                duration_s=2,
                throws=["brick"],
                disturbers={"leaf": 2, "rain": 3, "bird": 2},
            )
        )

    (first, known), (second, known_too) = once(), once()
    assert known.truth() == known_too.truth()
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(stage(3).background, stage(4).background)


@pytest.mark.parametrize("seed", range(4))
def test_the_view_knows_where_the_windows_are_that_are_painted(seed: int) -> None:
    """The picture gets no nearer to a window than the view's calibration does: to a thousandth of a pixel."""
    seen = stage(seed)
    view = seen.view()
    assert view.calibration is not None
    windows = seen.windows_seen()
    assert len(windows) >= 6
    for window in windows:
        left, lower, right, upper = view.calibration.grid.box_m(window.floor, window.column)
        corners = np.array([(left, upper), (right, upper), (right, lower), (left, lower)])
        painted = seen.camera.project(seen.corners(window))[:, :2]
        assert view.calibration.in_picture(corners) == pytest.approx(painted, abs=1e-3)
        assert view.inside(*painted.mean(axis=0))


def test_a_metre_is_longer_in_the_picture_the_lower_it_is() -> None:
    view = stage().view()
    scale = view.px_per_m(240, [20, 135, 250])
    assert scale is not None
    assert scale[0] < scale[1] < scale[2]


def test_what_is_thrown_is_painted_where_the_truth_says_and_starts_at_its_window() -> None:
    take = draw_take(np.random.default_rng(2), stage(), duration_s=4, throws=["rubbish_bag"])
    pictures, filming = film(take)
    (truth,) = filming.truth()
    middle = [i for i, box in enumerate(truth.boxes) if box is not None]
    index = middle[len(middle) // 2]
    box = truth.boxes[index]
    assert box is not None
    left, top, right, bottom = (round(v) for v in box)
    differs = change(pictures[index].pixels, take.stage.background)
    assert differs[top : bottom + 1, left : right + 1].max() > 30
    window = next(
        w
        for w in take.stage.house.windows
        if (w.floor, w.column) == (truth.detail["floor"], truth.detail["window"])
    )
    assert window.base_m < float(truth.detail["z_m"]) < window.base_m + take.stage.house.floor_m + 0.5
    assert window.x_m < float(truth.detail["x_m"]) < window.x_m + window.width_m
    first = truth.boxes[middle[0]]
    assert first is not None
    x, y, _ = take.stage.camera.project(np.array([take.throws[0].start]))[0]
    assert abs((first[0] + first[2]) / 2 - x) < 6
    assert abs((first[1] + first[3]) / 2 - y) < 12
    assert START + timedelta(seconds=index / take.fps) == pictures[index].at


def test_the_glass_shows_what_falls_past_it() -> None:
    take = draw_take(np.random.default_rng(5), stage(7), duration_s=4, throws=["box"])
    canvas = take.stage.background.copy()
    seen = [take.throws[0].reflection.paint(canvas, t / 25) for t in range(100)]
    changed = change(canvas, take.stage.background) > 0
    assert any(seen)
    assert changed.any()
    assert not (changed & (take.stage.glass == 0)).any(), "a wall mirrors nothing"


@pytest.mark.parametrize(
    ("name", "least_ms", "most_ms"),
    [
        ("brick", 34, 40),
        ("apple", 34, 39),
        ("egg", 34, 38),
        ("full_bottle", 24, 27),
        ("rubbish_bag", 16, 18),
        ("nappy", 10.5, 11.5),
        ("tissue_ball", 5.8, 6.4),
        ("cigarette_end", 4.7, 5.3),
        ("empty_bottle", 4.3, 4.9),
        ("t_shirt", 3.5, 3.9),
    ],
)
def test_mass_and_size_give_the_terminal_speeds_that_are_known(
    name: str, least_ms: float, most_ms: float
) -> None:
    assert least_ms <= THINGS[name].terminal_ms <= most_ms


@pytest.mark.parametrize("terminal_ms", [36.0, 11.0, 1.2])
def test_a_flight_from_rest_is_the_fall_with_quadratic_drag(terminal_ms: float) -> None:
    places = flight(start=(0, 1, 60), speed_ms=(0, 0, 0), terminal_ms=terminal_ms)
    for t in (0.3, 1.0, 2.5):
        assert 60 - places[round(t / STEP_S), 2] == pytest.approx(
            fallen_m(t, terminal_ms), rel=0.03, abs=0.03
        )


def test_wind_carries_the_light_away_and_not_the_heavy() -> None:
    drift = [
        flight(start=(0, 1, 20), speed_ms=(0, 0, 0), terminal_ms=v, wind_ms=(2, 0, 0))[300, 0]
        for v in (1.2, 36.0)
    ]
    assert drift[0] > 2.0
    assert drift[1] < 0.2


STREET: frozenset[Disturber] = frozenset({"vehicle", "walker"})


@pytest.mark.parametrize("kind", get_args(Disturber))
def test_each_disturber_changes_the_picture_and_only_shakes_pixels_where_it_is(kind: Disturber) -> None:
    seen = stage(11, lowest_m=-2.5 if kind in STREET else None)
    take = draw_take(np.random.default_rng(4), seen, duration_s=5, fps=5, disturbers={kind: 12})
    canvases = []
    boxes = []
    for index in range(25):
        canvas = seen.background.copy()
        found = [actor.paint(canvas, index / 5) for actor in take.actors]
        boxes.append([one.box_xyxy for one in found if one is not None])
        canvases.append(canvas)
    differ = [change(canvas, seen.background) for canvas in canvases]
    assert max(int(one.max()) for one in differ) > 15
    if kind in ("rain", "snow"):
        return
    for differs, there in zip(differ, boxes, strict=True):
        for left, top, right, bottom in there:
            differs[
                max(0, int(top) - 8) : max(0, int(bottom) + 9), max(0, int(left) - 8) : max(0, int(right) + 9)
            ] = 0
        assert differs.max() < 25


def test_night_is_grey_and_dark_and_dusk_between() -> None:
    pictures = {light: stage(5, light).background for light in LIGHTS}
    night = pictures["night"]
    assert (night == night[..., :1]).all()
    assert pictures["day"].mean() > pictures["dusk"].mean() > night.mean()


def test_exposure_follows_a_change_of_light() -> None:
    take = draw_take(np.random.default_rng(6), stage(), duration_s=8, light_changes=1)
    (changed,) = take.light_changes
    pictures, _ = film(take)
    brightness = np.array([picture.pixels.mean() for picture in pictures])
    before = brightness[: int(changed.at_s * 25)].mean() if changed.at_s > 0.5 else brightness[0]
    at_once = brightness[min(len(brightness) - 1, int((changed.at_s + changed.ramp_s) * 25) + 1)]
    assert abs(brightness[-1] - before) < abs(at_once - before) + 1


def test_the_truth_moves_with_a_camera_that_shakes() -> None:
    calm, shaken = (
        film(draw_take(np.random.default_rng(8), stage(), duration_s=4, throws=["box"], shake=shake))
        for shake in ("none", "sway")
    )
    boxes = [
        (a, b)
        for a, b in zip(calm[1].truth()[0].boxes, shaken[1].truth()[0].boxes, strict=True)
        if a is not None and b is not None
    ]
    assert any(abs(a[0] - b[0]) > 0.05 for a, b in boxes)
    assert calm[1].truth()[0].detail["z_m"] == shaken[1].truth()[0].detail["z_m"]


def test_coded_pictures_keep_their_number_and_times_and_lose_by_the_rate() -> None:
    take = draw_take(np.random.default_rng(9), stage(), duration_s=1.2, throws=["brick"])
    raw, _ = film(take)
    lost = []
    for kbit_s in (500, 8000):
        coded = list(recoded(raw, kbit_s=kbit_s, fps=25))
        assert [picture.at for picture in coded] == [picture.at for picture in raw]
        lost.append(np.mean([change(a.pixels, b.pixels).mean() for a, b in zip(raw, coded, strict=True)]))
    assert lost[0] > lost[1] > 0


def test_pictures_come_one_by_one() -> None:
    """A minute of full HD would not fit into memory."""
    take = draw_take(np.random.default_rng(9), stage(), duration_s=3600)
    filming = Filming(take=take, start=START)
    assert len(list(islice(recoded(filming.pictures(), kbit_s=3000, fps=25), 3))) == 3
    assert len(filming.moments) <= 6
