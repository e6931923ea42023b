"""How a bridge reaches the broker."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from gridwatch.broker_config import BRIDGE, COLLECTOR, own_url, own_users
from gridwatch.running import Running, write_running
from gridwatch.settings import read_settings
from ingest.bridges.publishing import broker_address
from tests.ingest.bridges.bridging import statuses
from tests.servers import Mosquitto, free_port
from tests.simulators.listening import listening


def test_a_bridge_beside_a_guarded_broker_is_its_own_user(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    secret = own_users(tmp_path / "broker")[BRIDGE].secret
    url = own_url(tmp_path / "broker", COLLECTOR, "127.0.0.1", 1883)
    write_running(tmp_path, Running(database_url="postgresql:///x", mqtt_url=url))
    address = broker_address(read_settings(data_dir=tmp_path))
    assert (address.username, address.password) == (BRIDGE, secret)


def test_the_address_of_the_settings_is_taken_as_it_is(tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path, mqtt_url="mqtts://~collector:secret@broker.example")
    address = broker_address(settings)
    assert (address.host, address.username, address.password) == ("broker.example", COLLECTOR, "secret")


def test_a_broker_without_users_is_reached_without_one(tmp_path: Path) -> None:
    write_running(tmp_path, Running(database_url="postgresql:///x", mqtt_url="mqtt://127.0.0.1:1883"))
    assert broker_address(read_settings(data_dir=tmp_path)).username is None


@pytest.mark.anyio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_bridge_that_ends_is_offline_however_it_ends(
    tmp_path: Path, mosquitto: Mosquitto, number: signal.Signals
) -> None:
    (tmp_path / "key").write_text("a-key-that-nobody-guesses")
    (tmp_path / "ctwing.toml").write_text(
        f"""
listen = "127.0.0.1:{free_port()}"
gateway = "ctwing-1"
key_file = "{tmp_path / "key"}"
message = []
"""
    )
    async with listening(mosquitto) as heard:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gridwatch", "bridge", "http", str(tmp_path / "ctwing.toml")),
            env=os.environ | {"GRIDWATCH_MQTT_URL": mosquitto.url, "GRIDWATCH_DATA_DIR": str(tmp_path)},
        )
        try:
            await heard.until(lambda: statuses(heard, "ctwing-1") == [b"online"])
        finally:
            process.send_signal(number)
            await process.wait()
        await heard.until(lambda: statuses(heard, "ctwing-1") == [b"online", b"offline"])
    assert process.returncode == (0 if number is signal.SIGTERM else -signal.SIGKILL)
