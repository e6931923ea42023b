"""One MQTT session as an async iterator of deliveries; the only module that speaks paho.

A persistent session with QoS 1 and manual acknowledgement: what was delivered and not acknowledged comes
again, also after a kill. MQTT wants acknowledgements in the order of receipt, so the longest finished prefix
is acknowledged. The receive window bounds what is in flight; QoS 0 messages, which no window bounds, are
refused past `MAX_WAITING` and counted.
"""

import asyncio
import logging
import ssl
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import BrokerError

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps the messages of a collector that is away (MQTT 5)."""
RECONNECT_MIN_S, RECONNECT_MAX_S = 1, 10
STOP_TIMEOUT_S = 3.0
GREETING_WITHIN_S = 3.0
"""amqtt does not refuse an MQTT 5 client: it never answers."""
MAX_WAITING = 5_000
MAX_WAITING_BYTES = 256 * 1024 * 1024
"""Between the network and the pipeline; QoS 0 messages past either are refused, QoS 1 has its window."""
MAX_PACKET_BYTES = 64 * 1024 * 1024
"""A clip of half a minute; larger messages are cut off by the broker."""


@dataclass(eq=False, kw_only=True, slots=True)
class Delivery:
    """One message as the broker delivered it; `done` marks that it may be acknowledged."""

    topic: str
    payload: bytes
    qos: int
    received_at: datetime
    mid: int
    connection: int
    """Which connection brought it: what an earlier one brought can't be acknowledged any more."""
    done: bool = False


class Session:
    """One MQTT session: take batches of deliveries from it, call `done` once they are committed.

    paho runs in a thread of its own; everything else happens in the event loop. MQTT 5 and 3.1.1 are tried
    in turn until the broker accepts one.
    """

    def __init__(self, address: BrokerAddress, client_id: str, topics: Sequence[str], window: int) -> None:
        self.client_id = client_id
        self.subscribed = False
        self._address = address
        self._topics = topics
        self._window = window
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Delivery] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._failure: BaseException | None = None
        self._refused: Counter[str] = Counter()
        self._unacknowledged: deque[Delivery] = deque()
        self._connection = 0
        self._greeted = False
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._closing = False
        self._client, self._thread = self._start()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, client_id: str, topics: Sequence[str], window: int
    ) -> AsyncIterator[Self]:
        """Connect in the background, again and again with back-off; a broker that is away is no error."""
        session = cls(BrokerAddress.parse(url), client_id, topics, window)
        try:
            yield session
        finally:
            session._closing = True
            await session._stop()

    async def batch(self, *, most: int, linger_s: float) -> list[Delivery]:
        """Wait for deliveries; return up to `most`, those that came within `linger_s` of the first.

        Raises BrokerError when the connection's thread died of something that no reconnect mends.
        """
        while not self._waiting:
            if self._failure is not None:
                raise BrokerError(f"the MQTT client {self.client_id} ended") from self._failure
            self._arrived.clear()
            await self._arrived.wait()
        if len(self._waiting) < most and linger_s:
            await asyncio.sleep(linger_s)
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._waiting_bytes -= sum(len(delivery.payload) for delivery in taken)
        return taken

    def done(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as committed; acknowledge the longest finished prefix, in the order of receipt."""
        for delivery in deliveries:
            delivery.done = True
        while self._unacknowledged and self._unacknowledged[0].done:
            delivery = self._unacknowledged.popleft()
            if delivery.connection == self._connection:
                self._client.ack(delivery.mid, delivery.qos)

    def take_refused(self) -> Counter[str]:
        """Return how many QoS 0 messages were refused, by topic, since the last call."""
        refused, self._refused = self._refused, Counter()
        return refused

    def _start(self) -> tuple[paho.Client, threading.Thread]:
        """Start a client in a thread of its own; it connects by itself, with back-off."""
        client = self._new_client()
        options: dict[str, Any] = {}
        if self._protocol is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = self._window
            properties.MaximumPacketSize = MAX_PACKET_BYTES
            options = {"clean_start": False, "properties": properties}
        client.connect_async(self._address.host, self._address.port, KEEPALIVE_S, **options)
        thread = threading.Thread(
            target=self._run, args=(client,), name=f"mqtt {self.client_id}", daemon=True
        )
        thread.start()
        self._loop.call_later(GREETING_WITHIN_S, self._check_greeting, client)
        return client, thread

    def _run(self, client: paho.Client) -> None:
        try:
            client.loop_forever(retry_first_connection=True)
        except BaseException as error:  # noqa: BLE001 - whatever ends this thread must end the collector
            self._loop.call_soon_threadsafe(self._fail, error)

    async def _stop(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._thread.join, STOP_TIMEOUT_S)

    def _new_client(self) -> paho.Client:
        five = self._protocol is MQTTProtocolVersion.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            protocol=self._protocol,
            clean_session=None if five else False,
            manual_ack=True,
        )
        client.reconnect_delay_set(RECONNECT_MIN_S, RECONNECT_MAX_S)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    # The callbacks run in paho's thread: they hand over to the event loop and return.

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refused %s: %s", self.client_id, reason)
            return
        self._connection += 1
        self._greeted = True
        self._loop.call_soon_threadsafe(self._begin)
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_disconnect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        greeted, self._greeted = self._greeted, False
        if greeted and not self._closing:
            log.warning("the connection of %s ended: %s", self.client_id, reason)
        self._loop.call_soon_threadsafe(self._end, client, greeted)

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            log.error("the broker refused a subscription of %s: %s", self.client_id, ", ".join(refused))
        self._loop.call_soon_threadsafe(setattr, self, "subscribed", not refused)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        delivery = Delivery(
            topic=topic,
            payload=bytes(message.payload),
            qos=message.qos,
            received_at=datetime.now(UTC),
            mid=message.mid,
            connection=self._connection,
        )
        self._loop.call_soon_threadsafe(self._take, delivery)

    # From here on again in the event loop.

    def _begin(self) -> None:
        """Forget what an earlier connection brought: it can't be acknowledged now and comes again."""
        while self._unacknowledged and self._unacknowledged[0].connection != self._connection:
            self._unacknowledged.popleft()

    def _end(self, client: paho.Client, greeted: bool) -> None:
        if self._closing or client is not self._client:
            return
        self.subscribed = False
        if not greeted:
            client.disconnect()
            self._loop.call_later(RECONNECT_MIN_S, self._try_other_version, client)

    def _check_greeting(self, client: paho.Client) -> None:
        if self._closing or client is not self._client or self._connection:
            return
        if client.socket() is None:
            self._loop.call_later(GREETING_WITHIN_S, self._check_greeting, client)
        else:
            client.disconnect()
            self._try_other_version(client)

    def _try_other_version(self, client: paho.Client) -> None:
        if self._closing or client is not self._client:
            return
        five = self._protocol is MQTTProtocolVersion.MQTTv5
        self._protocol = MQTTProtocolVersion.MQTTv311 if five else MQTTProtocolVersion.MQTTv5
        log.info(
            "no greeting for %s from the broker; trying MQTT %s", self.client_id, "3.1.1" if five else "5"
        )
        self._client, self._thread = self._start()

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self._arrived.set()

    def _take(self, delivery: Delivery) -> None:
        if delivery.qos == 0 and self._is_full():
            self._refused[delivery.topic] += 1
            return
        self._waiting.append(delivery)
        self._waiting_bytes += len(delivery.payload)
        if delivery.qos:
            self._unacknowledged.append(delivery)
        self._arrived.set()

    def _is_full(self) -> bool:
        return len(self._waiting) >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES
