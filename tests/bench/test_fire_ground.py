"""What the bench of ground sensors calls an event, right and false."""

import json

import numpy as np
import pytest

from bench.fire.__main__ import page
from bench.fire.ground import Judged
from bench.fire.methods import Told
from bench.fire.valleys import Event, Sigmas, events_of
from simulators.valley.climate import Array
from simulators.valley.happenings import Rates, begin_of
from simulators.valley.layout import draw_valley
from simulators.valley.sensing import NOISE, Sensed, Senses

DAY = 20_560
MINUTES = 1440


@pytest.fixture(scope="module")
def sensed() -> Sensed:
    """Return a day of two posts without fires."""
    rates = Rates(fires=0, chimneys=0, faults=0)
    begin = begin_of(DAY)
    return Senses(draw_valley(1, posts=2), 1, rates).between(begin, begin + 86_400)


def burning(sensed: Sensed, added: Array) -> Sensed:
    """Return the day with so much more CO of fire 7, moments × posts."""
    none = np.zeros_like(added)
    fire = {"co_ppm": added, "smoke_pct_m": none, "co2_ppm": none, "temperature_c": none}
    return Sensed(seconds=sensed.seconds, values=sensed.values, added={7: fire}, climate=sensed.climate)


def test_a_fire_is_an_event_of_the_posts_that_it_raises_by_three_sigma_in_three_of_five_readings(
    sensed: Sensed,
) -> None:
    sigmas = {name: np.full((24, 2), NOISE[name]) for name in NOISE}
    added = np.zeros((MINUTES, 2))
    added[100:120, 0] = 3.1 * NOISE["co_ppm"]
    added[130, 0] = 0.5 * NOISE["co_ppm"]
    added[[200, 201], 1] = 20 * NOISE["co_ppm"]
    (event,), _ = events_of(burning(sensed, added), sigmas)
    assert (event.fire, event.post) == (7, 0)
    # The five readings from the 98th on hold three that are raised.
    assert event.raised_s == sensed.seconds[98]
    assert event.until_s == sensed.seconds[119] + 900
    assert event.sigma == pytest.approx(3.1)


def test_sigma_is_that_of_calm_days_and_no_less_than_the_noise(sensed: Sensed) -> None:
    sigmas = Sigmas(2)
    for _ in range(3):
        sigmas.learn(sensed)
    known = sigmas.known()
    assert known["co_ppm"].shape == (24, 2)
    assert (known["co_ppm"] >= NOISE["co_ppm"]).all()
    assert known["co_ppm"].max() < 6 * NOISE["co_ppm"]


def test_what_is_told_where_a_fire_is_is_right_and_all_else_is_false_once_in_half_an_hour() -> None:
    seconds = 60.0 * np.arange(MINUTES, dtype=np.float64)
    trace = np.zeros((MINUTES, 2))
    trace[100:120, 0] = 4.0
    event = Event(fire=7, post=0, begins_s=6000, raised_s=6060, until_s=7140 + 900, sigma=4.0)
    judged = Judged()
    told = [
        Told(0, 6300.0, "warning"),
        Told(0, 6600.0, "alarm"),
        Told(1, 6600.0, "alarm"),
        Told(1, 7200.0, "alarm"),
        Told(1, 9300.0, "alarm"),
        Told(0, 9300.0, "warning"),
    ]
    judged.judge(told, [event], {7: trace}, seconds)
    assert judged.answers == [{"warning": 240.0, "alarm": 540.0}]
    assert judged.false == {"noted": 0, "warning": 1, "alarm": 2}


def test_the_page_counts_what_the_records_hold() -> None:
    record = {
        "season": "report-0",
        "sensor_days": 60.0,
        "events": [
            {"fire": 1, "post": 2, "sigma": 4.0, "raised_s": 100.0},
            {"fire": 1, "post": 3, "sigma": 20.0, "raised_s": 40.0},
        ],
        "methods": {
            "gridwatch": {
                "answers": [{"warning": 60.0, "alarm": None}, {"warning": 0.0, "alarm": 600.0}],
                "false": {"noted": 3, "warning": 4, "alarm": 1},
                "seconds": 1.0,
            }
        },
    }
    text = page([json.loads(json.dumps(record))])
    assert "2.0 sensor-months, 1 fires" in text
    assert "| gridwatch, warning or alarm | 1.000 (2/2; " in text
    assert "| gridwatch, alarm | 0.500 (1/2; " in text
    assert "0.50 (1; at most 2.37)" in text
    assert "| 0 / 1 min | 1.000 (1/1; " in text
    assert "| 10 / 10 min | 1.000 (1/1; 0.207–1.000) | 0.000 (0/1; " in text
