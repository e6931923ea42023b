"""Write entries and come back only when they are safe in the database."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from gridwatch.errors import StoreError, StoreUnavailable
from gridwatch.model import Severity
from gridwatch.store import Store
from gridwatch.store.entries import Accepted, Entry
from gridwatch.store.intake import Intake
from ingest.figures import Figures

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


class Recorder:
    """The one door to the database for all that a collector takes in."""

    def __init__(
        self,
        store: Store,
        extra_alarms: Mapping[str, Severity],
        *,
        heard: Callable[[Sequence[Entry]], None],
    ) -> None:
        """Write into `store`; `heard` is told of each batch once it is safe."""
        self.figures = Figures()
        self._heard = heard
        self._intake = Intake(store, extra_alarms)

    async def record(self, batch: Sequence[Entry]) -> None:
        """Write a batch. Waits while the database is away; what it refuses goes to quarantine, alone."""
        began_s = time.monotonic()
        try:
            booked = await until_available(partial(self._intake.record, batch))
        except StoreError as error:
            await self._split(batch, error)
        else:
            self.figures.committed(batch, booked.total(), took_s=time.monotonic() - began_s)
            self._heard(batch)

    async def _split(self, batch: Sequence[Entry], error: StoreError) -> None:
        """Halve a refused batch until the one bad message is found; the others are stored."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self.record(batch[:middle])
            await self.record(batch[middle:])
            return
        (entry,) = batch
        if not isinstance(entry, Accepted):
            raise error
        log.error("the database refused a message of %s: %s", entry.known.device.id, error)
        await self.record([entry.rejected(f"the database refused it: {error}")])
