"""Messages that could not be read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gridwatch.errors import NotFound
from gridwatch.store.connection import Row, Store, queries

SQL = queries("quarantine")


async def list_quarantine(store: Store, *, all_: bool = False, after: int = 0, limit: int = 100) -> list[Row]:
    """Return a page of messages without their payloads, oldest first; `all_`: replayed ones too."""
    return await store.rows(SQL["list"], {"all": all_, "after": after, "limit": limit})


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
