"""The servers that `up` brings along, as the tests use them."""

import asyncio
import signal
import subprocess
from pathlib import Path

import aiomqtt
import psycopg
import pytest

from gridwatch.cli.up import broker
from tests.servers import Mosquitto, accepts, end, free_port, wait_until


def test_a_fresh_database_has_the_stable_views_and_no_reading(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM gw.readings").fetchone() == (0,)


def test_what_one_test_writes_the_next_does_not_see(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE public.left_behind ()")
        found = connection.execute("SELECT to_regclass('public.left_behind') IS NOT NULL").fetchone()
    assert found == (True,)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_database_of_its_own(database_url: str, turn: int) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('public.left_behind')").fetchone() == (None,), turn


def test_mosquitto_comes_back_on_its_port_after_a_kill(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    assert not accepts(mosquitto.port)
    mosquitto.start()
    assert accepts(mosquitto.port)


def test_without_mosquitto_the_stand_in_passes_messages_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker, "PLACES_BESIDE_PATH", ())
    assert broker.find_mosquitto() is None
    port = free_port()
    configuration = broker.write_amqtt_configuration(tmp_path / "broker", port=port)

    async def relayed() -> bytes:
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V311) as client:
            await client.subscribe("gw/v1/+/readings", qos=1)
            await client.publish("gw/v1/smoke-1/readings", b"42", qos=1)
            async with asyncio.timeout(10):
                message = await anext(client.messages)
        assert isinstance(message.payload, bytes)
        return message.payload

    with (tmp_path / "amqtt.log").open("wb") as log:
        process = subprocess.Popen(broker.amqtt_command(configuration), stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: accepts(port), what="amqtt accepts")
        assert asyncio.run(relayed()) == b"42"
    finally:
        end(process, signal.SIGTERM)
