"""Migrations: once, in order, by whoever comes first."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from yoyo import read_migrations

import gridwatch.store
from gridwatch.errors import StoreError, StoreUnavailable
from gridwatch.model import Device, DeviceState
from gridwatch.store import Store
from gridwatch.store.connection import with_session_options
from gridwatch.store.devices import get_device
from gridwatch.store.hourly import sum_up_hours
from gridwatch.store.migrate import _yoyo_backend, known_migrations, migrate
from tests.collectors import ask
from tests.servers import run_sql, with_database

A_ROW_IN_EVERY_TABLE: LiteralString = """
    WITH account AS (INSERT INTO account (username, password_hash, role) VALUES ('u', 'h', 'administrator')),
    installation AS (INSERT INTO installation (token_secret) VALUES ('x')),
    area AS (INSERT INTO area (id, level, name) VALUES ('a', 'estate', 'A')),
    device AS (INSERT INTO device (id, scene, kind) VALUES ('s1', 'fire', 'sensor') RETURNING key),
    quantity AS (INSERT INTO quantity (name) VALUES ('temperature_c') RETURNING key),
    observation AS (INSERT INTO observation (device_key, observed_at) SELECT key, now() FROM device),
    reading AS (
        INSERT INTO reading (device_key, quantity_key, observed_at, received_at, value)
        SELECT d.key, q.key, date_trunc('second', now()), date_trunc('second', now()) + interval '17 ms',
               21.37
        FROM device d, quantity q),
    medium AS (
        INSERT INTO medium (device_key, kind, observed_at, received_at)
        SELECT key, 'clip', now(), now() FROM device),
    alert AS (
        INSERT INTO alert (group_key, scene, label, severity, confidence, device_key, observed_at,
                           last_observed_at)
        SELECT 'g', 'fire', 'smoke', 'major', 1, key, now(), now() FROM device RETURNING id),
    alert_change AS (
        INSERT INTO alert_change (seq, alert_id, change, alert) SELECT 1, id, 'raise', '{}' FROM alert),
    notification AS (INSERT INTO notification (alert_id, step, channel) SELECT id, 'raised', 'c' FROM alert),
    event AS (
        INSERT INTO event (id, device_key, scene, label, confidence, observed_at, received_at, alert_id)
        SELECT gen_random_uuid(), d.key, 'fire', 'smoke', 1, now(), now(), a.id FROM device d, alert a
        RETURNING id),
    evidence AS (
        INSERT INTO evidence (event_id, position, media_type, url, masked)
        SELECT id, 0, 'image/jpeg', 'https://x', false FROM event),
    evidence_view AS (
        INSERT INTO evidence_view (event_id, position, username) SELECT id, 0, 'u' FROM event),
    lift_state AS (
        INSERT INTO lift_state (device_key, observed_at, received_at)
        SELECT key, now(), now() FROM device),
    command_result AS (
        INSERT INTO command_result (device_key, id, ok, received_at)
        SELECT key, 'c', true, now() FROM device),
    quarantine AS (
        INSERT INTO quarantine (topic, payload, reason, decoder, received_at, digest)
        VALUES ('t', 'p', 'r', 'd', now(), 'x')),
    book AS (INSERT INTO book (device, received, stored) VALUES ('s1', 1, 1))
    INSERT INTO collector (client_id, pid) VALUES ('c', 1)"""

TABLES: LiteralString = """
    SELECT tablename AS name FROM pg_tables
    WHERE schemaname = 'gridwatch' AND tablename <> 'collector'
      AND tablename NOT LIKE '%%yoyo%%' AND tablename NOT LIKE 'procrastinate%%'"""

PLAIN_DATA: LiteralString = """
    WITH device AS (INSERT INTO device (id, scene, kind) VALUES ('s1', 'fire', 'sensor') RETURNING key),
    quantity AS (INSERT INTO quantity (name) VALUES ('temperature_c') RETURNING key),
    horizon AS (UPDATE horizon SET at = date_bin('1 day', now() - interval '10 d', '2000-01-01 00:00:00+00')
                WHERE name = 'kept'),
    gone AS (
        INSERT INTO reading_hourly_kept (device_key, quantity_key, bucket_at, sum, min, max, count)
        SELECT d.key, q.key, date_bin('1 hour', now() - interval '50 d', '2000-01-01 00:00:00+00'),
               70, 9, 11, 7
        FROM device d, quantity q)
    INSERT INTO reading (device_key, quantity_key, observed_at, delay_ms, scaled, divisor)
    SELECT d.key, q.key, now() - n * interval '2 d', 5, 205, 10
    FROM device d, quantity q, generate_series(0, 1) n"""


@contextmanager
def fresh_database(postgres_url: str) -> Iterator[str]:
    """Give a database without tables for the length of the block."""
    name = f"empty_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    try:
        yield with_database(postgres_url, name)
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def migrate_plainly(url: str, *, before: str = "9999") -> None:
    """Apply our migrations with ids less than `before`, and nothing of TimescaleDB."""
    ask(url, "CREATE SCHEMA gridwatch")
    with _yoyo_backend(url) as backend:
        folder = Path(gridwatch.store.__file__).parent / "migrations"
        backend.ensure_internal_schema_updated()
        for migration in read_migrations(str(folder)).filter(lambda one: one.id < before):
            with backend.transaction():
                migration.process_steps(backend, "apply")
                backend.mark_one(migration)


def migrate_first_ones(url: str) -> None:
    """Bring a database to the tables of the first release."""
    migrate_plainly(url, before="0004")


def count_rows(url: str, table: str) -> int:
    """Return how many rows a table of Gridwatch has."""
    with psycopg.connect(with_session_options(url)) as connection:
        row = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


async def sum_up(url: str) -> None:
    """Sum up hours, as a collector does."""
    async with Store.open(url) as store:
        await sum_up_hours(store)


def test_processes_that_start_at_once_migrate_once(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(migrate, [url] * 4))
        applied = ask(url, "SELECT migration_id FROM _yoyo_migration")
        assert len(applied) == len({row["migration_id"] for row in applied}) > 0
        assert ask(url, "SELECT 1 FROM gw.readings") == []


def test_a_database_with_data_in_it_keeps_every_row(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        migrate_first_ones(url)
        ask(url, A_ROW_IN_EVERY_TABLE)
        tables = [row["name"] for row in ask(url, TABLES)]
        rows = {table: count_rows(url, table) for table in tables}
        assert set(rows.values()) == {1}
        assert len(rows) >= 18
        before = ask(url, "SELECT device, quantity, observed_at, received_at, value FROM gw.readings")
        migrate(url)
        migrate(url)
        assert {table: count_rows(url, table) for table in tables} == rows
        after = ask(url, "SELECT device, quantity, observed_at, received_at, value FROM gw.readings")
        assert after == before
        (hour,) = ask(url, "SELECT device, count, sum FROM gw.readings_hourly")
        assert hour == {"device": "s1", "count": 1, "sum": 21.37}
        for view in ("events", "alerts", "quarantine"):
            assert len(ask(url, f"SELECT * FROM gw.{view}")) == 1  # noqa: S608


def test_the_sums_of_a_plain_database_outlive_their_readings_when_timescaledb_is_loaded(
    postgres_url: str,
) -> None:
    with fresh_database(postgres_url) as url:
        migrate_plainly(url)
        ask(url, PLAIN_DATA)
        before = ask(url, "SELECT * FROM gw.readings_hourly ORDER BY bucket_at")
        assert [row["count"] for row in before] == [7, 1, 1]
        migrate(url)
        asyncio.run(sum_up(url))
        assert ask(url, "SELECT * FROM gw.readings_hourly ORDER BY bucket_at") == before
        asyncio.run(sum_up(url))
        assert ask(url, "SELECT * FROM gw.readings_hourly ORDER BY bucket_at") == before


def test_what_a_collector_from_before_stores_is_found_when_timescaledb_was_switched_on(
    postgres_url: str,
) -> None:
    message: LiteralString = """
        INSERT INTO message_readings (device_key, observed_at, delay_ms, quantity_keys, numbers)
        SELECT d.key, now(), 5, ARRAY[q.key, q.key], ARRAY[20.5, 1e300] FROM device d, quantity q"""
    with fresh_database(postgres_url) as url:
        migrate_plainly(url)
        ask(url, PLAIN_DATA)
        ask(url, message)
        migrate(url)
        ask(url, message)
        found = ask(url, "SELECT value FROM gw.readings ORDER BY observed_at DESC, value LIMIT 4")
        assert [row["value"] for row in found] == [20.5, 1e300, 20.5, 1e300]


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


def test_channels_that_an_older_program_took_as_they_came_can_be_read(postgres_url: str) -> None:
    older = {name for name in known_migrations() if name < "0010"}
    came = [
        {"quantity": "co_ppm", "unit": "ppm", "interval_s": 60, "vendor": "x"},
        {"quantity": "co_ppm", "unit": "ppm", "interval_s": 60},
        {"quantity": "Temp"},
        {"quantity": "humidity_pct", "unit": 7, "interval_s": "often"},
        {"colour": "red"},
        "temperature",
    ]
    with fresh_database(postgres_url) as url:
        migrate(url, only=older)
        ask(
            url,
            "INSERT INTO device (id, scene, kind, channels) VALUES ('s-1', 'fire', 'sensor', %s)",
            [json.dumps(came)],
        )
        migrate(url)

        async def scene() -> Device:
            async with Store.open(url) as store:
                return (await get_device(store, "s-1")).device

        device = asyncio.run(scene())
    assert device.state is DeviceState.ACTIVE
    assert {channel.quantity: (channel.unit, channel.interval_s) for channel in device.channels} == {
        "co_ppm": ("ppm", 60),
        "humidity_pct": ("", None),
    }
