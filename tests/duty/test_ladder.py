"""Whom the ladder calls: the rules where a roster leaves it open, and that it never ends in nobody."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.duty.ladder import Rung, RungLevel, climb
from gridwatch.duty.roster import Leave, Post, Roster, Shift, ShiftKind, Worker
from gridwatch.policy import CHINA

PATH = (
    Area(code="d", level=AreaLevel.DISTRICT, name="区"),
    Area(code="t", level=AreaLevel.TOWN, name="街道", parent="d"),
    Area(code="c", level=AreaLevel.COMMUNITY, name="社区", parent="t"),
    Area(code="g", level=AreaLevel.GRID, grid=GridKind.GENERAL, name="一般网格", parent="c"),
    Area(code="e", level=AreaLevel.ESTATE, name="小区", parent="g"),
    Area(code="m", level=AreaLevel.GRID, grid=GridKind.MICRO, name="微网格", parent="e"),
    Area(code="b", level=AreaLevel.BUILDING, name="楼", parent="m"),
)
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=CHINA)
DAYTIME = Shift(starts=time(8), ends=time(22))
NIGHT = Shift(starts=time(22), ends=time(8))
ALL_DAY = timedelta(hours=12)


def worker(key: int, *shifts: Shift, away: Leave | None = None) -> Worker:
    """Return somebody named after their key."""
    leaves = () if away is None else (away,)
    return Worker(key=key, code=f"w{key}", name=f"张{key}", language="zh-CN", shifts=shifts, leaves=leaves)


def leave(stand_in: int | None = None) -> Leave:
    """Return a leave that holds at noon."""
    return Leave(starts_at=MONDAY_NOON - ALL_DAY, ends_at=MONDAY_NOON + ALL_DAY, stand_in=stand_in)


def post(person: int, area: str, rank: int = 1, scenes: frozenset[str] | None = None) -> Post:
    """Return a post."""
    return Post(person=person, area=area, rank=rank, scenes=scenes)


def ladder(
    workers: Sequence[Worker],
    *posts: Post,
    scene: str = "fire",
    at: datetime = MONDAY_NOON,
    path: Sequence[Area] = PATH,
    administrators: Sequence[Worker] = (),
) -> list[Rung]:
    """Climb from the building."""
    roster = Roster(workers={one.key: one for one in [*workers, *administrators]}, posts=posts)
    return climb(path, roster, administrators, scene=scene, at=at)


def codes(rungs: Sequence[Rung]) -> dict[str, list[str]]:
    """Return who stands on which rung."""
    return {rung.level: [one.code for one in rung.people] for rung in rungs}


def test_everyone_stands_on_their_rung() -> None:
    """A grid above the estate belongs to the community's rung; the last rung is of administrators."""
    everyone = [worker(key) for key in range(1, 8)]
    posts = (post(1, "m"), post(2, "m", 2), post(3, "e"), post(4, "g"), post(5, "c"), post(6, "t"))
    rungs = ladder(everyone, *posts, post(7, "d"), administrators=[worker(9)])
    assert codes(rungs) == {
        "responsible": ["w1"],
        "stand_in": ["w2"],
        "estate": ["w3"],
        "community": ["w4", "w5"],
        "town": ["w6"],
        "district": ["w7"],
        "administrator": ["w9"],
    }
    assert rungs[0].people[0].why == "responsible for m"


def test_a_house_has_its_own_responsible_before_the_grid_around_it() -> None:
    """The grid's worker is the next to be called then."""
    found = codes(ladder([worker(1), worker(2)], post(1, "m"), post(2, "b")))
    assert found == {"responsible": ["w2"], "stand_in": ["w1"], "administrator": []}


def test_an_exclusive_grid_without_an_estate_is_a_place_of_its_own() -> None:
    """A school has no estate around it."""
    school = Area(code="x", level=AreaLevel.GRID, grid=GridKind.EXCLUSIVE, name="学校", parent="c")
    found = codes(ladder([worker(1), worker(2)], post(1, "x"), post(2, "c"), path=(*PATH[:3], school)))
    assert found == {"responsible": ["w1"], "community": ["w2"], "administrator": []}


def test_who_has_no_shift_now_is_not_called_and_the_next_rank_is() -> None:
    """At noon the night shift sleeps."""
    rungs = ladder([worker(1, NIGHT), worker(2, DAYTIME)], post(1, "m"), post(2, "m", 2))
    assert codes(rungs) == {"responsible": ["w2"], "administrator": []}
    assert rungs[0].people[0].why == "stand-in 1 for m, on shift until 22:00"


def test_a_night_shift_belongs_to_the_day_on_which_it_starts() -> None:
    """Saturday 03:00 is still Friday's night."""
    friday = Shift(starts=time(22), ends=time(8), days=frozenset({5}))
    saturday = datetime(2026, 11, 28, 3, tzinfo=CHINA)
    assert friday.until(saturday) == datetime(2026, 11, 28, 8, tzinfo=CHINA)
    assert friday.until(saturday + timedelta(days=1)) is None
    assert friday.until(datetime(2026, 11, 28, 8, tzinfo=CHINA)) is None


def test_working_days_are_those_of_the_chinese_calendar() -> None:
    """10 October 2026 is a Saturday that is worked, 1 October a Thursday that is not."""
    office = Shift(starts=time(8), ends=time(18), kind=ShiftKind.WORKING)
    holiday = Shift(starts=time(8), ends=time(18), kind=ShiftKind.HOLIDAY)
    worked, free = datetime(2026, 10, 10, 12, tzinfo=CHINA), datetime(2026, 10, 1, 12, tzinfo=CHINA)
    assert (office.until(worked) is None, office.until(free) is None) == (False, True)
    assert (holiday.until(worked) is None, holiday.until(free) is None) == (True, False)


def test_a_shift_counts_for_its_area_and_its_days_of_validity() -> None:
    """A shift in the estate says nothing of the micro grid."""
    estate = Shift(starts=time(8), ends=time(9), area="e")
    old = Shift(starts=time(8), ends=time(22), valid_to=MONDAY_NOON.date() - timedelta(days=1))
    both = ladder([worker(1, estate), worker(2, old), worker(3)], post(1, "m"), post(2, "e"), post(3, "e", 2))
    assert codes(both) == {"responsible": ["w1"], "estate": ["w3"], "administrator": []}


def test_a_gap_in_the_roster_calls_the_first_rank_all_the_same() -> None:
    """Better woken than not told."""
    rungs = ladder([worker(1, NIGHT), worker(2, NIGHT)], post(1, "m"), post(2, "m", 2))
    assert codes(rungs) == {"responsible": ["w1"], "administrator": []}
    assert "nobody has a shift now" in rungs[0].people[0].why
    assert "无人值班" in rungs[0].people[0].why_zh


def test_leave_gives_the_place_to_the_stand_in_and_on_to_theirs() -> None:
    """Both leaves are told of."""
    workers = [worker(1, DAYTIME, away=leave(2)), worker(2, away=leave(3)), worker(3)]
    (first, _) = ladder(workers, post(1, "m"))
    assert [one.code for one in first.people] == ["w3"]
    assert first.people[0].why == (
        "stands in for 张2 (leave), stands in for 张1 (leave), responsible for m, on shift until 22:00"
    )


def test_leaves_in_a_circle_call_nobody_of_it() -> None:
    """Two who stand in for each other are both away: the next rung is the first."""
    workers = [worker(1, away=leave(2)), worker(2, away=leave(1)), worker(3)]
    assert codes(ladder(workers, post(1, "m"), post(3, "e"))) == {"estate": ["w3"], "administrator": []}


def test_a_post_is_about_its_scenes() -> None:
    """Who looks after lifts isn't called to a fire."""
    lifts = frozenset({"elevator"})
    assert codes(ladder([worker(1)], post(1, "m", scenes=lifts))) == {"administrator": []}
    assert codes(ladder([worker(1)], post(1, "m", scenes=lifts), scene="elevator"))["responsible"] == ["w1"]


AREAS = [area.code for area in PATH]
SHIFTS = st.builds(Shift, starts=st.times(), ends=st.times(), area=st.sampled_from([None, *AREAS]))


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    """Draw any roster over six people."""
    keys = st.integers(1, 6)
    leaves = st.builds(leave, st.none() | keys)
    workers = {
        key: worker(key, *draw(st.lists(SHIFTS, max_size=2)), away=draw(st.none() | leaves))
        for key in range(1, 7)
    }
    posts = st.builds(post, keys, st.sampled_from(AREAS), st.integers(1, 3))
    return Roster(workers=workers, posts=draw(st.lists(posts, max_size=12)))


@given(rosters(), st.integers(0, 24 * 60), st.integers(0, len(PATH)))
def test_any_roster_gives_a_ladder_that_ends_with_administrators(
    roster: Roster, minutes: int, depth: int
) -> None:
    """Rungs climb, none but the last is empty, nobody stands on two, and nobody on leave is called."""
    at = MONDAY_NOON - ALL_DAY + timedelta(minutes=minutes)
    rungs = climb(PATH[:depth], roster, [], scene="fire", at=at)
    order = [list(RungLevel).index(rung.level) for rung in rungs]
    assert order == sorted(set(order))
    assert rungs[-1].level is RungLevel.ADMINISTRATOR
    assert all(rung.people for rung in rungs[:-1])
    called = [one.key for rung in rungs for one in rung.people]
    assert len(called) == len(set(called))
    assert all(roster.workers[key].leave_at(at) is None for key in called)


@given(rosters())
def test_a_gap_in_shifts_alone_never_skips_an_area(roster: Roster) -> None:
    """Where somebody who is not on leave has a post, some rung is theirs or of somebody before them."""
    rungs = climb(PATH, roster, [], scene="fire", at=MONDAY_NOON)
    present = [one for one in roster.posts if roster.workers[one.person].leave_at(MONDAY_NOON) is None]
    assert bool(present) <= (len(rungs) > 1)
