"""Times of escalation as somebody changed them: they count with the next decision about an alert."""

from collections.abc import Mapping, Sequence

from psycopg.types.json import Jsonb

from gridwatch.errors import NotFound
from gridwatch.escalation.times import Times
from gridwatch.store.connection import Connection, Row, Store, one, queries
from gridwatch.store.trail import What, note

SQL = queries("escalation")


async def times_now(connection: Connection, times: Mapping[str, Times]) -> Mapping[str, Times]:
    """Return the times that count: those that were changed, and the given ones."""
    rows = await (await connection.execute(SQL["list"])).fetchall()
    return {**times, **{row["name"]: Times(**row["times"]) for row in rows}}


async def changed_times(store: Store) -> Sequence[Row]:
    """Return what was changed: name, times, changed_by, changed_at."""
    return await store.rows(SQL["list"])


async def put_times(store: Store, name: str, times: Times, *, by: str) -> None:
    """Let a kind of alert have other times."""
    given = times.model_dump()
    async with store.transaction() as connection:
        before = await one(connection, SQL["one"], name=name)
        await connection.execute(SQL["put"], {"name": name, "times": Jsonb(given), "by": by})
        was = None if before is None else before["times"]
        await note(connection, What.TIMES, name, by=by, before=was, after=given)


async def drop_times(store: Store, name: str, *, by: str) -> None:
    """Let a kind of alert have its former times again; raise NotFound."""
    async with store.transaction() as connection:
        before = await one(connection, SQL["drop"], name=name)
        if before is None:
            raise NotFound(f"the times of {name!r} were not changed")
        await note(connection, What.TIMES, name, by=by, before=before["times"], after=None)
