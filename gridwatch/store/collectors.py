"""Collectors: each holds a slot, and says every second that it is there."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping

from psycopg.types.json import Jsonb

from gridwatch.errors import StoreError, StoreUnavailable
from gridwatch.store.connection import Connection, Store, queries, release

SQL = queries("collectors")

log = logging.getLogger(__name__)

SLOTS = 64
BEAT_S = 1.0
RETAKE_WITHIN_S = 60.0
"""How long a slot is tried for again: the database may hold it a while for the connection that was lost."""


async def hold_slot(
    store: Store, client_id: Callable[[int], str], taken: asyncio.Future[int], subscribed: Callable[[], bool]
) -> None:
    """Hold the lowest free slot and say every second that its collector is there, for ever.

    The slot is a lock of one database connection: free as soon as that ends, however its process died. After
    an outage of the database the same slot is taken again. Raises StoreError when somebody else has it.
    """
    number: int | None = None
    while True:
        try:
            async with store.connection() as connection:
                try:
                    number = await _take(connection, number)
                    if not taken.done():
                        taken.set_result(number)
                    await _beat(connection, client_id(number), subscribed)
                finally:
                    await release(connection)
        except StoreUnavailable as error:
            log.warning("the database is away: %s", error)
            await asyncio.sleep(BEAT_S)


async def tell_figures(store: Store, client_id: str, figures: Mapping[str, float]) -> None:
    """Write down what a collector counts of its own work."""
    await store.execute(SQL["figures"], {"client_id": client_id, "figures": Jsonb(dict(figures))})


async def _take(connection: Connection, number: int | None) -> int:
    if number is None:
        for candidate in range(SLOTS):
            if await _is_free(connection, candidate):
                return candidate
        raise StoreError(f"{SLOTS} collectors hold all slots of this database")
    for _ in range(int(RETAKE_WITHIN_S / BEAT_S)):
        if await _is_free(connection, number):
            return number
        await asyncio.sleep(BEAT_S)
    raise StoreError(f"another collector took slot {number} while the database was away")


async def _is_free(connection: Connection, number: int) -> bool:
    row = await (await connection.execute(SQL["try slot"], {"slot": number})).fetchone()
    return bool(row and row["taken"])


async def _beat(connection: Connection, client_id: str, subscribed: Callable[[], bool]) -> None:
    try:
        while True:
            row = {"client_id": client_id, "pid": os.getpid(), "subscribed": subscribed()}
            await connection.execute(SQL["beat"], row)
            await asyncio.sleep(BEAT_S)
    except asyncio.CancelledError:
        await connection.execute(SQL["leave"], {"client_id": client_id})
        raise
