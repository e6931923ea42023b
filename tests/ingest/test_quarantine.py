"""`gridwatch quarantine` and `gridwatch books`, as a person types them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt import publish

from tests.collectors import register, running_collector, totals
from tests.servers import Mosquitto, wait_until

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> Run:
    """Return what runs a command of gridwatch beside the test's servers."""
    environment = os.environ | {
        "GRIDWATCH_DATABASE_URL": database_url,
        "GRIDWATCH_MQTT_URL": mosquitto.url,
        "GRIDWATCH_DATA_DIR": str(tmp_path),
        "COLUMNS": "200",
    }

    def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gridwatch", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_command


def test_a_message_of_a_stranger_is_shown_and_replayed_once_the_device_is_registered(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    payload = json.dumps({"t": time.time(), "values": {"co_ppm": 3}})
    with running_collector(database_url, mosquitto, tmp_path):
        publish.single("gw/v1/late/readings", payload, qos=1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 1)
        assert "'late' is not registered" in run("quarantine", "list").stdout
        assert run("quarantine", "show", "1", "--raw").stdout == payload
        register(database_url, "late", "fire", "sensor")
        assert run("quarantine", "replay").stdout == "published again: 1\n"
        wait_until(lambda: totals(database_url)["stored"] == 1)
        assert run("quarantine", "replay").stdout == "published again: 0\n"
        books = json.loads(run("books", "--json").stdout)
    assert books["total"] == {"received": 2, "stored": 1, "duplicate": 0, "quarantined": 1, "skipped": 0}


def test_what_still_cannot_be_read_comes_back_to_quarantine(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        publish.single("gw/v1/s1/readings", b"{", qos=1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 1)
        run("quarantine", "replay", "1")
        wait_until(lambda: totals(database_url)["quarantined"] == 2)
    assert "s1" in run("quarantine", "list").stdout


def test_a_wrong_number_or_an_absent_database_is_one_clear_sentence(run: Run) -> None:
    wrong = run("quarantine", "show", "4711")
    assert (wrong.returncode, wrong.stderr) == (1, "gridwatch: no message 4711 in quarantine\n")
    assert run("devices", "add", "x y", "--scene", "fire", "--kind", "sensor").returncode == 2
