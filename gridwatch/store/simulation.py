"""Running simulators and how they are asked to end: a shared lock and a notification."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from gridwatch.errors import NotAllowed, StoreUnavailable
from gridwatch.store.connection import Store, own_errors, release

log = logging.getLogger(__name__)

LOCK = 7_403_004
"""Advisory lock: every simulator that runs shares it; who has it alone knows that none runs."""

CHANNEL = "gridwatch_simulation"
RECONNECT_S = 1.0
LISTEN_S = 60.0


@asynccontextmanager
async def running_simulator(store: Store) -> AsyncIterator[asyncio.Event]:
    """Count as a running simulator for the length of the block; the event tells when it should end."""
    asked = asyncio.Event()
    presence = asyncio.create_task(_be_present(store, asked), name="presence")
    try:
        yield asked
    finally:
        presence.cancel()
        await asyncio.gather(presence, return_exceptions=True)


async def _be_present(store: Store, asked: asyncio.Event) -> None:
    """Share the lock and listen, for ever; lives through outages of the database."""
    while True:
        try:
            async with store.connection() as connection:
                try:
                    await connection.execute("SELECT pg_advisory_lock_shared(%s)", [LOCK])
                    await connection.execute(f"LISTEN {CHANNEL}")
                    while True:
                        async for _ in connection.notifies(timeout=LISTEN_S):
                            asked.set()
                finally:
                    await release(connection)
        except StoreUnavailable as error:
            log.warning("the database is away: %s", error)
            await asyncio.sleep(RECONNECT_S)


async def end_simulators(store: Store, *, within_s: float) -> None:
    """Ask every running simulator to end and wait for it; raise NotAllowed when one does not."""
    async with store.connection() as connection:
        await connection.execute(f"NOTIFY {CHANNEL}")
        await connection.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(within_s * 1000)}"])
        with own_errors():
            try:
                await connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            except psycopg.errors.LockNotAvailable as error:
                raise NotAllowed(f"a simulator did not end within {within_s:g} s: stop it first") from error
            finally:
                await release(connection)
