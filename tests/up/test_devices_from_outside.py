"""`gridwatch up` where devices of other machines reach its broker."""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from gridwatch.cli.up import broker
from gridwatch.cli.up.parts import broker_part
from gridwatch.errors import SettingsError
from gridwatch.private_ca import PrivateCa
from gridwatch.settings import read_settings
from tests.access.guarded import Guest
from tests.servers import free_port, wait_until
from tests.up.running_up import RunningUp, clean_environment

LOOPBACK_IN_DISGUISE = "127.1"
"""Not known for loopback by its looks, so that it is guarded; nobody else reaches it."""


def typed(data: Path, *words: str) -> str:
    """Type a command beside a running `up`."""
    environment = clean_environment() | {"GRIDWATCH_DATA_DIR": str(data)}
    command = [sys.executable, "-m", "gridwatch", *words]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_who_has_a_credential_comes_in_over_tls_and_nobody_else(tmp_path: Path) -> None:
    passwords, certificates, data = free_port(), free_port(), tmp_path / "data"
    settings = {
        "GRIDWATCH_MQTT_HOST": LOOPBACK_IN_DISGUISE,
        "GRIDWATCH_MQTTS_PORT": str(passwords),
        "GRIDWATCH_MQTT_CERTIFICATE_PORT": str(certificates),
    }
    with RunningUp(data, arguments=("--no-simulate",), settings=settings) as up:
        up.until_ready()
        assert not Guest(up.mqtt_port).is_in
        typed(data, "devices", "add", "smoke-1", "--scene", "fire", "--kind", "sensor")
        given = json.loads(typed(data, "devices", "credential", "rotate", "smoke-1", "--json"))
        trust = ssl.create_default_context(cafile=str(PrivateCa(data / "ca").certificate))
        guests: list[Guest] = []

        def is_in() -> bool:
            guests.append(Guest(passwords, given["username"], given["password"], tls=trust))
            return guests[-1].is_in or guests[-1].leave()

        wait_until(is_in, what="the device is let in")
        reading = b'{"t": 1795000000, "values": {"temperature_c": 24.1}}'
        assert guests[-1].publishes("gw/v1/smoke-1/readings", reading)
        guests[-1].leave()
        wait_until(lambda: json.loads(typed(data, "books", "--json"))["total"]["stored"] == 1)
        typed(data, "ca", "issue", "smoke-1", "--out", str(tmp_path))
        trust.load_cert_chain(tmp_path / "smoke-1.pem", tmp_path / "smoke-1.key")
        with Guest(certificates, tls=trust) as certified:
            assert certified.is_in


def test_without_mosquitto_nobody_outside_is_promised_protection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr(broker, "PLACES_BESIDE_PATH", ())
    with pytest.raises(SettingsError, match="only Mosquitto can refuse strangers"):
        broker_part(read_settings(data_dir=tmp_path, mqtt_host="0.0.0.0"))  # noqa: S104 - nothing listens


@pytest.mark.parametrize(
    ("host", "meets"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("box", True)],  # noqa: S104
)
def test_loopback_stays_as_simple_as_it_is(host: str, meets: bool) -> None:
    assert read_settings(mqtt_host=host).meets_devices is meets
