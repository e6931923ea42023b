"""An alert calls people, in the database: each step once, with a reason that can be read afterwards."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.errors import NotAllowed
from gridwatch.escalation.case import Trigger
from gridwatch.escalation.times import USUAL
from gridwatch.model import Device, DeviceState, Location, Role
from gridwatch.store import Store
from gridwatch.store.actions import Particulars, act
from gridwatch.store.alerts import get_alert, timeline
from gridwatch.store.areas import put_areas
from gridwatch.store.calling import look_for_left, on_due, on_trigger
from gridwatch.store.deliveries import told_of
from gridwatch.store.devices import set_state
from gridwatch.store.whom import whom
from tests.api.incidents import happen, register, sensor

pytestmark = pytest.mark.anyio

OPERATOR, WORKER = Role.OPERATOR, Role.GRID_WORKER


class Scene:
    """An estate in a community, with a responsible, a stand-in, and somebody for the community."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._jobs = 0

    async def prepare(self) -> None:
        """Put areas, people and a sensor."""
        community = Area(code="c", level=AreaLevel.COMMUNITY, name="三里社区")
        estate = Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑", parent="c")
        building = Area(code="b", level=AreaLevel.BUILDING, name="1栋", parent="e")
        await put_areas(self.store, [community, estate, building])
        await self.store.execute(
            "INSERT INTO person (code, name) VALUES ('1', '张三'), ('2', '李四'), ('3', '王五')"
        )
        await self.store.execute(
            """INSERT INTO responsibility (person_key, area, rank)
            SELECT key, area, rank
            FROM (VALUES ('1', 'b', 1), ('2', 'b', 2), ('3', 'c', 1)) AS r (code, area, rank)
            JOIN person USING (code)"""
        )
        await register(self.store, sensor("s-1", area="b"), sensor("s-2", area="b"))

    async def raised(self, label: str = "smoke", device: str = "s-1") -> int:
        """Raise an alert and route it, as collector and worker do."""
        alert: int = (await happen(self.store, device, label=label))["alert"]
        await self.trigger(alert, Trigger.RAISED)
        return alert

    async def trigger(self, alert: int, trigger: Trigger, *, job: int | None = None) -> None:
        """Do a job of the worker."""
        self._jobs += 1
        await on_trigger(self.store, self._jobs if job is None else job, alert, trigger, USUAL)

    async def act(
        self, alert: int, action: str, code: str, role: Role = WORKER, **given: Any
    ) -> Mapping[str, Any]:
        """Let somebody on the roster do something, and the worker what it deferred."""
        rows = await self.store.rows("SELECT key FROM person WHERE code = %(code)s", {"code": code})
        before = await self._deferred()
        person = rows[0]["key"] if rows else None
        particulars = Particulars(**given)
        await act(self.store, alert, action, actor=code, role=role, person=person, given=particulars)
        for job in (await self._deferred())[len(before) :]:
            await self.trigger(alert, Trigger(job["args"]["trigger"]))
        return await get_alert(self.store, alert)

    async def pass_deadline(self, alert: int) -> None:
        """Let the deadline of an alert be now."""
        await self.store.execute("UPDATE alert SET due_at = now() - interval '2 s' WHERE due_at IS NOT NULL")
        assert await look_for_left(self.store, USUAL) >= 1
        assert await look_for_left(self.store, USUAL) == 0

    async def called(self, alert: int) -> list[tuple[str | None, str]]:
        """Return who was called in which step."""
        return [(row["name"], row["step"]) for row in await told_of(self.store, alert)]

    async def _deferred(self) -> list[dict[str, Any]]:
        return await self.store.rows(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'route' ORDER BY id"
        )


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[Scene]:
    """Return a scene on a fresh database."""
    async with Store.open(database_url) as store:
        scene = Scene(store)
        await scene.prepare()
        yield scene


async def test_each_step_is_called_once_and_the_timeline_says_why_and_what_is_next(scene: Scene) -> None:
    alert = await scene.raised()
    await scene.trigger(alert, Trigger.RAISED)
    await scene.pass_deadline(alert)
    await scene.pass_deadline(alert)
    assert await scene.called(alert) == [
        ("张三", "raised"),
        ("李四", "escalated:stand_in:1"),
        ("王五", "escalated:community:2"),
    ]
    said = [one["detail"] for one in await timeline(scene.store, alert) if one["change"] == "call"]
    assert [one["because"] for one in said] == [
        "they are the first to call for this place",
        "nobody took it in time",
        "nobody took it in time",
    ]
    (first,) = said[0]["called"]
    assert (first["name"], first["why"], first["level"]) == ("张三", "responsible for b", "responsible")
    due = datetime.fromisoformat(said[-1]["next_at"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < due < timedelta(minutes=6)
    assert (await get_alert(scene.store, alert))["level"] == "community"


async def test_a_job_that_a_killed_worker_left_is_not_done_twice(scene: Scene) -> None:
    alert = await scene.raised()
    await asyncio.gather(*(scene.trigger(alert, Trigger.ESCALATE, job=77) for _ in range(4)))
    assert [name for name, _ in await scene.called(alert)] == ["张三", "李四"]
    due_at = (await scene.store.rows("SELECT due_at FROM alert"))[0]["due_at"]
    await asyncio.gather(*(on_due(scene.store, alert, due_at, USUAL) for _ in range(4)))
    assert [name for name, _ in await scene.called(alert)] == ["张三", "李四", "王五"]


async def test_seeing_it_in_the_office_leaves_the_field_called_and_taking_it_ends_the_calls(
    scene: Scene,
) -> None:
    alert = await scene.raised()
    before = (await get_alert(scene.store, alert))["due_at"]
    seen = await scene.act(alert, "acknowledge", "office", OPERATOR)
    assert (seen["state"], seen["due_at"]) == ("acknowledged", before)
    assert [row["ended_at"] for row in await told_of(scene.store, alert)] == [None]
    await scene.pass_deadline(alert)
    taken = await scene.act(alert, "accept", "2")
    assert (taken["state"], taken["assignee"], taken["accepted_by"]) == ("accepted", "李四", "2")
    calls = {row["name"]: row for row in await told_of(scene.store, alert)}
    assert all(row["ended_at"] for row in calls.values())
    assert (calls["李四"]["answer"], calls["张三"]["answer"]) == ("accept", None)
    await scene.pass_deadline(alert)
    assert (await scene.called(alert))[-1] == ("李四", "remind:2")
    await scene.act(alert, "arrive", "2")
    resolved = await scene.act(alert, "resolve", "2")
    assert resolved["ended"]
    assert (await scene.act(alert, "verify", "office", OPERATOR))["state"] == "verified"
    await scene.pass_deadline(alert)
    assert (await get_alert(scene.store, alert))["state"] == "closed"


async def test_of_two_who_take_it_at_once_one_wins_and_the_other_is_told_who(scene: Scene) -> None:
    alert = await scene.raised()
    both = await asyncio.gather(
        *(scene.act(alert, "accept", code) for code in ("1", "2")), return_exceptions=True
    )
    (refused,) = [one for one in both if isinstance(one, NotAllowed)]
    (taken,) = [one for one in both if isinstance(one, dict)]
    assert f"accepted by {taken['assignee']} since" in str(refused)
    with pytest.raises(NotAllowed, match="for the one whose alert it is"):
        await scene.act(alert, "resolve", "3")


async def test_what_is_returned_goes_to_the_next_and_what_is_assigned_to_whom_it_is_given(
    scene: Scene,
) -> None:
    alert = await scene.raised()
    await scene.act(alert, "accept", "1")
    returned = await scene.act(alert, "return", "1", reason="不在本地")
    assert (returned["state"], returned["assignee"]) == ("acknowledged", None)
    assert (await scene.called(alert))[-1] == ("李四", "escalated:stand_in:1")
    assert {"reason": "不在本地"} in [one["detail"] for one in await timeline(scene.store, alert)]
    given = await scene.act(alert, "assign", "office", OPERATOR, to="3")
    assert given["assignee"] == "王五"
    assert (await scene.called(alert))[-1] == ("王五", "assigned:2")
    assert (await scene.act(alert, "accept", "3"))["assignee"] == "王五"


async def test_a_duplicate_is_over_and_opened_again_it_calls_from_the_start(scene: Scene) -> None:
    first = await scene.raised(label="smoke")
    await scene.store.execute("UPDATE alert SET grouping = false")
    second = await scene.raised(label="flame", device="s-2")
    assert await scene.called(second) == [("张三", "raised"), ("李四", "raised"), ("王五", "raised")]
    over = await scene.act(second, "duplicate", "office", OPERATOR, of=first)
    assert (over["state"], over["ended"], over["duplicate_of"]) == ("duplicate", True, first)
    assert over["due_at"] is None
    opened = await scene.act(second, "reopen", "office", OPERATOR, reason="two fires")
    assert (opened["state"], opened["duplicate_of"]) == ("open", None)
    assert [step for _, step in await scene.called(second)] == ["raised"] * 3 + ["raised:1"] * 3
    assert opened["due_at"] is not None


async def test_a_silence_says_why_nobody_was_called_and_life_safety_is_not_held_back(scene: Scene) -> None:
    await scene.store.execute(
        """INSERT INTO mute (kind, area, reason, ends_at, created_by)
        VALUES ('silence', 'e', '烟雾演示', now() + interval '1 hour', 'office')"""
    )
    alert = await scene.raised()
    assert await scene.called(alert) == []
    said = (await timeline(scene.store, alert))[-1]
    assert said["change"] == "wait"
    assert said["detail"]["because"] == "silence 1 (烟雾演示): nobody is called until it ends"
    await happen(scene.store, "s-1", label="flame")
    await scene.trigger(alert, Trigger.WORSE)
    assert [name for name, _ in await scene.called(alert)] == ["张三", "李四", "王五"]
    said = (await timeline(scene.store, alert))[-1]
    assert "life safety is never muted" in said["detail"]["in_spite_of"]


async def test_of_a_device_in_test_nobody_on_the_roster_is_called(scene: Scene) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    await set_state(scene.store, ["s-1"], DeviceState.TEST, until=until, by="li")
    assert await scene.called(await scene.raised()) == [(None, "raised")]


def _square(west: float, east: float) -> Mapping[str, Any]:
    corners = [[west, 30.0], [east, 30.0], [east, 30.4], [west, 30.4], [west, 30.0]]
    return {"type": "Polygon", "coordinates": [corners]}


def _micro_grid(code: str, boundary: Mapping[str, Any]) -> Area:
    return Area(
        code=code, level=AreaLevel.GRID, grid=GridKind.MICRO, name=code, parent="e", boundary=boundary
    )


BESIDE = """
    INSERT INTO person (code, name) VALUES ('w', '西微网格'), ('o', '东微网格');
    INSERT INTO responsibility (person_key, area)
    SELECT key, CASE code WHEN 'w' THEN 'west' ELSE 'east' END FROM person WHERE code IN ('w', 'o')"""


async def _put_grids_beside(scene: Scene) -> None:
    """Let two micro grids hang on the estate beside its buildings, of which one has people of its own."""
    await put_areas(
        scene.store,
        [
            _micro_grid("west", _square(120.0, 120.2)),
            _micro_grid("east", _square(120.2, 120.4)),
            Area(
                code="b-2", level=AreaLevel.BUILDING, name="2栋", parent="e", boundary=_square(120.25, 120.3)
            ),
        ],
    )
    for statement in BESIDE.split(";"):
        await scene.store.execute(statement)


@pytest.mark.parametrize(
    ("device", "first"),
    [
        (sensor("in", area="b-2", location=Location(lon=120.1, lat=30.2)), "西微网格"),
        (sensor("by-building", area="b-2", location=None), "东微网格"),
        (sensor("in-estate", area="e", location=Location(lon=120.3, lat=30.2)), "东微网格"),
        (sensor("outside", area="b-2", location=Location(lon=121.0, lat=30.2)), "王五"),
        (sensor("own", area="b", location=Location(lon=120.1, lat=30.2)), "张三"),
    ],
)
async def test_the_micro_grid_that_a_place_lies_in_is_called_though_it_hangs_beside_it(
    scene: Scene, device: Device, first: str
) -> None:
    await _put_grids_beside(scene)
    await register(scene.store, device)
    alert = await scene.raised(device=device.id)
    assert (await scene.called(alert))[0][0] == first
    said = await whom(scene.store, device.id, datetime.now(UTC), times=USUAL, label="smoke")
    (told,) = said["steps"][0]["called"]
    assert told["name"] == first
    grid = {"西微网格": "west", "东微网格": "east"}.get(first)
    if grid is not None:
        assert told["why"] == f"responsible for {grid}"
