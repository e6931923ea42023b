"""Quarantine keeps within its time and size, warns before it drops, and its losses stay explained."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.devices import add_devices
from gridwatch.store.entries import Rejected
from gridwatch.store.intake import Intake
from gridwatch.store.keeping import GB
from gridwatch.store.quarantine import bound_quarantine, dropped_so_far, list_quarantine, quarantine_usage

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with two registered devices."""
    async with Store.open(database_url) as opened:
        await add_devices(
            opened, [Device(id=name, scene="fire", kind=DeviceKind.SENSOR) for name in ("s1", "s2")]
        )
        yield opened


def refused(device: str, number: int, *, size: int = 1000, days_ago: float = 0) -> Rejected:
    """Return a message that could not be read."""
    return Rejected(
        known=None,
        topic=f"gw/v1/{device}/readings",
        payload=f"{number:0{size}}".encode(),
        reason="no JSON",
        received_at=NOW - timedelta(days=days_ago) + timedelta(milliseconds=number),
    )


async def left(store: Store) -> dict[str, list[int]]:
    """Return which numbers of each device are in quarantine."""
    found: dict[str, list[int]] = {}
    for row in await store.rows("SELECT topic, payload FROM quarantine ORDER BY received_at"):
        found.setdefault(row["topic"].split("/")[2], []).append(int(row["payload"]))
    return found


async def explained(store: Store) -> bool:
    """Tell whether every message that the books call quarantined is there or in the list of drops."""
    row = await store.row(
        """SELECT (SELECT sum(quarantined) FROM book)
                  = (SELECT count(*) FROM quarantine)
                    + coalesce((SELECT sum(messages) FROM quarantine_drop), 0) AS balance"""
    )
    return row is not None and bool(row["balance"])


async def test_a_flood_from_one_stranger_pushes_out_nobody_elses_messages(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    own = [refused("s1", n) for n in range(10)] + [refused("s2", n, size=3000) for n in range(3)]
    newcomer = [refused("newcomer", n) for n in range(2)]
    flood = [refused("flood", n) for n in range(400)]
    await Intake(store, {}).record([*own, *newcomer, *flood])
    quota_gb = 100_000 / GB
    with caplog.at_level(logging.WARNING):
        await bound_quarantine(store, keep_days=90, quota_gb=quota_gb)
    assert "quarantine takes" in caplog.text
    assert len((await left(store))["flood"]) == 400, "the turn that warns drops nothing"
    assert await dropped_so_far(store) is None

    for _ in range(2):
        await bound_quarantine(store, keep_days=90, quota_gb=quota_gb)
    kept = await left(store)
    assert kept["s1"] == list(range(10))
    assert kept["s2"] == list(range(3))
    assert kept["newcomer"] == [0, 1]
    assert kept["flood"] == list(range(400 - len(kept["flood"]), 400))
    size, _ = await quarantine_usage(store) or (None, None)
    assert size is not None
    assert 0.85 < size.share <= 0.9
    assert await store.rows("SELECT sender, why FROM quarantine_drop") == [{"sender": "", "why": "quota"}]
    assert await explained(store)


async def test_a_stranger_with_many_names_pushes_out_no_registered_device(store: Store) -> None:
    await Intake(store, {}).record([refused("s1", n) for n in range(10)])
    await Intake(store, {}).record([refused(f"fake-{n}", n) for n in range(300)])
    for _ in range(2):
        await bound_quarantine(store, keep_days=90, quota_gb=50_000 / GB)
    kept = await left(store)
    assert kept.pop("s1") == list(range(10))
    assert 20 < len(kept) < 30
    assert await explained(store)


async def test_of_one_sender_the_oldest_goes_and_of_all_who_sent_most_loses(store: Store) -> None:
    await Intake(store, {}).record([refused("s1", n) for n in range(80)])
    await Intake(store, {}).record([refused("s2", n) for n in range(20)])
    for _ in range(2):
        await bound_quarantine(store, keep_days=90, quota_gb=61_000 / GB)
    kept = await left(store)
    assert kept["s2"] == list(range(20))
    assert kept["s1"] == list(range(80 - len(kept["s1"]), 80))
    assert 20 < len(kept["s1"]) < 40
    assert await explained(store)


async def test_what_was_replayed_goes_before_anything_that_waits(store: Store) -> None:
    await Intake(store, {}).record([refused("s1", n) for n in range(40)])
    await store.execute(
        "UPDATE quarantine SET replayed_at = now() WHERE convert_from(payload, 'UTF8')::int >= 20"
    )
    for _ in range(2):
        await bound_quarantine(store, keep_days=90, quota_gb=40_000 / GB)
    assert (await left(store))["s1"][:20] == list(range(20))
    row = await dropped_so_far(store)
    assert row is not None
    assert row["messages"] == row["replayed"] > 0


async def test_age_is_warned_of_before_it_takes_a_message_that_waits(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await Intake(store, {}).record(
        [refused("s1", n, days_ago=days) for n, days in enumerate((95, 91, 80, 1))]
    )
    await store.execute(
        "UPDATE quarantine SET replayed_at = now() WHERE convert_from(payload, 'UTF8')::int = 0"
    )
    with caplog.at_level(logging.WARNING):
        await bound_quarantine(store, keep_days=90, quota_gb=1)
    assert "of 90 days old" in caplog.text
    assert (await left(store))["s1"] == [1, 2, 3], "only what was replayed goes unannounced"
    await bound_quarantine(store, keep_days=90, quota_gb=1)
    assert (await left(store))["s1"] == [2, 3]
    assert await explained(store)


async def test_a_quarantine_that_is_far_from_its_limits_is_left_alone(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await Intake(store, {}).record([refused("s1", n) for n in range(5)])
    for _ in range(3):
        await bound_quarantine(store, keep_days=90, quota_gb=1)
    assert len(await list_quarantine(store)) == 5
    assert caplog.text == ""
    size, age = await quarantine_usage(store) or (None, None)
    assert size is not None
    assert age is not None
    assert (size.count, size.warned_at, age.count, age.warned_at) == (5, None, 5, None)
