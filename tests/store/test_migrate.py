"""Migrations: once, in order, by whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from gridwatch.errors import StoreError, StoreUnavailable
from gridwatch.store.migrate import migrate
from tests.collectors import ask
from tests.servers import run_sql, with_database


def test_processes_that_start_at_once_migrate_once(postgres_url: str) -> None:
    name = f"empty_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    url = with_database(postgres_url, name)
    try:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(migrate, [url] * 4))
        applied = ask(url, "SELECT migration_id FROM _yoyo_migration")
        assert len(applied) == len({row["migration_id"] for row in applied}) > 0
        assert ask(url, "SELECT 1 FROM gw.readings") == []
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_old_program_stops_before_a_newer_database(database_url: str) -> None:
    ask(
        database_url,
        """INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
           VALUES ('of-the-future', '9999-future', now())""",
    )
    with pytest.raises(StoreError, match="newer Gridwatch"):
        migrate(database_url)


def test_a_database_that_is_away_is_said_to_be_away() -> None:
    with pytest.raises(StoreUnavailable):
        migrate("postgresql://127.0.0.1:1/nothing")


def test_the_readings_are_a_hypertable_where_timescaledb_is_loaded(database_url: str) -> None:
    (loaded,) = ask(
        database_url,
        "SELECT strpos(current_setting('shared_preload_libraries'), 'timescaledb') > 0 AS loaded",
    )
    if not loaded["loaded"]:
        pytest.skip("this PostgreSQL has no TimescaleDB: the tables are plain ones of the same names")
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
        ).fetchall()
    assert found == [("reading",)]
