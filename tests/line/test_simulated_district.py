"""A fresh `gridwatch up`: an alert by itself, everything marked, and one command that removes it all."""

from pathlib import Path

import pytest

from gridwatch.cli.up.broker import find_mosquitto
from tests.collectors import ask
from tests.line.installation import PASSWORD, Installation, Watcher
from tests.servers import wait_until
from tests.up.running_up import RunningUp


@pytest.mark.timeout(300)
def test_a_fresh_district_raises_an_alert_by_itself_and_leaves_when_told(tmp_path: Path) -> None:
    if find_mosquitto() is None:
        pytest.skip("needs Mosquitto, which is not installed: make setup says how")
    with RunningUp(tmp_path, settings={"GRIDWATCH_ADMIN_PASSWORD": PASSWORD}) as up:
        up.until_ready()
        installation = Installation(tmp_path, up)
        with Watcher(up.port) as watcher:
            wait_until(lambda: bool(watcher.alerts), timeout_s=60, what="an alert, unattended")
            assert all(alert["simulated"] for alert in watcher.alerts)
        assert any((tmp_path / "evidence").rglob("*.jpg"))

        installation.run("simulate", "--remove")

        assert installation.run("devices", "list", "--json") == "[]\n"
        assert [path for path in (tmp_path / "evidence").rglob("*") if path.is_file()] == []
        url = installation.database_url()
        left = "SELECT (SELECT count(*) FROM alert) + (SELECT count(*) FROM quarantine) AS n"
        assert ask(url, left) == [{"n": 0}]
        assert up.is_well()
        wait_until(lambda: "has ended" in up.said)
