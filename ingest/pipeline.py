"""The straight line of readings: deliver, decode, detect, record, acknowledge.

An acknowledgement follows the commit, never goes before it.
"""

from collections.abc import Sequence
from functools import partial

from gridwatch.errors import UnreadableMessage
from gridwatch.model import Observations
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Concluded, Entry, Rejected
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
        await recorder.record(sent_as(deliveries, entries))
        session.done(deliveries)


async def understand(deliveries: Sequence[Delivery], registry: Registry) -> list[Entry]:
    """Decode deliveries; what can't be read, or comes from a stranger, is rejected with its reason."""
    senders = {device for device in map(_sender, deliveries) if device is not None}
    known = await until_available(partial(registry.find, senders))
    return [_entry(delivery, known.get(_sender(delivery) or "")) for delivery in deliveries]


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
    return Accepted(
        known=entry.known,
        message=entry.message,
        received_at=entry.received_at,
        concluded=tuple(Concluded(finding=finding) for finding in findings),
    )


def sent_as(deliveries: Sequence[Delivery], entries: Sequence[Entry]) -> list[Sent]:
    """Keep each entry beside the message it came from."""
    return [
        Sent(entry=entry, topic=delivery.topic, payload=delivery.payload)
        for delivery, entry in zip(deliveries, entries, strict=True)
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


def _sender(delivery: Delivery) -> str | None:
    try:
        return device_of(delivery.topic)
    except UnreadableMessage:
        return None


def _entry(delivery: Delivery, known: KnownDevice | None) -> Entry:
    try:
        message = decode(delivery.topic, delivery.payload, received_at=delivery.received_at)
    except UnreadableMessage as error:
        return rejected(delivery, str(error), known)
    if known is None:
        return rejected(delivery, f"device {message.device!r} is not registered", None)
    return Accepted(known=known, message=message, received_at=delivery.received_at)
