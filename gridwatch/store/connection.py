"""One pool of connections, named queries, and psycopg's errors in our own words."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString, Self, TypeAlias

import numpy as np
import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from gridwatch.errors import NotPermitted, StoreError, StoreUnavailable
from gridwatch.store.columns import ColumnDumper

Row: TypeAlias = dict[str, Any]
Connection: TypeAlias = psycopg.AsyncConnection[Row]

SESSION_OPTIONS = (
    "-c search_path=gridwatch,public -c timezone=UTC -c jit=off"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)
"""Our tables have a schema of their own; just-in-time compilation costs more than our short queries. A
machine that lost power is noticed within half a minute on both sides, and its locks are free."""
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}

CONNECT_TIMEOUT_S = 5

SEE_AREA = "SELECT set_config('gridwatch.area', %s, false), set_config('gridwatch.called', %s, false)"
psycopg.adapters.register_dumper(np.ndarray, ColumnDumper)

WAIT_FOR_CONNECTION_S = 10.0
RECONNECT_FOR_S = 2.0
"""Then the pool gives up until somebody asks again: its own back-off would grow past a short outage."""


@cache
def queries(file: str) -> Mapping[str, LiteralString]:
    """Return the named queries of `queries/{file}.sql`; each begins with a line `-- name --`."""
    text = (files("gridwatch.store") / "queries" / f"{file}.sql").read_text(encoding="utf-8")
    named: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("-- ") and line.endswith(" --"):
            body = named.setdefault(line[3:-3], [])
        elif named:
            body.append(line)
    # They are files of ours, as fixed as a literal in the code.
    return {name: "\n".join(lines) for name, lines in named.items()}


PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    # A standby that takes over, and hosted databases whose disk is full, can be read only for a while.
    psycopg.errors.ReadOnlySqlTransaction,
)
"""What is no fault of the statement: no connection, no room, a restart, a deadlock."""


@contextmanager
def own_errors() -> Any:
    """Translate psycopg's errors: StoreUnavailable where trying later is right, else StoreError."""
    try:
        yield
    except PASSING as error:
        raise StoreUnavailable(str(error)) from error
    except psycopg.errors.InsufficientPrivilege as error:
        if error.diag.context is None or "refuse_unseen_area" not in error.diag.context:
            raise StoreError(str(error)) from error
        raise NotPermitted(error.diag.message_primary or "") from error
    except psycopg.Error as error:
        raise StoreError(str(error)) from error


def with_session_options(url: str) -> str:
    """Return `url` as a connection string with our session options and a connect timeout."""
    given = psycopg.conninfo.conninfo_to_dict(url)
    options = f"{given.get('options') or ''} {SESSION_OPTIONS}".strip()
    timeout = given.get("connect_timeout") or CONNECT_TIMEOUT_S
    return psycopg.conninfo.make_conninfo(
        url, **(KEEPALIVES | given | {"options": options, "connect_timeout": timeout})
    )


class Store:
    """The database as the rest of the house sees it.

    Every method raises StoreUnavailable when the database is away and StoreError when it refuses.
    """

    def __init__(
        self, pool: AsyncConnectionPool[Connection], area: str | None = None, called: str = ""
    ) -> None:
        self._pool = pool
        self._area, self._called = area, called

    def within(self, area: str, *, called: str = "") -> "Store":
        """Return the same database as who sees only this area and all below it: see migrations 0082 and 0100.

        `called`: the account of a grid worker, who sees besides the places of what they were called for.
        """
        return Store(self._pool, area, called)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, connections: int = 4, wait_s: float = WAIT_FOR_CONNECTION_S
    ) -> AsyncIterator[Self]:
        """Open a pool of at most `connections`; a database that is away is not waited for.

        `wait_s`: after this long without a free connection the database counts as away.
        """
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            with_session_options(url),
            connection_class=psycopg.AsyncConnection[Row],
            kwargs={"row_factory": dict_row, "autocommit": True},
            min_size=1,
            max_size=connections,
            timeout=wait_s,
            reconnect_timeout=RECONNECT_FOR_S,
            open=False,
            check=AsyncConnectionPool.check_connection,
        )
        await pool.open(wait=False)
        try:
            yield cls(pool)
        finally:
            await pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; each statement commits by itself."""
        with own_errors():
            async with self._pool.connection() as connection:
                if self._area is None:
                    yield connection
                    return
                async with _limited(connection, self._area, self._called):
                    yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction that commits when the block ends well."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def rows(self, query: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one query and return all its rows."""
        async with self.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def row(self, query: LiteralString, parameters: Mapping[str, Any] | None = None) -> Row | None:
        """Run one query and return its first row, if any."""
        async with self.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchone()

    async def execute(self, query: LiteralString, parameters: Mapping[str, Any] | None = None) -> int:
        """Run one statement and return how many rows it touched."""
        async with self.connection() as connection:
            return (await connection.execute(query, parameters)).rowcount

    async def listen(self, channel: LiteralString, *, wait_s: float) -> AsyncGenerator[str | None, None]:
        """Yield the payload of each notification on `channel`, and None after `wait_s` of silence.

        Holds one connection. Notifications sent while it reconnects are lost: whoever listens reads the
        table at the start and on each None.
        """
        async with self.connection() as connection:
            await connection.execute(f"LISTEN {channel}")
            while True:
                heard = False
                async for notification in connection.notifies(timeout=wait_s, stop_after=1):
                    heard = True
                    yield notification.payload
                if not heard:
                    yield None


@asynccontextmanager
async def _limited(connection: Connection, area: str, called: str) -> AsyncIterator[None]:
    """Let a connection see one part of the tree; one that can't be set free again is closed."""
    await connection.execute(SEE_AREA, [area, called])
    try:
        yield
    finally:
        try:
            await connection.execute(SEE_AREA, ["", ""])
        except psycopg.Error:
            await connection.close()


async def one(connection: Connection, query: LiteralString, **given: Any) -> Row | None:
    """Run one query and return its first row, if any."""
    return await (await connection.execute(query, given)).fetchone()


async def release(connection: Connection) -> None:
    """Give back what a connection holds beyond its statements: advisory locks, LISTEN, changed settings."""
    if not connection.closed:
        await connection.execute("SELECT pg_advisory_unlock_all()")
        await connection.execute("UNLISTEN *")
        await connection.execute("RESET lock_timeout")
