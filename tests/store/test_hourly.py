"""Hourly sums answer as the readings themselves would, on either database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.connection import with_session_options
from gridwatch.store.devices import add_devices, delete_devices
from gridwatch.store.history import latest_readings, list_buckets
from gridwatch.store.hourly import has_timescale, sum_up_hours

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
WRITE = """
    INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, %(at)s + n * interval '7 min', (n * 7919) %% 1000, 20, 10
    FROM device d, quantity q, generate_series(0, %(count)s - 1) n
    WHERE d.id = ANY(%(devices)s)"""
DIRECT = """
    SELECT device, quantity,
           date_bin('1 hour', observed_at, timestamptz '2000-01-01 00:00:00+00') AS bucket_at,
           avg(value) AS avg, min(value) AS min, max(value) AS max, count(*) AS count, sum(value) AS sum
    FROM gw.readings GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
SUMMED = "SELECT * FROM gw.readings_hourly ORDER BY 1, 2, 3"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with two sensors whose readings of two quantities reach from two days ago to now."""
    async with Store.open(database_url) as opened:
        await add_devices(opened, [Device(id=n, scene="fire", kind=DeviceKind.SENSOR) for n in ("s1", "s2")])
        await opened.execute("INSERT INTO quantity (name) VALUES ('temperature_c'), ('co_ppm')")
        await write(opened, at=NOW - 48 * HOUR, count=48 * 60 // 7)
        yield opened


async def write(store: Store, *, at: datetime, count: int, devices: tuple[str, ...] = ("s1", "s2")) -> None:
    """Write readings from `at` on."""
    await store.execute(WRITE, {"at": at, "count": count, "devices": list(devices)})


async def same_answers(store: Store) -> list[dict[str, Any]]:
    """Return the hourly sums; they are what the readings say."""
    summed, direct = await store.rows(SUMMED), await store.rows(DIRECT)
    for row in (*summed, *direct):
        row |= {"avg": pytest.approx(row["avg"]), "sum": pytest.approx(row["sum"])}
    assert [{**row, "avg": row["avg"].expected, "sum": row["sum"].expected} for row in summed] == direct
    return summed


async def test_the_sums_are_right_before_and_after_each_turn(store: Store) -> None:
    await same_answers(store)
    await sum_up_hours(store)
    assert len(await same_answers(store)) >= 2 * 2 * 48
    await write(store, at=NOW - HOUR, count=8)
    await same_answers(store)
    await sum_up_hours(store)
    await same_answers(store)


async def test_readings_that_come_late_correct_the_sums(store: Store) -> None:
    await sum_up_hours(store)
    await write(store, at=NOW - 30 * HOUR, count=3, devices=("s2",))
    await write(store, at=NOW - 400 * HOUR, count=3, devices=("s1",))
    if not await has_timescale(store):
        await same_answers(store)
    await sum_up_hours(store)
    await same_answers(store)


async def test_readings_that_commit_while_hours_are_summed_up_are_not_forgotten(
    store: Store, database_url: str
) -> None:
    with psycopg.connect(with_session_options(database_url)) as slow:
        given = {"at": NOW - 20 * HOUR, "count": 5, "devices": ["s1"]}
        slow.execute(WRITE, given)
        await sum_up_hours(store)
        await write(store, at=NOW - 20 * HOUR, count=2)
        await sum_up_hours(store)
        slow.commit()
    await sum_up_hours(store)
    await same_answers(store)


async def test_no_hour_settles_while_an_older_transaction_may_still_write_into_it(
    store: Store, database_url: str
) -> None:
    if await has_timescale(store):
        pytest.skip("TimescaleDB has its own way to know")
    with psycopg.connect(with_session_options(database_url)) as slow:
        # Young enough not to be noted as late; it commits ten hours later.
        slow.execute(WRITE, {"at": NOW - HOUR, "count": 1, "devices": ["s1"]})
        await store.execute(
            """CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql
               AS $$ SELECT pg_catalog.now() + interval '10 h' $$"""
        )
        async with Store.open(database_url, connections=1) as later:
            await later.execute("SET search_path = gridwatch, pg_catalog, public")
            await sum_up_hours(later)
            slow.commit()
            await same_answers(store)
            await sum_up_hours(later)
            await same_answers(store)
            row = await store.row("SELECT at FROM horizon WHERE name = 'aggregated'")
            assert row is not None
            assert row["at"] > NOW


async def test_readings_vanish_from_the_sums_with_their_device(store: Store) -> None:
    await sum_up_hours(store)
    await delete_devices(store, ["s1"])
    assert {row["device"] for row in await same_answers(store)} == {"s2"}
    await sum_up_hours(store)
    await same_answers(store)


@pytest.mark.parametrize("hours", [1, 3, 24])
async def test_buckets_of_whole_hours_are_the_same_from_sums_and_readings(store: Store, hours: int) -> None:
    since, until = NOW - 47.3 * HOUR, NOW - 0.4 * HOUR
    ask = partial(list_buckets, store, "s1", quantity=None, since=since, until=until, limit=10_000)
    await sum_up_hours(store)
    found = await ask(bucket=hours * HOUR)
    rows = await store.rows(
        """SELECT quantity,
                  date_bin(%(bucket)s, observed_at, timestamptz '2000-01-01 00:00:00+00') AS bucket_at,
                  avg(value) AS avg, count(*) AS count
           FROM gw.readings WHERE device = 's1' AND observed_at >= %(since)s AND observed_at < %(until)s
           GROUP BY 1, 2 ORDER BY 2 DESC, 1""",
        {"bucket": hours * HOUR, "since": since, "until": until},
    )
    assert [(b.quantity, b.bucket_at, b.count) for b in found] == [
        (row["quantity"], row["bucket_at"], row["count"]) for row in rows
    ]
    assert [b.avg for b in found] == pytest.approx([row["avg"] for row in rows])
    quarters = await ask(bucket=HOUR / 4)
    assert sum(b.count for b in quarters) == sum(b.count for b in found)


async def test_the_latest_of_every_device_is_one_reading_of_each_quantity(store: Store) -> None:
    await write(store, at=NOW, count=1, devices=("s2",))
    latest = await latest_readings(store, since=NOW - 24 * HOUR)
    assert {device: [one.quantity for one in readings] for device, readings in latest.items()} == {
        "s1": ["co_ppm", "temperature_c"],
        "s2": ["co_ppm", "temperature_c"],
    }
    newest = await store.rows("SELECT device, max(observed_at) AS at FROM gw.readings GROUP BY 1")
    assert {d: r.observed_at for d, readings in latest.items() for r in readings} == {
        row["device"]: row["at"] for row in newest
    }
    assert await latest_readings(store, since=NOW - 24 * HOUR, area="elsewhere") == {}
