"""How far each device's clock is ahead, kept across restarts of the collectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gridwatch.store.connection import Store, queries

SQL = queries("clocks")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptClock:
    """A device's clock as it was last written; `sure`: its skew can't be that of a queue."""

    key: int
    skew_s: float
    sure: bool
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockChange:
    """What there is to write of a device's clock; `jumped_at` only where it jumped since the last writing."""

    key: int
    skew_s: float
    sure: bool
    jumped_at: datetime | None


async def load_clocks(store: Store, keys: Sequence[int]) -> list[KeptClock]:
    """Return the clocks of those devices that have one; raise StoreUnavailable."""
    rows = await store.rows(SQL["load"], {"keys": list(keys)})
    return [KeptClock(**row) for row in rows]


async def keep_clocks(store: Store, changes: Sequence[ClockChange]) -> None:
    """Write changed clocks; those of devices that are gone are left out."""
    given = {
        "keys": [change.key for change in changes],
        "skews": [change.skew_s for change in changes],
        "sures": [change.sure for change in changes],
        "jumped_ats": [change.jumped_at for change in changes],
    }
    await store.execute(SQL["keep"], given)
