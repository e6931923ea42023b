"""Gaps in the numbers that devices count up: messages that were sent and have not come."""

from dataclasses import dataclass
from datetime import datetime

from gridwatch.store.connection import Store, queries

SQL = queries("gaps")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Numbers from `first` to `last` of which `missing` have not come; the device's time before and after."""

    device: str
    first: int
    last: int
    missing: int
    after_at: datetime
    before_at: datetime
    found_at: datetime


async def open_gaps(store: Store, *, device: str | None = None, limit: int = 10_000) -> list[Gap]:
    """Return the gaps that are open, of one device or of all."""
    return [Gap(**row) for row in await store.rows(SQL["open"], {"device": device, "limit": limit})]


async def gap_totals(store: Store) -> tuple[int, int]:
    """Return how many gaps are open, and how many messages are missing in them."""
    row = await store.row(SQL["totals"])
    return (row["gaps"], row["missing"]) if row else (0, 0)
