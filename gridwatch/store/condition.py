"""How the installation fares: its collectors, the totals of its books, its alerts by state."""

from collections.abc import Mapping
from dataclasses import dataclass

from gridwatch.store.connection import Store, queries

SQL = queries("condition")

HEARTBEAT_WITHIN_S = 5.0
"""A collector that was silent for longer does not count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertCount:
    """How many alerts of a scene are in a state."""

    scene: str
    state: str
    simulated: bool
    count: int


async def live_collectors(store: Store) -> int:
    """Return how many collectors are subscribed and have been heard of lately."""
    row = await store.row(SQL["collectors"], {"within_s": HEARTBEAT_WITHIN_S})
    return int(row["live"]) if row else 0


async def books_totals(store: Store) -> Mapping[str, int]:
    """Return what became of all messages: received, stored, duplicate, quarantined, skipped."""
    return await store.row(SQL["books"]) or {}


async def alert_counts(store: Store) -> list[AlertCount]:
    """Return how many alerts there are by scene and state."""
    return [AlertCount(**row) for row in await store.rows(SQL["alerts"])]
