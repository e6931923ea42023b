"""Publications reach a real broker, also when it goes away in between."""

import asyncio
from datetime import UTC, datetime, timedelta

import aiomqtt
import pytest

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import BrokerError, SettingsError
from simulators.publication import Publication
from simulators.publishing import MOST_LINKS, Publisher, clear_statuses
from tests.servers import Mosquitto, free_port
from tests.simulators.listening import WITHIN_S, listening, payload_of

START = datetime(2026, 5, 1, tzinfo=UTC)


def readings(device: str, number: int) -> Publication:
    return Publication(
        device=device,
        kind="readings",
        topic=f"gw/v1/{device}/readings",
        payload=str(number).encode(),
        at=START,
    )


def test_devices_are_online_while_connected_and_offline_afterwards(mosquitto: Mosquitto) -> None:
    address = BrokerAddress.parse(mosquitto.url)
    devices = [f"d{number}" for number in range(MOST_LINKS + 5)]

    async def statuses() -> dict[str, bytes]:
        async with listening(mosquitto, "gw/v1/+/status") as heard:
            await heard.until(lambda: len(heard.messages) == len(devices))
            return {str(message.topic): payload_of(message) for message in heard.messages}

    async def scene() -> None:
        async with Publisher(address, devices, statuses=True).connected():
            assert set((await statuses()).values()) == {b"online"}
        assert set((await statuses()).values()) == {b"offline"}
        await clear_statuses(address, devices)
        async with listening(mosquitto, "gw/v1/+/status") as heard:
            with pytest.raises(TimeoutError):
                await heard.until(lambda: bool(heard.messages), within_s=0.3)

    asyncio.run(scene())


def subscriber(broker: Mosquitto) -> aiomqtt.Client:
    """Return a subscriber whose messages the broker keeps while it is away."""
    return aiomqtt.Client("127.0.0.1", broker.port, identifier="kept", clean_session=False)


def test_nothing_is_lost_when_the_broker_restarts_in_the_middle(mosquitto: Mosquitto) -> None:
    count = 2000
    publisher = Publisher(BrokerAddress.parse(mosquitto.url), ["a", "b"], statuses=False)

    async def publish(numbers: range) -> None:
        for number in numbers:
            await publisher.publish(readings("ab"[number % 2], number))
        await publisher.drain()

    async def scene() -> set[bytes]:
        async with subscriber(mosquitto) as client:
            await client.subscribe("gw/v1/+/readings", qos=1)
        async with publisher.connected():
            await publish(range(count // 2))
            work = asyncio.create_task(publish(range(count // 2, count)))
            await asyncio.to_thread(mosquitto.stop)
            assert publisher.total < count
            await asyncio.to_thread(mosquitto.start)
            await work
        async with subscriber(mosquitto) as client, asyncio.timeout(WITHIN_S):
            got: set[bytes] = set()
            async for message in client.messages:
                got.add(payload_of(message))
                if len(got) == count:
                    break
            return got

    assert asyncio.run(scene()) == {str(number).encode() for number in range(count)}
    assert publisher.counts["a"]["readings"] == publisher.counts["b"]["readings"] == count / 2


def test_a_broker_that_is_not_there_is_named_in_the_error() -> None:
    port = free_port()

    async def scene() -> None:
        publisher = Publisher(BrokerAddress.parse(f"mqtt://127.0.0.1:{port}"), ["d"], statuses=True)
        async with publisher.connected(within_s=0.5):
            pass

    with pytest.raises(BrokerError, match=f"127.0.0.1:{port} can't be reached"):
        asyncio.run(scene())


def test_a_message_waits_for_its_own_time(mosquitto: Mosquitto) -> None:
    publisher = Publisher(BrokerAddress.parse(mosquitto.url), ["d"], statuses=False)
    due = datetime.now(UTC) + timedelta(seconds=1)

    async def scene() -> datetime:
        async with listening(mosquitto) as heard, publisher.connected():
            message = Publication(device="d", kind="readings", topic="gw/v1/d/readings", payload=b"1", at=due)
            await publisher.publish_when_due(message)
            await heard.until(lambda: len(heard.messages) == 1)
            return datetime.now(UTC)

    assert timedelta() <= asyncio.run(scene()) - due < timedelta(seconds=1)


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "mqtt://h:99999", "h:1883"])
def test_a_wrong_broker_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="GRIDWATCH_MQTT_URL"):
        BrokerAddress.parse(url)


def test_a_broker_url_says_host_port_and_credentials() -> None:
    address = BrokerAddress.parse("mqtts://me:p%40ss@[::1]")
    assert (address.host, address.port, address.tls) == ("::1", 8883, True)
    assert (address.username, address.password) == ("me", "p@ss")
    assert "p@ss" not in repr(address)
