"""How long evidence is kept, what nothing may delete, and how full the stores are.

Evidence goes row first: its row moves into the log of deletions, and only then its file. What is killed in
between leaves a file that no row shows but the log names, and the next sweep removes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("keeping")

UNRESOLVED = "unresolved"
"""The class of what shows an alert that nobody resolved: no age deletes it, and the quota takes it last."""

LEAST_PROTECTED_FIRST = ("simulated", "original", "event", "alert", UNRESOLVED)

LOG_KEPT = timedelta(days=3 * 365)
"""The log of deletions; it holds no personal data."""

WARN_SHARE = 0.8

GB = 10**9

Target: TypeAlias = UUID | int
"""What is held: one event by its id, or an alert by its number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """How full a store is. `share` is the part of its limit that is used, 1.0 at the limit."""

    count: int
    bytes: int
    quota_bytes: int | None
    share: float
    measured_at: datetime
    warned_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """A file that an event showed until now, with the class it had. `bytes` is its size."""

    sha256: str
    media_type: str
    bytes: int
    class_: str


async def evidence_usage(store: Store) -> Fill | None:
    """Return how full the evidence was when it was last measured; None before the first time."""
    return await read_fill(store, "evidence")


async def read_fill(store: Store, name: str) -> Fill | None:
    """Return what `note_fill` wrote last under a name."""
    row = await store.row(SQL["fill"], {"name": name})
    return None if row is None else Fill(**row)


async def note_fill(
    store: Store, name: str, *, count: int, bytes_: int, quota_bytes: int | None, share: float
) -> bool:
    """Write down how full a store is; tell whether it was too full at an earlier turn already.

    Only who hears yes may drop something: that turn warned people.
    """
    given = {"name": name, "count": count, "bytes": bytes_, "quota_bytes": quota_bytes, "share": share}
    row = await store.row(SQL["note fill"], {**given, "warn": share >= WARN_SHARE})
    return row is not None and bool(row["warned_before"])


async def measure_evidence(store: Store) -> tuple[int, int]:
    """Return how many files of evidence there are, and their bytes."""
    row = await store.row(SQL["measure"])
    return (row["count"], row["bytes"]) if row else (0, 0)


async def evidence_by_class(store: Store) -> list[Row]:
    """Return count, bytes and oldest of each class, what is held apart; a shared file counts in each."""
    return await store.rows(SQL["by class"])


async def list_evidence(
    store: Store, target: Target | None = None, *, held: bool = False, limit: int = 100
) -> list[Row]:
    """Return files of evidence with their class, oldest first; `held`: only those that are."""
    return await store.rows(SQL["list"], {**_named(target), "held": held, "limit": limit})


async def drop_by_age(store: Store, keep_days: Mapping[str, float], *, limit: int) -> list[Dropped]:
    """Take out the oldest evidence that is past the days of its class, at most `limit` files."""
    given = {"classes": list(keep_days), "days": list(keep_days.values()), "limit": limit}
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        return _dropped(await (await connection.execute(SQL["drop by age"], given)).fetchall())


async def drop_for_room(store: Store, excess_bytes: int, *, limit: int) -> list[Dropped]:
    """Take out the oldest of the least protected class until `excess_bytes` are free; at most `limit`."""
    given = {"classes": list(LEAST_PROTECTED_FIRST), "excess": excess_bytes, "limit": limit}
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        return _dropped(await (await connection.execute(SQL["drop for room"], given)).fetchall())


async def files_shown(store: Store, files: Sequence[str]) -> set[str]:
    """Return those of `files` (SHA-256) that an event shows."""
    return {row["sha256"] for row in await store.rows(SQL["shown"], {"files": list(files)})}


async def files_shown_between(store: Store, first: str, beyond: str) -> dict[tuple[str, str], int]:
    """Return the size of each file (SHA-256, media type) shown by an event, first ≤ SHA-256 < beyond."""
    rows = await store.rows(SQL["shown between"], {"first": first, "beyond": beyond})
    return {(row["sha256"], row["media_type"]): row["size"] for row in rows}


async def files_deleted(store: Store, files: Sequence[str]) -> set[str]:
    """Return those of `files` (SHA-256) that the log of deletions names."""
    return {row["sha256"] for row in await store.rows(SQL["deleted"], {"files": list(files)})}


async def find_deletion(
    store: Store, event: UUID, *, position: int | None, masked: bool
) -> tuple[datetime, str] | None:
    """Return when evidence of an event was deleted and why (age or quota), if it was."""
    row = await store.row(SQL["deletion"], {"event": event, "position": position, "masked": masked})
    return None if row is None else (row["deleted_at"], row["why"])


async def forget_deletions(store: Store) -> None:
    """Delete what the log of deletions has kept for long enough."""
    await store.execute(SQL["forget deletions"], {"after": LOG_KEPT})


async def hold(store: Store, target: Target, *, reason: str, by: str) -> int:
    """Let nothing delete the evidence of an event or alert; return how many files that are.

    Raises NotFound where there is no such event or alert, NotAllowed where it is held already.
    """
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        await _check_there(connection, target)
        given = {**_named(target), "reason": reason, "by": by}
        if not (await connection.execute(SQL["hold"], given)).rowcount:
            raise NotAllowed(f"{_called(target)} is held already")
        everything = {**_named(target), "held": True, "limit": None}
        return (await connection.execute(SQL["list"], everything)).rowcount


async def release(store: Store, target: Target, *, by: str) -> None:
    """End a hold; raise NotFound where there is none."""
    if not await store.execute(SQL["release"], {**_named(target), "by": by}):
        raise NotFound(f"{_called(target)} is not held")


async def _check_there(connection: Connection, target: Target) -> None:
    row = await (await connection.execute(SQL["is there"], _named(target))).fetchone()
    if row is None or not row["there"]:
        raise NotFound(f"there is no {_called(target)}")


def _named(target: Target | None) -> dict[str, UUID | int | None]:
    return {
        "event": target if isinstance(target, UUID) else None,
        "alert": target if isinstance(target, int) else None,
    }


def _called(target: Target) -> str:
    return f"event {target}" if isinstance(target, UUID) else f"alert {target}"


def _dropped(rows: Sequence[Row]) -> list[Dropped]:
    return [
        Dropped(sha256=row["sha256"], media_type=row["media_type"], bytes=row["bytes"], class_=row["class"])
        for row in rows
    ]
