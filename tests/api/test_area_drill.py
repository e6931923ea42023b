"""A drill of a whole area: every device in it is in test for a while, and nothing else is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.cli import app
from gridwatch.model import DeviceState, Location
from gridwatch.store import Store
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import set_state
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api

FAR = Location(lon=121.1, lat=31.2)
"""Not the same fire."""


def test_the_command_begins_and_ends_it_and_asks_who_tests(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before(store: Store) -> None:
        await put_areas(store, [Area(code="c", level=AreaLevel.COMMUNITY, name="c")])
        await register(store, sensor("in", area="c"))

    api.stored(before)
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", api.settings.database_url or "")
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path))

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["devices", "drill", "c", *words])

    for wrong in ((), ("--for", "30m"), ("--by", "li"), ("--for", "3h", "--by", "li")):
        assert run(*wrong).exit_code != 0, wrong
    assert run("--for", "30m", "--by", "li").stdout.startswith("1 devices in test until")
    device = api.client.get("/api/v1/devices/in").json()
    assert (device["state"], device["state_by"]) == ("test", "li")
    assert run("--end", "--by", "li").stdout == "1 devices are in use again\n"
    assert run("--end", "--by", "li").exit_code != 0


def test_alerts_of_an_area_are_drills_until_it_ends(api: Api) -> None:
    async def before(store: Store) -> None:
        community = Area(code="c", level=AreaLevel.COMMUNITY, name="c")
        await put_areas(store, [community, Area(code="b", level=AreaLevel.BUILDING, name="b", parent="c")])
        await register(
            store, sensor("in", area="b"), sensor("away", location=FAR), sensor("mended", area="c")
        )
        until = datetime.now(UTC) + timedelta(hours=1)
        await set_state(store, ["mended"], DeviceState.MAINTENANCE, until=until, by="li")

    async def burns(store: Store) -> None:
        await happen(store, "in")
        await happen(store, "away")

    api.stored(before)
    url = "/api/v1/areas/c/drill"
    for minutes in (-1, 121):
        late = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
        assert api.client.post(url, json={"until": late}).status_code == 422
    soon = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    assert api.client.post(url, json={"until": soon}).json() == {"devices": 1}
    api.stored(burns)
    drills = {one["device"]: one["drill"] for one in api.client.get("/api/v1/alerts").json()}
    assert drills == {"in": True, "away": False}
    counted = {one["drill"]: one["alerts"] for one in api.client.get("/api/v1/figures?by=community").json()}
    assert counted.get(True) == 1
    assert api.client.delete(url).json() == {"devices": 1}
    api.stored(burns)
    real = api.client.get("/api/v1/alerts?drill=false").json()
    assert {one["device"] for one in real} == {"in", "away"}
    assert api.client.get("/api/v1/devices/mended").json()["state"] == "maintenance"
    assert api.client.delete(url).status_code == 409
    assert api.client.delete("/api/v1/areas/none/drill").status_code == 404
