"""What a bridge can't publish now waits on disk, bounded, and is published later in its order."""

import asyncio
import stat
from pathlib import Path

import aiomqtt
import pytest

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError
from ingest.bridges.publisher import Outgoing, Publisher, status_of
from ingest.bridges.spool import Spool
from tests.servers import Mosquitto
from tests.simulators.listening import listening, payload_of


def message(number: int, size: int = 0) -> Outgoing:
    """Return a message that says its number."""
    return Outgoing(topic="gw/v1/lift-1/finding", payload=b"%d" % number + bytes(size))


def number_of(heard: aiomqtt.Message) -> int:
    """Return what a message says."""
    return int(payload_of(heard).rstrip(b"\0"))


async def publish(spool: Spool, broker: Mosquitto) -> "list[asyncio.Task[None]]":
    """Publish what waits, in the background."""
    publisher = Publisher(BrokerAddress.parse(broker.url))
    return [asyncio.create_task(publisher.run()), asyncio.create_task(spool.drain(publisher))]


async def stop(tasks: "list[asyncio.Task[None]]") -> None:
    """Stop publishing.

    Python 3.11's `wait_for`, through which aiomqtt connects, loses a cancellation that comes in the moment of
    the answer: who still runs is told again.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=1.0)


@pytest.mark.anyio
async def test_what_waits_outlives_the_bridge_and_a_broker_that_is_away(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    spool = Spool(tmp_path / "bridge" / "a.sqlite")
    spool.put(*(message(number) for number in range(40)))
    spool.put(status_of("lift-1", online=True))
    spool.close()

    spool = Spool(tmp_path / "bridge" / "a.sqlite")
    assert len(spool) == 41
    mosquitto.stop()
    tasks = await publish(spool, mosquitto)
    await asyncio.sleep(0)
    mosquitto.start()
    async with listening(mosquitto) as heard:
        await heard.until(lambda: len(heard.messages) >= 41)
    await asyncio.wait_for(spool.emptied(), 10)
    await stop(tasks)
    spool.close()
    numbers = [payload_of(one) for one in heard.messages if str(one.topic).endswith("finding")]
    assert list(dict.fromkeys(numbers)) == [b"%d" % number for number in range(40)]
    async with listening(mosquitto) as after:
        await after.until(lambda: [payload_of(one) for one in after.messages] == [b"online"])


def test_the_oldest_goes_when_there_is_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path / "a.sqlite", most_bytes=50_000)
    for number in range(100):
        spool.put(message(number, 1000))
    assert 20 < len(spool) <= 50
    spool.close()
    assert "were dropped" in caplog.text
    spool = Spool(tmp_path / "a.sqlite", most_bytes=50_000)
    spool.put(message(100, 1000))
    assert len(spool) <= 50
    spool.close()


def test_it_is_said_before_anything_is_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path / "a.sqlite", most_bytes=50_000)
    for number in range(40):
        spool.put(message(number, 1000))
    assert len(spool) == 40
    spool.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the oldest is dropped" in caplog.text


@pytest.mark.anyio
async def test_one_at_a_time_the_order_is_kept_whatever_breaks(tmp_path: Path, mosquitto: Mosquitto) -> None:
    spool = Spool(tmp_path / "a.sqlite", at_once=1)
    tasks = await publish(spool, mosquitto)
    async with listening(mosquitto, "gw/v1/lift-1/finding") as heard:
        for number in range(60):
            spool.put(message(number, 1000))
            if number % 20 == 10:
                await stop(tasks)
                tasks = await publish(spool, mosquitto)
        await asyncio.wait_for(spool.emptied(), 30)
        await heard.until(lambda: len(set(map(number_of, heard.messages))) == 60)
    await stop(tasks)
    spool.close()
    numbers = [number_of(one) for one in heard.messages]
    assert numbers == sorted(numbers)


@pytest.mark.anyio
async def test_a_message_that_is_too_large_for_the_broker_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingest.bridges.publisher.MOST_ATTEMPTS", 2)
    broker = Mosquitto(tmp_path / "mosquitto", options=["max_packet_size 400000"])
    broker.start()
    try:
        spool = Spool(tmp_path / "a.sqlite", at_once=1)
        tasks = await publish(spool, broker)
        async with listening(broker) as heard:
            for number, size in enumerate((10, 1_000_000, 10)):
                spool.put(message(number, size))
            await heard.until(lambda: [number_of(one) for one in heard.messages] == [0, 2])
        await stop(tasks)
        spool.close()
    finally:
        broker.stop()
    assert "a message of 1000 kB was given up" in caplog.text


def test_only_its_owner_can_read_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "bridge" / "a.sqlite")
    spool.put(message(1))
    assert stat.S_IMODE((tmp_path / "bridge").stat().st_mode) == 0o700
    files = list((tmp_path / "bridge").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    spool.close()


def test_two_bridges_do_not_share_what_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.sqlite")
    spool.put(message(1))
    with pytest.raises(SettingsError, match="another bridge"):
        Spool(tmp_path / "a.sqlite")
    spool.close()
    Spool(tmp_path / "a.sqlite").close()
