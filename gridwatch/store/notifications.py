"""Who was told what: one row for each alert, step and channel."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gridwatch.store.connection import Store, queries

SQL = queries("notifications")


@asynccontextmanager
async def notification(store: Store, alert_id: int, step: str, channel: str) -> AsyncIterator[bool]:
    """Yield whether the channel is still to be told; what the block did is kept when it ends well.

    The row is written first and committed last. A second worker waits for the first at the row, so two never
    send at once; a worker that is killed, or a channel that refuses, leaves no row, so it is tried again.
    Only a kill between the channel's yes and the commit makes it told twice: at least once, never lost.
    """
    given = {"alert_id": alert_id, "step": step, "channel": channel}
    async with store.transaction() as connection:
        yield (await connection.execute(SQL["claim"], given)).rowcount == 1
