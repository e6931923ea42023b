"""A device's clock on the way from the broker into the database."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.collectors import ask, register, running_collector
from tests.ingest.test_collector import send, wait_for_books
from tests.servers import Mosquitto, wait_until

DAY = 86_400.0
SKEWS = "SELECT skew_s, jumped_at IS NOT NULL AS jumped FROM device_clock"
BURNING = {"temperature_c": 58, "smoke_pct_m": 9, "co_ppm": 60}


def at(moment: float, **values: float) -> tuple[str, dict[str, Any]]:
    """Return a reading of sensor s1 at a time of its clock."""
    return "s1/readings", {"t": moment, "values": values or {"temperature_c": 24.1}}


def test_a_clock_that_was_set_is_an_event_of_its_device_and_no_alert(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        now = time.time()
        send(mosquitto, *[at(now + n / 10) for n in range(-20, 0)], at(now - 8 * DAY))
        send(mosquitto, *[at(now + DAY + n / 10) for n in range(5)])
        wait_for_books(database_url, stored=26)
        wait_until(lambda: [row["jumped"] for row in ask(database_url, SKEWS)] == [True])
        collector.kill()
        collector.start()
        send(mosquitto, *[at(now + DAY + n) for n in range(5, 10)])
        wait_for_books(database_url, stored=31)
    flags = ask(database_url, "SELECT flags, count(*)::int FROM gw.readings GROUP BY 1 ORDER BY 1")
    assert {row["flags"]: row["count"] for row in flags} == {0: 20, 1: 9, 2: 1, 1 | 4: 1}
    (event,) = ask(database_url, "SELECT label, scene, alert_id, criteria FROM event")
    assert (event["label"], event["scene"], event["alert_id"]) == ("clock_jumped", "fire", None)
    assert event["criteria"]["jump_s"] == pytest.approx(DAY, abs=5)
    (row,) = ask(database_url, SKEWS)
    assert row["skew_s"] == pytest.approx(DAY, abs=5)


def test_a_setting_lets_a_clock_that_was_set_raise_an_alert(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path, GRIDWATCH_ALARMS="clock_jumped=minor"):
        now = time.time()
        send(mosquitto, *[at(now + n / 10) for n in range(5)], *[at(now + DAY + n / 10) for n in range(5)])
        wait_for_books(database_url, stored=10)
    assert ask(database_url, "SELECT label, severity FROM gw.alerts") == [
        {"label": "clock_jumped", "severity": "minor"}
    ]


def test_a_fire_while_the_clock_is_set_raises_its_alert(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        now = time.time()
        send(mosquitto, *[at(now - 30 + n) for n in range(30)], at(now, **BURNING))
        send(mosquitto, *[at(now + DAY + n, **BURNING) for n in range(2)])
        wait_for_books(database_url, stored=33)
    assert ask(database_url, "SELECT label, severity FROM gw.alerts") == [
        {"label": "smoke", "severity": "critical"}
    ]
