"""The foreign formats of an installation: whose topic is whose, and messages that become entries of ours."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from gridwatch.errors import UnreadableMessage
from gridwatch.formats import ChirpStack, Formats, Frigate, Sparkplug
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Entry, Rejected, not_registered
from gridwatch.wire import sender_of
from ingest.adapter import Adapter, Heard
from ingest.broker import Delivery
from ingest.chirpstack import ChirpStackAdapter
from ingest.frigate import FrigateAdapter
from ingest.links import Links
from ingest.rebirths import Rebirths
from ingest.recorder import until_available
from ingest.registry import Registry
from ingest.snapshots import Access
from ingest.sparkplug import SparkplugAdapter

NATIVE = "gw/"
"""What all topics of our own begin with."""

UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, OSError, RecursionError)
"""What a payload may raise, however hostile: such a message goes to quarantine. OSError: a time that no C
library knows."""

SLICE = 50
"""Messages read at a stretch, about 1 ms."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A delivery, and what it says of which devices, or why it can't be read."""

    delivery: Delivery
    adapter: Adapter | None
    heard: Sequence[Heard] = ()
    reason: str = ""


class Foreign:
    """The adapters that the settings name, and the way of their messages."""

    def __init__(
        self, adapters: Sequence[Adapter], rebirths: Rebirths, fetched_from: Sequence[Access] = ()
    ) -> None:
        """`fetched_from`: the systems that pictures may be fetched from."""
        self._adapters = adapters
        self.rebirths = rebirths
        self.fetched_from = fetched_from
        self.links = Links()
        self.readings = [topic for adapter in adapters for topic in adapter.readings]
        self.media = [topic for adapter in adapters for topic in adapter.media]
        known: list[Adapter] = [
            ChirpStackAdapter(ChirpStack()),
            FrigateAdapter(Frigate.model_validate({})),
            SparkplugAdapter(Sparkplug(), rebirths.note),
        ]
        wanted = {*self.readings, *self.media}
        self.no_longer = sorted({topic for one in known for topic in (*one.readings, *one.media)} - wanted)
        """Topics of formats that may have been listened to before: a session at the broker remembers them."""

    @classmethod
    def of(cls, formats: Formats) -> "Foreign":
        """Return what the settings ask for; raise SettingsError for a secret that can't be read."""
        adapters: list[Adapter] = []
        rebirths = Rebirths()
        if formats.chirpstack is not None:
            adapters.append(ChirpStackAdapter(formats.chirpstack))
        if formats.sparkplug is not None:
            adapters.append(SparkplugAdapter(formats.sparkplug, rebirths.note))
        adapters += [FrigateAdapter(one) for one in formats.frigate]
        return cls(adapters, rebirths, [Access.of(one) for one in formats.frigate if one.snapshots])

    def sender(self, topic: str) -> str:
        """Return the device or gateway that a topic names, native or foreign; nothing where it names none."""
        if self.is_native(topic):
            return sender_of(topic)
        return next(filter(None, (adapter.sender(topic) for adapter in self._adapters)), "")

    def is_native(self, topic: str) -> bool:
        """Tell whether a topic is for no adapter here."""
        return not self._adapters or topic.startswith(NATIVE)

    def sort_out(self, deliveries: Sequence[Delivery]) -> tuple[Sequence[Delivery], Sequence[Delivery]]:
        """Return our own messages, and those for an adapter."""
        if not self._adapters:
            return deliveries, ()
        ours = [delivery for delivery in deliveries if delivery.topic.startswith(NATIVE)]
        if len(ours) == len(deliveries):
            return deliveries, ()
        return ours, [delivery for delivery in deliveries if not delivery.topic.startswith(NATIVE)]

    async def understand(self, deliveries: Sequence[Delivery], registry: Registry) -> list[list[Entry]]:
        """Read foreign messages: for each its entries, one for every device that it speaks for."""
        read = []
        for begin in range(0, len(deliveries), SLICE):
            read += [self._read(delivery) for delivery in deliveries[begin : begin + SLICE]]
            await asyncio.sleep(0)
        sources = {source for one in read for source in self._sources(one)}
        known = await until_available(partial(registry.find_by_source, sources))
        return [self._entries(one, known) for one in read]

    def _read(self, delivery: Delivery) -> _Read:
        topic = delivery.topic
        adapter = next((one for one in self._adapters if one.sender(topic) is not None), None)
        if adapter is None:
            return _Read(delivery, None, reason=f"topic {topic[:120]!r} is of no format that is listened to")
        try:
            heard = adapter.read(topic, delivery.payload, delivery.received_at)
        except (*UNREADABLE, UnreadableMessage) as error:
            return _Read(delivery, adapter, reason=str(error))
        return _Read(delivery, adapter, heard)

    def _sources(self, read: _Read) -> Iterable[str]:
        return [heard.source for heard in read.heard] or [self.sender(read.delivery.topic)]

    def _entries(self, read: _Read, known: dict[str, KnownDevice]) -> list[Entry]:
        if not read.heard:
            source = self.sender(read.delivery.topic)
            return [_rejected(read, read.reason, source, known.get(source))]
        return [self._entry(read, heard, known.get(heard.source)) for heard in read.heard]

    def _entry(self, read: _Read, heard: Heard, known: KnownDevice | None) -> Entry:
        if known is not None:
            self.links.note(known.device, heard.gateways)
        return _entry(read, heard, known)


def _entry(read: _Read, heard: Heard, known: KnownDevice | None) -> Entry:
    if known is None:
        return _rejected(read, not_registered(heard.source), heard.source, None)
    delivery = read.delivery
    try:
        message = heard.message(known.device)
    except UNREADABLE as error:
        return _rejected(read, str(error), heard.source, known)
    return Accepted(
        known=known,
        message=message,
        received_at=delivery.received_at,
        topic=delivery.topic,
        payload=delivery.payload,
    )


def _rejected(read: _Read, reason: str, source: str, known: KnownDevice | None) -> Rejected:
    delivery = read.delivery
    return Rejected(
        known=known,
        topic=delivery.topic,
        payload=delivery.payload,
        reason=reason,
        received_at=delivery.received_at,
        named=known.device.id if known else source,
        **({} if read.adapter is None else {"decoder": read.adapter.name}),
    )
