"""Messages that could not be read."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gridwatch.errors import NotFound
from gridwatch.store.connection import Row, Store, queries
from gridwatch.store.keeping import GB, WARN_SHARE, Fill, note_fill, read_fill

log = logging.getLogger(__name__)

SQL = queries("quarantine")

LEFT_SHARE = 0.9
"""Of the quota, left when it was passed: else every turn would sort all messages for a few bytes."""


async def list_quarantine(store: Store, *, all_: bool = False, after: int = 0, limit: int = 100) -> list[Row]:
    """Return a page of messages without their payloads, oldest first; `all_`: replayed ones too."""
    return await store.rows(SQL["list"], {"all": all_, "after": after, "limit": limit})


async def newest_quarantined(
    store: Store, *, all_: bool = False, before: int | None = None, limit: int = 100
) -> list[Row]:
    """Return a page of messages with the beginning of their payloads, newest first; `all_`: replayed too."""
    return await store.rows(SQL["newest"], {"all": all_, "before": before, "limit": limit})


async def want_replay(store: Store, messages: Sequence[int]) -> list[int]:
    """Have messages published again by a collector, within seconds; return those that waited."""
    return [row["id"] for row in await store.rows(SQL["want replay"], {"ids": list(messages)})]


async def get_quarantined(store: Store, message: int) -> Row:
    """Return one quarantined message with its payload; raise NotFound."""
    row = await store.row(SQL["show"], {"id": message})
    if row is None:
        raise NotFound(f"no message {message} in quarantine")
    return row


@asynccontextmanager
async def take_out(store: Store, message: int) -> AsyncIterator[Row]:
    """Lend a message for publishing it again; it counts as replayed when the block ends well.

    Raises NotFound where it is not waiting. The mark is in place before a collector can put the same message
    back, for it has to wait for this transaction.
    """
    async with store.transaction() as connection:
        row = await (await connection.execute(SQL["take out"], {"id": message})).fetchone()
        if row is None:
            raise NotFound(f"no message {message} waits in quarantine")
        yield row


async def quarantine_usage(store: Store) -> tuple[Fill, Fill] | None:
    """Return how near the quarantine is to its limits of size and of age; None before it was measured.

    The fill by age counts the messages that wait; its share is the age of the oldest of them.
    """
    size, age = await read_fill(store, "quarantine"), await read_fill(store, "quarantine age")
    return None if size is None or age is None else (size, age)


async def bound_quarantine(store: Store, *, keep_days: float, quota_gb: float) -> None:
    """Drop what is older than `keep_days`, then what does not fit into `quota_gb`; warn at 80 % of each.

    No message that waits is dropped by the turn that warns first. Whoever sent most loses first, so that a
    flood from one sender pushes out nobody else's messages.
    """
    weight = await store.row(SQL["weigh"]) or {}
    quota, old = round(quota_gb * GB), weight["oldest_days"] / keep_days
    full = weight["bytes"] / quota
    size_warned = await note_fill(
        store, "quarantine", count=weight["count"], bytes_=weight["bytes"], quota_bytes=quota, share=full
    )
    age_warned = await note_fill(
        store, "quarantine age", count=weight["waiting"], bytes_=weight["bytes"], quota_bytes=None, share=old
    )
    if (full >= WARN_SHARE and not size_warned) or (old >= WARN_SHARE and not age_warned):
        log.warning(
            "quarantine takes %.3f of %g GB, its oldest message is %.1f of %g days old: beyond, messages are "
            "dropped; replay them, or raise GRIDWATCH_QUARANTINE_GB or GRIDWATCH_QUARANTINE_DAYS",
            *(weight["bytes"] / GB, quota_gb, weight["oldest_days"], keep_days),
        )
    _tell("age", await store.rows(SQL["drop by age"], {"days": keep_days, "waiting": age_warned}))
    if size_warned and full > 1:
        excess = weight["bytes"] - LEFT_SHARE * quota
        _tell("size", await store.rows(SQL["drop for room"], {"excess": excess}))


async def dropped_so_far(store: Store) -> Row | None:
    """Return messages, replayed (of those), bytes, first_at and last_at of all that was ever dropped."""
    return await store.row(SQL["dropped"])


def _tell(limit: str, drops: Sequence[Row]) -> None:
    for drop in drops:
        log.warning(
            "quarantine dropped %d messages of %s by %s, %d bytes, received from %s to %s; %d were replayed",
            *(drop["messages"], drop["sender"] or "devices that are not registered", limit, drop["bytes"]),
            *(drop["first_at"], drop["last_at"], drop["replayed"]),
        )
