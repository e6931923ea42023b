"""One transaction for a batch, whoever else writes at the same time."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from gridwatch.errors import StoreError
from gridwatch.model import (
    Device,
    DeviceFinding,
    DeviceKind,
    DeviceState,
    Finding,
    Location,
    Observation,
    Observations,
    Role,
)
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.alerts import changes_after, list_alerts
from gridwatch.store.devices import KnownDevice, add_devices, get_device
from gridwatch.store.entries import Accepted, Concluded, Entry, Rejected
from gridwatch.store.intake import Intake, event_id
from gridwatch.store.observations import recent_observations, scale

pytestmark = pytest.mark.anyio

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with sensor `s1` and cameras `c0` to `c9`."""
    async with Store.open(database_url, connections=12) as opened:
        cameras = [Device(id=f"c{n}", scene="throwing", kind=DeviceKind.CAMERA) for n in range(10)]
        await add_devices(opened, [Device(id="s1", scene="fire", kind=DeviceKind.SENSOR), *cameras])
        yield opened


def observed(known: KnownDevice, *seconds: int, value: float = 1) -> Accepted:
    """Return a message with one observation for each of `seconds`."""
    items = tuple(
        Observation(
            device=known.device.id, observed_at=AT + timedelta(seconds=s), values={"co_ppm": value}, seq=s
        )
        for s in seconds
    )
    message = Observations(device=known.device.id, items=items)
    return Accepted(known=known, message=message, received_at=AT)


def fell(known: KnownDevice, second: float) -> Accepted:
    """Return a camera's own finding of a fall."""
    finding = Finding(label="falling_object", confidence=0.9, observed_at=AT + timedelta(seconds=second))
    message = DeviceFinding(device=known.device.id, finding=finding)
    return Accepted(known=known, message=message, received_at=AT, concluded=(Concluded(finding=finding),))


async def write(store: Store, *entries: Entry) -> dict[str, int]:
    """Record a batch and return its books."""
    return {name: count for name, count in (await Intake(store, {}).record(entries)).items() if count}


async def test_a_message_with_anything_new_is_stored_and_one_without_is_a_duplicate(store: Store) -> None:
    s1 = await get_device(store, "s1")
    books = await write(store, observed(s1, 1, 2), observed(s1, 2, 3), observed(s1, 1, 3))
    assert books == {"stored": 2, "duplicate": 1}
    assert await store.row("SELECT count(*) AS n FROM gw.readings") == {"n": 3}


async def test_two_collectors_that_write_the_same_messages_at_once_store_each_once(store: Store) -> None:
    s1 = await get_device(store, "s1")
    batches = [[observed(s1, n) for n in range(200)], [observed(s1, n) for n in reversed(range(200))]]
    both = await asyncio.gather(*(write(store, *batch) for batch in batches))
    assert sum(books.get("stored", 0) for books in both) == 200
    assert await store.row("SELECT count(*) AS n FROM gw.readings") == {"n": 200}


async def test_ten_collectors_that_race_for_one_incident_raise_one_alert(store: Store) -> None:
    camera = await get_device(store, "c0")
    await asyncio.gather(*(write(store, fell(camera, n / 10)) for n in range(10)))
    (alert,) = await list_alerts(store)
    assert alert["events"] == 10


def told(known: KnownDevice, label: str, *, until: datetime | None = None) -> Accepted:
    """Return readings of a sensor in which one of its contacts closed, or opened again."""
    finding = Finding(label=label, confidence=1, observed_at=AT, started_at=AT, ended_at=until, id=label)
    message = observed(known, 1 if until is None else 2)
    return replace(message, concluded=(Concluded(finding=finding),))


@pytest.mark.parametrize("label", ["tampered", "device_fault"])
async def test_what_a_device_tells_of_itself_is_an_alert_beside_a_fire_and_clears_by_itself(
    store: Store, label: str
) -> None:
    s1 = await get_device(store, "s1")
    await write(store, told(s1, label))
    burning = observed(s1, 3)
    smoke = Finding(label="smoke", confidence=0.9, observed_at=AT)
    await write(store, replace(burning, concluded=(Concluded(finding=smoke),)))
    alerts = {alert["label"]: alert for alert in await list_alerts(store)}
    assert alerts.keys() == {label, "smoke"}
    assert (alerts[label]["severity"], alerts[label]["state"], alerts[label]["events"]) == (
        "minor",
        "open",
        1,
    )
    await write(store, told(s1, label, until=AT + timedelta(hours=1)))
    states = {alert["label"]: alert["state"] for alert in await list_alerts(store)}
    assert states == {label: "resolved", "smoke": "open"}
    belongs = await store.rows("SELECT label, alert_id FROM event ORDER BY label")
    assert {row["label"]: row["alert_id"] for row in belongs} == {
        name: alert["id"] for name, alert in alerts.items()
    }


async def test_nobody_is_called_to_a_device_that_somebody_is_at(store: Store) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    s1 = await get_device(store, "s1")
    at_work = dataclasses.replace(s1.device, state=DeviceState.MAINTENANCE, state_until=until)
    await write(store, told(dataclasses.replace(s1, device=at_work), "tampered"))
    assert await list_alerts(store) == []
    assert await store.row("SELECT count(*) AS n FROM event") == {"n": 1}


async def test_a_later_incident_raises_anew_while_the_first_is_still_open(store: Store) -> None:
    camera = await get_device(store, "c0")
    for second in (0, 5, 60, 63):
        await write(store, fell(camera, second))
    assert [alert["events"] for alert in await list_alerts(store)] == [2, 2]


async def test_changes_are_numbered_in_the_order_of_their_commits(store: Store) -> None:
    """A reader that always resumes after the last number it saw misses nothing."""
    cameras = [await get_device(store, f"c{n}") for n in range(10)]
    writing = asyncio.gather(
        *(write(store, fell(camera, second * 60)) for camera in cameras for second in range(5))
    )
    seen: list[int] = []
    while not writing.done():
        seen += [change.seq for change in await changes_after(store, seen[-1] if seen else 0)]
    await writing
    seen += [change.seq for change in await changes_after(store, seen[-1] if seen else 0)]
    assert seen == sorted(set(seen))
    assert len(seen) == 50


async def test_the_same_bad_message_waits_in_quarantine_once(store: Store) -> None:
    bad = Rejected(known=None, topic="gw/v1/s1/readings", payload=b"{", reason="no", received_at=AT)
    assert await write(store, bad, bad) == {"quarantined": 1, "duplicate": 1}


async def test_a_batch_that_is_refused_leaves_nothing_behind(store: Store) -> None:
    s1 = await get_device(store, "s1")
    unknown = KnownDevice(key=4711, device=s1.device)
    with pytest.raises(StoreError):
        await write(store, observed(s1, 1), fell(unknown, 0))
    assert await store.row("SELECT count(*) AS n FROM observation") == {"n": 0}
    assert await store.rows("SELECT * FROM book") == []


async def test_what_people_do_is_a_change_too(store: Store) -> None:
    await write(store, fell(await get_device(store, "c0"), 0))
    (alert,) = await list_alerts(store)
    await act(store, alert["id"], "acknowledge", actor="wang", role=Role.ADMINISTRATOR)
    last = (await changes_after(store, alert["seq"]))[-1]
    assert (last.alert["state"], last.alert["acknowledged_by"]) == ("acknowledged", "wang")


async def test_the_newest_observations_come_back_oldest_first(store: Store) -> None:
    s1 = await get_device(store, "s1")
    await write(store, observed(s1, *range(10), value=7))
    recent = await recent_observations(store, [s1], each=3)
    assert [(item.seq, dict(item.values)) for item in recent] == [(n, {"co_ppm": 7.0}) for n in (7, 8, 9)]


def test_an_events_id_depends_on_the_device_and_on_nothing_that_a_second_delivery_changes() -> None:
    finding = Finding(label="ebike", confidence=0.9, observed_at=AT, id="v1")
    again = Finding(label="ebike", confidence=0.4, observed_at=AT + timedelta(seconds=1), id="v1")
    assert event_id("a", finding) == event_id("a", again) != event_id("b", finding)


def test_values_are_stored_bit_for_bit() -> None:
    rng = np.random.default_rng(3)
    decimals = rng.integers(-100_000, 100_000, 2_000)
    values = np.concatenate(
        [
            decimals / 10,
            decimals / 100,
            decimals / 1000,
            rng.normal(size=2_000),
            [0.1 + 0.2, 1e300, -5e-324, 1e13],
        ]
    )
    scaled, divisor = scale(values)
    assert (scaled / divisor == values).all()
    assert set(divisor[:4_000]) == {100}
    assert set(divisor[4_000:6_000]) == {100, 10_000}


async def test_a_storm_of_one_fire_is_one_alert_that_counts_every_finding(store: Store) -> None:
    place = Location(lon=104.0, lat=30.5)
    near = [
        Device(id=f"f{n}", scene="fire", kind=DeviceKind.SENSOR, area="e", location=place) for n in range(5)
    ]
    await add_devices(store, near)
    sensors = [await get_device(store, one.id) for one in near]

    def flame(known: KnownDevice, second: int) -> Accepted:
        finding = Finding(label="flame", confidence=0.9, observed_at=AT + timedelta(seconds=second))
        message = DeviceFinding(device=known.device.id, finding=finding)
        concluded = (Concluded(finding=finding),)
        return Accepted(known=known, message=message, received_at=AT, concluded=concluded)

    for start in range(0, 20, 5):
        seconds = range(start, start + 5)
        await write(store, *(flame(one, second) for one in sensors for second in seconds))
    (alert,) = await list_alerts(store)
    assert (alert["events"], alert["severity"]) == (100, "critical")
    assert await store.row("SELECT count(*) AS n FROM event WHERE alert_id IS NULL") == {"n": 0}


async def test_two_cameras_in_one_lift_tell_of_one_visit(store: Store) -> None:
    lift = Device(id="lift-1", scene="elevator", kind=DeviceKind.SENSOR)
    cameras = [Device(id=f"l{n}", scene="elevator", kind=DeviceKind.CAMERA, lift="lift-1") for n in (1, 2)]
    await add_devices(store, [lift, *cameras])
    finding = Finding(label="ebike", confidence=0.9, observed_at=AT)
    for camera in cameras:
        known = await get_device(store, camera.id)
        message = DeviceFinding(device=camera.id, finding=finding)
        concluded = (Concluded(finding=finding),)
        await write(store, Accepted(known=known, message=message, received_at=AT, concluded=concluded))
    (alert,) = await list_alerts(store)
    assert alert["events"] == 2
