"""Commands from the database to the devices that they are for.

No command reaches a device after its time: what is over is not published, the broker is told how long a
message lasts (MQTT 5), and where it can't be told, or seconds are left, QoS 0 is used, which waits for
nobody. Nothing is retained. A device that counts as offline is left alone until it says `online`, or anything
else; one that did not say anything for a while gets its commands when it is heard again. Each message says
how long it still lasts when it is sent, for devices without a clock.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gridwatch.broker_address import BrokerAddress
from gridwatch.commands import HOLD_LONGEST_S, Action
from gridwatch.errors import StoreError
from gridwatch.model import Status
from gridwatch.store import Store
from gridwatch.store.commands import (
    AT_ONCE,
    CHANNEL,
    Due,
    devices_with_commands,
    expire_commands,
    note_not_sent,
    note_sent,
    take_due,
    wake_commands,
)
from gridwatch.store.entries import Accepted, Entry
from gridwatch.wire import Command, topic_of

log = logging.getLogger(__name__)

PAHO_LOG = logging.getLogger(f"{__name__}.paho")
PAHO_LOG.setLevel(logging.CRITICAL)
"""That the broker is away is told by the sessions."""

LOOK_S = 1.0
"""What is due by the clock is found so late; what is new, or wakes a device, at once."""

SILENT_S = 5.0
"""A device that was silent for so long may have been away."""

PUBLISH_TIMEOUT_S = 5.0
RECONNECT_S = 1.0
LISTEN_S = 60.0
LONGEST_REASON = 200


class Outbox:
    """Publishes commands for one process, and notices when a device is heard that has open ones."""

    def __init__(self, store: Store, address: BrokerAddress) -> None:
        self._store = store
        self._address = address
        self._heard_s: dict[int, float] = {}
        """When each device with open commands was heard last, by our clock."""
        self._offline: set[int] = set()
        """Those of them that count as offline: their first word, and one every few seconds, is a return."""
        self._returned: set[int] = set()
        self._wake = asyncio.Event()
        self._speaks_five = False

    def heard(self, entries: Iterable[Entry]) -> None:
        """Notice the devices of messages that were just recorded."""
        if not self._heard_s:
            return
        now_s = time.monotonic()
        for entry in entries:
            if not isinstance(entry, Accepted) or entry.known.key not in self._heard_s:
                continue
            if isinstance(entry.message, Status) and not entry.message.online:
                continue
            key = entry.known.key
            was_silent = now_s - self._heard_s[key] >= SILENT_S
            if was_silent:
                self._returned.add(key)
                self._wake.set()
            if was_silent or key not in self._offline:
                self._heard_s[key] = now_s

    async def run(self) -> None:
        """Publish what is due, for ever; waits for a broker or a database that is away."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="new commands")
            while True:
                await self._connect(aiomqtt.ProtocolVersion.V5)
                if not self._speaks_five:
                    await self._connect(aiomqtt.ProtocolVersion.V311)
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._store.listen(CHANNEL, wait_s=LISTEN_S):
                    self._wake.set()
            except StoreError as error:
                log.warning("new commands are not heard of, trying again: %s", error)
                await asyncio.sleep(RECONNECT_S)

    async def _connect(self, version: aiomqtt.ProtocolVersion) -> None:
        """Publish as long as one connection lasts; one that never comes about is no error."""
        client = self._address.client(
            protocol=version,
            timeout=PUBLISH_TIMEOUT_S,
            logger=PAHO_LOG,
        )
        try:
            async with client:
                self._speaks_five |= version is aiomqtt.ProtocolVersion.V5
                gone = asyncio.create_task(_until_gone(client), name="connection of the outbox")
                gone.add_done_callback(lambda _: self._wake.set())
                try:
                    await self._publish_until(gone, client, expires=version is aiomqtt.ProtocolVersion.V5)
                finally:
                    gone.cancel()
                    await asyncio.gather(gone, return_exceptions=True)
        except aiomqtt.MqttError as error:
            log.debug("commands wait for the broker: %s", error)

    async def _publish_until(
        self, gone: asyncio.Task[None], client: aiomqtt.Client, *, expires: bool
    ) -> None:
        while not gone.done():
            try:
                await self._turn(client, expires=expires)
            except StoreError as error:
                log.warning("commands wait for the database: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _turn(self, client: aiomqtt.Client, *, expires: bool) -> None:
        """Publish what is due now; raises MqttError when the broker did not take all of it."""
        self._watch(await devices_with_commands(self._store))
        if not self._heard_s:
            return
        if returned := frozenset(self._returned):
            await wake_commands(self._store, returned)
            self._returned -= returned
        await expire_commands(self._store)
        asked_s = time.monotonic()
        due = await take_due(self._store)
        if not due:
            return
        work = (_publish(client, one, asked_s=asked_s, expires=expires) for one in due)
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        await self._note(due, outcomes)

    def _watch(self, open_: Mapping[int, bool]) -> None:
        """Watch the devices that have open commands; offline ones are back with their first word."""
        now_s = time.monotonic()
        offline = {key for key, is_offline in open_.items() if is_offline}
        new_offline, self._offline = offline - self._offline, offline
        self._heard_s = {
            key: -math.inf if key in new_offline else self._heard_s.get(key, now_s) for key in open_
        }

    async def _note(self, due: Sequence[Due], outcomes: Sequence[int | BaseException | None]) -> None:
        """Write down what was sent and what was not; raise what kept the broker from taking the rest."""
        pairs = list(zip(due, outcomes, strict=True))
        if sent := [(one.id, qos) for one, qos in pairs if isinstance(qos, int)]:
            await note_sent(self._store, sent)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures:
            ids = [one.id for one, outcome in pairs if isinstance(outcome, BaseException)]
            await note_not_sent(
                self._store, ids, f"the broker did not take it: {failures[0]}"[:LONGEST_REASON]
            )
            raise failures[0]
        if len(due) == AT_ONCE:
            self._wake.set()


async def _until_gone(client: aiomqtt.Client) -> None:
    """Return when the connection breaks."""
    with contextlib.suppress(aiomqtt.MqttError):
        async for _ in client.messages:
            pass


async def _publish(client: aiomqtt.Client, due: Due, *, asked_s: float, expires: bool) -> int | None:
    """Publish one command; return with which QoS, None where its time is over."""
    longest_s = HOLD_LONGEST_S if due.action == Action.HOLD_OPEN else math.inf
    left_s = min(due.left_s, longest_s) - (time.monotonic() - asked_s)
    if left_s <= 0:
        return None
    # The broker counts whole seconds, and lets one more pass.
    lasts_s = math.floor(left_s) - 1
    qos = due.qos if expires and lasts_s >= 1 else 0
    properties = None
    if qos:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = lasts_s
    await client.publish(
        topic_of(due.device, "command"),
        _message(due, left_s).encoded(),
        qos,
        retain=False,
        properties=properties,
    )
    return qos


def _message(due: Due, left_s: float) -> Command:
    return Command(
        id=due.id,
        seq=due.seq,
        action=due.action,
        ttl_s=math.floor(left_s * 1000) / 1000,
        expires_at=due.expires_at.timestamp(),
        params=due.params,
    )
