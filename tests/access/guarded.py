"""A real Mosquitto that strangers reach, with a database that says who may come in, and its doorkeeper."""

import asyncio
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import (
    COLLECTOR,
    PLUGIN_STATE,
    as_ourselves,
    find_plugin,
    own_url,
    own_users,
)
from gridwatch.cli.guarded_broker import write_guarded
from gridwatch.cli.up.broker import find_mosquitto, mosquitto_command
from gridwatch.model import Device, DeviceKind
from gridwatch.private_ca import Issued, PrivateCa, write_private
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.credentials import NewCredential, issue_certificate, rotate_secret
from gridwatch.store.devices import add_devices
from ingest.door import Door
from ingest.sessions import Saved, Sessions
from ingest.watchman import Watchman
from tests.api.serving import at_store
from tests.servers import accepts, end, free_port, wait_until

Answer = TypeVar("Answer")

MOST_PER_S = 50.0


class Guarded:
    """The broker, its doorkeeper, and what a test needs to come in."""

    def __init__(self, folder: Path, database_url: str, *, may_restart: bool = False) -> None:
        self._may_restart = may_restart
        self.database_url = database_url
        self.folder = folder / "broker"
        self.ca = PrivateCa(folder / "ca")
        self.inner, self.passwords, self.certificates = free_port(), free_port(), free_port()
        self._door: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._command: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="doorkeeper of a test")

    def start(self) -> None:
        """Start the broker, then its doorkeeper."""
        program, plugin = find_mosquitto(), find_plugin()
        if program is None or plugin is None:
            pytest.skip("needs Mosquitto with its dynamic security plugin: make setup says how")
        settings = read_settings(
            data_dir=self.folder.parent,
            mqtt_host="127.0.0.1",
            mqtt_port=self.inner,
            mqtts_port=self.passwords,
            mqtt_certificate_port=self.certificates,
        )
        self._command = mosquitto_command(
            program,
            # To its standard output Mosquitto writes when it has much to say, to a file line by line.
            write_guarded(
                settings,
                self.folder,
                options=[*as_ourselves(), f"log_dest file {self.folder / 'mosquitto.log'}"],
            ),
        )
        self._start_broker()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open_door(), self._loop).result(30)

    def _start_broker(self) -> None:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        self._process = process
        wait_until(lambda: process.poll() is not None or accepts(self.inner), what="the broker accepts")
        assert process.poll() is None, (self.folder / "log").read_text()

    def restart_broker(self) -> None:
        """Stop the broker in order and start it again."""
        assert self._process is not None
        end(self._process, signal.SIGTERM)
        self._start_broker()

    def has_ended_by_itself(self, within_s: float = 2.0) -> bool:
        """Say whether the broker ends in order without us, soon."""
        assert self._process is not None
        try:
            return self._process.wait(within_s) == 0
        except subprocess.TimeoutExpired:
            return False

    def start_broker_again(self) -> None:
        """Start a broker that has ended."""
        self._start_broker()

    async def _open_door(self) -> None:
        async def keep() -> None:
            async with Store.open(self.database_url, connections=3) as store:
                address = BrokerAddress(host="127.0.0.1", port=self.inner, tls=False)
                watchman = Watchman(store, most_per_s=MOST_PER_S, extra_alarms={})
                door = Door(
                    store,
                    self.folder,
                    self.ca,
                    address,
                    watchman,
                    installation="gridwatch",
                    may_restart=self._may_restart,
                )
                await door.keep()

        self._door = asyncio.create_task(keep(), name="door")

    def stop(self) -> None:
        """Stop both."""

        async def shut() -> None:
            if self._door is not None:
                self._door.cancel()
                await asyncio.wait([self._door])

        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(shut(), self._loop).result(30)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()
        if self._process is not None:
            end(self._process, signal.SIGTERM)

    @property
    def url(self) -> str:
        """Return its address for a collector."""
        return own_url(self.folder, COLLECTOR, "127.0.0.1", self.inner)

    @property
    def log(self) -> str:
        """Return what the broker wrote."""
        return (self.folder / "mosquitto.log").read_text()

    @property
    def plugin_state(self) -> str:
        """Return what the dynamic security plugin keeps."""
        return (self.folder / PLUGIN_STATE).read_text()

    def stored(self, work: Callable[[Store], Awaitable[Answer]]) -> Answer:
        """Do something with the database."""
        return at_store(self.database_url, work)

    def register(self, *devices: str) -> None:
        """Register devices."""
        sensors = [Device(id=id, scene="fire", kind=DeviceKind.SENSOR) for id in devices]
        self.stored(lambda store: add_devices(store, sensors))

    def admit(self, device: str, *, overlap: timedelta = timedelta(hours=1)) -> "Guest":
        """Give a device a secret, and connect it as soon as the broker knows of it."""
        credential = self.stored(lambda store: rotate_secret(store, device, actor="test", overlap=overlap))
        return self.connected(credential)

    def connected(self, credential: NewCredential) -> "Guest":
        """Connect with a secret as soon as the broker lets it in."""
        guests: list[Guest] = []

        def is_in() -> bool:
            guest = Guest(self.passwords, credential.username, credential.secret, tls=self.trust())
            if guest.is_in:
                guests.append(guest)
                return True
            # Each attempt leaves file numbers behind for a while, and paho bears none beyond 1024.
            time.sleep(0.2)
            return guest.leave()

        wait_until(is_in, what=f"{credential.username} is let in")
        return guests[-1]

    def certify(self, device: str, days: int = 1) -> tuple[str, Issued]:
        """Give a device a certificate; return its username too."""
        signed: list[Issued] = []

        def sign(username: str) -> tuple[str, datetime]:
            signed.append(self.ca.issue_client(username, days=days))
            return signed[0].serial, signed[0].ends_at

        name = self.stored(lambda store: issue_certificate(store, device, sign, actor="test"))
        return name, signed[0]

    def trust(self, issued: Issued | None = None) -> ssl.SSLContext:
        """Return what a client brings to TLS: trust in our authority, and a certificate where it has one."""
        context = ssl.create_default_context(cafile=str(self.ca.certificate))
        if issued is not None:
            file = self.folder.parent / f"{issued.serial}.pem"
            write_private(file, issued.certificate + (issued.key or b""))
            context.load_cert_chain(file)
        return context

    def collector(self, kept: str = "") -> "Guest":
        """Connect as one of our own processes; `kept`: the id of a session that outlives the connection."""
        return Guest(
            self.inner, COLLECTOR, own_users(self.folder)[COLLECTOR].secret, id=kept, kept=bool(kept)
        )


class Guest:
    """An MQTT client that remembers what it was told."""

    def __init__(
        self,
        port: int,
        username: str | None = None,
        secret: str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        id: str = "",
        kept: bool = False,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answers: dict[int, list[str]] = {}
        self.greeting: str | None = None
        self.gone: str | None = None
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=id, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        if username is not None:
            client.username_pw_set(username, secret)
        if tls is not None:
            client.tls_set_context(tls)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )
        client.on_subscribe = lambda _client, _data, mid, codes, _properties: self._answer(mid, codes)
        client.on_publish = lambda _client, _data, mid, code, _properties: self._answer(mid, [code])
        try:
            client.connect("127.0.0.1", port, 30, clean_start=not kept, properties=_session(kept))
        except (OSError, ssl.SSLError) as error:
            self.gone = self.greeting = str(error)
            return
        client.loop_start()
        wait_until(lambda: self.greeting is not None or self.gone is not None, what="an answer of the broker")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def is_in(self) -> bool:
        """Say whether it is connected."""
        return self.greeting == "Success" and self.gone is None

    def subscribe(self, topic: str) -> str:
        """Subscribe and return the broker's answer."""
        _, mid = self._client.subscribe(topic, 1)
        return self._wait(mid or 0)

    def publishes(self, topic: str, payload: bytes = b"42") -> bool:
        """Publish with QoS 1 and say whether the broker takes it.

        Debian's Mosquitto ends the connection of whom it refuses.
        """
        answer = self._wait(self._client.publish(topic, payload, 1).mid)
        return answer in ("Success", "No matching subscribers")

    def pour(self, topic: str, payload: bytes, count: int) -> None:
        """Publish many times without waiting."""
        for _ in range(count):
            self._client.publish(topic, payload, 0)

    def leave(self) -> bool:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
        return False

    def _wait(self, mid: int) -> str:
        wait_until(lambda: mid in self.answers or self.gone is not None, what="an answer of the broker")
        return self.answers[mid][0] if mid in self.answers else "gone"

    def _answer(self, mid: int, codes: Any) -> None:
        self.answers[mid] = [str(code) for code in codes]

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, code: Any, _: Properties | None
    ) -> None:
        self.greeting = str(code)

    def _on_disconnect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _: Any) -> None:
        self.gone = str(code)
        client.loop_stop()


def _session(kept: bool) -> Properties:
    """Return for how long the broker keeps a session whose connection ended."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600 if kept else 0
    return properties


def ended_again(lines: Sequence[str], *saved: str) -> list[str]:
    """Return whose sessions a log says were ended although they were away."""
    sessions = Sessions(saved={name: Saved(username=name, expires_after_s=60) for name in saved})
    return [name for line in lines if (name := sessions.hear(line)) is not None]


def shake_hands(port: int, version: ssl.TLSVersion, context: ssl.SSLContext) -> str:
    """Return the version of TLS that a listener agrees to when it is offered no newer one, or its refusal."""
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
        ):
            return wrapped.version() or ""
    except ssl.SSLError as error:
        return error.reason or ""
