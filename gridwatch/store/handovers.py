"""Handovers of shifts: what stands when one leaves and another takes over, signed by both."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("handovers")

LONGEST_NOTE = 2000
"""Letters: what is longer is a report."""


async def standing(store: Store, desk: str | None) -> Mapping[str, Any]:
    """Return what a desk would hand over now; `after` is the number of its last handover, 0 for none."""
    async with store.connection() as connection:
        return await _standing(connection, desk)


async def write_note(store: Store, desk: str | None, text: str, *, by: str) -> None:
    """Write something down for who comes next."""
    await store.execute(SQL["write note"], {"desk": desk, "text": text, "by": by})


async def hand_over(store: Store, desk: str | None, *, left_by: str, taken_by: str, after: int) -> Row:
    """Store what stands now as handed over, whole, and return it; its notes are those of a past shift then.

    `after`: the last handover that both know of. Raises NotAllowed where there was another one meanwhile.
    """
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        stood = await _standing(connection, desk)
        if stood["after"] != after:
            raise NotAllowed(f"after: this desk was handed over meanwhile, see handover {stood['after']}")
        given = {"desk": desk, "left_by": left_by, "taken_by": taken_by, "stood": Jsonb(stood)}
        row = await (await connection.execute(SQL["sign"], given)).fetchone()
        assert row is not None  # noqa: S101 - an INSERT returns its row
        await connection.execute(SQL["hand notes over"], {"id": row["id"], "desk": desk})
    return row


async def list_handovers(store: Store, *, before: int | None = None, limit: int = 100) -> Sequence[Row]:
    """Return a page of handovers without what stood, the newest first."""
    return await store.rows(SQL["list"], {"before": before, "limit": limit})


async def get_handover(store: Store, handover: int) -> Row:
    """Return one whole handover; raise NotFound."""
    row = await store.row(SQL["get"], {"id": handover})
    if row is None:
        raise NotFound(f"no handover {handover}")
    return row


async def _standing(connection: Connection, desk: str | None) -> Mapping[str, Any]:
    row = await (await connection.execute(SQL["stands"], {"desk": desk})).fetchone()
    assert row is not None  # noqa: S101 - it has no FROM
    stood: Mapping[str, Any] = row["stood"]
    return stood
