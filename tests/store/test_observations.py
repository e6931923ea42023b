"""What is one observation, for how long, and what is found to be there already after that."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gridwatch.errors import StoreError
from gridwatch.model import Device, DeviceKind, Observation, Observations
from gridwatch.store import Store, observations
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.entries import Accepted
from gridwatch.store.intake import Intake
from gridwatch.store.observations import RING_DAYS, forget_old_identities

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with sensor `s1`."""
    async with Store.open(database_url, connections=4) as opened:
        await add_devices(opened, [Device(id="s1", scene="fire", kind=DeviceKind.SENSOR)])
        yield opened


async def write(store: Store, *moments: datetime, seq: int | None = None, **values: float) -> dict[str, int]:
    """Record one message with an observation for each moment; return its disposition."""
    items = tuple(
        Observation(device="s1", observed_at=moment, values=values or {"co_ppm": 1.25}, seq=seq)
        for moment in moments
    )
    known = await get_device(store, "s1")
    entry = Accepted(
        known=known, message=Observations(device="s1", items=items), received_at=datetime.now(UTC)
    )
    return {name: count for name, count in (await Intake(store, {}).record([entry])).items() if count}


async def identities(store: Store) -> int:
    """Return how many identities are kept."""
    row = await store.row("SELECT count(*) AS n FROM observation")
    return int(row["n"]) if row else 0


@pytest.mark.parametrize(
    "age", [DAY * 0, DAY * 7, DAY * 9, DAY * 40, DAY * 400, -DAY * 0.5, -DAY * 3, -DAY * 30]
)
async def test_a_message_that_comes_again_is_a_duplicate_whatever_its_time(
    store: Store, age: timedelta
) -> None:
    moment = datetime.now(UTC) - age
    assert await write(store, moment, seq=4) == {"stored": 1}
    assert await write(store, moment, seq=4) == {"duplicate": 1}
    await forget_old_identities(store)
    assert await write(store, moment, seq=4) == {"duplicate": 1}
    assert await store.row("SELECT count(*) AS n FROM gw.readings") == {"n": 1}


async def test_two_numbers_at_one_time_are_two_observations(store: Store) -> None:
    moment = datetime.now(UTC)
    assert [await write(store, moment, seq=seq) for seq in (1, 2)] == [{"stored": 1}, {"stored": 1}]
    assert await write(store, moment) == {"stored": 1}
    assert await write(store, moment, seq=2) == {"duplicate": 1}


async def test_of_a_pack_only_what_is_new_is_stored(store: Store) -> None:
    now = datetime.now(UTC)
    long_ago = now - 30 * DAY
    assert await write(store, now, long_ago) == {"stored": 1}
    assert await write(store, now, now + DAY / 4, long_ago, long_ago + DAY) == {"stored": 1}
    rows = await store.rows("SELECT observed_at FROM gw.readings ORDER BY observed_at")
    assert [row["observed_at"] for row in rows] == [long_ago, long_ago + DAY, now, now + DAY / 4]


async def test_identities_are_kept_for_the_window_and_then_dropped(store: Store) -> None:
    now = datetime.now(UTC)
    for days in range(-8, 23):
        await write(store, now - days * DAY)
    assert await identities(store) == 31
    await forget_old_identities(store)
    kept = await store.rows("SELECT observed_at FROM observation")
    assert {round((now - row["observed_at"]) / DAY) for row in kept} == set(range(-8, 9))


async def test_the_ring_goes_on_for_ever_with_what_was_left_in_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that was never emptied comes round again: its old identities are in nobody's way."""
    now = datetime.now(UTC)
    assert await write(store, now - RING_DAYS * DAY) == {"stored": 1}
    assert await write(store, now) == {"stored": 1}
    assert await identities(store) == 2


async def test_names_of_quantities_have_an_end_and_use_up_no_keys(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observations, "MOST_QUANTITIES", 4)
    now = datetime.now(UTC)
    for n in range(20):
        await write(store, now + timedelta(seconds=n), co_ppm=1, humidity_pct=2)
    await write(store, now + DAY / 2, co_ppm=1, new_one=2)
    await write(store, now + DAY / 3, co_ppm=1, new_two=2)
    with pytest.raises(StoreError, match="new_three: there are 4 quantities already"):
        await write(store, now + DAY / 4, co_ppm=1, new_three=2)
    assert await store.row("SELECT max(key)::int AS key FROM quantity") == {"key": 4}


async def test_numbers_are_read_back_bit_for_bit(store: Store) -> None:
    values = [0.0, -0.0, 21.5, 0.1, 1 / 3, 1e300, -273.15, 5e-324, 123456789.123, float(np.float32(0.3))]
    now = datetime.now(UTC)
    for n, value in enumerate(values):
        await write(store, now + timedelta(seconds=n), x=value)
    rows = await store.rows("SELECT value FROM gw.readings ORDER BY observed_at")
    assert [row["value"] for row in rows] == values
