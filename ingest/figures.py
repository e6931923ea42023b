"""What a collector counts of its own work, told to the database for `/metrics`: it serves no HTTP itself."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from gridwatch.errors import StoreError
from gridwatch.store import Store
from gridwatch.store.broker import forgot, write_incident
from gridwatch.store.collectors import tell_figures
from gridwatch.store.entries import Entry, Skipped
from ingest.broker import Session

log = logging.getLogger(__name__)

TELL_EVERY_S = 2.0


@dataclass(slots=True)
class Figures:
    """Counted since the collector began; `taken` in and `booked` differ where the books would not balance."""

    batches: int = 0
    taken: int = 0
    booked: int = 0
    commit_s: float = 0.0
    slowest_commit_s: float = 0.0
    late_s: float = 0.0
    """How long the first message of the last batch was here when it was committed."""

    def committed(self, batch: Sequence[Entry], booked: int, *, took_s: float) -> None:
        """Count a batch that was committed just now; `booked` messages of it stand in the books."""
        self.batches += 1
        self.taken += len(batch)
        self.booked += booked
        self.commit_s += took_s
        self.slowest_commit_s = max(self.slowest_commit_s, took_s)
        for entry in batch[:1]:
            if not isinstance(entry, Skipped):
                self.late_s = (datetime.now(UTC) - entry.received_at).total_seconds()


async def tell(store: Store, client_id: str, figures: Figures, sessions: Sequence[Session]) -> None:
    """Tell the figures, and which sessions the broker forgot, for ever."""
    known = dict.fromkeys((session.client_id for session in sessions), 0)
    while True:
        try:
            await tell_figures(store, client_id, asdict(figures))
            for session in sessions:
                if (lost := session.forgotten - known[session.client_id]) > 0:
                    await write_incident(store, forgot(datetime.now(UTC), session.client_id, lost))
                    known[session.client_id] += lost
        except StoreError as error:
            log.debug("the figures are not told: %s", error)
        await asyncio.sleep(TELL_EVERY_S)
