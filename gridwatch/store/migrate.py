"""Bring a database to the newest tables: ours (yoyo, in order), the job queue's, and hypertables."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
from procrastinate.schema import SchemaManager
from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations

from gridwatch.errors import StoreError
from gridwatch.store.connection import own_errors, queries, with_session_options

MIGRATION_LOCK = 7_403_001
"""Advisory lock: one process migrates at a time."""

TIMESCALE_LOADED: LiteralString = """
    SELECT current_setting('shared_preload_libraries') LIKE '%timescaledb%'
    AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')"""


def migrate(url: str, *, only: Collection[str] | None = None) -> None:
    """Apply everything that is pending; a second process waits for the first and finds nothing to do.

    `only`: no more than these migrations of ours, and no hypertables yet: plain tables as an older program
    had them. Raises StoreUnavailable or StoreError.
    """
    with own_errors(), psycopg.connect(with_session_options(url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        connection.execute("CREATE SCHEMA IF NOT EXISTS gridwatch")
        _apply_our_migrations(url, only)
        _apply_job_queue(connection)
        if only is None:
            _make_hypertables(connection)


def pending_migrations(url: str) -> list[str]:
    """Return the names of migrations that are not applied; raise StoreError where the database is newer."""
    with own_errors(), psycopg.connect(with_session_options(url), autocommit=True) as connection:
        ours = connection.execute("SELECT to_regclass('gridwatch._yoyo_migration') IS NOT NULL").fetchone()
    with own_errors(), as_file(files("gridwatch.store") / "migrations") as folder:
        migrations = read_migrations(str(folder))
        if ours != (True,):
            return [migration.id for migration in migrations]
        with _yoyo_backend(url) as backend:
            _check_not_newer(backend, migrations)
            return [migration.id for migration in backend.to_apply(migrations)]


def known_migrations() -> set[str]:
    """Return the names of all migrations of this program."""
    with as_file(files("gridwatch.store") / "migrations") as folder:
        return {migration.id for migration in read_migrations(str(folder))}


def _apply_our_migrations(url: str, only: Collection[str] | None) -> None:
    with as_file(files("gridwatch.store") / "migrations") as folder, _yoyo_backend(url) as backend:
        migrations = read_migrations(str(folder))
        _check_not_newer(backend, migrations)
        # Our own lock has let us in alone; yoyo's would survive a killed process.
        backend.break_lock()
        for migration in backend.to_apply(migrations):
            if only is not None and migration.id not in only:
                continue
            # In yoyo's own way the mark follows in a transaction of its own: killed in between, the
            # migration would be tried again and fail for ever.
            with backend.transaction():
                migration.process_steps(backend, "apply")
                backend.mark_one(migration)


def _check_not_newer(backend: Any, migrations: Any) -> None:
    if set(backend.get_applied_migration_hashes()) - {migration.hash for migration in migrations}:
        raise StoreError("the database was migrated by a newer Gridwatch than this one: install that version")


@contextmanager
def _yoyo_backend(url: str) -> Iterator[Any]:
    given = {k: str(v) for k, v in conninfo_to_dict(with_session_options(url)).items() if v is not None}
    name = given.pop("dbname", "")
    arguments = "&".join(f"{key}={quote(value, safe='')}" for key, value in given.items())
    backend = get_backend(f"postgresql+psycopg:///{quote(name, safe='')}?{arguments}")
    try:
        yield backend
    finally:
        backend.connection.close()


def _apply_job_queue(connection: psycopg.Connection) -> None:
    there = connection.execute("SELECT to_regclass('gridwatch.procrastinate_jobs')").fetchone()
    if there == (None,):
        with connection.transaction():
            connection.execute(SchemaManager.get_schema())


def _make_hypertables(connection: psycopg.Connection) -> None:
    if connection.execute(TIMESCALE_LOADED).fetchone() != (True,):
        return
    connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
    for statement in queries("timescale").values():
        connection.execute(statement)
