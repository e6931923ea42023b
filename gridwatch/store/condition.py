"""How the installation fares: its collectors, the totals of its books, its alerts by state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridwatch.store.connection import Store, queries
from gridwatch.store.keeping import Fill, read_fill

SQL = queries("condition")

CLOCK_OFF_S = 60.0
"""A device's clock that is further off makes the times of its readings misleading."""
LATELY = timedelta(days=1)

HEARTBEAT_WITHIN_S = 5.0
"""A collector that was silent for longer does not count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertCount:
    """How many alerts of a scene are in a state."""

    scene: str
    state: str
    simulated: bool
    drill: bool
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerCondition:
    """How the database server is set up, and its clock."""

    version: int
    free_connections: int
    safe_writes: bool
    synchronous_commit: str
    now: datetime
    timescale_there: bool
    timescale_used: bool


async def server_condition(store: Store) -> ServerCondition:
    """Return how the server is set up; raise StoreUnavailable."""
    (row,) = await store.rows(SQL["server"])
    return ServerCondition(**row)


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


async def unbalanced_devices(store: Store) -> int:
    """Return how many devices' books do not balance: any is a fault of ours."""
    row = await store.row(SQL["unbalanced"])
    return int(row["devices"]) if row else 0


async def clocks_off(store: Store) -> tuple[int, int]:
    """Return how many devices' clocks are off by more than CLOCK_OFF_S, and how many were set lately."""
    row = await store.row(SQL["clocks"], {"off_s": CLOCK_OFF_S, "lately": LATELY})
    return (row["off"], row["jumped"]) if row else (0, 0)


async def failed_chores(store: Store) -> Mapping[str, str]:
    """Return what failed at its last turn, and why."""
    return {row["name"]: row["error"] for row in await store.rows(SQL["failed chores"])}


async def fills(store: Store) -> Mapping[str, Fill]:
    """Return how full quarantine (by size and by age) and evidence were when they were last measured."""
    names = ("quarantine", "quarantine age", "evidence")
    measured = {name: await read_fill(store, name) for name in names}
    return {name: fill for name, fill in measured.items() if fill is not None}


async def collector_figures(store: Store) -> Mapping[str, Mapping[str, float]]:
    """Return what the living collectors count of their own work, by their names."""
    rows = await store.rows(SQL["figures"], {"within_s": HEARTBEAT_WITHIN_S})
    return {row["client_id"]: row["figures"] for row in rows}
