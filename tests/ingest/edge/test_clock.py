"""A stream's timestamps become UTC: evenly, and right again after whatever was set."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ingest.edge.clock import StreamClock

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
FPS = 25


def ticks(seconds: float) -> Iterator[float]:
    """Yield the time of each picture."""
    yield from (number / FPS for number in range(round(seconds * FPS)))


def test_pictures_keep_their_distance_however_unevenly_they_come() -> None:
    clock = StreamClock(AT.timestamp())
    delays = [0.0, 0.35, 0.31, 0.02, 0.2] * 20
    times = [clock.at(t, t, AT.timestamp() + t + d) for t, d in zip(ticks(4), delays, strict=True)]
    assert times == [AT + timedelta(seconds=t) for t in ticks(4)]


@pytest.mark.parametrize("drift", [200e-6, -200e-6])
def test_a_camera_that_runs_fast_or_slow_is_right_after_a_day(drift: float) -> None:
    clock = StreamClock(AT.timestamp())
    before, steps, seconds = AT, set(), 86_400
    for number in range(seconds):
        stream_s = number * (1 + drift)
        late_s = 0.2 if number % 5 else 0.01
        at = clock.at(stream_s, stream_s, AT.timestamp() + number + late_s)
        steps.add(round((at - before).total_seconds(), 2))
        before = at
    assert abs(before - (AT + timedelta(seconds=seconds - 1))) < timedelta(seconds=0.05)
    assert steps <= {0.0, 0.99, 1.0, 1.01}


@pytest.mark.parametrize("jump_s", [-5000.0, 5000.0])
def test_a_jump_of_the_stream_s_time_shows_once_and_is_over(jump_s: float) -> None:
    clock = StreamClock(AT.timestamp())
    shown = [clock.at(t, t, AT.timestamp() + t) for t in ticks(1)]
    jumped = [clock.at(t + jump_s, t + jump_s, AT.timestamp() + t) for t in (1.0, 1.04, 1.08)]
    assert shown[-1] == AT + timedelta(seconds=0.96)
    assert [(at - AT).total_seconds() for at in jumped] == [1.0 + jump_s, 1.04, 1.08]


def test_when_the_computer_s_clock_is_set_forward_the_pictures_follow() -> None:
    clock, hour = StreamClock(AT.timestamp()), 3600.0
    times = {t: clock.at(t, t, AT.timestamp() + t + hour * (t >= 2)) for t in ticks(15)}
    assert times[11.0] == AT + timedelta(seconds=11)
    assert times[14.0] == AT + timedelta(seconds=14 + hour)


def test_pictures_that_are_decoded_in_another_order_are_no_jump() -> None:
    clock = StreamClock(AT.timestamp())
    shown = [(0.0, 0.0), (0.12, 0.04), (0.04, 0.08), (0.08, 0.12), (0.24, 0.16)]
    times = [clock.at(stream_s, order_s, AT.timestamp() + order_s) for stream_s, order_s in shown]
    assert times == [AT + timedelta(seconds=stream_s) for stream_s, _ in shown]


def test_a_burst_that_had_waited_in_the_network_changes_nothing() -> None:
    clock = StreamClock(AT.timestamp())
    for t in ticks(5):
        clock.at(t, t, AT.timestamp() + t)
    held_up = [clock.at(t, t, AT.timestamp() + 14.0) for t in ticks(14) if t >= 5]
    assert held_up[-1] == AT + timedelta(seconds=13.96)
