"""A backup of five million readings, restored in another database: how long, how large, and the same.

On the embedded PostgreSQL, or on the server that GRIDWATCH_TEST_DATABASE_URL names (one with TimescaleDB).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

from bench.servers import servers
from bench.show import show
from bench.spread import Row
from bench.up import clean_environment
from gridwatch.store.connection import with_session_options
from gridwatch.store.migrate import migrate

DATABASES = ("gridwatch_bench_backup", "gridwatch_bench_restore")
PASSPHRASE = "of the bench"
COMMAND_WITHIN_S = 3600.0

FILL = """
    INSERT INTO device (id, scene, kind)
    SELECT 'bench-' || n, 'fire', 'sensor' FROM generate_series(1, {devices}) n;
    INSERT INTO quantity (name) VALUES ('temperature_c'), ('humidity_pct'), ('co_ppm'), ('smoke_pct_m');
    INSERT INTO observation (observed_at, device_key, ring, seq)
    SELECT at, device, mod(floor(extract(epoch FROM at) / 86400)::bigint, 32), n
    FROM (SELECT n, 1 + n % {devices} AS device, now() - n * interval '{days} days' / {messages} AS at
          FROM generate_series(1, {messages}) n) m;
    {readings};
    INSERT INTO book_page (device_key, kind, count)
    SELECT n, kind, {messages} / {devices} FROM generate_series(1, {devices}) n, generate_series(0, 1) kind"""

READING_ROWS = """
    INSERT INTO reading (device_key, quantity_key, observed_at, delay_ms, scaled, divisor)
    SELECT o.device_key, q, o.observed_at, 40,
           10 * round(10 * (20 + 10 * sin(o.seq / 1000.0 + q) + random())), 100
    FROM observation o, generate_series(1, 4) q"""
MESSAGE_READINGS = """
    INSERT INTO message_readings (device_key, observed_at, delay_ms, quantity_keys, numbers)
    SELECT o.device_key, o.observed_at, 40, '{1,2,3,4}',
           ARRAY(SELECT round(10 * (20 + 10 * sin(o.seq / 1000.0 + q) + random())) / 10
                 FROM generate_series(1, 4) q)
    FROM observation o"""

TABLES = """
    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'gridwatch'::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE '%yoyo%'"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much there is to be kept; each message has four readings."""

    messages: int = 1_250_000
    devices: int = 1_000
    days: int = 7


FULL = Sizes()
QUICK = Sizes(messages=20_000, devices=100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One backup and its restoration."""

    encrypted: bool
    backup_s: float
    backup_rss_mib: float
    size_mb: float
    check_s: float
    restore_s: float
    restore_rss_mib: float
    tables: int
    rows: int
    different: list[str]
    """Tables whose count of rows or checksum differs in the other place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Without and with encryption."""

    timescaledb: bool
    readings: int
    turns: list[Turn]


def measure(sizes: Sizes) -> Found:
    """Fill one database, and back it up, check and restore it into another, plain and encrypted."""
    with _databases() as (here, there), TemporaryDirectory(prefix="gridwatch-bench-") as name:
        migrate(here)
        with psycopg.connect(with_session_options(here), autocommit=True) as connection:
            extension = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"
            ((timescaledb,),) = connection.execute(extension).fetchall()
            numbers = {name: getattr(sizes, name) for name in ("messages", "devices", "days")}
            readings = READING_ROWS if timescaledb else MESSAGE_READINGS
            connection.execute(FILL.format(**numbers, readings=readings).encode())
            connection.execute("ANALYZE")
        turns = [_turn(here, there, Path(name), encrypted=encrypted) for encrypted in (False, True)]
    return Found(timescaledb=bool(timescaledb), readings=4 * sizes.messages, turns=turns)


@contextmanager
def _databases() -> Iterator[tuple[str, str]]:
    given = os.environ.get("GRIDWATCH_TEST_DATABASE_URL")
    if given:
        with _on(given) as urls:
            yield urls
    else:
        with servers() as started, _on(started.database_url) as urls:
            yield urls


@contextmanager
def _on(url: str) -> Iterator[tuple[str, str]]:
    here, there = DATABASES
    try:
        for name in DATABASES:
            _run(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        yield _with_database(url, here), _with_database(url, there)
    finally:
        for name in DATABASES:
            _run(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _turn(here: str, there: str, folder: Path, *, encrypted: bool) -> Turn:
    file = folder / "backup.tar"
    sealed = {"GRIDWATCH_BACKUP_PASSPHRASE": PASSPHRASE} if encrypted else {}
    backup_s, backup_mib = _command(here, folder / "here", sealed, "backup", str(file))
    check_s, _ = _command(there, folder / "there", sealed, "restore", "--check", str(file))
    restore_s, restore_mib = _command(there, folder / "there", sealed, "restore", "--force", str(file))
    before, after = _sums(here), _sums(there)
    return Turn(
        encrypted=encrypted,
        backup_s=round(backup_s, 2),
        backup_rss_mib=backup_mib,
        size_mb=round(file.stat().st_size / 1e6, 1),
        check_s=round(check_s, 2),
        restore_s=round(restore_s, 2),
        restore_rss_mib=restore_mib,
        tables=len(before),
        rows=sum(count for count, _ in before.values()),
        different=sorted(name for name in before | after if before.get(name) != after.get(name)),
    )


def _command(url: str, data_dir: Path, sealed: dict[str, str], *words: str) -> tuple[float, float]:
    """Run a command of Gridwatch; return its seconds and its greatest resident memory in MiB."""
    data_dir.mkdir(exist_ok=True)
    environment = clean_environment() | sealed
    environment |= {"GRIDWATCH_DATABASE_URL": url, "GRIDWATCH_DATA_DIR": str(data_dir)}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "gridwatch", *words], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"gridwatch {words[0]} failed")
    return time.monotonic() - began, round(usage.ru_maxrss / 1024)


def _sums(url: str) -> dict[str, tuple[int, int]]:
    """Return the count and a checksum of the rows of each table, whatever their order."""
    with psycopg.connect(with_session_options(url)) as connection:
        query = SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {} t")
        sums = {}
        for (name,) in connection.execute(TABLES).fetchall():
            ((count, checksum),) = connection.execute(query.format(Identifier(name))).fetchall()
            sums[name] = int(count), int(checksum)
    return sums


def rows(found: Found) -> list[Row]:
    """Return the lines of the table."""
    database = "TimescaleDB" if found.timescaledb else "plain PostgreSQL"
    return [
        Row(
            what=f"backup of {found.readings:,} readings, {database}{', encrypted' * turn.encrypted}",
            value=f"{turn.backup_s:.0f} s, {turn.size_mb:,.0f} MB, {turn.backup_rss_mib:.0f} MiB RSS",
            note=(
                f"checked in {turn.check_s:.0f} s; checked and restored in {turn.restore_s:.0f} s, "
                f"{turn.restore_rss_mib:.0f} MiB RSS; {turn.rows:,} rows of {turn.tables} tables compared, "
                f"different: {', '.join(turn.different) or 'none'}"
            ),
        )
        for turn in found.turns
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
