"""When somebody's own duty is."""

from datetime import UTC, date, datetime, time

from gridwatch.duty.roster import Shift
from gridwatch.duty.turns import next_turn, turn_at

NIGHT = Shift(starts=time(20), ends=time(8), days=frozenset({1, 3}))
"""From Monday and Wednesday evening to the next morning, by the clocks of China."""

MONDAY_NIGHT = datetime(2026, 11, 23, 15, tzinfo=UTC)
"""23 o'clock in China."""


def test_a_turn_that_passes_midnight_runs_until_the_morning() -> None:
    turn = turn_at([NIGHT], MONDAY_NIGHT)
    assert turn is not None
    assert (turn.begins.astimezone(UTC).hour, turn.ends.astimezone(UTC)) == (
        12,
        datetime(2026, 11, 24, 0, tzinfo=UTC),
    )
    assert turn_at([NIGHT], datetime(2026, 11, 24, 0, tzinfo=UTC)) is None


def test_the_next_turn_is_the_first_that_begins_later() -> None:
    following = next_turn([NIGHT, Shift(starts=time(9), ends=time(10), days=frozenset({5}))], MONDAY_NIGHT)
    assert following is not None
    assert following.begins.astimezone(UTC) == datetime(2026, 11, 25, 12, tzinfo=UTC)
    ended = Shift(starts=time(9), ends=time(10), valid_to=date(2026, 11, 1))
    assert next_turn([ended], MONDAY_NIGHT) is None


def test_of_several_that_run_the_one_that_ends_last_is_told() -> None:
    short = Shift(starts=time(22), ends=time(23, 30))
    turn = turn_at([short, NIGHT], MONDAY_NIGHT)
    assert turn is not None
    assert turn.ends.astimezone(UTC).hour == 0
