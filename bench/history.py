"""Twenty million readings: bytes for each, and how fast people's questions about them are answered.

On the embedded plain PostgreSQL, and beside it on the server that GRIDWATCH_TEST_DATABASE_URL names (one
with TimescaleDB).
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.servers import servers
from bench.show import show
from bench.spread import Row, quantile
from gridwatch.store import Store
from gridwatch.store.connection import with_session_options
from gridwatch.store.history import latest_readings, list_buckets, list_readings
from gridwatch.store.hourly import has_timescale, sum_up_hours
from gridwatch.store.migrate import migrate
from gridwatch.store.retention import compress

DATABASE = "gridwatch_bench_history"
QUANTITIES = ("temperature_c", "humidity_pct", "smoke_pct_m", "co_ppm")
HOUR = timedelta(hours=1)
TARGET_BYTES, TARGET_P95_MS = 4.0, 50.0

REGISTER = """
    INSERT INTO device (id, scene, kind)
    SELECT 'bench-' || n, 'fire', 'sensor' FROM generate_series(1, {devices}) n;
    INSERT INTO quantity (name) VALUES {quantities}"""
# Each sensor measures at a steady pace; levels, daily swing, noise and decimals are those of
# simulators/sensors.py; the way to the collector takes 5 to 45 ms. In the order of time, as they arrive.
MADE = """
    SELECT d AS device_key, q AS quantity_key, at AS observed_at, delay AS delay_ms, CASE q
        WHEN 1 THEN round((20 + 2 * swing + d %% 7 * 0.2 + 0.16 * noise)::numeric, 1)
        WHEN 2 THEN round((55 - 10 * swing + 0.8 * noise)::numeric, 1)
        WHEN 3 THEN round((0.12 + 0.06 * noise)::numeric, 2)
        ELSE round(greatest(0, 0.8 + 0.5 * noise)::numeric, 1) END AS value
    FROM (SELECT d, q, delay, at, sin(extract(epoch FROM at) / 86400 * 2 * pi()) AS swing,
                 random() + random() + random() - 1.5 AS noise
          FROM (SELECT d, 5 + (random() * 40)::int AS delay,
                       %(begin)s + (n + d::float / %(devices)s) * %(every)s::interval AS at
                FROM generate_series(%(first)s::int, %(last)s::int) n, generate_series(1, %(devices)s::int) d
                ) m, generate_series(1, 4) q) r"""
FILL_ROWS = """
    INSERT INTO reading (device_key, quantity_key, observed_at, delay_ms, divisor, scaled)
    SELECT device_key, quantity_key, observed_at, delay_ms, 100, 100 * value FROM ({made}) made"""
FILL_MESSAGES = """
    INSERT INTO message_readings (device_key, observed_at, delay_ms, quantity_keys, numbers)
    SELECT device_key, observed_at, delay_ms, array_agg(quantity_key ORDER BY quantity_key),
           array_agg(value ORDER BY quantity_key)
    FROM ({made}) made GROUP BY 2, 1, 3 ORDER BY 2"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many readings lie there, of how many devices and days, and how often each question is asked."""

    observations: int = 5_000
    """Of each device, with four readings each."""
    devices: int = 1_000
    days: int = 30
    questions: int = 200


FULL = Sizes()
QUICK = Sizes(observations=200, devices=100, days=5, questions=20)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Milliseconds from a question to its rows in Python."""

    p50_ms: float
    p95_ms: float
    rows: int
    """Of the last answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OneDatabase:
    """One database with all readings."""

    timescaledb: bool
    version: str
    readings: int
    filled_s: float
    summed_up_s: float
    compressed_s: float
    bytes_each: float
    """With indexes; with TimescaleDB of compressed days alone."""
    hours_bytes_each: float
    """Of the hourly sums, spread over the readings."""
    answers: Mapping[str, Answers]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Plain PostgreSQL, and TimescaleDB where a server was given."""

    databases: list[OneDatabase]


def measure(sizes: Sizes) -> Found:
    """Fill, sum up and compress each database, and ask it."""
    found = []
    with servers() as started, _database(started.database_url) as url:
        found.append(asyncio.run(_measure(url, sizes)))
    given = os.environ.get("GRIDWATCH_TEST_DATABASE_URL")
    if given:
        with _database(given) as url:
            found.append(asyncio.run(_measure(url, sizes)))
    return Found(databases=found)


@contextmanager
def _database(url: str) -> Iterator[str]:
    drop = f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)".encode()
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(drop)
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
            yield urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
        finally:
            connection.execute(drop)


async def _measure(url: str, sizes: Sizes) -> OneDatabase:
    migrate(url)
    end = datetime.now(UTC)
    async with Store.open(url) as store:
        timescaledb = await has_timescale(store)
        filled_s = await asyncio.to_thread(
            _fill, url, sizes, end, FILL_ROWS if timescaledb else FILL_MESSAGES
        )
        summed_up_s = await _timed(lambda: sum_up_hours(store))
        compressed_s = await _timed(lambda: compress(store))
        await store.execute("VACUUM ANALYZE")
        row = await store.row("SELECT count(*) AS readings, version() AS version FROM readings")
        size = await store.row(COMPRESSED_SIZE if timescaledb else PLAIN_SIZE)
        assert row is not None
        assert size is not None
        readings = int(row["readings"])
        if readings != 4 * sizes.observations * sizes.devices:
            raise RuntimeError(f"{readings} readings are there")
        return OneDatabase(
            timescaledb=timescaledb,
            version=row["version"].split()[1],
            readings=readings,
            filled_s=round(filled_s, 1),
            summed_up_s=round(summed_up_s, 1),
            compressed_s=round(compressed_s, 1),
            bytes_each=round(size["bytes"] / max(1, size["readings"] or readings), 2),
            hours_bytes_each=round(size["hours"] / readings, 2),
            answers=await _ask(store, sizes, end),
        )


PLAIN_SIZE = """
    SELECT pg_total_relation_size('message_readings')::float8 AS bytes,
           (SELECT count(*) FROM readings) AS readings,
           pg_total_relation_size('reading_hourly_kept')::float8 AS hours"""
COMPRESSED_SIZE = """
    SELECT (SELECT sum(after_compression_total_bytes)::float8
            FROM chunk_columnstore_stats('reading')) AS bytes,
           (SELECT count(*) FROM reading WHERE observed_at < (
                SELECT max(range_end) FROM timescaledb_information.chunks
                WHERE hypertable_name = 'reading' AND is_compressed)) AS readings,
           (SELECT hypertable_size(format('%I.%I', materialization_hypertable_schema,
                                          materialization_hypertable_name)::regclass)::float8
            FROM timescaledb_information.continuous_aggregates) AS hours"""


def _fill(url: str, sizes: Sizes, end: datetime, fill: str) -> float:
    began = time.monotonic()
    every = timedelta(days=sizes.days) / sizes.observations
    with psycopg.connect(with_session_options(url), autocommit=True) as connection:
        quantities = ", ".join(f"('{name}')" for name in QUANTITIES)
        connection.execute(REGISTER.format(devices=sizes.devices, quantities=quantities).encode())
        # They did not come late, they were there: on plain PostgreSQL each would be noted as late.
        connection.execute("SET session_replication_role = replica")
        for first in range(0, sizes.observations, 100):
            last = min(first + 100, sizes.observations) - 1
            given = {"begin": end - timedelta(days=sizes.days), "every": every, "devices": sizes.devices}
            connection.execute(fill.format(made=MADE).encode(), {**given, "first": first, "last": last})
    return time.monotonic() - began


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await work()
    return time.monotonic() - began


async def _ask(store: Store, sizes: Sizes, end: datetime) -> dict[str, Answers]:
    random = Random(20)  # noqa: S311 - which device is asked for is no secret

    def device() -> str:
        return f"bench-{random.randint(1, sizes.devices)}"

    async def day() -> int:
        since = end - timedelta(days=1 + random.random() * (sizes.days - 1))
        until, quantity = since + timedelta(days=1), random.choice(QUANTITIES)
        return len(
            await list_readings(store, device(), quantity=quantity, since=since, until=until, limit=10_000)
        )

    async def hours() -> int:
        until = end - random.random() * HOUR
        since = until - timedelta(days=sizes.days)
        return len(
            await list_buckets(
                store, device(), quantity=None, since=since, until=until, bucket=HOUR, limit=10_000
            )
        )

    async def latest() -> int:
        found = await latest_readings(store, since=end - timedelta(days=1))
        return sum(map(len, found.values()))

    questions = {
        "one quantity of a device, one day": day,
        f"hourly sums of a device, {sizes.days} days": hours,
        "latest of every device": latest,
    }
    return {name: await _answers(ask, sizes.questions) for name, ask in questions.items()}


async def _answers(ask: Callable[[], Awaitable[int]], questions: int) -> Answers:
    took, rows = [], 0
    for number in range(questions + 10):
        began = time.perf_counter()
        rows = await ask()
        if number >= 10:
            took.append(1000 * (time.perf_counter() - began))
    return Answers(p50_ms=round(quantile(took, 0.5), 2), p95_ms=round(quantile(took, 0.95), 2), rows=rows)


def rows(found: Found) -> list[Row]:
    """Return the lines of the table."""
    lines = []
    for one in found.databases:
        name = f"{'TimescaleDB on' if one.timescaledb else 'plain'} PostgreSQL {one.version}"
        lines.append(
            Row(
                what=f"bytes for each of {one.readings:,} readings, {name}",
                value=f"{one.bytes_each:.2f} B",
                note=(
                    f"target with TimescaleDB: {TARGET_BYTES:g} B; "
                    f"hourly sums {one.hours_bytes_each:.2f} B more; "
                    f"filled in {one.filled_s:.0f} s, hours summed up in {one.summed_up_s:.0f} s, "
                    f"compressed in {one.compressed_s:.0f} s"
                ),
            )
        )
        lines += [
            Row(
                what=f"{question}, {name}",
                value=f"p50 {answers.p50_ms:.1f} ms, p95 {answers.p95_ms:.1f} ms",
                note=f"target: p95 {TARGET_P95_MS:g} ms; {answers.rows:,} rows",
            )
            for question, answers in one.answers.items()
        ]
    if not any(one.timescaledb for one in found.databases):
        lines.append(Row(what="readings with TimescaleDB", value="not measured: no server was given"))
    return lines


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
