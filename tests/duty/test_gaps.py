"""Times in which nobody of an area has a shift."""

from datetime import datetime, time, timedelta

from gridwatch.duty.gaps import gaps
from gridwatch.duty.roster import Leave, Post, Roster, Shift, ShiftKind, Worker
from gridwatch.policy import CHINA

FRIDAY = datetime(2026, 11, 27, tzinfo=CHINA)
SUNDAY = FRIDAY + timedelta(days=2)
DAY = Shift(starts=time(8), ends=time(20))
NIGHT = Shift(starts=time(20), ends=time(8))
WORKING_DAY = Shift(starts=time(8), ends=time(20), kind=ShiftKind.WORKING)


def worker(key: int, *shifts: Shift, away: Leave | None = None) -> Worker:
    """Return somebody."""
    leaves = () if away is None else (away,)
    return Worker(key=key, code=str(key), name=str(key), language="zh-CN", shifts=shifts, leaves=leaves)


def found(*workers: Worker, posts: int) -> list[tuple[str, str]]:
    """Return when the first so many of them leave area `m` alone."""
    told = [Post(person=key, area="m", rank=key) for key in range(1, posts + 1)]
    roster = Roster(workers={one.key: one for one in workers}, posts=told)
    return [(f"{one.begins:%d %H}", f"{one.ends:%d %H}") for one in gaps(roster, FRIDAY, SUNDAY)]


def test_day_and_night_together_leave_no_gap_and_the_day_alone_leaves_the_nights() -> None:
    """The night before the first day counts from its beginning."""
    assert found(worker(1, DAY), worker(2, NIGHT), posts=2) == []
    assert found(worker(1, DAY), posts=1) == [("27 00", "27 08"), ("27 20", "28 08"), ("28 20", "29 00")]


def test_a_day_that_is_not_worked_is_a_gap() -> None:
    """Saturday is free."""
    assert found(worker(1, WORKING_DAY), worker(2, NIGHT), posts=2) == [("28 08", "28 20")]


def test_who_has_no_shift_is_always_there_unless_on_leave_without_a_stand_in() -> None:
    """A stand-in for a leave keeps the shifts of whose place they take."""
    noon = FRIDAY + timedelta(hours=12)
    alone = Leave(starts_at=noon, ends_at=noon + timedelta(hours=6))
    assert found(worker(1), posts=1) == []
    assert found(worker(1, away=alone), posts=1) == [("27 12", "27 18")]
    stood_in = Leave(starts_at=noon, ends_at=noon + timedelta(hours=6), stand_in=3)
    assert found(worker(1, away=stood_in), worker(3, NIGHT), posts=1) == []
    assert found(worker(1, away=stood_in), worker(3, away=alone), posts=1) == [("27 12", "27 18")]
