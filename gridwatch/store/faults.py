"""What is wrong with the installation itself: kept while it is so, so that each is told once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from gridwatch.store.connection import Store, queries

SQL = queries("faults")

SILENT_FOR = timedelta(seconds=60)
"""A collector that was not heard of for so long is dead: it says every second that it is there."""

ARMED_WITHIN = timedelta(minutes=2)
"""A console says twice a minute that it can be heard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collectors:
    """How many collectors there are, and how many of them stopped without saying so."""

    known: int
    silent: int
    live: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something that the administrator is to be told: that it is so, or, with `over_at`, that it is over."""

    name: str
    since: datetime
    detail: Mapping[str, Any]
    over_at: datetime | None


async def count_collectors(store: Store) -> Collectors:
    """Return how the collectors are."""
    (row,) = await store.rows(SQL["collectors"], {"silent_for": SILENT_FOR})
    return Collectors(**row)


async def count_untaken(store: Store, failing_for: timedelta) -> int:
    """Return how much the channels of the installation were asked to tell so long ago, and did not take."""
    (row,) = await store.rows(SQL["untaken"], {"failing_for": failing_for})
    return int(row["untaken"])


async def armed_consoles(store: Store) -> int:
    """Return how many consoles are open whose sound is on."""
    (row,) = await store.rows(SQL["armed"], {"heard_within": ARMED_WITHIN})
    return int(row["armed"])


async def note_armed(store: Store, console: UUID, username: str) -> None:
    """Write down that a console can be heard now."""
    await store.execute(SQL["arm"], {"id": console, "username": username})


async def note_disarmed(store: Store, console: UUID) -> None:
    """Write down that a console can't be heard any more."""
    await store.execute(SQL["disarm"], {"id": console})


async def keep_faults(store: Store, found: Mapping[str, Mapping[str, Any]]) -> Sequence[Fault]:
    """Write down what is wrong now, by name; return what the administrator does not know yet."""
    async with store.transaction() as connection:
        for name, detail in found.items():
            await connection.execute(SQL["begin"], {"name": name, "detail": Jsonb(detail)})
        await connection.execute(SQL["over"], {"names": list(found)})
    return [Fault(**row) for row in await store.rows(SQL["to tell"])]


async def note_told(store: Store, fault: Fault) -> None:
    """Write down that the administrator knows; what is over is forgotten then."""
    await store.execute(SQL["told"], {"name": fault.name})
    await store.execute(SQL["forget"], {"name": fault.name})
