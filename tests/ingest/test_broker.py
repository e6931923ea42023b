"""The MQTT session: acknowledged in order, delivered again, and MQTT 3.1.1 where there is no 5."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.up.broker import amqtt_command, write_amqtt_configuration
from gridwatch.errors import SettingsError
from ingest.broker import Delivery, Session
from tests.servers import Mosquitto, accepts, end, free_port, wait_until

pytestmark = pytest.mark.anyio

TOPIC = "gw/v1/s1/readings"


def send(port: int, *payloads: bytes) -> None:
    """Publish with QoS 1."""
    publish.multiple(
        [{"topic": TOPIC, "payload": payload, "qos": 1} for payload in payloads],
        hostname="127.0.0.1",
        port=port,
    )


async def subscribed(session: Session) -> None:
    """Wait until the broker took the subscription."""
    await asyncio.to_thread(wait_until, lambda: session.subscribed, what="the session is subscribed")


async def receive(session: Session, count: int) -> list[Delivery]:
    """Wait for `count` deliveries."""
    got: list[Delivery] = []
    async with asyncio.timeout(10):
        while len(got) < count:
            got += await session.batch(most=count - len(got), linger_s=0)
    return got


async def test_only_a_finished_prefix_is_acknowledged(mosquitto: Mosquitto) -> None:
    client = {"client_id": "c", "topics": ["gw/v1/+/readings"], "window": 10}
    async with Session.open(mosquitto.url, **client) as session:  # type: ignore[arg-type]
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, b"1", b"2", b"3", b"4")
        one, _two, three, four = await receive(session, 4)
        session.done([one, three])
        session.done([four])
    async with Session.open(mosquitto.url, **client) as session:  # type: ignore[arg-type]
        again = await receive(session, 3)
    assert [delivery.payload for delivery in again] == [b"2", b"3", b"4"]


async def test_the_window_bounds_what_is_in_flight(mosquitto: Mosquitto) -> None:
    async with Session.open(mosquitto.url, client_id="c", topics=["gw/v1/+/readings"], window=3) as session:
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, *[b"%d" % n for n in range(8)])
        first = await receive(session, 3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await session.batch(most=1, linger_s=0)
        session.done(first)
        assert len(await receive(session, 3)) == 3


async def test_messages_come_again_after_the_broker_restarted(mosquitto: Mosquitto) -> None:
    async with Session.open(mosquitto.url, client_id="c", topics=["gw/v1/+/readings"], window=10) as session:
        await subscribed(session)
        await asyncio.to_thread(send, mosquitto.port, b"1")
        (first,) = await receive(session, 1)
        await asyncio.to_thread(mosquitto.stop)
        await asyncio.to_thread(mosquitto.start)
        (again,) = await receive(session, 1)
        assert again.payload == first.payload
        session.done([first, again])


@pytest.fixture
def amqtt_port(tmp_path: Path) -> Iterator[int]:
    """Run amqtt, which speaks MQTT 3.1.1 only, and return its port."""
    port = free_port()
    configuration = write_amqtt_configuration(tmp_path / "amqtt", port=port)
    process = subprocess.Popen(
        amqtt_command(configuration), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: accepts(port), what="amqtt accepts")
        yield port
    finally:
        end(process, signal.SIGTERM)


async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(amqtt_port: int) -> None:
    async with Session.open(
        f"mqtt://127.0.0.1:{amqtt_port}", client_id="c", topics=["gw/v1/+/readings"], window=10
    ) as session:
        await subscribed(session)
        await asyncio.to_thread(send, amqtt_port, b"1")
        (delivery,) = await receive(session, 1)
        session.done([delivery])
    assert delivery.payload == b"1"


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://host:port", "localhost:1883"])
def test_a_wrong_address_says_how_to_write_one(url: str) -> None:
    with pytest.raises(SettingsError, match="GRIDWATCH_MQTT_URL"):
        BrokerAddress.parse(url)


def test_an_address_never_shows_its_password() -> None:
    assert "secret" not in repr(BrokerAddress.parse("mqtts://user:secret@host"))
