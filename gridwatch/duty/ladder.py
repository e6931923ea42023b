"""Whom to call for an alert, rung by rung: the responsible, stand-ins, estate, community, town, district.

The rules, where the roster leaves open who it is:

* Who has no shift for an area is on duty at any time; who has some is so while one of them runs.
* Who is on leave is not called; the stand-in named for that leave takes the place, and their stand-in theirs.
* Where nobody of the first rank is on duty, the next rank that has somebody is.
* Where nobody of any rank is on duty, the first rank that is not on leave is called all the same.
* A rung without people is left out; the last one, of administrators, always stands: without people it means
  the channels of the installation.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.duty.roster import Post, Roster, Worker
from gridwatch.policy import CHINA


class RungLevel(StrEnum):
    """The steps of the ladder, from the bottom."""

    RESPONSIBLE = "responsible"
    STAND_IN = "stand_in"
    ESTATE = "estate"
    COMMUNITY = "community"
    TOWN = "town"
    DISTRICT = "district"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, kw_only=True, slots=True)
class OnDuty:
    """Somebody to call, and why it is them: in English and in Chinese."""

    key: int
    code: str
    name: str
    language: str
    why: str
    why_zh: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """Those who are called together; `area` is the one that they answer for."""

    level: RungLevel
    area: str | None
    people: tuple[OnDuty, ...]


WIDE = {
    AreaLevel.ESTATE: RungLevel.ESTATE,
    AreaLevel.COMMUNITY: RungLevel.COMMUNITY,
    AreaLevel.TOWN: RungLevel.TOWN,
    AreaLevel.DISTRICT: RungLevel.DISTRICT,
}
"""Places that have a rung of their own. A grid above the estate belongs to the rung of its community."""


def climb(
    path: Sequence[Area], roster: Roster, administrators: Iterable[Worker], *, scene: str, at: datetime
) -> list[Rung]:
    """Return the rungs for a place, which is the last of `path` (the widest area first); one at least."""
    rungs: list[Rung] = []
    called: set[int] = set()

    def add(level: RungLevel, area: str | None, people: Iterable[OnDuty]) -> None:
        new = tuple({one.key: one for one in people if one.key not in called}.values())
        if new:
            called.update(one.key for one in new)
            rungs.append(Rung(level=level, area=area, people=new))

    steps = _steps(path)
    for level, areas in steps.items():
        codes = [area.code for area in areas]
        if level is RungLevel.RESPONSIBLE:
            first, *others = _ranks(roster, codes, scene, at) or [[]]
            add(level, codes[0], first)
            add(RungLevel.STAND_IN, codes[0], [one for rank in others for one in rank])
        else:
            by_area = [_ranks(roster, [code], scene, at)[:1] for code in codes]
            add(level, codes[-1], [one for ranks in by_area for rank in ranks for one in rank])
    people = tuple(
        _told(worker, "administers the installation", "系统管理员")
        for worker in administrators
        if worker.key not in called
    )
    return [*rungs, Rung(level=RungLevel.ADMINISTRATOR, area=None, people=people)]


def _steps(path: Sequence[Area]) -> Mapping[RungLevel, list[Area]]:
    """Return the areas of each rung, the narrowest first in it.

    Below the estate, or where there is none below the community, all areas are one place.
    """
    steps: dict[RungLevel, list[Area]] = {}
    wide = RungLevel.RESPONSIBLE
    levels = {area.level for area in path}
    for area in reversed(path):
        if area.level in WIDE:
            wide = WIDE[area.level]
        elif wide is RungLevel.ESTATE and AreaLevel.COMMUNITY in levels:
            wide = RungLevel.COMMUNITY
        steps.setdefault(wide, []).append(area)
    return steps


def on_duty(roster: Roster, area: str, at: datetime) -> tuple[OnDuty, ...]:
    """Return who of an area's people, or of those who stand in for them, is on duty."""
    posts = sorted((post for post in roster.posts if post.area == area), key=lambda post: post.rank)
    (people,) = _people_of(roster, [posts], at, on_shift=True) or [[]]
    return tuple({one.key: one for one in people}.values())


def _ranks(roster: Roster, areas: Sequence[str], scene: str, at: datetime) -> list[list[OnDuty]]:
    """Return those to call by area and rank; none of the ranks is empty."""
    posts = roster.posts_of(areas, scene)
    ranks = [list(rank) for _, rank in groupby(posts, key=lambda post: (areas.index(post.area), post.rank))]
    on_duty = _people_of(roster, ranks, at, on_shift=True)
    return on_duty or _people_of(roster, ranks, at, on_shift=False)[:1]


def _people_of(
    roster: Roster, ranks: Iterable[Sequence[Post]], at: datetime, *, on_shift: bool
) -> list[list[OnDuty]]:
    people = ([_called(roster, post, at, on_shift=on_shift) for post in rank] for rank in ranks)
    called = ([one for one in rank if one is not None] for rank in people)
    return [rank for rank in called if rank]


def _called(roster: Roster, post: Post, at: datetime, *, on_shift: bool) -> OnDuty | None:
    """Return who is called for a post: its worker, or who takes their place; None where nobody is.

    `on_shift` asks for a shift that runs now, of who has any.
    """
    worker = roster.workers[post.person]
    why, why_zh = _duty(post)
    if on_shift:
        shifts = worker.shifts_for(post.area)
        ends = max((end for shift in shifts if (end := shift.until(at))), default=None)
        if shifts and ends is None:
            return None
        if ends is not None:
            shown = f"{ends.astimezone(CHINA):%H:%M}"
            why, why_zh = f"{why}, on shift until {shown}", f"{why_zh}，值班至{shown}"
    else:
        why, why_zh = f"{why}; {NOBODY}", f"{why_zh}；{NOBODY_ZH}"
    return _present(roster, _told(worker, why, why_zh), at)


NOBODY = "nobody has a shift now: called all the same"
NOBODY_ZH = "此刻无人值班，仍予通知"


def _duty(post: Post) -> tuple[str, str]:
    if post.rank == 1:
        return f"responsible for {post.area}", f"{post.area}责任人"
    return f"stand-in {post.rank - 1} for {post.area}", f"{post.area}第{post.rank - 1}替班人"


def _present(roster: Roster, one: OnDuty, at: datetime) -> OnDuty | None:
    """Return somebody who is not on leave, or the stand-in for their leave, or that one's; None: nobody."""
    asked: set[int] = set()
    while one.key not in asked:
        asked.add(one.key)
        worker = roster.workers[one.key]
        leave = worker.leave_at(at)
        if leave is None:
            return one
        if leave.stand_in is None:
            return None
        one = _told(
            roster.workers[leave.stand_in],
            f"stands in for {worker.name} (leave), {one.why}",
            f"{worker.name}休假，代班；{one.why_zh}",
        )
    return None


def _told(worker: Worker, why: str, why_zh: str) -> OnDuty:
    return OnDuty(
        key=worker.key,
        code=worker.code,
        name=worker.name,
        language=worker.language,
        why=why,
        why_zh=why_zh,
    )
