"""Whom alerts call: asked beforehand, held back for a while, and counted afterwards."""

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from typer.testing import CliRunner

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.cli.every import app
from gridwatch.model import DeviceState, Role
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import set_state
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api

NIGHT, NOON = "2026-11-24T03:00:00+08:00", "2026-11-24T12:00:00+08:00"


async def _estate(store: Store) -> None:
    """Put an estate with a worker by day, one by night, and one for the community."""
    community = Area(code="c", level=AreaLevel.COMMUNITY, name="三里社区")
    await put_areas(store, [community, Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑", parent="c")])
    await store.execute(
        """INSERT INTO person (code, name) VALUES ('1', '日班'), ('2', '夜班'), ('3', '社区')
        ON CONFLICT DO NOTHING"""
    )
    await store.execute(
        """INSERT INTO responsibility (person_key, area)
        SELECT key, CASE code WHEN '3' THEN 'c' ELSE 'e' END FROM person"""
    )
    await store.execute(
        """INSERT INTO shift (person_key, starts, ends)
        SELECT key, CASE code WHEN '1' THEN time '08:00' ELSE '20:00' END,
                    CASE code WHEN '1' THEN time '20:00' ELSE '08:00' END
        FROM person WHERE code <> '3'"""
    )
    await register(store, sensor("s-1", area="e"), sensor("s-2", area="e"))


def _whom(api: Api, **asked: str) -> list[list[str]]:
    answer = api.client.get("/api/v1/whom", params={"device": "s-1", **asked})
    assert answer.status_code == 200, answer.text
    return [[one.get("name") or "-" for one in step["called"]] for step in answer.json()["steps"]]


def test_whom_says_who_would_be_called_at_a_time_and_why(api: Api) -> None:
    api.stored(_estate)
    assert _whom(api, at=NIGHT, label="smoke") == [["夜班"], ["社区"], ["-"], ["社区"]]
    assert _whom(api, at=NOON, label="smoke") == [["日班"], ["社区"], ["-"], ["社区"]]
    assert _whom(api, at=NOON)[0] == ["日班", "社区", "-"]
    said = api.client.get("/api/v1/whom", params={"device": "s-1", "at": NIGHT}).json()
    assert (said["severity"], said["label"]) == ("critical", "flame")
    assert said["steps"][0]["called"][0]["why"] == "responsible for e, on shift until 08:00"
    for asked, status in (({"device": "nobody"}, 404), ({"device": "s-1", "at": "soon"}, 422)):
        assert api.client.get("/api/v1/whom", params=asked).status_code == status


def test_the_command_says_the_same(api: Api) -> None:
    api.stored(_estate)
    given = ["whom", "--device", "s-1", "--label", "smoke"]
    settings = {"GRIDWATCH_DATABASE_URL": str(api.settings.database_url)}
    told = CliRunner().invoke(app, [*given, "--at", "2026-11-24T03:00", "--json"], env=settings)
    assert told.exit_code == 0, told.output
    asked = {"device": "s-1", "at": NIGHT, "label": "smoke"}
    said = api.client.get("/api/v1/whom", params=asked).json()["steps"]
    assert [one["because"] for one in json.loads(told.stdout)["steps"]] == [one["because"] for one in said]
    shown = CliRunner().invoke(app, [*given, "--at", "2026-11-24T03:00"], env=settings)
    assert "夜班 (estate)" in shown.stdout
    assert CliRunner().invoke(app, [*given, "--at", "soon"], env=settings).exit_code != 0


def test_a_mute_holds_calls_back_until_it_ends_or_is_lifted(api: Api) -> None:
    api.stored(_estate)
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"area": "c", "kind": "maintenance", "reason": "换电池", "ends_at": ends_at}
    made = api.client.post("/api/v1/mutes", json=body)
    assert made.status_code == 201, made.text
    muted = made.json()
    assert (muted["area"], muted["created_by"]) == ("c", "admin")
    assert _whom(api, label="smoke")[0] == []
    assert _whom(api, label="flame")[0] != []
    (listed,) = api.client.get("/api/v1/mutes").json()
    assert listed == muted
    path = f"/api/v1/mutes/{muted['id']}"
    assert [api.client.delete(path).status_code for _ in range(2)] == [204, 409]
    assert _whom(api, label="smoke")[0] != []
    assert api.client.get("/api/v1/mutes").json() == []
    assert len(api.client.get("/api/v1/mutes", params={"past": True}).json()) == 1


def test_what_can_not_be_muted_is_refused_with_the_reason(api: Api) -> None:
    api.stored(_estate)
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    good: dict[str, Any] = {"area": "c", "reason": "x", "ends_at": ends_at}
    late = (datetime.now(UTC) + timedelta(days=40)).isoformat()
    for wrong, status in (
        ({"area": None}, 422),
        ({"reason": " "}, 422),
        ({"ends_at": "2026-01-01T00:00:00Z"}, 422),
        ({"ends_at": late}, 422),
        ({"area": "unknown"}, 404),
    ):
        answer = api.client.post("/api/v1/mutes", json=good | wrong)
        assert (answer.status_code, answer.json()["status"]) == (status, status), wrong
    assert api.client.delete("/api/v1/mutes/99").status_code == 404


def test_figures_tell_how_soon_each_worker_and_community_answered_with_drills_apart(api: Api) -> None:
    async def answered(store: Store) -> None:
        await _estate(store)
        until = datetime.now(UTC) + timedelta(hours=1)
        await set_state(store, ["s-2"], DeviceState.TEST, until=until, by="li")
        for device in ("s-1", "s-2"):
            alert = (await happen(store, device))["alert"]
            for action in ("accept", "arrive", "resolve"):
                await act(store, alert, action, actor="1", role=Role.GRID_WORKER)
        await store.execute("UPDATE alert SET raised_at = raised_at - interval '90 s'")
        await store.execute(
            """UPDATE alert_change SET changed_at = changed_at + interval '60 s'
            WHERE change = 'arrive'"""
        )

    api.stored(answered)
    real, drill = api.client.get("/api/v1/figures").json()
    assert (real["code"], real["name"], real["drill"], drill["drill"]) == ("1", "日班", False, True)
    assert (real["alerts"], real["taken"], real["arrived"], real["done"]) == (1, 1, 1, 1)
    assert 90 <= real["response_p50_s"] < 150
    assert 60 <= real["way_p50_s"] < 90
    (community, _) = api.client.get("/api/v1/figures", params={"by": "community"}).json()
    assert (community["code"], community["name"]) == ("c", "三里社区")
    text = api.client.get("/api/v1/figures.csv", params={"by": "area"}).content.decode("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["code"], row["name"], row["drill"]) for row in rows] == [
        ("e", "锦竹苑", "False"),
        ("e", "锦竹苑", "True"),
    ]
