"""Rendered pictures of a ridge camera: seeded, and with a truth that says where the fire is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gridwatch.model import BoxXyxy, Pixels
from simulators.ridge.plume import Source, draw_wind, hidden_by
from simulators.ridge.scene import TROUBLES, Asked, Scene, Trouble, draw_scene
from simulators.ridge.shooting import Shot, shoot, truth_of

NOON = datetime(2026, 4, 5, 4, tzinfo=UTC)


def scene(seed: int, *, fire: bool = True, trouble: Trouble = "clear", **changed: float) -> Scene:
    """Draw twenty minutes in steps of a minute, burning after four."""
    asked = Asked(start=NOON, duration_s=1_200, interval_s=60, fire=fire, trouble=trouble, size_wh=(320, 180))
    return draw_scene([1, seed], replace(asked, **changed))  # type: ignore[arg-type]


def inside(pixels: Pixels, box: BoxXyxy) -> Pixels:
    left, top, right, bottom = map(int, box)
    return pixels[top:bottom, left:right]


def shots(drawn: Scene) -> list[Shot]:
    return list(shoot(drawn))


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others() -> None:
    first, again, other = (shots(scene(seed, duration_s=180)) for seed in (7, 7, 8))
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.picture.pixels, two.picture.pixels)
        assert one.smoke == two.smoke
    assert not np.array_equal(first[0].picture.pixels, other[0].picture.pixels)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_every_kind_of_scene_can_be_shot_without_a_fire_in_its_truth(trouble: Trouble) -> None:
    taken = shots(scene(3, fire=False, trouble=trouble, duration_s=300))
    assert [shot.picture.at - NOON for shot in taken] == [timedelta(minutes=n) for n in range(5)]
    assert all(shot.picture.size_wh == (320, 180) for shot in taken)
    assert all(shot.smoke is shot.flame is None and shot.density == 0 for shot in taken)


def test_smoke_begins_after_ignition_grows_and_hangs_on_its_base() -> None:
    visible = grew = 0
    for seed in range(6):
        drawn = scene(seed)
        assert drawn.fire is not None
        taken = shots(drawn)
        assert all(shot.smoke is None for shot in taken[:4])
        seen = [shot.smoke for shot in taken if shot.smoke is not None]
        if not seen:
            continue
        visible += 1
        areas = [(right - left) * (bottom - top) for left, top, right, bottom in seen]
        grew += max(areas) > 3 * areas[0]
        x = drawn.fire.xy[0]
        assert all(left - 24 <= x <= right + 24 for left, _, right, _ in seen[:3])
    assert visible >= 4
    assert grew >= 3


def test_the_wind_carries_smoke_and_it_thins_on_its_way() -> None:
    drawn = scene(2)
    source = Source(
        kind="fire",
        xy=(160.0, 120.0),
        distance_m=1_500,
        begins_s=0,
        lasts_s=900,
        smoke_g_s=30,
        grows_s=10,
        colour=(190, 190, 190),
        heat=0.0,
    )
    landscape = replace(drawn.landscapes[0], distance_m=np.full((180, 320), 2_000, np.float32))
    wind = replace(draw_wind(np.random.default_rng(1)), speed_ms=3.0, angle_rad=0.0, turns_rad=0.0)
    hidden = hidden_by(source, wind, landscape, 200)
    assert hidden is not None
    columns = hidden.max(axis=0)
    base = 160 // 4
    assert columns[base + 2] > 1.5 * columns[base + 30] > 0
    assert columns[: base - 3].max() < 0.05
    before = replace(landscape, distance_m=np.full((180, 320), 500, np.float32))
    covered = hidden_by(source, wind, before, 200)
    assert covered is None or covered.max() == 0


def test_smoke_is_paler_than_the_woods_that_it_hides_and_takes_their_texture() -> None:
    drawn = scene(1, trouble="clear")
    without = shots(replace(drawn, fire=None))[-1].picture.pixels.astype(float)
    shot = shots(drawn)[-1]
    assert shot.smoke is not None
    assert shot.density > 0.3
    changed = np.abs(shot.picture.pixels - without).mean(axis=2) > 12
    assert changed.any()
    assert inside(changed, shot.smoke).sum() > 0.9 * changed.sum()


def test_a_turning_camera_names_the_preset_of_each_picture_and_one_of_them_shows_the_fire() -> None:
    taken = shots(scene(4, presets=3, duration_s=1_800))
    assert [shot.preset for shot in taken[:4]] == ["preset-1", "preset-2", "preset-3", "preset-1"]
    assert {shot.preset for shot in taken if shot.smoke is not None} == {"preset-1"}


def test_by_night_pictures_are_grey_and_noisier_and_lamps_shine() -> None:
    night = shots(scene(5, fire=False, trouble="night", hour=23.0, duration_s=120))
    day = shots(scene(5, fire=False, hour=12.0, duration_s=120))
    by_night, by_day = (taken[0].picture.pixels.astype(float) for taken in (night, day))
    assert np.ptp(by_night, axis=2).mean() < 6 < np.ptp(by_day, axis=2).mean()
    assert by_night[90:].max() > 230


def test_the_truth_of_a_scene_says_when_the_fire_began_and_where_it_is() -> None:
    drawn = scene(1)
    assert drawn.fire is not None
    drawn = replace(drawn, fire=replace(drawn.fire, flames_s=600, distance_m=900))
    taken = shots(drawn)
    smoke, flame = truth_of(drawn, taken)
    assert (smoke.label, smoke.started_at) == ("smoke", NOON + timedelta(seconds=240))
    assert (flame.label, flame.started_at) == ("flame", NOON + timedelta(seconds=600))
    assert len(smoke.boxes) == len(flame.boxes) == len(taken) == 20
    burning = [(number, box) for number, box in enumerate(flame.boxes) if box is not None]
    assert burning
    number, box = burning[-1]
    blue, _, red = inside(taken[number].picture.pixels, box).reshape(-1, 3).max(axis=0)
    assert red > blue + 30
    assert truth_of(scene(1, fire=False), taken) == ()
