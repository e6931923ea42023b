"""Devices and gateways of ThingsBoard connect with paho, as its own client does, and only as themselves."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gridwatch.settings import read_settings
from gridwatch.store.connection import Store
from gridwatch.store.credentials import revoke_credentials, rotate_secret
from ingest.bridges import connections
from ingest.bridges.gateways import bridge_thingsboard
from tests.collectors import ask, register
from tests.ingest.bridges.bridging import payloads, running
from tests.servers import Mosquitto, accepts, free_port, wait_until
from tests.simulators.listening import Heard, listening

TOKENS = {"smoke-1": "A1_TEST_TOKEN_OF_SMOKE_1", "gw-1": "A1_TEST_TOKEN_OF_GW_1"}
WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """A running bridge."""

    port: int
    http: str
    store: Store


@asynccontextmanager
async def bridge(database_url: str, broker: Mosquitto, folder: Path) -> AsyncIterator[Bridge]:
    """Run the bridge beside a broker and a database with two devices and their tokens."""
    port, web = free_port(), free_port()
    path = folder / "thingsboard.toml"
    path.write_text(f"""
listen = "127.0.0.1:{port}"
listen_http = "127.0.0.1:{web}"
[fields]
temperature = "temperature_c"
humidity = "humidity_pct"
""")
    settings = read_settings(database_url=database_url, mqtt_url=broker.url, data_dir=folder)
    async with Store.open(database_url, connections=1) as store:
        for device, token in TOKENS.items():
            register(database_url, device, "fire", "gateway" if device == "gw-1" else "sensor")
            await rotate_secret(store, device, actor="a test", secret=token)
        register(database_url, "smoke-a", "fire", "sensor")
        ask(
            database_url,
            "UPDATE device SET gateway = 'gw-1', source = 'thingsboard:Device%%20A' WHERE id = 'smoke-a'",
        )
        async with running(bridge_thingsboard(settings, path)) as task:
            await asyncio.to_thread(
                wait_until, lambda: task.done() or (accepts(port) and accepts(web)), what="the bridge listens"
            )
            yield Bridge(port=port, http=f"http://127.0.0.1:{web}", store=store)


class Device:
    """A client as ThingsBoard's own is one: paho, the token as user name, QoS 1."""

    def __init__(self, bridge: Bridge, token: str | None, version: int) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.reasons: list[str] = []
        self.disconnected = False
        self._subscribed: set[int] = set()
        self.paho = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(version))
        self.paho.username_pw_set(token)
        self.paho.on_connect = lambda _c, _u, _f, reason, _p: self.reasons.append(str(reason))
        self.paho.on_message = lambda _c, _u, message: self.heard.append(
            (message.topic, json.loads(message.payload))
        )
        self.paho.on_disconnect = lambda *_: setattr(self, "disconnected", True)
        self.paho.on_subscribe = lambda _c, _u, mid, _r, _p: self._subscribed.add(mid)
        self.paho.connect("127.0.0.1", bridge.port)
        self.paho.loop_start()

    async def until(self, condition: Any) -> None:
        """Wait for something; raises TimeoutError."""
        await asyncio.to_thread(wait_until, condition, timeout_s=WITHIN_S)

    async def subscribe(self, *topics: str) -> None:
        """Subscribe, and wait until that is granted."""
        _, mid = self.paho.subscribe([(topic, 1) for topic in topics])
        await self.until(lambda: mid in self._subscribed)

    async def publish(self, topic: str, body: object) -> None:
        """Publish with QoS 1 and wait for the acknowledgement."""
        sent = self.paho.publish(topic, json.dumps(body), qos=1)
        await asyncio.to_thread(sent.wait_for_publish, WITHIN_S)
        assert sent.is_published()


@contextmanager
def connected(bridge: Bridge, token: str | None, version: int = 4) -> Iterator[Device]:
    """Connect a device for the length of the block."""
    device = Device(bridge, token, version)
    try:
        yield device
    finally:
        device.paho.disconnect()
        device.paho.loop_stop()


async def command(broker: Mosquitto, device: str, body: dict[str, Any]) -> None:
    """Send a command of ours."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(f"gw/v1/{device}/command", json.dumps(body), qos=1)


def readings(heard: Heard, device: str) -> list[Any]:
    """Return the readings of a device as they were published."""
    return [json.loads(payload) for payload in payloads(heard, f"gw/v1/{device}/readings")]


@pytest.mark.anyio
@pytest.mark.parametrize("version", [3, 4, 5])
async def test_a_device_and_a_gateway_only_change_the_host_name(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, version: int
) -> None:
    async with listening(mosquitto) as heard, bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, TOKENS["smoke-1"], version) as device:
            await device.publish(
                "v1/devices/me/telemetry", {"ts": 1_795_420_800_512, "values": {"temperature": 42.2}}
            )
            await device.publish("v1/devices/me/attributes", {"fw": "1.2"})
            await heard.until(lambda: len(readings(heard, "smoke-1")) == 1)
        with connected(there, TOKENS["gw-1"], version) as gateway:
            await gateway.publish("v1/gateway/connect", {"device": "Device A", "type": "default"})
            telemetry = [{"ts": 1_795_420_800_000, "values": {"temperature": 42, "humidity": 80}}]
            await gateway.publish("v1/gateway/telemetry", {"Device A": telemetry, "Device B": telemetry})
            await gateway.publish("v1/gateway/disconnect", {"device": "Device A"})
        await heard.until(lambda: payloads(heard, "gw/v1/gw-1/status") == [b"online", b"offline"])
    assert readings(heard, "smoke-1") == [{"t": 1_795_420_800.512, "values": {"temperature_c": 42.2}}]
    assert payloads(heard, "gw/v1/smoke-1/status") == [b"online", b"offline"]
    expected = {"t": 1_795_420_800.0, "values": {"temperature_c": 42.0, "humidity_pct": 80.0}}
    assert readings(heard, "smoke-a") == [expected]
    (b,) = {topic.split("/")[2] for topic in heard.topics if topic.split("/")[2].startswith("gw-1:Device-B-")}
    assert readings(heard, b) == [expected]
    assert payloads(heard, "gw/v1/smoke-a/status") == [b"online", b"offline"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("token", "version", "reason"),
    [
        ("a-token-of-nobody-at-all", 4, "Not authorized"),
        ("a-token-of-nobody-at-all", 5, "Not authorized"),
        (None, 4, "Bad user name or password"),
    ],
)
async def test_a_stranger_gets_nothing(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, token: str | None, version: int, reason: str
) -> None:
    async with listening(mosquitto) as heard, bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, token, version) as device:
            await device.until(lambda: bool(device.reasons))
            assert device.reasons[0] == reason
        async with httpx.AsyncClient(base_url=there.http, trust_env=False) as client:
            answer = await client.post(f"/api/v1/{token}/telemetry", json={"temperature": 1})
        assert answer.status_code == 401
    assert heard.messages == []


@pytest.mark.anyio
async def test_a_message_is_acknowledged_when_the_broker_has_it(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, TOKENS["smoke-1"]) as device:
            await device.publish(
                "v1/devices/me/telemetry", {"ts": 1_795_420_800_000, "values": {"temperature": 1}}
            )
            mosquitto.stop()
            sent = [
                device.paho.publish(
                    "v1/devices/me/telemetry",
                    json.dumps({"ts": 1_795_420_801_000 + number, "values": {"temperature": number}}),
                    qos=1,
                )
                for number in range(10)
            ]
            # A ping is answered after what came before it was read: an early acknowledgement would be here.
            await device.subscribe("v1/devices/me/rpc/request/+")
            assert not any(message.is_published() for message in sent)
            mosquitto.start()
            async with listening(mosquitto) as heard:
                await heard.until(lambda: len({str(r) for r in readings(heard, "smoke-1")}) == 10)
            for message in sent:
                await asyncio.to_thread(message.wait_for_publish, WITHIN_S)
                assert message.is_published()


@pytest.mark.anyio
async def test_commands_go_to_the_device_and_its_answers_come_back(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with listening(mosquitto) as heard, bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, TOKENS["smoke-1"]) as device, connected(there, TOKENS["gw-1"], 5) as gateway:
            await device.subscribe("v1/devices/me/rpc/request/+")
            await gateway.subscribe("v1/gateway/rpc", "v1/devices/me/rpc/request/+")
            await gateway.publish("v1/gateway/connect", {"device": "Device A"})
            late = {"id": "c0", "action": "mute", "expires_at": time.time() - 1}
            await command(mosquitto, "smoke-1", late)
            soon = {"id": "c1", "action": "mute", "params": {"s": 60}, "expires_at": time.time() + 60}
            await command(mosquitto, "smoke-1", soon)
            await command(mosquitto, "smoke-1", soon)
            await device.until(lambda: bool(device.heard))
            ((topic, body),) = device.heard
            assert body == {"method": "mute", "params": {"s": 60}}
            await device.publish(topic.replace("request", "response"), {"muted": True})
            await command(mosquitto, "smoke-a", soon | {"id": "c2"})
            await gateway.until(lambda: bool(gateway.heard))
            ((topic, body),) = gateway.heard
            assert (topic, body["device"], body["data"]["method"]) == ("v1/gateway/rpc", "Device A", "mute")
            answer = {"device": "Device A", "id": body["data"]["id"], "data": {"error": "it is broken"}}
            await gateway.publish("v1/gateway/rpc", answer)
            await gateway.publish("v1/gateway/rpc", answer)
            await heard.until(lambda: len(payloads(heard, "gw/v1/smoke-a/command/result")) == 1)
    (done,) = (json.loads(payload) for payload in payloads(heard, "gw/v1/smoke-1/command/result"))
    assert done == {"id": "c1", "ok": True, "detail": '{"muted":true}'}
    (failed,) = (json.loads(payload) for payload in payloads(heard, "gw/v1/smoke-a/command/result"))
    assert failed == {"id": "c2", "ok": False, "detail": '{"error":"it is broken"}'}


@pytest.mark.anyio
async def test_what_devices_ask_is_answered(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, TOKENS["gw-1"], 5) as device:
            await device.subscribe(
                "v1/devices/me/attributes/response/+",
                "v1/devices/me/rpc/response/+",
                "v1/gateway/attributes/response",
            )
            await device.publish(
                "v1/devices/me/rpc/request/1", {"method": "getSessionLimits", "params": {"timeout": 5000}}
            )
            await device.publish("v1/devices/me/attributes/request/2", {"clientKeys": "a"})
            await device.publish(
                "v1/gateway/attributes/request", {"id": 3, "device": "Device A", "client": True, "key": "a"}
            )
            await device.until(lambda: len(device.heard) == 3)
    assert [topic for topic, _ in device.heard] == [
        "v1/devices/me/rpc/response/1",
        "v1/devices/me/attributes/response/2",
        "v1/gateway/attributes/response",
    ]
    assert "error" in device.heard[0][1]


@pytest.mark.anyio
async def test_a_revoked_token_is_out_at_once(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, TOKENS["smoke-1"]) as device, connected(there, TOKENS["gw-1"]) as other:
            await device.publish("v1/devices/me/telemetry", {"temperature": 1})
            await revoke_credentials(there.store, "smoke-1", actor="a test")
            await device.until(lambda: device.disconnected)
            await device.until(lambda: "Not authorized" in device.reasons)
            await other.publish("v1/devices/me/telemetry", {"temperature": 1})
            assert not other.disconnected


@pytest.mark.anyio
async def test_telemetry_over_http_is_taken(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with listening(mosquitto) as heard, bridge(database_url, mosquitto, tmp_path) as there:
        async with httpx.AsyncClient(base_url=there.http, trust_env=False) as client:
            path = f"/api/v1/{TOKENS['smoke-1']}"
            answers = [
                (
                    await client.post(
                        f"{path}/telemetry", json={"ts": 1_795_420_800_000, "values": {"humidity": 41}}
                    )
                ),
                (await client.post(f"{path}/attributes", json={"fw": "1.2"})),
                (await client.get(f"{path}/telemetry")),
            ]
        await heard.until(lambda: len(readings(heard, "smoke-1")) == 1)
    assert [answer.status_code for answer in answers] == [200, 200, 405]
    assert readings(heard, "smoke-1") == [{"t": 1_795_420_800.0, "values": {"humidity_pct": 41.0}}]


@pytest.mark.anyio
async def test_a_device_that_floods_is_slowed_and_named(
    database_url: str,
    mosquitto: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(connections, "BURST", 20.0)
    monkeypatch.setattr(connections, "MOST_PER_S", 20.0)
    async with bridge(database_url, mosquitto, tmp_path) as there:
        with connected(there, TOKENS["smoke-1"]) as device, connected(there, TOKENS["gw-1"]) as other:
            begun = time.monotonic()
            sent = [
                device.paho.publish("v1/devices/me/telemetry", b'{"co_ppm": 1}', qos=1) for _ in range(40)
            ]
            await other.publish("v1/devices/me/telemetry", {"temperature": 1})
            await asyncio.to_thread(sent[-1].wait_for_publish, WITHIN_S)
            assert sent[-1].is_published()
    assert time.monotonic() - begun > 0.9
    assert caplog.text.count("smoke-1: sends more than 20 messages a second") == 1
