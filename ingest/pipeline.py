"""The straight line of readings: deliver, decode, detect, record, acknowledge.

An acknowledgement follows the commit, never goes before it. While one batch is being committed the next one
is decoded and judged.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from msgspec.structs import replace

from gridwatch.errors import UnreadableMessage
from gridwatch.model import DeviceFinding, Finding, Observation, Observations
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Concluded, Entry, Rejected, Skipped, not_registered
from gridwatch.wire import decode, sender_of
from ingest.broker import Delivery
from ingest.foreign import Foreign
from ingest.recorder import Recorder, until_available
from ingest.registry import Registry
from ingest.sensors import Sensors
from ingest.sequences import Sequences
from ingest.shares import Share
from ingest.timekeeper import Timekeeper

Item = TypeVar("Item")

BATCH = 2_000
LINGER_S = 0.005
"""How long a batch waits for company: enough for thousands a second, too short for a person to notice."""
WINDOW = 3 * BATCH
"""Messages in flight: one batch is being committed, one decoded, one on its way."""
SLICE, FELT = 50, 500
"""Messages decoded, and observations judged, at a stretch, about 1 ms: a commit waits for half a dozen
answers. 500 of one device take a tenth of a second."""


async def take_readings(
    session: Share,
    registry: Registry,
    clocks: Timekeeper,
    sensors: Sensors,
    recorder: Recorder,
    sequences: Sequences,
    foreign: Foreign,
) -> None:
    """Take in readings, states and results of one session, for ever."""
    async with asyncio.TaskGroup() as tasks:
        committing = tasks.create_task(asyncio.sleep(0))
        while True:
            deliveries = await session.batch(most=BATCH, linger_s=LINGER_S)
            ours, theirs = foreign.sort_out(deliveries)
            entries = await understand(ours, registry)
            entries += chain.from_iterable(await foreign.understand(theirs, registry))
            heard = observers(entries)
            await until_available(partial(clocks.prime, heard))
            await until_available(partial(sensors.prime, heard))
            entries = await detect(entries, clocks, sensors)
            entries += await refused_by(session, registry, foreign)
            await committing
            committing = tasks.create_task(commit(session, deliveries, entries, recorder, sequences))


async def commit(
    session: Share,
    deliveries: Sequence[Delivery],
    entries: Sequence[Entry],
    recorder: Recorder,
    sequences: Sequences,
) -> None:
    """Record what was delivered; then, and only then, let the broker forget it."""
    await recorder.record(entries)
    session.done(deliveries)
    sequences.note(entries)


async def understand(deliveries: Sequence[Delivery], registry: Registry) -> list[Entry]:
    """Decode deliveries; what can't be read, or comes from a stranger, is rejected with its reason."""
    senders = [sender_of(delivery.topic) for delivery in deliveries]
    known = await until_available(partial(registry.find, senders))
    sent = list(zip(deliveries, map(known.get, senders), strict=True))
    return await in_slices(lambda some: [_entry(*one) for one in some], sent, SLICE)


async def in_slices(
    work: Callable[[Sequence[Item]], Iterable[Entry]], items: Sequence[Item], size: int
) -> list[Entry]:
    """Work on items, so many at a stretch; let the batch that is being committed go on between slices."""
    done: list[Entry] = []
    for some in _slices(items, size):
        done += work(some)
        await asyncio.sleep(0)
    return done


def _slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[begin : begin + size] for begin in range(0, len(items), size))


def observers(entries: Sequence[Entry]) -> list[KnownDevice]:
    """Return the devices that sent observations."""
    return [entry.known for entry in entries if isinstance(entry, Accepted) and _observations(entry)]


async def detect(entries: Sequence[Entry], clocks: Timekeeper, sensors: Sensors) -> list[Entry]:
    """Let the devices' clocks and the sensor detectors judge what entries hold.

    A message may hold thousands of observations of one device, which are judged one after another: the
    heartbeat, the pictures and the batch that is being committed go on meanwhile.
    """
    done: list[Entry] = []
    for some in _slices(entries, FELT):
        felt: dict[int, Sequence[Finding]] = {}
        begin = 0
        for observations in _slices(list(chain.from_iterable(map(_observations, some))), FELT):
            felt |= {begin + index: found for index, found in sensors.feel(observations).items()}
            begin += len(observations)
            await asyncio.sleep(0)
        done += _judged(some, felt, clocks)
    return done


def _judged(
    entries: Sequence[Entry], felt: Mapping[int, Sequence[Finding]], clocks: Timekeeper
) -> Iterator[Entry]:
    """Yield entries with what their clocks and sensors told, the latter by the index of the observation."""
    begin = 0
    for entry in entries:
        observations = _observations(entry)
        if not (observations and isinstance(entry, Accepted)):
            yield _told(entry)
            continue
        flags, findings = clocks.check(entry.known, observations, entry.received_at)
        end = begin + len(observations)
        if felt:
            findings = [*findings, *chain.from_iterable(felt.get(index, ()) for index in range(begin, end))]
        begin = end
        if findings or flags:
            concluded = tuple(Concluded(finding=finding) for finding in findings)
            yield replace(entry, flags=flags, concluded=concluded)
        else:
            yield entry


def _observations(entry: Entry) -> Sequence[Observation]:
    if isinstance(entry, Accepted) and isinstance(entry.message, Observations):
        return entry.message.items
    return ()


def _told(entry: Entry) -> Entry:
    """Let a finding without pictures, that came among the readings, stand as it was told."""
    if isinstance(entry, Accepted) and isinstance(entry.message, DeviceFinding):
        return replace(entry, concluded=(Concluded(finding=entry.message.finding),))
    return entry


async def refused_by(session: Share, registry: Registry, foreign: Foreign) -> list[Skipped]:
    """Return the QoS 0 messages that a session had no room for, counted as skipped."""
    refused = session.take_refused()
    if not refused:
        return []
    ours = [sender_of(topic) for topic in refused if foreign.is_native(topic)]
    theirs = [foreign.sender(topic) for topic in refused if not foreign.is_native(topic)]
    known = await until_available(partial(registry.find, ours))
    known |= await until_available(partial(registry.find_by_source, theirs))
    return [Skipped(known=known.get(foreign.sender(topic))) for topic in refused.elements()]


def _entry(delivery: Delivery, known: KnownDevice | None) -> Entry:
    topic, payload, received_at = delivery.topic, delivery.payload, delivery.received_at
    try:
        message = decode(topic, payload, received_at=received_at)
    except UnreadableMessage as error:
        return _rejected(delivery, str(error), known)
    if known is None:
        return _rejected(delivery, not_registered(message.device), known)
    return Accepted(known=known, message=message, received_at=received_at, topic=topic, payload=payload)


def _rejected(delivery: Delivery, reason: str, known: KnownDevice | None) -> Rejected:
    return Rejected(
        known=known,
        topic=delivery.topic,
        payload=delivery.payload,
        reason=reason,
        received_at=delivery.received_at,
        named=sender_of(delivery.topic) or None,
    )
