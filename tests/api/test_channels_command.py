"""Services and channels are kept from the command line, and secrets are never shown again."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridwatch.cli.every import app
from gridwatch.errors import SettingsError
from gridwatch.lines import WrongLines
from tests.api.calling import add_person
from tests.api.serving import Api, at_store
from tests.channels.services import SECRET, Cloud, cloud_running

HEADING = "person,position,service,address,quiet_from,quiet_to\n"


def run(database_url: str, folder: Path, *arguments: str) -> str:
    """Run a command that must work; return what it says."""
    environment = {
        "GRIDWATCH_DATABASE_URL": database_url,
        "GRIDWATCH_DATA_DIR": str(folder),
        "GRIDWATCH_PUBLIC_URL": "https://watch.example",
        "COLUMNS": "200",
    }
    done = CliRunner().invoke(app, ["channels", *arguments], env=environment)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def kept(cloud: Cloud, folder: Path) -> Path:
    """Return a file that describes an account with text messages."""
    file = folder / "sms.json"
    given = {
        "kind": "aliyun_sms",
        "access_key_id": "key-1",
        "access_key_secret": SECRET,
        "sign_name": "网格",
        "template": "SMS_1",
        "base": cloud.base,
    }
    file.write_text(json.dumps(given))
    return file


def test_a_roster_of_channels_goes_in_and_out_without_its_secrets(database_url: str, tmp_path: Path) -> None:
    at_store(database_url, lambda store: add_person(store, "w1"))
    table, out = tmp_path / "channels.csv", tmp_path / "out.csv"
    with cloud_running() as cloud:
        told = run(database_url, tmp_path, "service", "sms", str(kept(cloud, tmp_path)))
        assert "https://watch.example/callbacks/sms/" in told
        assert "taken by the service" in run(database_url, tmp_path, "try", "sms", "13900000000")
        assert [address for address, _ in cloud.to("aliyun_sms")] == ["13900000000"]
    (tmp_path / "rest.json").write_text('{"kind": "apprise"}')
    run(database_url, tmp_path, "service", "rest", str(tmp_path / "rest.json"))
    table.write_text(f"{HEADING}w1,1,sms,13900000000,22:00,07:00\nw1,2,rest,json://me:{SECRET}@here,,\n")
    assert "2 new" in run(database_url, tmp_path, "import", str(table))
    run(database_url, tmp_path, "export", str(out))
    written = out.read_text(encoding="utf-8-sig")
    assert "w1,网格员w1,1,sms,13900000000,22:00,07:00" in written
    assert "w1,网格员w1,2,rest,***,," in written
    assert out.stat().st_mode & 0o777 == 0o600
    assert "0 new, 2 as they were" in run(database_url, tmp_path, "import", str(out))
    services = run(database_url, tmp_path, "services")
    assert "aliyun_sms" in services
    assert SECRET not in told + written + services
    run(database_url, tmp_path, "forget", "rest")
    assert "***" not in run(database_url, tmp_path, "export")


def test_every_wrong_line_is_named_and_nothing_is_changed(database_url: str, tmp_path: Path) -> None:
    at_store(database_url, lambda store: add_person(store, "w1"))
    (tmp_path / "rest.json").write_text('{"kind": "apprise"}')
    run(database_url, tmp_path, "service", "rest", str(tmp_path / "rest.json"))
    table = tmp_path / "channels.csv"
    table.write_text(f"{HEADING}w1,0,rest,a,,\nw1,x,,a,25:00,07:00\nw1,1,rest,a,22:00,\n")
    with pytest.raises(WrongLines) as raised:
        run(database_url, tmp_path, "import", str(table))
    named = {one.where for one in raised.value.lines}
    assert {"line 2.position", "line 3.position", "line 3.service", "line 3.quiet_from"} <= named
    assert "line 4.quiet_to" in named
    table.write_text(f"{HEADING}w1,1,rest,a,,\nw1,1,rest,b,,\nw2,1,pigeon,c,,\nw1,2,rest,***,,\n")
    with pytest.raises(WrongLines) as raised:
        run(database_url, tmp_path, "import", str(table))
    named = {one.where for one in raised.value.lines}
    assert named == {"line 3.position", "line 4.person", "line 4.service", "line 5.address"}
    assert run(database_url, tmp_path, "export").count("\n") == 1
    (tmp_path / "wrong.json").write_text('{"kind": "pigeon"}')
    with pytest.raises(SettingsError, match="pigeon"):
        run(database_url, tmp_path, "service", "x", str(tmp_path / "wrong.json"))


def test_the_api_keeps_a_service_and_ways_as_the_commands_do(api: Api) -> None:
    api.stored(lambda store: add_person(store, "w1"))
    body = {
        "kind": "aliyun_sms",
        "access_key_id": "key-1",
        "access_key_secret": SECRET,
        "sign_name": "网格",
        "template": "SMS_1",
    }
    made = api.client.put("/api/v1/services/sms", json=body)
    assert made.status_code == 200, made.text
    assert "/callbacks/sms/" in made.json()["callback"]
    assert SECRET not in made.text
    file = f"{HEADING}w1,1,sms,13900000000,22:00,07:00\n"
    assert api.client.post("/api/v1/ways", content=file.encode()).json() == {"new": 1, "total": 1}
    out = api.client.get("/api/v1/ways")
    assert "w1,网格员w1,1,sms,13900000000,22:00,07:00" in out.content.decode("utf-8-sig")
    assert api.client.post("/api/v1/ways", content=out.content).json() == {"new": 0, "total": 1}
    wrong = api.client.post("/api/v1/ways", content=f"{HEADING}w9,0,sms,1,,\n".encode())
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "line 2.position")
    assert "13900000000" in api.client.get("/api/v1/ways").text, "what is wrong changes nothing"
    assert api.client.delete("/api/v1/services/sms").status_code == 204
    assert "13900000000" not in api.client.get("/api/v1/ways").text
    assert api.client.delete("/api/v1/services/sms").status_code == 404


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["body.kind"]),
        ({"kind": "pigeon"}, ["body.kind"]),
        ({"kind": "feishu", "hook": "", "huge": 1}, ["body.hook", "body.secret", "body.huge"]),
        ({"kind": "wecom", "corp_id": "c", "agent_id": "x", "secret": "s"}, ["body.agent_id"]),
        ({"kind": "wecom", "corp_id": "c", "agent_id": 1, "secret": {}}, ["body.secret"]),
    ],
)
def test_a_wrong_service_is_refused_field_by_field(
    api: Api, body: dict[str, object], fields: list[str]
) -> None:
    answer = api.client.put("/api/v1/services/x", json=body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == fields
    assert api.client.get("/api/v1/services").json() == []
