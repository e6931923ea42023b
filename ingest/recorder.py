"""Write entries and come back only when they are safe in the database."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gridwatch.errors import StoreError, StoreUnavailable
from gridwatch.model import Severity
from gridwatch.store import Store
from gridwatch.store.entries import Accepted, Entry, Rejected
from gridwatch.store.intake import record
from gridwatch.wire import DECODER

log = logging.getLogger(__name__)

Result = TypeVar("Result")

RETRY_FIRST_S, RETRY_LAST_S = 0.2, 5.0


async def until_available(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do `work` again and again, with back-off, until the database is there for it."""
    wait_s = RETRY_FIRST_S
    while True:
        try:
            return await work()
        except StoreUnavailable as error:
            log.warning("the database is away, trying again in %.1f s: %s", wait_s, error)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, RETRY_LAST_S)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """An entry and the message it came from, kept for the case that the database refuses it."""

    entry: Entry
    topic: str
    payload: bytes


class Recorder:
    """The one door to the database for all that a collector takes in."""

    def __init__(self, store: Store, extra_alarms: Mapping[str, Severity]) -> None:
        self._store = store
        self._extra_alarms = extra_alarms

    async def record(self, batch: Sequence[Sent]) -> Counter[str]:
        """Write a batch. Waits while the database is away; what it refuses goes to quarantine, alone."""
        entries = [sent.entry for sent in batch]
        try:
            return await until_available(
                lambda: record(self._store, entries, extra_alarms=self._extra_alarms)
            )
        except StoreError as error:
            return await self._split(batch, error)

    async def _split(self, batch: Sequence[Sent], error: StoreError) -> Counter[str]:
        """Halve a refused batch until the one bad message is found; the others are stored."""
        if len(batch) > 1:
            middle = len(batch) // 2
            return await self.record(batch[:middle]) + await self.record(batch[middle:])
        sent = batch[0]
        if not isinstance(sent.entry, Accepted):
            raise error
        log.error("the database refused a message of %s: %s", sent.entry.known.device.id, error)
        rejected = Rejected(
            topic=sent.topic,
            payload=sent.payload,
            reason=f"the database refused it: {error}",
            decoder=DECODER,
            received_at=sent.entry.received_at,
            device=sent.entry.known.device.id,
        )
        return await self.record([Sent(entry=rejected, topic=sent.topic, payload=sent.payload)])
