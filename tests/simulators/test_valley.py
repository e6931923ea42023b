"""A valley whose sensors are simulated: the same for the same seed; smoke goes where its truth says."""

from dataclasses import replace

import numpy as np
import pytest

from simulators.smoulder import CO_PER_SMOKE, CO_PPM_PER_MG_M3
from simulators.valley.climate import Climate, Weather, wind_from_deg
from simulators.valley.happenings import Fault, Rates, begin_of
from simulators.valley.layout import POST_SPACING_M, draw_valley
from simulators.valley.plume import Source, smoke_g_m3
from simulators.valley.sensing import QUANTITIES, Sensed, Senses, stuck_at

DAY = 20_560
QUIET = Rates(fires=0, insects=0, dust=0, engines=0, people=0, haze=0, faults=0, chimneys=0)


def sensed(seed: int, rates: Rates, *, hours: float = 24, posts: int = 8) -> Sensed:
    """Return what the posts of a valley send from midnight on."""
    begin = begin_of(DAY)
    return Senses(draw_valley(seed, posts=posts), seed, rates).between(begin, begin + 3600 * hours)


def steady(minutes: int, *, x_ms: float) -> Climate:
    """Return a wind from the west, or from the east, for some minutes from 0 on, over four posts."""
    seconds = np.arange(0.0, 60.0 * minutes, 60.0)
    flat = np.full((minutes, 4), 20.0)
    still = np.zeros(minutes)
    return Climate(
        seconds=seconds,
        hour=still,
        sun=np.ones(minutes),
        wind_x_ms=np.full(minutes, x_ms),
        wind_y_ms=still,
        rain_mm_h=still,
        temperature_c=flat,
        humidity_pct=flat,
        fog=flat,
    )


def test_a_valley_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert draw_valley(5) == draw_valley(5)
    assert draw_valley(5) != draw_valley(6)
    first, again = sensed(5, Rates(), hours=2), sensed(5, Rates(), hours=2)
    for name in QUANTITIES:
        np.testing.assert_array_equal(first.values[name], again.values[name])


def test_posts_stand_apart_on_the_slopes_and_cameras_look_down_on_them() -> None:
    valley = draw_valley(2, posts=30)
    places = np.array([[post.x_m, post.y_m] for post in valley.posts])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e9 * np.eye(len(places))
    assert len({post.id for post in valley.posts}) == 30
    assert apart.min(axis=1).min() > 0.4 * POST_SPACING_M
    assert apart.min(axis=1).max() < 1.5 * POST_SPACING_M
    for camera in valley.cameras:
        assert camera.z_m > max(post.z_m for post in valley.posts)
        assert camera.pitch_deg < 0
        ahead = np.radians(camera.heading_deg)
        to_middle = -np.array([camera.x_m, camera.y_m]) / np.hypot(camera.x_m, camera.y_m)
        np.testing.assert_allclose(to_middle, [np.sin(ahead), np.cos(ahead)], atol=1e-6)


@pytest.mark.parametrize("x_ms", [1.5, -1.5])
def test_smoke_goes_with_the_wind_and_thins_on_its_way(x_ms: float) -> None:
    valley = draw_valley(1, posts=4)
    near, far, upwind, aside = valley.posts
    moved = [
        (near, 20.0, 0.0),
        (far, 80.0, 0.0),
        (upwind, -20.0, 0.0),
        (aside, 20.0, 60.0),
    ]
    posts = tuple(
        type(post)(id=post.id, x_m=x * np.sign(x_ms), y_m=y, z_m=0, shade=0.5, station=False)
        for post, x, y in moved
    )
    source = Source(x_m=0, y_m=0, z_m=0, begins_s=0, grows_s=60, lasts_s=3600, smoke_g_s=0.1)
    smoke = smoke_g_m3(source, steady(30, x_ms=x_ms), posts, np.random.default_rng(1))
    at_near, at_far, at_upwind, at_aside = smoke[10:].mean(axis=0)
    assert at_near > 4 * at_far > 0
    assert at_near > 50 * max(at_upwind, at_aside)
    # A plume's middle over flat ground holds Q / (π σ² u); eddies thin it.
    middle = 0.1 / (np.pi * (0.7 + 0.16 * 20) ** 2 * 1.5)
    assert 0.3 * middle < at_near < 1.1 * middle


def test_a_fire_s_truth_is_what_its_readings_have_more_than_without_it() -> None:
    burning = sensed(3, replace(QUIET, fires=3.0))
    calm = sensed(3, QUIET)
    added = np.sum([of["co_ppm"] for of in burning.added.values()], axis=0)
    more = burning.values["co_ppm"] - calm.values["co_ppm"]
    assert added.max() > 2
    # Readings have one decimal, and never less than 0.
    assert np.abs(more - added)[calm.values["co_ppm"] > 0].max() <= 0.11
    fine = np.sum([of["pm25_ugm3"] for of in burning.added.values()], axis=0)
    np.testing.assert_allclose(added, fine / 900 * CO_PER_SMOKE * CO_PPM_PER_MG_M3, atol=1e-6)


def test_nights_are_colder_and_moister_than_days_and_fog_reads_as_smoke_without_co() -> None:
    valley = draw_valley(4, posts=10)
    begin = begin_of(DAY)
    weather = Weather(valley, 4).at(np.arange(begin, begin + 14 * 86_400, 60.0))
    by_hour = weather.temperature_c.reshape(14, 24, 60, 10).mean(axis=(0, 2, 3))
    moist = weather.humidity_pct.reshape(14, 24, 60, 10).mean(axis=(0, 2, 3))
    assert by_hour[12:17].mean() > by_hour[2:7].mean() + 3
    assert moist[2:7].mean() > moist[12:17].mean() + 10
    assert wind_from_deg(np.array([0.0, -2.0]), np.array([-3.0, 0.0])).tolist() == [0.0, 90.0]


def test_a_stuck_channel_repeats_one_value_and_a_silent_device_sends_nothing() -> None:
    senses = Senses(draw_valley(7, posts=6), 7, replace(QUIET, faults=4))
    begin = begin_of(DAY)
    faults = [fault for day in range(DAY - 5, DAY + 1) for fault in senses.begun(day).faults]
    day = senses.between(begin, begin + 86_400)

    def during(kind: str) -> list[tuple[Fault, slice]]:
        found = []
        for fault in faults:
            now = slice(*np.searchsorted(day.seconds, [fault.begins_s, fault.begins_s + fault.lasts_s]))
            if fault.kind == kind and now.stop - now.start > 10:
                found.append((fault, now))
        return found

    assert during("flat")
    assert during("silent")
    for fault, now in during("silent"):
        assert np.isnan(day.values["co_ppm"][now, fault.post]).all()
    # Where another fault does not come on top of it.
    shares = [
        np.nanmean(day.values[fault.channel][now, fault.post] == stuck_at(fault))
        for fault, now in during("flat")
        if not np.isnan(day.values[fault.channel][now, fault.post]).all()
    ]
    assert max(shares) == 1.0
