"""The straight line of readings: deliver, decode, detect, record, acknowledge.

An acknowledgement follows the commit, never goes before it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from gridwatch.errors import UnreadableMessage
from gridwatch.model import Observations
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import UNREGISTERED, Accepted, Concluded, Entry, Rejected, Skipped
from gridwatch.wire import DECODER, decode, device_of
from ingest.broker import Delivery, Session
from ingest.recorder import Recorder, Sent, until_available
from ingest.registry import Registry
from ingest.sensors import Sensors

BATCH = 2_000
LINGER_S = 0.005
"""How long a batch waits for company: enough for thousands a second, too short for a person to notice."""


async def take_readings(session: Session, registry: Registry, sensors: Sensors, recorder: Recorder) -> None:
    """Take in readings, states and results of one session, for ever."""
    while True:
        deliveries = await session.batch(most=BATCH, linger_s=LINGER_S)
        entries = await understand(deliveries, registry)
        await until_available(partial(sensors.prime, observers(entries)))
        entries = [detect(entry, sensors) for entry in entries]
        await recorder.record([*sent_as(deliveries, entries), *await refused_by(session, registry)])
        session.done(deliveries)


async def understand(deliveries: Sequence[Delivery], registry: Registry) -> list[Entry]:
    """Decode deliveries; what can't be read, or comes from a stranger, is rejected with its reason."""
    senders = {sender(delivery.topic) for delivery in deliveries} - {UNREGISTERED}
    known = await until_available(partial(registry.find, senders))
    return [_entry(delivery, known.get(sender(delivery.topic))) for delivery in deliveries]


def observers(entries: Sequence[Entry]) -> list[KnownDevice]:
    """Return the devices that sent observations."""
    return [e.known for e in entries if isinstance(e, Accepted) and isinstance(e.message, Observations)]


def detect(entry: Entry, sensors: Sensors) -> Entry:
    """Let the sensor detectors judge what an entry holds."""
    if not (isinstance(entry, Accepted) and isinstance(entry.message, Observations)):
        return entry
    findings = sensors.feel(entry.known.device.id, entry.message.items)
    if not findings:
        return entry
    return replace(entry, concluded=tuple(Concluded(finding=finding) for finding in findings))


def sent_as(deliveries: Sequence[Delivery], entries: Sequence[Entry]) -> list[Sent]:
    """Keep each entry beside the message it came from."""
    return [
        Sent(entry=entry, topic=delivery.topic, payload=delivery.payload)
        for delivery, entry in zip(deliveries, entries, strict=True)
    ]


async def refused_by(session: Session, registry: Registry) -> list[Sent]:
    """Return the QoS 0 messages that a session had no room for, counted as skipped."""
    refused = session.take_refused()
    if not refused:
        return []
    known = await until_available(partial(registry.find, map(sender, refused)))
    return [
        Sent(
            entry=Skipped(device=device if device in known else UNREGISTERED, count=count),
            topic=topic,
            payload=b"",
        )
        for topic, count in refused.items()
        for device in [sender(topic)]
    ]


def rejected(delivery: Delivery, reason: str, known: KnownDevice | None) -> Rejected:
    """Return the entry of a delivery that goes to quarantine."""
    return Rejected(
        topic=delivery.topic,
        payload=delivery.payload,
        reason=reason,
        decoder=DECODER,
        received_at=delivery.received_at,
        device=known.device.id if known else "",
    )


def sender(topic: str) -> str:
    """Return the device that a topic names, UNREGISTERED where it names none."""
    try:
        return device_of(topic)
    except UnreadableMessage:
        return UNREGISTERED


def _entry(delivery: Delivery, known: KnownDevice | None) -> Entry:
    try:
        message = decode(delivery.topic, delivery.payload, received_at=delivery.received_at)
    except UnreadableMessage as error:
        return rejected(delivery, str(error), known)
    if known is None:
        return rejected(delivery, f"device {message.device!r} is not registered", None)
    return Accepted(known=known, message=message, received_at=delivery.received_at)
