"""Who changed what in the installation: who works with it, how they are reached, and what it is held to."""

from enum import StrEnum
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("trail")


class What(StrEnum):
    """What kind of thing was changed."""

    PEOPLE = "people"
    SHIFTS = "shifts"
    LEAVE = "leave"
    AREAS = "areas"
    TIMES = "times"
    KEPT = "kept"
    ACCOUNTS = "accounts"
    TOKENS = "tokens"
    SERVICES = "services"
    WAYS = "ways"
    WEBHOOKS = "webhooks"


async def note(connection: Connection, what: What, subject: str, *, by: str, **detail: Any) -> None:
    """Write down a change in its own transaction: what is undone leaves no trace.

    `detail` is JSON: what it was and what it is. Nothing secret, and no telephone, belongs in it.
    """
    given = {"by": by, "what": what.value, "subject": subject, "detail": Jsonb(detail)}
    await connection.execute(SQL["note"], given)


async def list_trail(store: Store, *, before: int | None = None, limit: int = 100) -> list[Row]:
    """Return changes, the newest first; `before`: only those older than the one of that id."""
    return await store.rows(SQL["list"], {"before": before, "limit": limit})
