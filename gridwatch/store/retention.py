"""How long each class of data is kept; what is older goes in batches that hold nobody up.

With TimescaleDB whole days of readings and hours are dropped at once, and days that are over are compressed.
Evidence and quarantine have limits of their own.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from gridwatch.store.connection import Store, queries
from gridwatch.store.hourly import has_timescale

log = logging.getLogger(__name__)

SQL = queries("retention")

BATCH = 10_000
"""Rows that one statement deletes: some tens of milliseconds."""

KEEP_MEDIA = timedelta(days=30)
"""Identities of frames and clips: as long as a camera may send one again."""
KEEP_CLOSED_GAPS = timedelta(days=90)
KEEP_TOLD = timedelta(days=30)
"""Messages to other systems that were taken or put aside."""
KEEP_REQUESTS = timedelta(days=30)
"""Of phones, by which one that is sent again is known: for longer than a phone lies in a drawer."""
COMPRESS_AFTER = timedelta(days=2)
"""Of a day of readings, counted from its end: nearly all that comes late has come, and people mostly ask for
what is younger. What comes later still lies beside the compressed rows and joins them at the next turn."""


async def drop_old(store: Store, *, keep_readings: timedelta, keep_aggregates: timedelta) -> None:
    """Delete what is older than its class is kept; the log says how much of each."""
    now = datetime.now(UTC)
    readings, aggregates = _midnight(now - keep_readings), _midnight(now - keep_aggregates)
    # First the mark: no hour is summed up from readings that are being dropped.
    await store.execute(SQL["keep readings from"], {"before": readings})
    drops: list[tuple[LiteralString, datetime]] = [
        ("lift states", readings),
        ("command results", readings),
        ("commands", readings),
        ("doubts", readings),
        ("media", now - KEEP_MEDIA),
        ("closed gaps", now - KEEP_CLOSED_GAPS),
        ("webhook messages", now - KEEP_TOLD),
        ("done requests", now - KEEP_REQUESTS),
        ("notifications", aggregates),
        ("calls", aggregates),
        ("alert changes", aggregates),
    ]
    if await has_timescale(store):
        _say("readings", await _drop_chunks(store, "gridwatch.reading", readings), "days")
        _say("hours", await _drop_chunks(store, "gridwatch.reading_by_hour", aggregates), "chunks")
    else:
        drops += [("readings", readings), ("message readings", readings), ("hours", aggregates)]
    for name, before in drops:
        _say(name, await _delete(store, SQL[name], {"before": before, "batch": BATCH}), "rows")


async def compress(store: Store) -> None:
    """Compress days of readings that are over, and what came late into compressed ones."""
    if not await has_timescale(store):
        return
    for row in await store.rows(SQL["to compress"], {"before": datetime.now(UTC) - COMPRESS_AFTER}):
        await store.execute(SQL["compress"], row)
        log.info("compressed readings of the day from %s", row["begins_at"])


async def _drop_chunks(store: Store, relation: str, before: datetime) -> int:
    return len(await store.rows(SQL["drop chunks"], {"relation": relation, "before": before}))


async def _delete(store: Store, statement: LiteralString, parameters: Mapping[str, Any]) -> int:
    deleted = 0
    while count := await store.execute(statement, parameters):
        deleted += count
    return deleted


def _say(what: str, count: int, unit: str) -> None:
    if count:
        log.info("dropped %d %s of %s that were kept long enough", count, unit, what)


def _midnight(moment: datetime) -> datetime:
    """Return the begin of its day in UTC: a day of readings is kept whole or not at all."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
