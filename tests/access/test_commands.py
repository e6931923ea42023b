"""The commands of access: what a person types, and what the files say then."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridwatch.broker_config import CONFIGURATION, own_users
from gridwatch.cli.every import app
from gridwatch.private_ca import PrivateCa, server_names
from gridwatch.store.credentials import verify, verify_secret
from tests.api.serving import at_store
from tests.collectors import ask, register


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the database that the commands use, with a device `a`."""
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path / "data"))
    register(database_url, "a", "fire", "sensor")
    return database_url


def run(*words: str, typed: str | None = None) -> Result:
    """Type a command."""
    return CliRunner().invoke(app, list(words), input=typed)


def test_a_password_is_printed_once_and_revoked(database: str) -> None:
    given = json.loads(run("devices", "credential", "rotate", "a", "--json").stdout)
    assert at_store(database, lambda store: verify(store, given["username"], given["password"])) is not None
    listed = run("devices", "credential", "list", "--json").stdout
    assert [one["username"] for one in json.loads(listed)] == ["a"]
    assert given["password"] not in listed + run("devices", "credential", "log").stdout
    assert run("devices", "credential", "revoke", "a").exit_code == 0
    assert at_store(database, lambda store: verify(store, given["username"], given["password"])) is None
    actions = [one["action"] for one in json.loads(run("devices", "credential", "log", "a", "--json").stdout)]
    assert actions == ["revoked", "rotated"]


def test_a_token_that_a_gateway_has_already_is_taken_from_a_file_not_from_the_command_line(
    database: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("A1_TEST_TOKEN_of_a_gateway\n")
    said = run("devices", "credential", "rotate", "a", "--secret-file", str(tmp_path / "token"))
    assert said.exit_code == 0
    assert "A1_TEST" not in said.stdout
    found = at_store(database, lambda store: verify_secret(store, "A1_TEST_TOKEN_of_a_gateway"))
    assert found is not None
    assert found.device == "a"
    typed = run("devices", "credential", "rotate", "a", "--secret-file", "-", typed="too short\n")
    assert typed.exit_code != 0


@pytest.mark.usefixtures("database")
def test_tokens_are_as_many_as_were_asked_for_and_all_different() -> None:
    tokens = run("devices", "credential", "tokens", "--count", "50", "--batch", "autumn").stdout.split()
    assert len(set(tokens)) == 50


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("topic", ["gw/v1/b/#", "#", "$SYS/#", "+/x", "$share/g/x", "a b"])
def test_no_gateway_is_allowed_what_is_ours(topic: str) -> None:
    assert run("devices", "credential", "topics", "a", topic).exit_code != 0
    assert run("devices", "credential", "topics", "a", "frigate/#").exit_code == 0


def test_certificates_are_issued_into_files_of_their_owner_and_revoked(database: str, tmp_path: Path) -> None:
    assert run("ca", "init").exit_code == 0
    assert run("ca", "issue", "a", "--out", str(tmp_path)).exit_code == 0
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.pem", "a.key")} == {0o600}
    assert run("ca", "revoke", "a").exit_code == 0
    assert not PrivateCa(tmp_path / "data" / "ca").revoke(
        [row["serial"] for row in ask(database, "SELECT serial FROM credential")]
    ), "the list has it already"
    assert run("ca", "revoke", "a").exit_code != 0


@pytest.mark.usefixtures("database")
def test_a_configuration_is_written_with_all_that_it_names(tmp_path: Path) -> None:
    folder, plugin = tmp_path / "broker", tmp_path / "plugin.so"
    plugin.touch()
    words = ("broker-config", str(folder), "--name", "mqtt.example.org", "--plugin", str(plugin))
    said = run(*words)
    assert said.exit_code == 0, said.output
    options = dict(
        line.split(" ", 1) for line in (folder / CONFIGURATION).read_text().splitlines() if line[:1].isalpha()
    )
    for name in ("password_file", "acl_file", "certfile", "keyfile", "cafile", "crlfile", "plugin"):
        assert Path(options[name]).is_file(), name
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (options["allow_anonymous"], options["tls_version"]) == ("false", "tlsv1.2")
    assert options["max_queued_messages"] == "0", "what waits for a collector is kept here too"
    assert server_names(folder / "server.pem") == {"mqtt.example.org"}
    secrets = own_users(folder)
    run(*words)
    assert own_users(folder) == secrets, "who uses them need not be told anew"


@pytest.mark.usefixtures("database")
def test_a_configuration_is_not_followed_before_it_is_written(tmp_path: Path) -> None:
    assert run("broker-config", str(tmp_path), "--follow").exit_code != 0
