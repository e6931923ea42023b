"""A drill is raised on purpose, goes to the people on duty, and takes nothing real with it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.cli.every import app
from gridwatch.escalation.case import Trigger
from gridwatch.escalation.times import USUAL
from gridwatch.model import DeviceState, Role
from gridwatch.services import WeCom
from gridwatch.store import Store
from gridwatch.store.actions import Particulars, act
from gridwatch.store.areas import put_areas
from gridwatch.store.calling import look_for_left, on_trigger
from gridwatch.store.channels import Channel, channels_of
from gridwatch.store.deliveries import Pace, claim, told_of
from gridwatch.store.devices import get_device
from gridwatch.store.drills import drill_device
from tests.api.calling import add_call, box_in, reach
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api


async def _estate(store: Store) -> None:
    """Put an estate with a building, somebody for each, and sensors of the building."""
    estate = Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑")
    await put_areas(store, [estate, Area(code="b", level=AreaLevel.BUILDING, name="1栋", parent="e")])
    await store.execute("INSERT INTO person (code, name) VALUES ('1', '张三'), ('2', '李四')")
    await store.execute(
        """INSERT INTO responsibility (person_key, area, rank)
        SELECT key, area, 1 FROM (VALUES ('1', 'b'), ('2', 'e')) AS r (code, area) JOIN person USING (code)"""
    )
    await register(store, sensor("s-1", area="b"), sensor("lift", area="b", scene="elevator"))


async def _called(store: Store, alert: int, *, job: int) -> list[str | None]:
    """Route an alert as the worker does; return whom it called."""
    await on_trigger(store, job, alert, Trigger.RAISED, USUAL)
    return [row["name"] for row in await told_of(store, alert)]


def test_a_drill_calls_the_people_on_duty_is_marked_and_counted_apart(api: Api) -> None:
    api.stored(_estate)
    drill = api.client.post("/api/v1/areas/e/drill", json={"label": "smoke", "why": "季度演练"}).json()
    assert (drill["drill"], drill["tester"], drill["area"], drill["device"]) == (True, "", "e", "s-1")
    assert (drill["scene"], drill["label"], drill["severity"]) == ("fire", "smoke", "major")
    assert api.stored(lambda store: _called(store, drill["id"], job=1)) == ["李四"]
    shown = api.client.get(f"/api/v1/alerts/{drill['id']}").json()
    first = shown["timeline"][0]
    assert (first["change"], first["actor"], first["detail"]) == ("raise", "admin", {"reason": "季度演练"})
    message = api.client.get(f"/api/v1/alerts/{drill['id']}/cap").text
    assert "<status>Exercise</status>" in message
    counted = {one["drill"]: one["alerts"] for one in api.client.get("/api/v1/figures?by=area").json()}
    assert counted == {True: 1}
    assert api.client.get("/api/v1/alerts?drill=false").json() == []


def test_what_is_real_during_a_drill_is_an_alert_of_its_own_that_calls_as_ever(api: Api) -> None:
    async def burns(store: Store) -> Mapping[str, Any]:
        before = await get_device(store, "s-1")
        assert before.device.state is not DeviceState.TEST
        return await happen(store, "s-1")

    api.stored(_estate)
    drill = api.client.post("/api/v1/devices/s-1/drill").json()
    assert (drill["label"], drill["severity"], drill["area"]) == ("flame", "critical", "b")
    assert set(api.stored(lambda store: _called(store, drill["id"], job=1))) == {"张三", "李四", None}
    real = api.stored(burns)["alert"]
    assert real != drill["id"]
    assert set(api.stored(lambda store: _called(store, real, job=2))) == {"张三", "李四", None}
    shown = api.client.get(f"/api/v1/alerts/{real}").json()
    assert (shown["drill"], shown["told"][0]["urgent"]) == (False, True)
    assert not any(one["urgent"] for one in api.client.get(f"/api/v1/alerts/{drill['id']}").json()["told"])
    # Nor may somebody lay the real one aside as the drill's double.
    refused = api.client.post(f"/api/v1/alerts/{real}/duplicate", json={"of": drill["id"]})
    assert refused.status_code == 409, refused.text
    ended = api.client.post(f"/api/v1/alerts/{drill['id']}/resolve")
    assert ended.status_code == 200
    assert api.client.get(f"/api/v1/alerts/{real}").json()["state"] == "open"


def test_one_at_a_time_of_a_place_that_has_a_device_and_of_what_raises_an_alert(api: Api) -> None:
    async def empty_area(store: Store) -> None:
        await _estate(store)
        await put_areas(store, [Area(code="empty", level=AreaLevel.COMMUNITY, name="x")])

    api.stored(empty_area)
    first = api.client.post("/api/v1/areas/e/drill")
    assert first.status_code == 200
    again = api.client.post("/api/v1/areas/e/drill")
    assert (again.status_code, f"drill {first.json()['id']} " in again.json()["detail"]) == (409, True)
    assert (
        api.client.post("/api/v1/devices/lift/drill", json={"label": "ebike"}).json()["scene"] == "elevator"
    )
    for path in ("areas/none", "areas/empty", "devices/none"):
        assert api.client.post(f"/api/v1/{path}/drill").status_code == 404, path
    for wrong in ({"label": "offline"}, {"until": "2026-01-01T00:00:00Z"}):
        assert api.client.post("/api/v1/areas/e/drill", json=wrong).status_code == 422


def test_two_who_ask_at_once_raise_one(api: Api) -> None:
    api.stored(_estate)

    async def both() -> list[int]:
        post = api.client.post
        answers = await asyncio.gather(*(asyncio.to_thread(post, "/api/v1/areas/e/drill") for _ in range(4)))
        return sorted(answer.status_code for answer in answers)

    assert asyncio.run(both()) == [200, 409, 409, 409]


def test_a_drill_that_nobody_takes_climbs_once_and_closes(api: Api) -> None:
    async def nobody_moves(store: Store) -> list[str | None]:
        await _called(store, drill["id"], job=1)
        for _ in range(3):
            await store.execute("UPDATE alert SET due_at = now() - interval '2 s' WHERE due_at IS NOT NULL")
            assert await look_for_left(store, USUAL) == 1
        assert await look_for_left(store, USUAL) == 0
        return [row["name"] for row in await told_of(store, drill["id"])]

    api.stored(_estate)
    drill = api.client.post("/api/v1/devices/s-1/drill", json={"label": "smoke"}).json()
    assert api.stored(nobody_moves) == ["张三", "李四", None]
    shown = api.client.get(f"/api/v1/alerts/{drill['id']}").json()
    assert (shown["state"], shown["due_at"]) == ("closed", None)
    assert shown["timeline"][-1]["detail"]["because"] == "a drill: all were called once, and nobody took it"


def test_a_message_about_a_drill_tells_of_nothing_real_with_it(api: Api, tmp_path: Path) -> None:
    box = box_in(tmp_path)
    pace = Pace(in_minute=1, in_hour=100)

    async def scene(store: Store) -> tuple[list[int], list[int], list[int]]:
        await _estate(store)
        wecom = WeCom(corp_id="c", agent_id=1, secret="s")
        await reach(store, box, {"wecom": wecom}, {"1": [("wecom", "zhang")]})
        person = await store.row("SELECT key FROM person WHERE code = '1'")
        assert person is not None
        (channel,) = await channels_of(store, box, person["key"])
        raised = [(await happen(store, "s-1", label="smoke"))["alert"]]
        raised += [(await happen(store, "lift", label="ebike"))["alert"]]
        raised += [await _drilled(store), await _drilled(store, "lift")]
        calls = [await add_call(store, one, person["key"]) for one in raised]
        # The first goes, all others wait for room; with that, each goes with its like.
        first = await _claimed(store, calls[0], channel, pace)
        assert first == []
        for call in calls[1:]:
            assert await _claimed(store, call, channel, pace) is None
        await store.execute("UPDATE delivery SET tried_at = tried_at - interval '2 minutes'")
        drill = await _claimed(store, calls[2], channel, pace)
        await store.execute("UPDATE delivery SET tried_at = tried_at - interval '2 minutes'")
        real = await _claimed(store, calls[1], channel, pace)
        assert drill is not None
        assert real is not None
        return raised, drill, real

    raised, drill, real = api.stored(scene)
    assert (drill, real) == ([raised[3]], [])


async def _drilled(store: Store, device: str = "s-1") -> int:
    label = "ebike" if device == "lift" else "smoke"
    return int((await drill_device(store, device, label=label, by="li", why=""))["id"])


async def _claimed(store: Store, call: int, channel: Channel, pace: Pace) -> list[int] | None:
    async with claim(store, call, channel, 0, pace=pace, urgent=False) as claimed:
        return None if claimed is None else list(claimed.also)


def test_the_commands_raise_one_and_say_which(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.stored(_estate)
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", api.settings.database_url or "")
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path))
    of_area = CliRunner().invoke(app, ["areas", "drill", "e", "--by", "li", "--why", "季度演练"])
    assert of_area.stdout == "drill: alert 1 at s-1; people are called now\n", of_area.output
    of_device = CliRunner().invoke(app, ["devices", "drill", "s-1", "--by", "li", "--label", "smoke"])
    assert of_device.stdout == "drill: alert 2 at s-1; people are called now\n", of_device.output
    for wrong in (["e"], ["e", "--by", "li"], ["none", "--by", "li"], ["e", "--by", "li", "--label", "x"]):
        assert CliRunner().invoke(app, ["areas", "drill", *wrong]).exit_code != 0, wrong
    first = api.client.get("/api/v1/alerts/1").json()
    assert (first["drill"], first["timeline"][0]["actor"]) == (True, "li")
    assert api.client.get("/api/v1/devices/s-1").json()["state"] == "new"


def test_a_drill_that_is_taken_ends_as_any_alert(api: Api) -> None:
    async def taken(store: Store) -> list[str]:
        for action in ("accept", "arrive", "resolve"):
            given = Particulars(text="x")
            await act(store, drill["id"], action, actor="1", role=Role.GRID_WORKER, given=given)
        await on_trigger(store, 2, drill["id"], Trigger.ACTED, USUAL)
        alert = await store.row("SELECT due_at FROM alert WHERE id = %(id)s", {"id": drill["id"]})
        assert alert == {"due_at": None}
        return [row["change"] for row in await store.rows("SELECT change FROM alert_change ORDER BY seq")]

    api.stored(_estate)
    drill = api.client.post("/api/v1/devices/s-1/drill").json()
    assert api.stored(taken)[:4] == ["raise", "accept", "arrive", "resolve"]
