"""What is older than its class is kept goes, and nothing else; days that are over are compressed."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import pytest

from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.devices import add_devices
from gridwatch.store.hourly import has_timescale, sum_up_hours
from gridwatch.store.retention import BATCH, compress, drop_old
from tests.store.test_hourly import same_answers, write

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with one sensor and two quantities."""
    async with Store.open(database_url) as opened:
        await add_devices(opened, [Device(id="s1", scene="fire", kind=DeviceKind.SENSOR)])
        await opened.execute("INSERT INTO quantity (name) VALUES ('temperature_c'), ('co_ppm')")
        yield opened


async def write_days(store: Store, *ages: float) -> None:
    """Write ten readings of each of two quantities on some days, given by their age."""
    for age in ages:
        await write(store, at=(NOW - age * DAY).replace(hour=12), count=10, devices=("s1",))


READINGS: LiteralString = "SELECT DISTINCT %(now)s::date - observed_at::date AS age FROM gw.readings"
HOURS: LiteralString = "SELECT DISTINCT %(now)s::date - bucket_at::date AS age FROM gw.readings_hourly"


async def ages(store: Store, query: LiteralString) -> list[int]:
    """Return how many days ago readings or hours were, the youngest first."""
    return sorted(row["age"] for row in await store.rows(query, {"now": NOW}))


async def test_readings_go_before_their_hourly_sums(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await write_days(store, 1, 9, 20, 60)
    await sum_up_hours(store)
    with caplog.at_level(logging.INFO):
        await drop_old(store, keep_readings=10 * DAY, keep_aggregates=30 * DAY)
    assert "of readings that were kept long enough" in caplog.text
    assert await ages(store, READINGS) == [1, 9]
    await sum_up_hours(store)
    assert await ages(store, HOURS) == [1, 9, 20]


async def test_a_reading_that_comes_after_its_day_was_dropped_spoils_no_sums(store: Store) -> None:
    await write_days(store, 1, 20)
    await sum_up_hours(store)
    before = await store.rows("SELECT * FROM gw.readings_hourly ORDER BY 1, 2, 3")
    await drop_old(store, keep_readings=10 * DAY, keep_aggregates=3000 * DAY)
    await write_days(store, 20)
    await sum_up_hours(store)
    assert await store.rows("SELECT * FROM gw.readings_hourly ORDER BY 1, 2, 3") == before
    await drop_old(store, keep_readings=10 * DAY, keep_aggregates=3000 * DAY)
    assert await ages(store, READINGS) == [1]


async def test_more_than_a_batch_goes_in_one_turn(store: Store) -> None:
    await store.execute(
        """INSERT INTO lift_state (device_key, observed_at, received_at)
           SELECT key, now() - interval '400 days' - n * interval '1 s', now()
           FROM device, generate_series(1, %(count)s) n""",
        {"count": BATCH + 5},
    )
    await drop_old(store, keep_readings=365 * DAY, keep_aggregates=1826 * DAY)
    assert await store.row("SELECT count(*) AS n FROM lift_state") == {"n": 0}


async def test_the_history_of_a_live_alert_is_kept_whole(store: Store) -> None:
    for state in ("open", "acknowledged", "resolved"):
        await store.execute(
            """WITH a AS (
                   INSERT INTO alert (group_key, scene, label, severity, state, confidence, device_key,
                                      observed_at, last_observed_at, resolved_at)
                   SELECT %(state)s, 'fire', 'smoke', 'major', %(state)s, 1, key,
                          now() - interval '9 years', now(),
                          CASE WHEN %(state)s = 'resolved' THEN now() - interval '8 years' END
                   FROM device RETURNING id
               ), n AS (
                   INSERT INTO notification (alert_id, step, channel, sent_at)
                   SELECT id, 'raised', 'c', now() - interval '9 years' FROM a
               ), k AS (
                   INSERT INTO call (alert_id, step, urgent) SELECT id, 'raised', false FROM a
               )
               INSERT INTO alert_change (seq, alert_id, change, changed_at, alert)
               SELECT nextval('alert_change_seq'), id, 'raise', now() - interval '9 years', '{}' FROM a""",
            {"state": state},
        )
    await drop_old(store, keep_readings=365 * DAY, keep_aggregates=1826 * DAY)
    left = await store.rows(
        """SELECT DISTINCT a.state, n.alert_id IS NOT NULL AND k.alert_id IS NOT NULL AS told,
                  c.alert_id IS NOT NULL AS changed
           FROM alert a
           LEFT JOIN call k ON k.alert_id = a.id
           LEFT JOIN notification n ON n.alert_id = a.id
           LEFT JOIN alert_change c ON c.alert_id = a.id"""
    )
    assert {(row["state"], row["told"], row["changed"]) for row in left} == {
        ("open", True, True),
        ("acknowledged", True, True),
        ("resolved", False, False),
    }


async def test_days_that_are_over_are_compressed_and_take_late_readings(store: Store) -> None:
    if not await has_timescale(store):
        pytest.skip("plain PostgreSQL has no columnstore")
    await write_days(store, 0, 5, 9)
    compressed = """SELECT is_compressed, count(*) AS n FROM timescaledb_information.chunks
                    WHERE hypertable_name = 'reading' GROUP BY 1 ORDER BY 1"""
    before = await same_answers(store)
    await compress(store)
    assert [(row["is_compressed"], row["n"]) for row in await store.rows(compressed)] == [
        (False, 1),
        (True, 2),
    ]
    assert await same_answers(store) == before
    await sum_up_hours(store)
    await write(store, at=(NOW - 9 * DAY).replace(hour=12, minute=59), count=1, devices=("s1",))
    await sum_up_hours(store)
    assert sum(row["count"] for row in await same_answers(store)) == 62
    await compress(store)
    partial = "SELECT count(*) AS n FROM _timescaledb_catalog.chunk WHERE status & 8 <> 0"
    assert await store.row(partial) == {"n": 0}
    assert sum(row["count"] for row in await same_answers(store)) == 62
