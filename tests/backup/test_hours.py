"""Hours whose readings are gone live on in a restored database, whichever kind it and its origin are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gridwatch.backup.making import make_backup
from gridwatch.backup.restoring import restore_backup
from gridwatch.settings import read_settings
from gridwatch.store.migrate import known_migrations, migrate
from tests.collectors import ask
from tests.servers import run_sql, with_database

pytestmark = pytest.mark.skipif(
    not any(name.startswith("0007") for name in known_migrations()), reason="hours are not kept yet"
)

HOURS = """SELECT bucket_at, round(sum::numeric, 3) AS sum, min, max, count FROM reading_hourly
           ORDER BY bucket_at"""


@pytest.fixture
def empty_urls(postgres_url: str) -> Iterator[list[str]]:
    """Return the addresses of two databases in which nothing ever was."""
    names = [f"hours_{uuid4().hex[:12]}" for _ in range(2)]
    for name in names:
        run_sql(postgres_url, f'CREATE DATABASE "{name}"')
    try:
        yield [with_database(postgres_url, name) for name in names]
    finally:
        for name in names:
            run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.parametrize("plain", [True, False], ids=["of plain tables", "of what the server has"])
def test_hours_live_on_where_their_readings_are_gone(
    empty_urls: list[str], tmp_path: Path, plain: bool
) -> None:
    here, there = empty_urls
    migrate(here, only=known_migrations() if plain else None)
    kept = fill(here)
    ask(here, "UPDATE horizon SET at = %s WHERE name = 'kept'", [kept])
    ask(here, "DELETE FROM reading WHERE observed_at < %s", [kept])
    settings, path = read_settings(data_dir=tmp_path / "here"), tmp_path / "backup.tar"
    before = ask(here, HOURS)
    assert before[0]["bucket_at"] < kept
    make_backup(settings, here, path)
    restore_backup(path, None, there, tmp_path / "there", force=False)
    assert ask(there, HOURS) == before


def fill(url: str) -> Any:
    """Write 5,000 readings, one a minute, that are summed up; return a day's beginning in their middle."""
    ask(url, "INSERT INTO device (id, scene, kind) VALUES ('s1', 'fire', 'sensor')")
    ask(url, "INSERT INTO quantity (name) VALUES ('co_ppm')")
    ask(
        url,
        """INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
           SELECT 1, 1, now() - n * interval '1 minute', n, 40, 10 FROM generate_series(1, 5000) n""",
    )
    (row,) = ask(
        url,
        """SELECT date_bin('1 day', now() - interval '1 day', timestamptz '2000-01-01 00:00:00+00') AS kept,
                  to_regclass('reading_by_hour') IS NOT NULL AS by_timescaledb""",
    )
    if row["by_timescaledb"]:
        ask(url, "CALL refresh_continuous_aggregate('reading_by_hour', NULL, NULL)")
    else:
        ask(
            url,
            """INSERT INTO reading_hourly_kept (device_key, quantity_key, bucket_at, sum, min, max, count)
               SELECT device_key, quantity_key, bucket_at, sum, min, max, count FROM reading_hourly
               WHERE bucket_at < date_bin('1 hour', now(), timestamptz '2000-01-01 00:00:00+00')""",
        )
        ask(url, "DELETE FROM reading_touched")
        ask(
            url,
            """UPDATE horizon SET at = date_bin('1 hour', now(), timestamptz '2000-01-01 00:00:00+00')
               WHERE name = 'aggregated'""",
        )
    return row["kept"]
