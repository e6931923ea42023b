"""What `gridwatch doctor` says of a broker that knows who is who: its version, what our user may do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridwatch.broker_config import API, BRIDGE, COLLECTOR, own_url
from gridwatch.cli.every import app
from tests.access.guarded import Guarded


@pytest.mark.parametrize(
    ("user", "state", "says"),
    [
        (COLLECTOR, "ok", "what a collector does"),
        (BRIDGE, "warn", "enough for a bridge"),
        (API, "fail", "gw/"),
    ],
)
def test_a_user_without_the_rights_it_needs_is_named(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, state: str, says: str
) -> None:
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", guarded.database_url)
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GRIDWATCH_MQTT_URL", own_url(guarded.folder, user, "127.0.0.1", guarded.inner))
    checks = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    found = {check["subject"]: check for check in checks}
    assert found["broker's rights"]["state"] == state
    assert says in found["broker's rights"]["found"]
    if user != API:
        assert ("broker's version" in found) == ("2.0.11" in found["broker's $SYS"]["found"])
