"""Silence from the wire to the alert: real readings, a real Last Will, the collector's own timers."""

import json
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.collectors import ask, register, running_collector
from tests.servers import Mosquitto, wait_until

CHORES = ("channels", "liveness", "limits", "quality", "drift")
WITHIN_S = 240.0
"""A Last Will is believed after half a minute, and others are waited for for a minute."""


def _limit(url: str, *devices: str, gateway: str | None = None) -> None:
    """Say how often devices should be heard, and what their readings should keep to."""
    channels = [{"quantity": "co_ppm", "interval_s": 600, "quality": {"max": 100, "flat_s": 600}}]
    ask(
        url,
        "UPDATE device SET channels = %s, gateway = %s, state = 'active' WHERE id = ANY(%s)",
        [json.dumps(channels), gateway, list(devices)],
    )


def test_a_collector_looks_after_its_devices_without_a_fault(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    _limit(database_url, "s1")
    with running_collector(database_url, mosquitto, tmp_path):
        wait_until(
            lambda: (
                len(
                    ask(
                        database_url,
                        "SELECT 1 FROM chore WHERE name = ANY(%s) AND finished_at >= begun_at",
                        [list(CHORES)],
                    )
                )
                == len(CHORES)
            ),
            what="each chore was done",
        )
    assert ask(database_url, "SELECT name, error FROM chore WHERE error IS NOT NULL") == []
    assert ask(database_url, "SELECT device, quantity FROM gw.channels") == [
        {"device": "s1", "quantity": "co_ppm"}
    ]


@pytest.mark.slow
def test_a_gateway_that_loses_power_is_one_alert(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    sensors = [f"s{n}" for n in range(4)]
    register(database_url, "gate", "fire", "gateway")
    for sensor in sensors:
        register(database_url, sensor, "fire", "sensor")
    _limit(database_url, *sensors, gateway="gate")
    with running_collector(database_url, mosquitto, tmp_path):
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gate")
        client.will_set("gw/v1/gate/status", "offline", qos=1, retain=True)
        client.connect("127.0.0.1", mosquitto.port)
        client.loop_start()
        client.publish("gw/v1/gate/status", "online", qos=1, retain=True).wait_for_publish(10)
        for sensor in sensors:
            body = json.dumps({"t": time.time(), "values": {"co_ppm": 1}})
            client.publish(f"gw/v1/{sensor}/readings", body, qos=1).wait_for_publish(10)
        watched = "SELECT 1 FROM gw.channels"
        wait_until(
            lambda: len(ask(database_url, watched)) == len(sensors),
            timeout_s=WITHIN_S,
            what="all are watched",
        )
        # Without a word of farewell.
        socket = client.socket()
        assert socket is not None
        client.loop_stop()
        socket.close()
        wait_until(
            lambda: bool(ask(database_url, "SELECT 1 FROM alert")),
            timeout_s=WITHIN_S,
            what="an alert is raised",
        )
    (alert,) = ask(database_url, "SELECT label, severity, outage FROM alert")
    assert alert == {
        "label": "offline",
        "severity": "minor",
        "outage": {"scope": "gateway", "name": "gate", "devices": 4, "of": 4},
    }
