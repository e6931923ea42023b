"""Which messages of an MQTT session are its slot's own: those of its share of the devices.

Every session receives every message; slot s of n works on those of devices with crc32(device) mod n = s and
acknowledges the others at once. No message falls between two slots while n grows:

* A new slot n works with n + 1 from its first message on. Once its sessions are subscribed, and all slots
  before it have joined, it publishes a marker that every session receives.
* An older session counts with n before the marker and with n + 1 after it. The broker keeps its order: what
  follows the marker in one session came to the broker after the new slot's subscription and so reaches that
  one too. Up to the marker the older slots do all the work among themselves.
* A session passes the marker when all before it is committed, and writes its number down before it
  acknowledges the marker. Whoever opens it next goes on with that number and meets no older message undone.

Around the marker both may work on a message: identity makes the second one harmless.
"""

import asyncio
import logging
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
from uuid import UUID

import aiomqtt

from gridwatch.broker_address import BrokerAddress
from gridwatch.store import Store
from gridwatch.store.collectors import join, joining, pass_marker, shares_of
from ingest.broker import Delivery, Session
from ingest.foreign import NATIVE
from ingest.recorder import until_available

log = logging.getLogger(__name__)

MARKER = "gw/collectors/shares"
"""Topic of the markers; the payload is the token of the slot that joins."""

SETTLE_S = 0.5
"""From the subscription to the marker, for brokers that deliver with many threads."""
LOOK_S = 0.2
AGAIN_S = 30.0
PUBLISH_TIMEOUT_S = 10


class Share:
    """A session's own messages: take batches from it and call `done`, as with the session itself."""

    def __init__(
        self,
        session: Session,
        store: Store,
        slot: int,
        *,
        sender: Callable[[str], str],
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """Share a session's messages by whom their topics name.

        `sender` tells whom a topic of a foreign format names. `moved` is called when from here on the slot
        has other devices than before.
        """
        self._session = session
        self._store = store
        self._slot = slot
        self._sender = sender
        self._moved = moved
        self._shares = slot + 1
        self._connections = 0
        self._waiting: deque[Delivery] = deque()
        self._unfinished = 0
        self._finished = asyncio.Event()

    async def batch(self, *, most: int, linger_s: float) -> list[Delivery]:
        """Wait for deliveries of our share; return up to `most`. The others are acknowledged."""
        while True:
            if not self._waiting:
                self._waiting.extend(await self._session.batch(most=most, linger_s=linger_s))
            if self._connections != self._session.connections:
                await self._look_up(self._session.connections)
            if self._waiting[0].topic == MARKER:
                await self._pass(self._waiting.popleft())
            elif mine := self._take():
                self._unfinished += len(mine)
                return mine

    def done(self, deliveries: Iterable[Delivery]) -> None:
        """Mark deliveries as committed."""
        finished = list(deliveries)
        self._session.done(finished)
        self._unfinished -= len(finished)
        if not self._unfinished:
            self._finished.set()

    def take_refused(self) -> Counter[str]:
        """Return how many QoS 0 messages of our share were refused, by topic, since the last call."""
        refused = self._session.take_refused()
        return Counter({topic: count for topic, count in refused.items() if self._is_mine(topic)})

    def _take(self) -> list[Delivery]:
        """Take our share of what waits, up to a marker; let the rest go."""
        taken = []
        while self._waiting and self._waiting[0].topic != MARKER:
            taken.append(self._waiting.popleft())
        if self._shares == 1:
            return taken
        mine: list[Delivery] = []
        others: list[Delivery] = []
        for delivery in taken:
            (mine if self._is_mine(delivery.topic) else others).append(delivery)
        self._session.done(others)
        return mine

    def _is_mine(self, topic: str) -> bool:
        """Tell by the part of the topic that names a device, also where that is none."""
        native = topic.split("/", 3)[2:3] if topic.startswith(NATIVE) else ()
        device = native[0] if native else self._sender(topic) or topic
        return zlib.crc32(device.encode(errors="replace")) % self._shares == self._slot

    async def _look_up(self, connections: int) -> None:
        """Read the number anew: while we were cut off, somebody else may have passed a marker for us."""
        shares = await until_available(
            lambda: shares_of(self._store, self._session.client_id, at_first=self._slot + 1)
        )
        self._begin(shares)
        self._connections = connections

    async def _pass(self, marker: Delivery) -> None:
        """Wait until all before a marker is committed, write the new number down, acknowledge the marker."""
        while self._unfinished:
            self._finished.clear()
            await self._finished.wait()
        token = _token(marker.payload)
        if token is not None:
            shares = await until_available(lambda: pass_marker(self._store, self._session.client_id, token))
            self._begin(shares or self._shares)
        self._session.done([marker])

    def _begin(self, shares: int) -> None:
        if shares != self._shares:
            log.info("%s shares the work with %d others from here on", self._session.client_id, shares - 1)
            self._shares = shares
            self._moved()


async def join_the_work(
    store: Store, address: BrokerAddress, installation: str, slot: int, subscribed: Callable[[], bool]
) -> None:
    """Publish the marker of a slot that never joined, and again while a session has not met it, for ever.

    A broker that crashes may lose a marker.
    """
    while True:
        standing = await until_available(partial(joining, store, installation, slot))
        if standing.joined:
            if standing.behind:
                await _publish_marker(address, standing.token)
            await asyncio.sleep(AGAIN_S)
        elif standing.may_join and subscribed():
            await asyncio.sleep(SETTLE_S)
            # With the first slot all is as it was.
            if slot == 0 or await _publish_marker(address, standing.token):
                await until_available(partial(join, store, installation, slot))
        else:
            await asyncio.sleep(LOOK_S)


async def _publish_marker(address: BrokerAddress, token: UUID) -> bool:
    try:
        async with address.client(
            timeout=PUBLISH_TIMEOUT_S,
        ) as client:
            await client.publish(MARKER, str(token), qos=1)
    except aiomqtt.MqttError as error:
        log.warning("the broker does not take %s, trying again: %s", MARKER, error)
        return False
    return True


def _token(payload: bytes) -> UUID | None:
    try:
        return UUID(payload.decode("ascii"))
    except ValueError:
        return None
