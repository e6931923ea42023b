"""Commands over HTTP and from the command line, without a collector: they wait in the outbox."""

import json

import pytest
from typer.testing import CliRunner, Result

from api.problems import MEDIA_TYPE
from gridwatch.cli.every import app
from gridwatch.store import Store
from tests.api.serving import Api

LIFT = {"id": "lift-1", "scene": "elevator", "kind": "gateway"}
COMMANDS = "/api/v1/devices/lift-1/commands"


@pytest.fixture
def lift(api: Api) -> Api:
    """Return a server with a lift."""
    assert api.client.post("/api/v1/devices", json=LIFT).status_code == 201
    return api


def test_a_command_is_asked_and_read_with_its_history(lift: Api) -> None:
    spoken = {"text": "请不要推电动车进电梯", "lang": "zh"}
    made = lift.client.post(COMMANDS, json={"action": "speak", "params": spoken, "ttl_s": 30})
    assert made.status_code == 201
    asked = made.json()
    assert (asked["state"], asked["seq"], asked["params"], asked["attempts"]) == ("waiting", 1, spoken, 0)
    assert asked["created_by"] == "admin"
    read = lift.client.get(made.headers["location"]).json()
    assert [(one["change"], one["actor"]) for one in read["history"]] == [("created", "admin")]
    assert lift.client.get(COMMANDS).json() == [asked]


def test_commands_come_in_pages_the_newest_first(lift: Api) -> None:
    for _ in range(3):
        lift.client.post(COMMANDS, json={"action": "release"})
    page = lift.client.get(f"{COMMANDS}?limit=2")
    assert [one["seq"] for one in page.json()] == [3, 2]
    assert [one["seq"] for one in lift.client.get(page.links["next"]["url"]).json()] == [1]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"action": "hold_open", "ttl_s": 10}, "from 1 to 3 s"),
        ({"action": "speak"}, "params.text"),
        ({"action": "Hold"}, "small letters"),
        ({"action": "release", "retain": True}, "not permitted"),
        ({}, "required"),
    ],
)
def test_what_makes_no_sense_is_refused(lift: Api, body: dict[str, object], why: str) -> None:
    answer = lift.client.post(COMMANDS, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert why in answer.json()["detail"].lower()


def test_a_lift_in_fire_mode_is_not_asked_to_wait(lift: Api) -> None:
    async def burn(store: Store) -> None:
        await store.execute(
            """INSERT INTO lift_state (device_key, observed_at, received_at, mode)
               SELECT key, now(), now(), 'fire' FROM device"""
        )

    lift.stored(burn)
    refused = lift.client.post(COMMANDS, json={"action": "hold_open"})
    assert refused.status_code == 409
    assert "mode fire" in refused.json()["detail"]
    assert lift.client.post(COMMANDS, json={"action": "release"}).status_code == 201


def test_a_lift_that_moved_when_it_was_last_heard_is_not_asked_to_wait(lift: Api) -> None:
    async def fall_silent(store: Store) -> None:
        for moving in (False, True):
            await store.execute(
                """INSERT INTO lift_state (device_key, observed_at, received_at, moving)
                   SELECT key, now(), now(), %(moving)s FROM device""",
                {"moving": moving},
            )
        await store.execute("UPDATE lift_word SET heard_at = now() - interval '75 s'")

    lift.stored(fall_silent)
    refused = lift.client.post(COMMANDS, json={"action": "hold_open"})
    assert refused.status_code == 409
    assert "the lift is moving, by its last word 0:01:1" in refused.json()["detail"]


def test_an_unknown_device_or_command_is_not_found(lift: Api) -> None:
    assert lift.client.post("/api/v1/devices/nobody/commands", json={"action": "reboot"}).status_code == 404
    assert lift.client.get("/api/v1/devices/nobody/commands").status_code == 404
    assert lift.client.get(f"{COMMANDS}/nothing").status_code == 404
    assert lift.client.post(COMMANDS, json={}, headers={"Authorization": ""}).status_code == 401


def gridwatch_command(api: Api, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """Run `gridwatch command` on the server's database."""
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", api.settings.database_url or "")
    return CliRunner().invoke(app, ["command", *arguments])


def test_the_command_line_asks_waits_and_lists(lift: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = gridwatch_command(
        lift, monkeypatch, "lift-1", "speak", "--param", "text=让一让", "--ttl", "1", "--wait"
    )
    assert spoken.exit_code == 1
    assert "(speak, number 1) is expired" in spoken.output
    assert "is waiting" in gridwatch_command(lift, monkeypatch, "lift-1", "release").output
    listed = json.loads(gridwatch_command(lift, monkeypatch, "lift-1", "--json").output)
    assert [(one["action"], one["state"]) for one in listed] == [("release", "waiting"), ("speak", "expired")]
    assert listed[1]["params"] == {"text": "让一让"}
    assert listed[1]["created_by"].startswith("cli:")
    assert "release" in gridwatch_command(lift, monkeypatch, "lift-1").output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("lift-1", "hold_open", "--ttl", "9"), "from 1 to 3 s"),
        (("lift-1", "speak", "--param", "text"), "write NAME=VALUE"),
        (("nobody", "reboot"), "no device 'nobody'"),
        (("nobody",), "no device 'nobody'"),
    ],
)
def test_the_command_line_says_why_not(
    lift: Api, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], why: str
) -> None:
    assert why in str(gridwatch_command(lift, monkeypatch, *arguments).exception)
