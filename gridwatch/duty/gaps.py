"""Times in which nobody of an area has a shift: somebody is called all the same, and it is warned of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

from gridwatch.duty.roster import Post, Roster
from gridwatch.policy import CHINA


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A time in which nobody who answers for an area, of any rank and scene, is on duty."""

    area: str
    begins: datetime
    ends: datetime


def gaps(roster: Roster, begins: datetime, ends: datetime) -> Iterator[Gap]:
    """Yield the gaps of all areas that somebody answers for, by area and time."""
    for area, posts in groupby(sorted(roster.posts, key=lambda post: post.area), key=lambda post: post.area):
        yield from _gaps_of(area, roster, list(posts), begins, ends)


def _gaps_of(
    area: str, roster: Roster, posts: Sequence[Post], begins: datetime, ends: datetime
) -> Iterator[Gap]:
    begun: datetime | None = None
    for moment, until in pairwise(_turns(area, roster, posts, begins, ends)):
        if any(_is_there(area, roster, post.person, moment, set()) for post in posts):
            if begun is not None:
                yield Gap(area=area, begins=begun, ends=moment)
            begun = None
        elif begun is None:
            begun = moment
        if begun is not None and until == ends:
            yield Gap(area=area, begins=begun, ends=ends)


def _is_there(area: str, roster: Roster, person: int, at: datetime, asked: set[int]) -> bool:
    """Say whether somebody is on duty, or one who stands in for their leave is there."""
    worker = roster.workers[person]
    shifts = worker.shifts_for(area)
    if shifts and not asked and not any(shift.until(at) for shift in shifts):
        return False
    leave = worker.leave_at(at)
    if leave is None:
        return True
    if leave.stand_in is None or leave.stand_in in asked:
        return False
    return _is_there(area, roster, leave.stand_in, at, asked | {person})


def _turns(
    area: str, roster: Roster, posts: Sequence[Post], begins: datetime, ends: datetime
) -> list[datetime]:
    """Return the times at which it may change who is on duty, with both ends."""
    turns = {begins, ends}
    first, last = begins.astimezone(CHINA).date() - timedelta(days=1), ends.astimezone(CHINA).date()
    # Who is on leave may have a stand-in on leave: the leave of all counts.
    for worker in roster.workers.values() if _has_leave(roster, posts) else ():
        for leave in worker.leaves:
            turns |= {leave.starts_at, leave.ends_at}
    for post in posts:
        for shift in roster.workers[post.person].shifts_for(area):
            for day in _days(first, last):
                if shift.is_on(day):
                    turns |= set(shift.on(day))
    return sorted(turn for turn in turns if begins <= turn <= ends)


def _has_leave(roster: Roster, posts: Sequence[Post]) -> bool:
    return any(roster.workers[post.person].leaves for post in posts)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
