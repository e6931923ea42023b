"""What is kept for how long as somebody changed it: it counts with the next turn of each chore."""

from collections.abc import Sequence

from gridwatch.errors import NotFound
from gridwatch.kept import NAMES, kept_by_settings
from gridwatch.settings import Settings
from gridwatch.store.connection import Row, Store, one, queries
from gridwatch.store.trail import What, note

SQL = queries("kept")


async def kept_now(store: Store, settings: Settings) -> dict[str, float]:
    """Return what counts, by name (gridwatch/kept.py): days, or GB for a quota."""
    changed = {row["name"]: row["value"] for row in await changed_kept(store)}
    return kept_by_settings(settings) | {name: changed[name] for name in NAMES if name in changed}


async def changed_kept(store: Store) -> Sequence[Row]:
    """Return what was changed: name, value, changed_by, changed_at."""
    return await store.rows(SQL["list"])


async def put_kept(store: Store, name: str, value: float, *, by: str) -> None:
    """Keep something for other days, or as much of it; what is over is deleted at the next turn."""
    async with store.transaction() as connection:
        before = await one(connection, SQL["one"], name=name)
        await connection.execute(SQL["put"], {"name": name, "value": value, "by": by})
        was = None if before is None else before["value"]
        await note(connection, What.KEPT, name, by=by, before=was, after=value)


async def drop_kept(store: Store, name: str, *, by: str) -> None:
    """Let the settings of the server say it again; raise NotFound."""
    async with store.transaction() as connection:
        before = await one(connection, SQL["drop"], name=name)
        if before is None:
            raise NotFound(f"{name!r} was not changed")
        await note(connection, What.KEPT, name, by=by, before=before["value"], after=None)
