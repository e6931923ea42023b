"""ThingsBoard's device API and gateway API over MQTT and HTTP, so that gateways only change the host name.

A device is known by its access token alone, the user name of its connection, which no subscriber of a broker
ever sees. So the bridge is the server that devices connect to: it checks the token against our credentials,
translates, and acknowledges a message once the broker has acknowledged all that it became.
Source: ThingsBoard's references of the MQTT device API, the MQTT gateway API and the HTTP device API.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from gridwatch.broker_address import BrokerAddress
from gridwatch.store.credentials import Identity
from gridwatch.wire import MAX_TEXT, route_of, topic_of
from ingest.bridges import mqtt_server as mqtt
from ingest.bridges.json_text import read_json
from ingest.bridges.publisher import Outgoing, Publisher, status_of
from ingest.bridges.telemetry import Fields, device_telemetry, gateway_telemetry, own_id

log = logging.getLogger(__name__)

COMMANDS = "gw/v1/+/command"

MOST_SAID = 1000
MOST_BEHIND = 10_000
"""Devices that one gateway may connect."""
MOST_PENDING = 1000
"""Commands of one connection that have no answer yet; the oldest is forgotten."""

TELEMETRY = frozenset({"v1/devices/me/telemetry", "v2/t", "v2/t/j"})
RPC_RESPONSES = ("v1/devices/me/rpc/response/", "v2/r/res/")
RPC_REQUESTS = ("v1/devices/me/rpc/request/", "v2/r/req/")
ATTRIBUTE_REQUEST = "v1/devices/me/attributes/request/"
GATEWAY_RPC = "v1/gateway/rpc"


class Credentials(Protocol):
    """Who has which token, and what a gateway's devices are called here."""

    async def verify(self, token: str) -> Identity | None:
        """Return whose token it is; raises StoreError."""

    async def names(self, gateway: str) -> Mapping[str, str]:
        """Return ids of the registry by a gateway's own names for its devices; raises StoreError."""


@dataclass(kw_only=True, eq=False)
class Client:
    """One connection whose token was right."""

    identity: Identity
    token: str = field(repr=False)
    names: Mapping[str, str]
    """Devices of the registry, by the gateway's own names for them."""
    version: int
    write: Callable[[bytes], None]
    close: Callable[[], None]
    filters: set[str] = field(default_factory=set)
    behind: dict[str, str] = field(default_factory=dict)
    """Devices that a gateway has connected: their ids, with its names for them."""
    pending: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Commands without an answer: device and command id by the number that the client knows."""

    @property
    def device(self) -> str:
        """Return the device whose token it is."""
        return self.identity.device

    def tell(self, topic: str, body: object) -> None:
        """Send a message to the client."""
        self.write(mqtt.publish(self.version, topic, msgspec.json.encode(body)))


class ThingsBoard:
    """What all connections share: who is there, and the way to the broker."""

    def __init__(
        self, credentials: Credentials, address: BrokerAddress, fields: Fields, *, gateway: str | None
    ) -> None:
        self.credentials = credentials
        self.publisher = Publisher(address, gateway=gateway, topics=[COMMANDS], heard=self.command)
        self.fields = fields
        self.clients: dict[str, list[Client]] = {}
        self._statuses: dict[str, Outgoing] = {}
        self._changed = asyncio.Event()
        self._said_all = asyncio.Event()
        self._number = 0
        self._said: set[str] = set()

    def enter(self, client: Client) -> None:
        """Take a connection in: its device is online."""
        self.clients.setdefault(client.device, []).append(client)
        self._say_status(client.device, online=True)

    def leave(self, client: Client) -> None:
        """Forget a connection: its device is offline with the last one."""
        there = self.clients[client.device]
        there.remove(client)
        if not there:
            del self.clients[client.device]
            self._say_status(client.device, online=False)

    def _say_status(self, device: str, *, online: bool) -> None:
        self._statuses[device] = status_of(device, online=online)
        self._said_all.clear()
        self._changed.set()

    async def say_statuses(self) -> None:
        """Publish each device's latest status, for ever."""
        while True:
            while self._statuses:
                await self.publisher.publish(self._statuses.pop(next(iter(self._statuses))))
            self._changed.clear()
            self._said_all.set()
            await self._changed.wait()

    async def statuses_said(self) -> None:
        """Wait until the broker has every device's latest status."""
        await self._said_all.wait()

    def translate(self, client: Client, topic: str, payload: bytes) -> list[Outgoing]:
        """Return what a message of a client becomes; answers what wants an answer."""
        if topic in TELEMETRY:
            return device_telemetry(client.device, payload, self.fields)
        if topic == "v1/gateway/telemetry":
            return gateway_telemetry(
                client.device,
                payload,
                self.fields,
                lambda name: self.device_of(client, name),
            )
        if topic in ("v1/gateway/connect", "v1/gateway/disconnect"):
            return self._connect(client, payload, online=topic.endswith("/connect"))
        if topic == GATEWAY_RPC:
            body = _object(payload)
            return self._result(client, body.get("id"), body.get("data"))
        if (number := _number_after(RPC_RESPONSES, topic)) is not None:
            return self._result(client, number, _any(payload))
        self._answer(client, topic, payload)
        return []

    def device_of(self, client: Client, name: str) -> str:
        """Return our id of a gateway's device: the registry's, or one within the gateway's own names."""
        if name in client.names:
            return client.names[name]
        if client.identity.may_speak_for(name):
            return name
        return own_id(client.device, name)

    def command(self, topic: str, payload: bytes) -> None:
        """Hand a command of ours to its device, if that is here and listens; else it is sent again later."""
        device, _ = route_of(topic)
        body = _object(payload)
        if not isinstance(body.get("id"), str | int) or _expired(body):
            return
        command = str(body["id"])
        for client, name in self._ways_to(device):
            if (device, command) in client.pending.values():
                return  # It is asked again because the answer takes long; the device has it.
            number = self._pend(client, device, command)
            method, params = body.get("action", ""), body.get("params") or {}
            if name is not None:
                data = {"id": number, "method": method, "params": params}
                client.tell(GATEWAY_RPC, {"device": name, "data": data})
            else:
                form = next(form for form in RPC_REQUESTS if f"{form}+" in client.filters)
                client.tell(f"{form}{number}", {"method": method, "params": params})
            return

    def _ways_to(self, device: str) -> list[tuple[Client, str | None]]:
        """Return the connections that take commands for a device, with a gateway's name for it."""
        listening = {f"{form}+" for form in RPC_REQUESTS}
        direct = [client for client in self.clients.get(device, []) if client.filters & listening]
        gateways = [
            (client, client.behind[device])
            for clients in self.clients.values()
            for client in clients
            if device in client.behind and GATEWAY_RPC in client.filters
        ]
        return [*((client, None) for client in reversed(direct)), *gateways]

    def _pend(self, client: Client, device: str, command: str) -> int:
        self._number = self._number % 2**31 + 1
        client.pending[self._number] = device, command
        if len(client.pending) > MOST_PENDING:
            del client.pending[next(iter(client.pending))]
        return self._number

    def _result(self, client: Client, number: object, answer: object) -> list[Outgoing]:
        """Return the result of a command; nothing for an answer that nobody waits for."""
        number = int(number) if isinstance(number, str) and number.isdecimal() else number
        known = client.pending.pop(number, None) if isinstance(number, int) else None
        if known is None:
            self._say_once(f"{client.device}: an answer to no command that waits for one")
            return []
        device, command = known
        wrong = isinstance(answer, dict) and ("error" in answer or answer.get("success") is False)
        detail = msgspec.json.encode(answer).decode()[:MAX_TEXT]
        body = {"id": command, "ok": not wrong, "detail": detail}
        return [Outgoing(topic=topic_of(device, "command/result"), payload=msgspec.json.encode(body))]

    def _connect(self, client: Client, payload: bytes, *, online: bool) -> list[Outgoing]:
        name = _object(payload).get("device")
        if not isinstance(name, str) or not name:
            self._say_once(f"{client.device}: a connect or disconnect without `device`")
            return []
        device = self.device_of(client, name)
        if not online:
            client.behind.pop(device, None)
        elif len(client.behind) < MOST_BEHIND:
            client.behind[device] = name
        return [status_of(device, online=online)]

    def _answer(self, client: Client, topic: str, payload: bytes) -> None:
        """Answer what only wants an answer; attributes are for a server that keeps them, and are not kept."""
        if topic.startswith(ATTRIBUTE_REQUEST):
            client.tell(f"v1/devices/me/attributes/response/{topic.removeprefix(ATTRIBUTE_REQUEST)}", {})
        elif topic == "v1/gateway/attributes/request":
            body = _object(payload)
            client.tell(
                "v1/gateway/attributes/response",
                {"id": body.get("id"), "device": body.get("device"), "values": {}},
            )
        elif (number := _number_after(RPC_REQUESTS, topic)) is not None:
            form = RPC_RESPONSES[topic.startswith("v2/")]
            client.tell(f"{form}{number}", {"error": "this server answers no requests of devices"})
        else:
            self._say_once(f"{client.device}: messages on {topic[:100]!r} are acknowledged and not kept")

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < MOST_SAID:
            self._said.add(sentence)
            log.info("%s", sentence)

    async def check_all(self) -> None:
        """End the connections whose token is none any more, and learn the others' names anew."""
        for client in [client for clients in self.clients.values() for client in clients]:
            if await self.credentials.verify(client.token) != client.identity:
                log.warning("%s: its token is none any more", client.device)
                client.close()
            else:
                client.names = await self.credentials.names(client.device)


def _object(payload: bytes) -> dict[str, Any]:
    body = _any(payload)
    return body if isinstance(body, dict) else {}


def _any(payload: bytes) -> object:
    try:
        return read_json(payload)
    except ValueError:
        return None


def _number_after(forms: tuple[str, ...], topic: str) -> str | None:
    found = next((topic.removeprefix(form) for form in forms if topic.startswith(form)), "")
    return found if found.isascii() and found.isdigit() and len(found) <= 10 else None


def _expired(command: Mapping[str, Any]) -> bool:
    """Say whether a command came too late; one whose end can't be read is never delivered.

    `ttl_s` begins with the arrival, so the time left is all of it: devices of ThingsBoard get no limit.
    """
    ends = command.get("expires_at")
    try:
        if isinstance(ends, str):
            return datetime.fromisoformat(ends) <= datetime.now(UTC)
        return ends is not None and float(ends) <= time.time()
    except (TypeError, ValueError, OverflowError):
        return True
