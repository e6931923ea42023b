"""One MQTT session as an async iterator of deliveries, made again whenever its connection breaks.

A persistent session with QoS 1 and acknowledgements when we say so: what was delivered and not acknowledged
comes again, also after a kill. MQTT wants acknowledgements in the order of receipt, so the longest finished
prefix is acknowledged. The receive window bounds what is in flight; QoS 0 messages, which no window bounds,
are refused past `MAX_WAITING` and `MAX_HELD_BYTES`, and counted.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Self

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import BrokerError
from ingest.connection import KEEPALIVE_S, Connection, NotGreeted, connected
from ingest.packets import UNSUPPORTED_VERSION, Delivery, Version, acknowledge, connect, reason_text

__all__ = ["Delivery", "Session"]

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps the messages of a collector that is away (MQTT 5)."""
RECONNECT_MIN_S, RECONNECT_MAX_S = 0.1, 10.0
"""A broker that was killed may have forgotten us: what comes before we subscribe again is lost."""
LASTED_S = 2.0
"""After a connection that lasted this long, or on which anything was acknowledged, the next comes without a
longer wait: on a line that breaks every second the stream still gets through."""
MAX_PACKET_BYTES = 64 * 1024 * 1024 + 1024
"""What Mosquitto is configured to take, a clip of half a minute, and what it adds for a subscriber. It would
drop a larger message, which it acknowledged, and (2.0.11) never give its place in the window back."""
MAX_WAITING = 5_000
MAX_HELD_BYTES = 128 * 1024 * 1024
"""Deliveries not yet taken, and bytes taken or not that are not done: past either QoS 0 is refused, past
twice that nothing is read until there is room. Only QoS 1 comes that far, from a broker without a window."""


class Session:
    """One MQTT session: take batches of deliveries from it, call `done` once they are committed."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        topics: Sequence[str],
        window: int,
        no_longer: Sequence[str] = (),
    ) -> None:
        self.client_id = client_id
        self.subscribed = False
        self.connections = 0
        """How many there were: between two of them somebody else may have had this session."""
        self.forgotten = 0
        """How often the broker had no memory of this session: what it had not saved is lost."""
        self._address = address
        self._topics = topics
        self._no_longer = no_longer
        self._window = window
        self._waiting: deque[Delivery] = deque()
        self._held_bytes = 0
        self._arrived = asyncio.Event()
        self._refused: Counter[str] = Counter()
        self._unacknowledged: deque[Delivery] = deque()
        self._version = Version.V5
        self._speaks_five = False
        self._connection: Connection | None = None
        self._paused = False
        self._known = False
        self._trouble = ""
        self._got_on = False
        self._keeper = asyncio.create_task(self._keep_connected(), name=f"mqtt {client_id}")
        self._keeper.add_done_callback(lambda _: self._arrived.set())

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, client_id: str, topics: Sequence[str], window: int, no_longer: Sequence[str] = ()
    ) -> AsyncIterator[Self]:
        """Connect in the background, again and again with back-off; a broker that is away is no error.

        `no_longer`: topics that the session may be subscribed to from before, and shall not be.
        """
        session = cls(BrokerAddress.parse(url), client_id, topics, window, no_longer)
        try:
            yield session
        finally:
            session._keeper.cancel()
            await asyncio.gather(session._keeper, return_exceptions=True)

    async def batch(self, *, most: int, linger_s: float) -> list[Delivery]:
        """Wait for deliveries; return up to `most`, those that came within `linger_s` of the first.

        Raises BrokerError when what keeps the connection died of something that no reconnect mends.
        """
        while not self._waiting:
            if self._keeper.done():
                raise BrokerError(f"the MQTT client {self.client_id} ended") from self._keeper.exception()
            self._arrived.clear()
            await self._arrived.wait()
        if len(self._waiting) < most and linger_s:
            await asyncio.sleep(linger_s)
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._resume_with_room()
        return taken

    def done(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as committed; acknowledge the longest finished prefix, in the order of receipt."""
        for delivery in deliveries:
            if not delivery.done:
                delivery.done = True
                self._held_bytes -= len(delivery.payload)
        unacknowledged = self._unacknowledged
        packet_ids = []
        while unacknowledged and unacknowledged[0].done:
            packet_ids.append(unacknowledged.popleft().packet_id)
        if packet_ids and self._connection is not None:
            self._connection.write(acknowledge(packet_ids))
            self._got_on = True
        self._resume_with_room()

    def take_refused(self) -> Counter[str]:
        """Return how many QoS 0 messages were refused, by topic, since the last call."""
        refused, self._refused = self._refused, Counter()
        return refused

    async def _keep_connected(self) -> None:
        """Connect, serve and wait, with longer waits while connections don't last."""
        loop = asyncio.get_running_loop()
        pause_s = RECONNECT_MIN_S
        while True:
            began, self._got_on = loop.time(), False
            try:
                await self._serve_one_connection()
            except BrokerError as error:
                self._say(str(error))
            if self._got_on or loop.time() - began > LASTED_S:
                pause_s = RECONNECT_MIN_S
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - so that many don't come at once
            pause_s = min(2 * pause_s, RECONNECT_MAX_S)

    async def _serve_one_connection(self) -> None:
        """Connect, subscribe, and stay until the connection ends; raises BrokerError that says why."""
        connection = await connected(
            self._address, self._version, most_bytes=MAX_PACKET_BYTES, deliver=self._take
        )
        self._connection = connection
        self.connections += 1
        try:
            await self._greet(connection)
            if self._no_longer:
                connection.unsubscribe(self._no_longer)
            refused = await connection.subscribe(self._topics)
            if refused:
                log.error("the broker refused a subscription of %s: %s", self.client_id, ", ".join(refused))
            self.subscribed = not refused
            raise BrokerError(f"the connection ended: {await connection.until_ended()}")
        finally:
            self._connection = None
            self.subscribed = self._paused = False
            # What this connection brought can't be acknowledged any more, and comes again.
            self._unacknowledged.clear()
            await connection.close()

    async def _greet(self, connection: Connection) -> None:
        """Introduce ourselves; raises BrokerError when the broker does not take us."""
        packet = connect(
            self._version,
            self.client_id,
            keepalive_s=KEEPALIVE_S,
            session_expiry_s=SESSION_EXPIRY_S,
            window=self._window,
            most_bytes=MAX_PACKET_BYTES,
            username=self._address.username,
            password=self._address.password,
        )
        try:
            greeting = await connection.greet(packet)
        except NotGreeted:
            self._try_other_version()
            raise
        if greeting.reason:
            if greeting.reason in UNSUPPORTED_VERSION:
                self._try_other_version()
            raise BrokerError(f"the broker refused us: {reason_text(greeting.reason)}")
        if self._known and not greeting.session_present:
            self.forgotten += 1
            log.error(
                "the broker has no memory of the session %s: what it had not saved is lost", self.client_id
            )
        self._known = True
        self._speaks_five |= self._version is Version.V5
        self._trouble = ""
        connection.stay(greeting.keepalive_s)
        log.info("%s is connected with MQTT %s", self.client_id, self._version)

    def _try_other_version(self) -> None:
        """Try the other version next, unless the broker spoke MQTT 5 before: then it is only slow."""
        if self._speaks_five:
            return
        self._version = Version.V311 if self._version is Version.V5 else Version.V5
        log.info("trying MQTT %s for %s", self._version, self.client_id)

    def _say(self, trouble: str) -> None:
        """Warn of a trouble once, however often it comes in a row."""
        if trouble != self._trouble:
            log.warning("%s: %s; trying again", self.client_id, trouble)
        self._trouble = trouble

    def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.qos:
                self._unacknowledged.append(delivery)
            elif self._is_past(1):
                self._refused[delivery.topic] += 1
                continue
            self._waiting.append(delivery)
            self._held_bytes += len(delivery.payload)
        self._arrived.set()
        if self._connection is not None and not self._paused and self._is_past(2):
            self._paused = True
            self._connection.pause()

    def _resume_with_room(self) -> None:
        if self._connection is not None and self._paused and not self._is_past(1):
            self._paused = False
            self._connection.resume()

    def _is_past(self, times: int) -> bool:
        return len(self._waiting) >= times * MAX_WAITING or self._held_bytes >= times * MAX_HELD_BYTES
