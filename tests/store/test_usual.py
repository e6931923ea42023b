"""What is usual at an hour of day is learned once from each hour, and sums outlast a restart."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, add_devices, delete_devices, find_devices
from gridwatch.store.usual import expected, learn_hours, save_sums, saved_sums
from gridwatch.usual import LEARN_DAYS, Sum

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ["co_ppm", "smoke_pct_m"]
WRITE = """
    INSERT INTO reading (device_key, quantity_key, flags, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, %(flags)s, at, %(value)s + 0.5 * (row_number() OVER () %% 3 - 1), 500, 1
    FROM device d, quantity q,
         generate_series(%(from)s, %(from)s::timestamptz + interval '59 min', '6 min') AS at
    WHERE d.id = 's-1' AND q.name = %(quantity)s"""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with one sensor."""
    async with Store.open(database_url) as store:
        await store.execute("INSERT INTO quantity (name) VALUES ('co_ppm'), ('smoke_pct_m'), ('lux')")
        await add_devices(store, [Device(id="s-1", scene="fire", kind=DeviceKind.SENSOR)])
        yield store


async def measure(
    store: Store, begin: datetime, value: float, quantity: str = "co_ppm", flags: int = 0
) -> None:
    """Let the sensor measure about a value for an hour."""
    given = {"from": begin, "value": value, "quantity": quantity, "flags": flags}
    await store.execute(WRITE, given)


async def the_sensor(store: Store) -> list[KnownDevice]:
    return list((await find_devices(store, ["s-1"])).values())


async def learn_all(store: Store, now: datetime) -> None:
    """Learn until nothing is left to learn from."""
    for _ in range(LEARN_DAYS * 24):
        await learn_hours(store, now, NAMES)
        row = await store.row("SELECT at FROM usual_learned")
        if row and row["at"] == now.replace(minute=0):
            return


async def test_two_weeks_of_history_say_what_is_usual_and_nothing_is_before_that(store: Store) -> None:
    for day in range(1, LEARN_DAYS + 1):
        at = NOW.replace(minute=0) - timedelta(days=day)
        await measure(store, at, 1.0 + 0.1 * (day % 2))
        await measure(store, at + HOUR, 3.0)
        await measure(store, at, 400.0, quantity="lux")
    begin = NOW.replace(minute=0) - timedelta(days=LEARN_DAYS)
    await store.execute("INSERT INTO usual_learned (at) VALUES (%(at)s)", {"at": begin})
    sensors, middle = await the_sensor(store), NOW.replace(minute=30)
    await learn_all(store, NOW - timedelta(days=1))
    assert await expected(store, sensors, middle, NAMES) == []
    await learn_all(store, NOW)
    await learn_hours(store, NOW, NAMES)
    (usual,) = await expected(store, sensors, middle, NAMES)
    assert (usual.device, usual.quantity) == ("s-1", "co_ppm")
    assert usual.mean == pytest.approx(1.05, abs=0.02)
    assert usual.next_mean == pytest.approx(3.0, abs=0.06)
    assert usual.spread == pytest.approx(0.43, abs=0.05)
    rows = await store.rows("SELECT DISTINCT hour, days FROM usual ORDER BY hour")
    assert [(row["hour"], row["days"]) for row in rows] == [(4, LEARN_DAYS), (5, LEARN_DAYS)]


async def test_a_first_look_takes_in_the_readings_of_two_weeks(store: Store) -> None:
    await measure(store, NOW.replace(minute=0) - timedelta(days=LEARN_DAYS), 1.0)
    await learn_hours(store, NOW, NAMES)
    row = await store.row("SELECT hour, days FROM usual")
    assert row == {"hour": NOW.hour, "days": 1}


async def test_doubtful_readings_and_wrong_clocks_teach_nothing(store: Store) -> None:
    begin = NOW.replace(minute=0) - HOUR
    await measure(store, begin, 1.0, flags=1)
    await measure(store, begin - HOUR, 1.0)
    await store.execute(
        """INSERT INTO doubt (device_key, quantity_key, flag, from_at, until_at, readings, value, seen_at)
           SELECT d.key, q.key, 8, %(at)s, %(at)s, 5, 1, %(at)s FROM device d, quantity q
           WHERE q.name = 'co_ppm'""",
        {"at": begin - HOUR / 2},
    )
    await measure(store, begin - 2 * HOUR, 1.0)
    await store.execute("INSERT INTO usual_learned (at) VALUES (%(at)s)", {"at": begin - 2 * HOUR})
    await learn_all(store, NOW)
    rows = await store.rows("SELECT hour FROM usual")
    assert [row["hour"] for row in rows] == [(begin - 2 * HOUR).hour]


async def test_sums_are_there_after_a_restart_until_they_are_over(store: Store) -> None:
    sums = [
        Sum(device="s-1", quantity=name, at_s=NOW.timestamp(), sum=4.5, today=-0.25)
        for name in ("co_ppm", "smoke_pct_m")
    ]
    await save_sums(store, sums, [])
    later = Sum(device="s-1", quantity="co_ppm", at_s=(NOW + HOUR).timestamp(), sum=6.0, today=0.5)
    await save_sums(store, [later], [("s-1", "smoke_pct_m")])
    known = await the_sensor(store)
    assert await saved_sums(store, known) == [later]
    await delete_devices(store, ["s-1"])
    assert await saved_sums(store, known) == []
