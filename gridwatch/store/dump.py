"""A consistent copy of all tables, out of one database and into another, by COPY: no other program is needed.

Tables are found in the catalog, so that a new one is never forgotten. A copy fits between plain PostgreSQL
and TimescaleDB and between their versions, because the tables themselves come from our migrations.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL as Text
from psycopg.sql import Composed, Identifier

from gridwatch.errors import BackupError, StoreError
from gridwatch.store.connection import Row, own_errors, queries, with_session_options
from gridwatch.store.migrate import known_migrations, migrate

SQL = queries("dump")

log = logging.getLogger(__name__)

SCHEMA = "gridwatch"
PIECE_BYTES = 4 << 20
"""A table is read in pieces of about this size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table, or a continuous aggregate of TimescaleDB, whose columns come in this order."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a copy of a database holds; tables come after those that they refer to, aggregates last."""

    migrations: tuple[str, ...]
    timescaledb: bool
    tables: tuple[Table, ...]
    sequences: Mapping[str, int]


class Snapshot:
    """A database as it is at one moment, while others go on writing to it."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection
        self.contents = _contents(connection)

    def read(self, table: Table) -> Iterator[bytes]:
        """Yield a table's rows as PostgreSQL's binary COPY, in pieces."""
        copy = Text("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)").format(
            _columns(table.columns), _name(table)
        )
        # Rolled back to its savepoint, the table is unlocked at once: nobody who empties a partition waits
        # for the whole backup. The snapshot stays.
        piece = bytearray()
        with (
            self._connection.transaction(force_rollback=True),
            self._connection.cursor() as cursor,
            cursor.copy(copy) as rows,
        ):
            for row in rows:
                piece += row
                if len(piece) >= PIECE_BYTES:
                    yield bytes(piece)
                    piece.clear()
        yield bytes(piece)

    def evidence(self) -> Iterator[tuple[str, str]]:
        """Yield the SHA-256 and media type of every file that the database names."""
        with self._connection.cursor(name="evidence") as cursor:
            for row in cursor.execute(SQL["evidence"]):
                yield row["sha256"], row["media_type"]


@contextmanager
def open_snapshot(url: str) -> Iterator[Snapshot]:
    """Hold one moment of a database for the length of the block.

    Raises StoreUnavailable or StoreError; at the end too, where the tables were migrated meanwhile, for a
    table that was rewritten looks empty from an older moment.
    """
    with own_errors(), _connect(url) as connection:
        _check_migrated(connection)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            snapshot = Snapshot(connection)
            yield snapshot
        if _migrations(connection) != snapshot.contents.migrations:
            raise StoreError("the tables were migrated during the backup: make another one")


def check_fits(contents: Contents) -> None:
    """Raise BackupError where a copy comes from a program newer than this one."""
    unknown = sorted(set(contents.migrations) - known_migrations())
    if unknown:
        raise BackupError(
            f"the backup was made by a newer Gridwatch (with {', '.join(unknown)}): install that version"
        )


def make_room(url: str, *, force: bool) -> None:
    """Leave nothing of ours in a database, so that a copy can be put there.

    Raises BackupError where it is in use, or, unless `force`, where anything was ever stored in it.
    """
    with own_errors(), _connect(url) as connection:
        if _one(connection, "is migrated")["there"]:
            if _one(connection, "live collectors")["live"]:
                raise BackupError(
                    "a collector is writing to this database: stop everything of Gridwatch that uses it"
                )
            if not force and _one(connection, "is used")["used"]:
                raise BackupError(
                    "the database is not empty: restore into another one, "
                    "or say --force to delete what is in it"
                )
        connection.execute("DROP SCHEMA IF EXISTS gw, gridwatch CASCADE")


def load(url: str, contents: Contents, pieces: Iterable[tuple[str, Iterable[bytes]]]) -> int:
    """Put a copy into a database that has nothing of ours, and return how many rows it has.

    `pieces`: the name of each table with its pieces, in the order of `contents`. An older copy, and one of
    plain tables, meets tables as they were there; then they become what they are here. Raises
    StoreUnavailable or StoreError.
    """
    same = contents.timescaledb and known_migrations() == set(contents.migrations)
    migrate(url, only=None if same else contents.migrations)
    with own_errors(), _connect(url) as connection:
        loader = _Loader(connection, contents)
        with connection.transaction():
            loader.load(pieces)
        migrate(url)
        loader.settle()
        connection.execute("ANALYZE")
        return loader.rows


class _Loader:
    """Fills the tables; what is no table here (an aggregate) waits until all readings are there."""

    def __init__(self, connection: psycopg.Connection[Row], contents: Contents) -> None:
        self._connection = connection
        self._contents = contents
        self._waiting: list[Table] = []
        self.rows = 0

    def load(self, pieces: Iterable[tuple[str, Iterable[bytes]]]) -> None:
        """Fill the tables, then set the sequences to go on where they were."""
        known = {table.name: table for table in self._contents.tables}
        # Migrations may have put first rows into tables.
        there = [Identifier(SCHEMA, row["name"]) for row in self._connection.execute(SQL["tables"])]
        self._connection.execute(Text("TRUNCATE {}").format(Text(", ").join(there)))
        with _triggers_off(self._connection):
            for name, content in pieces:
                self._fill(known[name], content)
        for name, value in self._contents.sequences.items():
            place = Identifier(SCHEMA, name).as_string(self._connection)
            self._connection.execute("SELECT setval(%s::regclass, %s)", [place, value])

    def settle(self) -> None:
        """Add the aggregates up; of the time whose readings are gone take what waits."""
        connection = self._connection
        if not _one(connection, "has timescaledb")["there"]:
            if self._waiting:
                connection.execute(SQL["keep hours"])
            return
        for row in connection.execute(SQL["aggregates"]).fetchall():
            name = Identifier(SCHEMA, row["name"]).as_string(connection)
            connection.execute(SQL["refresh"], {"name": name, **_one(connection, "kept")})
        for table in self._waiting:
            self._keep(table)

    def _keep(self, table: Table) -> None:
        """Put an aggregate's old rows where TimescaleDB keeps them."""
        found = self._connection.execute(SQL["aggregate"], {"name": table.name}).fetchall()[0]
        place, time = Identifier(found["schema"], found["name"]), Identifier(found["time"])
        columns = _columns(table.columns)
        self._connection.execute(
            Text("INSERT INTO {} ({}) SELECT {} FROM {} WHERE {} < %(kept)s").format(
                place, columns, columns, _waiting_place(table), time
            ),
            _one(self._connection, "kept"),
        )

    def _fill(self, table: Table, content: Iterable[bytes]) -> None:
        place = _name(table)
        if not _is_table(self._connection, table):
            place = _waiting_place(table)
            self._connection.execute(
                Text("CREATE TEMPORARY TABLE {} ({})").format(place, _definition(self._connection, table))
            )
            self._waiting.append(table)
        copy = Text("COPY {} ({}) FROM STDIN (FORMAT binary)").format(place, _columns(table.columns))
        with self._connection.cursor() as cursor:
            with cursor.copy(copy) as rows:
                for piece in content:
                    rows.write(piece)
            self.rows += cursor.rowcount


@contextmanager
def _triggers_off(connection: psycopg.Connection[Row]) -> Iterator[None]:
    """Keep our triggers, and the job queue's, from doing again what the copied rows already show."""
    found = connection.execute(SQL["triggers"]).fetchall()
    for row in found:
        connection.execute(_trigger(row, "DISABLE"))
    yield
    for row in found:
        connection.execute(_trigger(row, "ENABLE"))


def _trigger(row: Row, switch: LiteralString) -> Composed:
    table, name = Identifier(SCHEMA, row["table"]), Identifier(row["name"])
    return Text("ALTER TABLE {} {} TRIGGER {}").format(table, Text(switch), name)


def _definition(connection: psycopg.Connection[Row], table: Table) -> Composed:
    """Return the columns with their types, each as this database itself spells it."""
    columns = []
    for column, type_ in zip(table.columns, table.types, strict=True):
        found = connection.execute(SQL["type"], {"name": type_}).fetchall()[0]["type"]
        if found is None:
            raise StoreError(f"the backup's {table.name}.{column} is a {type_}, which this database lacks")
        columns.append(Text("{} {}").format(Identifier(column), Text(found)))
    return Text(", ").join(columns)


def _contents(connection: psycopg.Connection[Row]) -> Contents:
    tables = connection.execute(SQL["tables"]).fetchall()
    order = TopologicalSorter({row["oid"]: set[int]() for row in tables})
    for row in connection.execute(SQL["references"]).fetchall():
        order.add(row["table"], row["refers_to"])
    by_oid = {row["oid"]: row for row in tables}
    rows = [by_oid[oid] for oid in order.static_order()]
    timescaledb = bool(_one(connection, "has timescaledb")["there"])
    if timescaledb:
        rows += connection.execute(SQL["aggregates"]).fetchall()
    sequences = connection.execute(SQL["sequences"]).fetchall()
    return Contents(
        migrations=_migrations(connection),
        timescaledb=timescaledb,
        tables=tuple(
            Table(name=row["name"], columns=tuple(row["columns"]), types=tuple(row["types"])) for row in rows
        ),
        sequences={row["name"]: row["value"] for row in sequences},
    )


def _connect(url: str) -> psycopg.Connection[Row]:
    return psycopg.connect(with_session_options(url), row_factory=dict_row, autocommit=True)


def _check_migrated(connection: psycopg.Connection[Row]) -> None:
    if not _one(connection, "is migrated")["there"]:
        raise StoreError("there is nothing of Gridwatch in this database: see GRIDWATCH_DATABASE_URL")


def _migrations(connection: psycopg.Connection[Row]) -> tuple[str, ...]:
    return tuple(row["id"] for row in connection.execute(SQL["migrations"]).fetchall())


def _is_table(connection: psycopg.Connection[Row], table: Table) -> bool:
    found = connection.execute(SQL["kind"], {"name": table.name}).fetchone()
    return found is not None and bool(found["is_table"])


def _one(connection: psycopg.Connection[Row], query: str) -> dict[str, Any]:
    return connection.execute(SQL[query]).fetchall()[0]


def _name(table: Table) -> Identifier:
    return Identifier(SCHEMA, table.name)


def _waiting_place(table: Table) -> Identifier:
    return Identifier("pg_temp", f"restored_{table.name}")


def _columns(names: Sequence[str]) -> Composed:
    return Text(", ").join(map(Identifier, names))
