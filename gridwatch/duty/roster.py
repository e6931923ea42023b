"""People with their responsibilities, shifts and leave, and when somebody is on duty.

Who has no shift is on duty at any time: nobody kept a roster for them. Who is on leave never is; the
stand-in that the leave names takes the place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from gridwatch.duty.calendar import is_working_day
from gridwatch.policy import CHINA

EVERY_DAY = frozenset(range(1, 8))
"""Monday is 1, Sunday 7."""


class ShiftKind(StrEnum):
    """On which days of the working calendar a shift is."""

    EVERY = "every"
    WORKING = "working"
    HOLIDAY = "holiday"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """A time of duty that comes again; local times, the day is that on which it starts.

    It passes midnight where it ends no later than it starts. `area`: None for all of that person's.
    """

    starts: time
    ends: time
    area: str | None = None
    days: frozenset[int] = EVERY_DAY
    kind: ShiftKind = ShiftKind.EVERY
    valid_from: date | None = None
    valid_to: date | None = None

    def until(self, at: datetime) -> datetime | None:
        """Return when the shift that runs at a time ends, or None where none does."""
        local = at.astimezone(CHINA)
        for day in (local.date(), local.date() - timedelta(days=1)):
            if self.is_on(day):
                begins, ends = self.on(day)
                if begins <= local < ends:
                    return ends
        return None

    def is_on(self, day: date) -> bool:
        """Say whether it starts on a day."""
        if day.isoweekday() not in self.days:
            return False
        if (self.valid_from and day < self.valid_from) or (self.valid_to and day > self.valid_to):
            return False
        return self.kind is ShiftKind.EVERY or is_working_day(day) == (self.kind is ShiftKind.WORKING)

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Return when it begins and ends if it starts on a day."""
        last = day if self.starts < self.ends else day + timedelta(days=1)
        return datetime.combine(day, self.starts, CHINA), datetime.combine(last, self.ends, CHINA)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """A time in which somebody is not called; `stand_in` is the key of who takes their place."""

    starts_at: datetime
    ends_at: datetime
    stand_in: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """Somebody on the roster."""

    key: int
    code: str
    name: str
    language: str
    shifts: Sequence[Shift] = ()
    leaves: Sequence[Leave] = ()

    def leave_at(self, at: datetime) -> Leave | None:
        """Return the leave that somebody is on at a time; of two, the one that ends later."""
        now = [leave for leave in self.leaves if leave.starts_at <= at < leave.ends_at]
        return max(now, key=lambda leave: leave.ends_at, default=None)

    def shifts_for(self, area: str) -> list[Shift]:
        """Return the shifts that count for an area."""
        return [shift for shift in self.shifts if shift.area in (None, area)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """That somebody is responsible for an area (rank 1) or stands in (2 and more); `scenes`: None for all."""

    person: int
    area: str
    rank: int = 1
    scenes: frozenset[str] | None = None

    def covers(self, scene: str) -> bool:
        """Say whether it is about a scene."""
        return self.scenes is None or scene in self.scenes


@dataclass(frozen=True, kw_only=True, slots=True)
class Roster:
    """Posts, and the people of them with their stand-ins, by key."""

    workers: Mapping[int, Worker]
    posts: Sequence[Post]

    def posts_of(self, areas: Iterable[str], scene: str) -> list[Post]:
        """Return the posts of a scene by area as given, then by rank and number at work."""
        order = {area: place for place, area in enumerate(areas)}
        fitting = (post for post in self.posts if post.area in order and post.covers(scene))
        return sorted(fitting, key=lambda post: (order[post.area], post.rank, self.workers[post.person].code))
