"""What is a clock that was set, and what is only late."""

from collections.abc import Iterable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clocks import FUTURE, JUMPED, OLD, Clock, Limits, judge

NOON = 1_795_000_000.0
HOUR = 3600.0
DAY = 24 * HOUR
LIMITS = Limits(future_s=60, old_s=7 * DAY)


def flags_of(clock: Clock, readings: Iterable[tuple[float, float]]) -> list[int]:
    """Judge readings given as (observed, received), in seconds since noon."""
    return [judge(clock, NOON + observed, NOON + received, LIMITS) for observed, received in readings]


def live(
    start: float, count: int, *, every: float = 10, ahead: float = 0, way: float = 0.2
) -> list[tuple[float, float]]:
    """Return readings of a device whose clock is ahead, each `way` seconds on the way."""
    return [(start + n * every + ahead, start + n * every + way) for n in range(count)]


def jumps(flags: Iterable[int]) -> int:
    return sum(1 for flag in flags if flag & JUMPED)


def test_a_clock_that_goes_right_is_found_right() -> None:
    clock = Clock()
    assert set(flags_of(clock, live(0, 100))) == {0}
    assert clock.skew_s == pytest.approx(-0.2)


@pytest.mark.parametrize("ahead", [-HOUR, -20, 20, HOUR])
def test_a_clock_that_always_went_wrong_has_a_skew_and_did_not_jump(ahead: float) -> None:
    clock = Clock()
    flags = flags_of(clock, live(0, 100, ahead=ahead))
    assert jumps(flags) == 0
    assert clock.skew_s == pytest.approx(ahead - 0.2)


def test_delays_on_the_way_are_no_skew() -> None:
    clock = Clock()
    ways = [0.2, 3.0, 0.3, 12.0, 0.2, 40.0, 0.4, 0.3, 5.0, 0.2] * 20
    readings = [(n * 10.0, n * 10.0 + way) for n, way in enumerate(ways)]
    assert set(flags_of(clock, readings)) == {0}
    assert clock.skew_s is not None
    assert -1 < clock.skew_s < -0.1


@pytest.mark.parametrize("ahead", [3 * HOUR, 90, 400 * DAY])
@pytest.mark.parametrize("every", [0.001, 1, 60, 1800])
def test_a_clock_set_forward_is_found_at_its_third_reading(ahead: float, every: float) -> None:
    clock = Clock()
    flags_of(clock, live(0, 20, every=every))
    flags = flags_of(clock, live(20 * every, 10, every=every, ahead=ahead))
    assert flags == [FUTURE, FUTURE, FUTURE | JUMPED] + [FUTURE] * 7
    assert clock.jump_s == pytest.approx(ahead)
    assert clock.skew_s == pytest.approx(ahead - 0.2)


@pytest.mark.parametrize(
    ("behind", "every"),
    [(90, 1), (90, 20), (3 * HOUR, 1), (3 * HOUR, 20), (3 * HOUR, 1800), (400 * DAY, 20), (400 * DAY, 1800)],
)
def test_a_clock_set_back_is_found_once_that_has_lasted(behind: float, every: float) -> None:
    clock = Clock()
    flags_of(clock, live(0, 20, every=every))
    readings = live(20 * every, 60, every=every, ahead=-behind)
    flags = flags_of(clock, readings)
    found = [received for flag, (_, received) in zip(flags, readings, strict=True) if flag & JUMPED]
    assert len(found) == 1
    assert found[0] - readings[0][1] <= max(2 * every, 31)
    assert clock.jump_s == pytest.approx(-behind)
    assert {flag & ~JUMPED for flag in flags} == {OLD if behind > LIMITS.old_s else 0}


@pytest.mark.parametrize("ahead", [-3 * HOUR, 3 * HOUR])
def test_a_clock_that_is_put_right_again_has_jumped_twice(ahead: float) -> None:
    clock = Clock()
    flags = flags_of(clock, chain(live(0, 20), live(200, 20, ahead=ahead), live(400, 20)))
    assert jumps(flags) == 2
    assert clock.jump_s == pytest.approx(-ahead)
    assert clock.skew_s == pytest.approx(-0.2)


@pytest.mark.parametrize("heard_before", [True, False])
@pytest.mark.parametrize("every", [0.5, 5, 60, 900])
def test_a_backlog_is_neither_skew_nor_jump(heard_before: bool, every: float) -> None:
    clock = Clock()
    if heard_before:
        flags_of(clock, live(-1000, 50, every=1))
    backlog = [(n * every, 3000 * every + n * 0.01) for n in range(3000)]
    flags = flags_of(clock, [*backlog, *live(3001 * every, 50, every=every)])
    assert jumps(flags) == 0
    assert clock.skew_s == pytest.approx(-0.2, abs=0.3)


def test_a_backlog_that_is_sent_newest_first_is_no_jump() -> None:
    clock = Clock()
    flags_of(clock, live(-1000, 50, every=1))
    backlog = [(2 * HOUR - n * 10.0, 2 * HOUR + n * 0.05) for n in range(700)]
    assert jumps(flags_of(clock, [*backlog, *live(2 * HOUR + 40, 50)])) == 0


def test_a_lost_piece_that_comes_late_between_live_readings_is_no_jump() -> None:
    clock = Clock()
    flags_of(clock, live(0, 100))
    piece = [(100 + n * 0.1, 1000 + n * 0.001) for n in range(200)]
    assert jumps(flags_of(clock, [*piece, *live(1001, 50)])) == 0
    mixed = chain.from_iterable(
        zip([(200 + 5 * n, 2000 + 5 * n) for n in range(50)], live(2001, 50, every=5), strict=True)
    )
    assert jumps(flags_of(clock, mixed)) == 0


@pytest.mark.parametrize("drained", [0.04, 0.5, 0.9, 50])
@pytest.mark.parametrize("every", [1, 60, 900])
def test_a_line_that_was_away_or_overloaded_is_no_jump(every: float, drained: float) -> None:
    """The broker's queue grows for ten minutes, stands for ten, and is then drained, slowly or fast."""
    clock = Clock()
    flags = flags_of(clock, live(-6000, 6000 // int(every), every=every))
    readings = []
    for n in range(int(20_000 / every)):
        late = (
            min(n * every * 0.5, 300.0) if n * every < 1200 else max(0.0, 300 - drained * (n * every - 1200))
        )
        readings.append((n * every, n * every + 0.2 + late))
    flags += flags_of(clock, readings)
    assert jumps(flags) == 0
    assert clock.skew_s == pytest.approx(-0.2, abs=2)


def test_a_device_that_was_away_for_longer_than_its_clock_lost_is_taken_for_late() -> None:
    clock = Clock()
    flags = flags_of(clock, [*live(0, 100), *live(1000 + 2 * HOUR, 100, ahead=-2 * HOUR)])
    assert jumps(flags) == 0


def test_a_lasting_lateness_that_may_be_a_slow_clock_becomes_the_skew_without_a_jump() -> None:
    clock = Clock()
    flags = flags_of(clock, [*live(0, 20, every=1800), *live(36_000, 20, every=1800, ahead=-600)])
    assert set(flags) == {0}
    assert clock.skew_s == pytest.approx(-600.2)
    assert set(flags_of(clock, live(72_000, 20, every=1800))) == {0}
    assert clock.skew_s == pytest.approx(-0.2)


def test_one_wrong_time_or_two_are_no_jump() -> None:
    clock = Clock()
    for _ in range(20):
        assert jumps(flags_of(clock, [*live(0, 5), *live(50, 2, ahead=DAY), *live(70, 2, ahead=-DAY)])) == 0
    assert clock.skew_s == pytest.approx(-0.2)


def test_a_fast_clock_drifts_and_does_not_jump() -> None:
    clock = Clock()
    readings = [(n * 60.06, n * 60.0 + 0.2) for n in range(20_000)]
    flags = flags_of(clock, readings)
    assert jumps(flags) == 0
    assert clock.skew_s == pytest.approx(20_000 * 0.06, abs=1)


def test_readings_from_the_future_and_old_ones_are_flagged() -> None:
    clock = Clock()
    assert flags_of(clock, [(0, 0.2), (59, 1), (62, 1), (-8 * DAY, 2), (-6 * DAY, 3)]) == [
        0,
        0,
        FUTURE,
        OLD,
        0,
    ]


@given(
    st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 55)), min_size=1, max_size=200),
    st.floats(-1e6, 1e6),
)
def test_delays_of_less_than_a_step_never_make_a_jump(steps: list[tuple[float, float]], ahead: float) -> None:
    clock, now, flags = Clock(), 0.0, []
    for step, way in steps:
        now += step
        flags += flags_of(clock, [(now + ahead, now + way)])
    assert jumps(flags) == 0
