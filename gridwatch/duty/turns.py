"""When somebody's own duty is: the turn that runs now, and the next one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridwatch.duty.roster import Shift
from gridwatch.policy import CHINA

LOOK_AHEAD = timedelta(days=14)
"""For the next turn: whose roster is empty for longer has none that is worth telling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One time of duty; `area`: None for all of that person's."""

    begins: datetime
    ends: datetime
    area: str | None


def turn_at(shifts: Sequence[Shift], at: datetime) -> Turn | None:
    """Return the turn that runs at a time; of several, the one that ends last."""
    running = (turn for turn in _turns(shifts, at) if turn.begins <= at < turn.ends)
    return max(running, key=lambda turn: turn.ends, default=None)


def next_turn(shifts: Sequence[Shift], at: datetime) -> Turn | None:
    """Return the first turn that begins after a time, if one does soon."""
    return min((turn for turn in _turns(shifts, at) if turn.begins > at), key=_begins, default=None)


def _begins(turn: Turn) -> datetime:
    return turn.begins


def _turns(shifts: Sequence[Shift], at: datetime) -> Iterator[Turn]:
    """Yield all turns that begin between the day before a time and some days after it."""
    today = at.astimezone(CHINA).date()
    for shift in shifts:
        for number in range(-1, LOOK_AHEAD.days + 1):
            day = today + timedelta(days=number)
            if shift.is_on(day):
                begins, ends = shift.on(day)
                yield Turn(begins=begins, ends=ends, area=shift.area)
