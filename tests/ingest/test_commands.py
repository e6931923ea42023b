"""Commands from the database to devices on a real broker, and their answers."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gridwatch.broker_address import BrokerAddress
from gridwatch.commands import CommandState, Order
from gridwatch.store import Store
from gridwatch.store.commands import Command, add_command, command_changes, get_command
from ingest.outbox import Outbox
from tests.api.serving import shut_out
from tests.collectors import Collector, ask, register
from tests.ingest.brokers import way_to
from tests.servers import Mosquitto, run_sql, wait_until, with_database

NAME = "test_of_commands"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A broker, a database and a collector between them."""

    url: str
    mosquitto: Mosquitto
    collector: Collector | None = None

    def ask(self, device: str, action: str = "reboot", *, ttl_s: float = 60.0) -> Command:
        """Ask something of a device, as a person would."""

        async def work() -> Command:
            async with Store.open(self.url, connections=1) as store:
                return await add_command(store, device, Order.of(action, {}, ttl_s), actor="li")

        return asyncio.run(work())

    def command(self, asked: Command) -> Command:
        """Return a command as it stands now."""

        async def work() -> Command:
            async with Store.open(self.url, connections=1) as store:
                return await get_command(store, asked.device, asked.id)

        return asyncio.run(work())

    def history(self, asked: Command) -> list[str]:
        """Return what happened to a command."""

        async def work() -> list[str]:
            async with Store.open(self.url, connections=1) as store:
                return [one.change for one in await command_changes(store, asked.id)]

        return asyncio.run(work())

    def wait_for(self, asked: Command, state: CommandState) -> Command:
        """Wait until a command is in a state."""
        wait_until(lambda: self.command(asked).state is state, what=f"the command is {state}")
        return self.command(asked)

    def wait_for_online(self, device: str, online: bool) -> None:
        """Wait until the collector has taken in a device's status."""
        query = "SELECT 1 FROM device WHERE id = %s AND online = %s"
        wait_until(lambda: bool(ask(self.url, query, [device, online])), what=f"{device} is {online}")


class Gateway:
    """A device that reads its commands, with MQTT 3.1.1."""

    def __init__(self, line: Line, device: str, *, session: bool = False) -> None:
        self.device = device
        self.heard: list[paho.MQTTMessage] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=device, clean_session=not session)
        self._client.on_message = lambda _, __, message: self.heard.append(message)
        self._subscribed = False
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._port = line.mosquitto.port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._client.subscribe(f"gw/v1/{self.device}/command", qos=1)
        wait_until(lambda: self._subscribed, what="the device subscribes")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def commands(self) -> list[dict[str, Any]]:
        """Return what was asked, in order."""
        return [json.loads(message.payload) for message in self.heard]

    def says(self, kind: str, body: object, *, retain: bool = False) -> None:
        """Publish something with QoS 1."""
        payload = body if isinstance(body, bytes) else json.dumps(body)
        self._client.publish(f"gw/v1/{self.device}/{kind}", payload, 1, retain).wait_for_publish(10)

    def wait_for(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many commands."""
        wait_until(lambda: len(self.heard) >= count, what=f"{count} commands come")
        return self.commands


@pytest.fixture(scope="module")
def line(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Line]:
    """Return one line for all tests of this file; each has a device of its own."""
    run_sql(postgres_url, f'CREATE DATABASE "{NAME}" TEMPLATE "{migrated_template}" STRATEGY FILE_COPY')
    url, folder = with_database(postgres_url, NAME), tmp_path_factory.mktemp("commands")
    mosquitto = Mosquitto(folder / "mosquitto")
    collector = Collector(url, mosquitto, folder)
    try:
        mosquitto.start()
        collector.start()
        yield Line(url=url, mosquitto=mosquitto, collector=collector)
    finally:
        collector.stop()
        mosquitto.stop()
        run_sql(postgres_url, f'DROP DATABASE "{NAME}" WITH (FORCE)')


@pytest.fixture
def device(line: Line) -> str:
    """Return a device of this test alone."""
    name = f"device-{uuid4().hex[:12]}"
    register(line.url, name, "fire", "sensor")
    return name


def go_offline(line: Line, device: str) -> None:
    """Let a device say that it was there, and that it is gone."""
    with Gateway(line, device) as gateway:
        gateway.says("status", b"online", retain=True)
        gateway.says("status", b"offline", retain=True)
    line.wait_for_online(device, False)


def test_a_command_arrives_is_answered_and_its_history_kept(line: Line, device: str) -> None:
    with Gateway(line, device) as gateway:
        asked = line.ask(device, ttl_s=30)
        (heard,) = gateway.wait_for()
        line.wait_for(asked, CommandState.SENT)
        gateway.says("command/result", {"id": heard["id"], "ok": True, "detail": "done it"})
        done = line.wait_for(asked, CommandState.DONE)
    assert heard.keys() == {"id", "seq", "action", "ttl_s", "expires_at", "params"}
    assert (heard["id"], heard["seq"], heard["action"], heard["params"]) == (asked.id, 1, "reboot", {})
    assert 0 < heard["ttl_s"] <= 30
    assert heard["expires_at"] == pytest.approx(asked.expires_at.timestamp())
    assert (gateway.heard[0].qos, gateway.heard[0].retain) == (1, False)
    assert (done.detail, done.late, done.created_by) == ("done it", False, "li")
    assert line.history(asked) == ["created", "sent", "answered"]


def test_a_device_that_will_not_has_failed(line: Line, device: str) -> None:
    with Gateway(line, device) as gateway:
        asked = line.ask(device)
        gateway.wait_for()
        gateway.says("command/result", {"id": asked.id, "ok": False, "detail": "busy"})
        assert line.wait_for(asked, CommandState.FAILED).detail == "busy"


def test_a_hold_travels_with_qos_0_and_is_never_retained(line: Line, device: str) -> None:
    with Gateway(line, device) as gateway:
        line.ask(device, "hold_open", ttl_s=3)
        (heard,) = gateway.wait_for()
        assert heard["action"] == "hold_open"
        assert heard["ttl_s"] <= 3
        assert gateway.heard[0].qos == 0
    with Gateway(line, device) as gateway:
        asked = line.ask(device)
        assert asked.id in [one["id"] for one in gateway.wait_for()]
        assert not any(message.retain for message in gateway.heard)


def test_a_release_ends_the_hold_that_would_be_sent_again(line: Line, device: str) -> None:
    with Gateway(line, device) as gateway:
        hold = line.ask(device, "hold_open", ttl_s=3)
        gateway.wait_for()
        line.ask(device, "release")
        assert line.command(hold).state is CommandState.EXPIRED
        # The release itself is sent again after two seconds; the hold would have been before.
        wait_until(lambda: [one["action"] for one in gateway.commands].count("release") == 2, what="again")
        actions = [one["action"] for one in gateway.commands]
        assert "hold_open" not in actions[actions.index("release") :]


def test_numbers_count_up_by_one(line: Line, device: str) -> None:
    assert [line.ask(device).seq for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("word", ["status", "readings"])
def test_a_device_that_is_offline_gets_its_command_when_it_returns(
    line: Line, device: str, word: str
) -> None:
    go_offline(line, device)
    asked = line.ask(device)
    with Gateway(line, device) as gateway:
        # Somebody else's command has come and gone: the collector looked and let ours lie.
        register(line.url, f"other-{word}", "fire", "sensor")
        other = line.ask(f"other-{word}")
        line.wait_for(other, CommandState.SENT)
        assert (line.command(asked).state, gateway.heard) == (CommandState.WAITING, [])
        if word == "status":
            gateway.says("status", b"online", retain=True)
        else:
            gateway.says("readings", {"t": time.time(), "values": {"co_ppm": 1}})
        assert gateway.wait_for()[0]["id"] == asked.id


def test_what_is_over_does_not_reach_a_device_that_returns(line: Line, device: str) -> None:
    go_offline(line, device)
    over = line.ask(device, ttl_s=1)
    line.wait_for(over, CommandState.EXPIRED)
    valid = line.ask(device)
    with Gateway(line, device) as gateway:
        gateway.says("status", b"online", retain=True)
        assert [one["id"] for one in gateway.wait_for()] == [valid.id]
    wait_until(lambda: line.history(over) == ["created", "expired"], what="its end is written down")


def test_what_is_over_does_not_wait_in_the_broker_for_a_device_with_a_session(
    line: Line, device: str
) -> None:
    with Gateway(line, device, session=True):
        pass
    over = line.ask(device, ttl_s=4)
    line.wait_for(over, CommandState.SENT)
    line.wait_for(over, CommandState.EXPIRED)
    valid = line.ask(device)
    line.wait_for(valid, CommandState.SENT)
    with Gateway(line, device, session=True) as gateway:
        assert {one["id"] for one in gateway.wait_for()} == {valid.id}


def test_a_late_answer_is_kept_and_marked(line: Line, device: str) -> None:
    with Gateway(line, device) as gateway:
        asked = line.ask(device, ttl_s=1)
        gateway.wait_for()
        line.wait_for(asked, CommandState.EXPIRED)
        gateway.says("command/result", {"id": asked.id, "ok": True, "detail": "slowly"})
        wait_until(lambda: line.command(asked).answered_at is not None, what="the answer is kept")
    late = line.command(asked)
    assert (late.state, late.late, late.detail) == (CommandState.EXPIRED, True, "slowly")
    (kept,) = ask(line.url, "SELECT ok FROM command_result WHERE id = %s", [asked.id])
    assert kept == {"ok": True}


def test_a_command_that_nobody_answers_is_sent_again_under_its_id(line: Line, device: str) -> None:
    with Gateway(line, device) as gateway:
        asked = line.ask(device)
        first, second = gateway.wait_for(2)[:2]
        assert first["id"] == second["id"] == asked.id
        assert second["ttl_s"] < first["ttl_s"]
        gateway.says("command/result", {"id": asked.id, "ok": True})
        line.wait_for(asked, CommandState.DONE)
        assert line.command(asked).attempts >= 2


def test_nobody_answers_for_another(line: Line, device: str) -> None:
    register(line.url, "stranger", "fire", "sensor")
    with Gateway(line, device) as gateway, Gateway(line, "stranger") as stranger:
        asked = line.ask(device)
        gateway.wait_for()
        stranger.says("command/result", {"id": asked.id, "ok": True})
        query = "SELECT 1 FROM command_result WHERE id = %s"
        wait_until(lambda: bool(ask(line.url, query, [asked.id])), what="the stranger's word is kept")
        assert line.command(asked).state is CommandState.SENT


def test_a_command_outlives_an_outage_of_the_broker(line: Line, device: str) -> None:
    line.mosquitto.stop()
    asked = line.ask(device)
    line.mosquitto.start()
    with Gateway(line, device) as gateway:
        assert gateway.wait_for()[0]["id"] == asked.id


@pytest.mark.slow
def test_commands_outlive_a_killed_collector_and_an_outage_of_the_database(
    line: Line, device: str, postgres_url: str
) -> None:
    assert line.collector is not None
    go_offline(line, device)
    asked = line.ask(device)
    line.collector.kill()
    line.collector.start()
    with Gateway(line, device) as gateway:
        gateway.says("readings", {"t": time.time(), "values": {"co_ppm": 1}})
        assert gateway.wait_for()[0]["id"] == asked.id
        with shut_out(postgres_url, line.url):
            gateway.says("command/result", {"id": asked.id, "ok": True})
        line.wait_for(asked, CommandState.DONE)
        gateway.says("status", b"online", retain=True)
        line.wait_for_online(device, True)
        again = line.ask(device)
        wait_until(lambda: again.id in [one["id"] for one in gateway.commands], what="the next one comes")


@pytest.mark.anyio
async def test_of_several_collectors_one_sends_a_command(database_url: str, mosquitto: Mosquitto) -> None:
    register(database_url, "shared", "fire", "sensor")
    async with Store.open(database_url, connections=6) as store:
        address = BrokerAddress.parse(mosquitto.url)
        order = Order.of("reboot", {})
        asked = [(await add_command(store, "shared", order, actor="li")).id for _ in range(20)]
        gateway = Gateway(Line(url=database_url, mosquitto=mosquitto), "shared")
        await asyncio.to_thread(gateway.__enter__)
        running = [asyncio.create_task(Outbox(store, address).run()) for _ in range(2)]
        try:
            # Each is sent again after two seconds, by whoever takes it then.
            await asyncio.to_thread(gateway.wait_for, 40)
            attempts = [(await get_command(store, "shared", one)).attempts for one in asked]
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.to_thread(gateway.__exit__)
    assert {one["id"] for one in gateway.commands} == set(asked)
    assert len(gateway.commands) <= sum(attempts)


@pytest.mark.anyio
async def test_a_broker_without_mqtt_5_keeps_no_command(database_url: str, mosquitto: Mosquitto) -> None:
    register(database_url, "old", "fire", "sensor")
    async with way_to(mosquitto.port, refuse_five=True) as port, Store.open(database_url) as store:
        outbox = Outbox(store, BrokerAddress.parse(f"mqtt://127.0.0.1:{port}"))
        running = asyncio.create_task(outbox.run())
        gateway = Gateway(Line(url=database_url, mosquitto=mosquitto), "old")
        await asyncio.to_thread(gateway.__enter__)
        try:
            await add_command(store, "old", Order.of("reboot", {}), actor="li")
            await asyncio.to_thread(gateway.wait_for)
            assert gateway.heard[0].qos == 0
        finally:
            await asyncio.to_thread(gateway.__exit__)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
