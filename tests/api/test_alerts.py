"""Alerts over HTTP: found, acknowledged, resolved."""

from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import DeviceKind, DeviceState
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import set_state
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api


async def _three_alerts(store: Store) -> None:
    estate = Area(code="estate", level=AreaLevel.ESTATE, name="锦竹苑")
    building = Area(code="building", level=AreaLevel.BUILDING, name="1栋", parent="estate")
    await put_areas(store, [estate, building])
    lift = sensor("lift-1", scene="elevator", kind=DeviceKind.CAMERA, area="estate")
    await register(store, sensor("s-1", area="building"), sensor("s-2", simulated=True), lift)
    await happen(store, "s-1", label="flame")
    await happen(store, "s-2", label="smoke")
    await happen(store, "lift-1", label="ebike")


@pytest.mark.parametrize(
    ("asked", "devices"),
    [
        ({}, ["lift-1", "s-2", "s-1"]),
        ({"scene": "fire"}, ["s-2", "s-1"]),
        ({"severity": "critical"}, ["s-1"]),
        ({"area": "estate"}, ["lift-1", "s-1"]),
        ({"area": "building"}, ["s-1"]),
        ({"state": "resolved"}, []),
        ({"from": "2099-01-01T00:00:00Z"}, []),
        ({"limit": 1}, ["lift-1"]),
    ],
)
def test_alerts_are_filtered(api: Api, asked: dict[str, str], devices: list[str]) -> None:
    api.stored(_three_alerts)
    assert [one["device"] for one in api.client.get("/api/v1/alerts", params=asked).json()] == devices


def test_simulated_alerts_say_so(api: Api) -> None:
    api.stored(_three_alerts)
    marks = {one["device"]: one["simulated"] for one in api.client.get("/api/v1/alerts").json()}
    assert marks == {"s-1": False, "s-2": True, "lift-1": False}


def test_what_a_device_raises_in_test_is_a_drill_that_no_real_alert_mixes_with(api: Api) -> None:
    async def scene(store: Store) -> None:
        await register(store, sensor("s-1"))
        await happen(store, "s-1")
        end = datetime.now(UTC) + timedelta(hours=1)
        await set_state(store, ["s-1"], DeviceState.TEST, until=end, by="li")
        await happen(store, "s-1")
        await happen(store, "s-1")
        await set_state(store, ["s-1"], DeviceState.ACTIVE, until=None, by="")
        await happen(store, "s-1")
        await store.execute("UPDATE device SET state = 'test', state_until = now(), state_by = 'li'")
        await happen(store, "s-1")

    api.stored(scene)
    drill, real = api.client.get("/api/v1/alerts").json()
    assert (drill["drill"], drill["tester"], drill["events"]) == (True, "li", 2)
    assert (real["drill"], real["tester"], real["events"]) == (False, "", 3)
    only = [api.client.get("/api/v1/alerts", params={"drill": one}).json() for one in ("true", "false")]
    assert only == [[drill], [real]]
    metrics = api.client.get("/metrics").text
    for mark in ("false", "true"):
        line = f'gridwatch_alerts{{drill="{mark}",scene="fire",simulated="false",state="open"}} 1.0'
        assert line in metrics


def test_an_alert_is_acknowledged_and_resolved_and_tells_by_whom(api: Api) -> None:
    api.stored(_three_alerts)
    acknowledged = api.client.post("/api/v1/alerts/1/acknowledge").json()
    assert (acknowledged["state"], acknowledged["acknowledged_by"]) == ("acknowledged", "admin")
    assert api.client.post("/api/v1/alerts/1/resolve").json()["state"] == "resolved"
    alert = api.client.get("/api/v1/alerts/1").json()
    changes = [(one["change"], one["actor"]) for one in alert["timeline"]]
    assert changes == [("raised", None), ("acknowledge", "admin"), ("resolve", "admin")]
    assert alert["allowed_actions"] == ["verify", "reopen", "comment", "call_119"]


def test_what_a_state_does_not_allow_is_refused_with_what_it_does(api: Api) -> None:
    api.stored(_three_alerts)
    api.client.post("/api/v1/alerts/1/acknowledge")
    for action in ("acknowledge", "arrive", "verify"):
        refused = api.client.post(f"/api/v1/alerts/1/{action}")
        assert refused.status_code == 409
        assert "acknowledged by admin since" in refused.json()["detail"]
        assert "allowed: assign, accept, resolve, return" in refused.json()["detail"]
    for action, field in (("assign", "to"), ("return", "reason"), ("duplicate", "of"), ("comment", "text")):
        refused = api.client.post(f"/api/v1/alerts/1/{action}")
        assert refused.status_code == 422
        assert f"body.{field}" in refused.json()["detail"]
    assert api.client.post("/api/v1/alerts/1/assign", json={"to": "nobody"}).status_code == 409
    assert api.client.post("/api/v1/alerts/1/duplicate", json={"of": 1}).status_code == 409
    assert api.client.post("/api/v1/alerts/1/dance").status_code == 422
    assert api.client.post("/api/v1/alerts/99/resolve").status_code == 404
    assert api.client.get(f"/api/v1/alerts/{2**63}").status_code == 422


def test_an_unknown_scene_is_refused_with_those_there_are(api: Api) -> None:
    answer = api.client.get("/api/v1/alerts?scene=flood")
    assert answer.status_code == 422
    assert "fire, elevator, throwing" in answer.json()["detail"]
