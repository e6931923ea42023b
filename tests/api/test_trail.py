"""Whoever changes an account, token, service, way to people or webhook stands in the trail, by any way."""

import getpass
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from api.first_administrator import make_first_administrator
from api.sign_in import Passwords
from gridwatch.cli.every import app
from gridwatch.store import Store
from gridwatch.store.connection import Row
from gridwatch.store.trail import list_trail
from tests.api.calling import add_person
from tests.api.serving import Api, at_store, settings_for
from tests.channels.services import SECRET

SMS = {
    "kind": "aliyun_sms",
    "access_key_id": "key-1",
    "access_key_secret": SECRET,
    "sign_name": "网格",
    "template": "SMS_1",
}
NEW_PASSWORD = "a password that nobody sees"


def _trail(api: Api) -> list[dict[str, Any]]:
    """Return all changes, the oldest first; none of them tells what is secret."""
    answer = api.client.get("/api/v1/trail")
    for secret in (SECRET, NEW_PASSWORD, "13900000000", "gwt_", "whsec_", "argon2"):
        assert secret not in answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows[::-1]


def _run(api: Api, *arguments: str, said: str = "") -> str:
    environment = {
        "GRIDWATCH_DATABASE_URL": api.settings.database_url,
        "GRIDWATCH_DATA_DIR": str(api.settings.data_dir),
    }
    done = CliRunner().invoke(app, list(arguments), env=environment, input=said)
    assert done.exit_code == 0, done.output
    return done.output


def test_accounts_and_tokens_stand_in_the_trail_and_what_stays_does_not(api: Api) -> None:
    body = {"username": "bridge", "role": "integration", "password": NEW_PASSWORD}
    before = len(_trail(api))
    assert api.client.post("/api/v1/users", json=body).is_success
    assert api.client.post("/api/v1/tokens", json={"name": "city", "username": "bridge"}).status_code == 201
    kept = {"username": "bridge", "role": "integration"}
    assert api.client.post("/api/v1/users", json=kept).is_success, "as it was: no change"
    assert api.client.post("/api/v1/users", json=kept | {"disabled": True}).is_success
    assert api.client.post("/api/v1/users", json=body | {"area": "?"}).status_code == 409, "refused: none"
    assert api.client.delete("/api/v1/tokens/city").status_code == 204
    _run(api, "users", "password", "bridge", said=f"{NEW_PASSWORD}2\n{NEW_PASSWORD}2\n")
    assert api.client.delete("/api/v1/users/bridge").status_code == 204
    rows = _trail(api)[before:]
    here = f"cli:{getpass.getuser()}"
    assert [(row["by"], row["what"], row["subject"]) for row in rows] == [
        ("admin", "accounts", "bridge"),
        ("admin", "tokens", "city"),
        ("admin", "accounts", "bridge"),
        ("admin", "tokens", "city"),
        (here, "accounts", "bridge"),
        ("admin", "accounts", "bridge"),
    ]
    made, issued, disabled, revoked, renewed, deleted = (row["detail"] for row in rows)
    assert made["before"] is None
    assert made["after"]["role"] == "integration"
    assert issued == {"before": None, "after": {"username": "bridge", "ends_at": None}}
    assert revoked == {"before": {"username": "bridge", "ends_at": None}, "after": None}
    assert (disabled["before"]["disabled"], disabled["after"]["disabled"]) == (False, True)
    assert renewed["after"]["passwords"] == renewed["before"]["passwords"] + 1
    assert deleted["after"] is None


def test_the_first_administrator_is_made_by_gridwatch_itself(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path)

    async def make(store: Store) -> list[Row]:
        await make_first_administrator(store, Passwords(), settings)
        return await list_trail(store)

    (made,) = at_store(database_url, make)
    assert (made["by"], made["what"], made["subject"]) == ("gridwatch", "accounts", "admin")


def test_services_ways_and_webhooks_stand_in_the_trail(api: Api, tmp_path: Path) -> None:
    api.stored(lambda store: add_person(store, "w1"))
    before = len(_trail(api))
    (tmp_path / "sms.json").write_text(json.dumps(SMS))
    (tmp_path / "ways.csv").write_text(
        "person,position,service,address,quiet_from,quiet_to\nw1,1,sms,13900000000,22:00,07:00\n"
    )
    _run(api, "channels", "service", "sms", str(tmp_path / "sms.json"))
    _run(api, "channels", "import", str(tmp_path / "ways.csv"))
    _run(api, "channels", "import", str(tmp_path / "ways.csv"))
    hook = {"name": "city", "url": f"https://city.example/hook?key={SECRET}"}
    assert api.client.post("/api/v1/webhooks", json=hook).status_code == 201
    assert api.client.post("/api/v1/webhooks", json=hook | {"drills": True}).status_code == 201
    assert api.client.delete("/api/v1/webhooks/city").status_code == 204
    _run(api, "channels", "forget", "sms")
    rows = _trail(api)[before:]
    here = f"cli:{getpass.getuser()}"
    assert [(row["by"], row["what"], row["subject"]) for row in rows] == [
        (here, "services", "sms"),
        (here, "ways", "w1"),
        ("admin", "webhooks", "city"),
        ("admin", "webhooks", "city"),
        ("admin", "webhooks", "city"),
        (here, "services", "sms"),
    ]
    kept, reached, told, changed, gone, forgotten = (row["detail"] for row in rows)
    assert (kept["before"], kept["after"]["kind"]) == (None, "aliyun_sms")
    assert reached["after"] == [{"position": 1, "service": "sms", "quiet_from": "22:00", "quiet_to": "07:00"}]
    assert told["after"]["shown"] == "https://city.example/…"
    assert (changed["before"]["drills"], changed["after"]["drills"]) == (False, True)
    assert gone["after"] is None
    assert (forgotten["before"]["ways"], forgotten["after"]) == (1, None)
