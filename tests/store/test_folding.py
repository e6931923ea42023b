"""A storm is folded, never dropped: each finding counts in one alert, each alert changes once a second."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

import gridwatch.store.alerts
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Location, Severity
from gridwatch.store import Store
from gridwatch.store.alerts import announce_held_back, changes_after, list_alerts
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import KnownDevice, add_devices, get_device
from gridwatch.store.entries import Accepted, Concluded
from gridwatch.store.intake import Intake

pytestmark = pytest.mark.anyio

AT = datetime(2026, 7, 1, tzinfo=UTC)
ESTATES, DEVICES, FINDINGS = 3, 4, 360


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with sensors that stand together in estates, and a camera in a lift."""
    async with Store.open(database_url) as opened:
        areas = [Area(code=f"e{n}", level=AreaLevel.ESTATE, name=f"e{n}") for n in range(ESTATES)]
        await put_areas(opened, areas)
        sensors = [
            Device(
                id=f"s{estate}-{n}",
                scene="fire",
                kind=DeviceKind.SENSOR,
                area=f"e{estate}",
                location=Location(lon=104 + 0.02 * estate, lat=30.5 + 1e-5 * n),
            )
            for estate in range(ESTATES)
            for n in range(DEVICES)
        ]
        await add_devices(opened, [*sensors, Device(id="lift", scene="elevator", kind=DeviceKind.CAMERA)])
        yield opened


def told(known: KnownDevice, label: str, second: float, confidence: float = 0.9) -> Accepted:
    """Return a device's own finding."""
    finding = Finding(label=label, confidence=confidence, observed_at=AT + timedelta(seconds=second))
    message = DeviceFinding(device=known.device.id, finding=finding)
    return Accepted(known=known, message=message, received_at=AT, concluded=(Concluded(finding=finding),))


async def known_of(store: Store) -> Sequence[KnownDevice]:
    """Return the sensors."""
    names = [f"s{estate}-{n}" for estate in range(ESTATES) for n in range(DEVICES)]
    return [await get_device(store, name) for name in names]


async def has_counted(store: Store) -> list[int]:
    """Return how many findings each alert counts; each of them belongs to one."""
    alerts = await list_alerts(store)
    belong = await store.rows("SELECT alert_id AS id, count(*) AS n FROM event GROUP BY 1")
    assert {row["id"]: row["n"] for row in belong} == {alert["id"]: alert["events"] for alert in alerts}
    return sorted(alert["events"] for alert in alerts)


@pytest.mark.parametrize("labels", [("flame",), ("smoke", "heat", "flame")])
async def test_two_collectors_fold_a_storm_into_one_alert_for_each_estate(
    store: Store, labels: Sequence[str]
) -> None:
    known = await known_of(store)
    storm = [
        told(known[n % len(known)], labels[n // len(known) % len(labels)], n / 100) for n in range(FINDINGS)
    ]
    halves = storm[::2], storm[1::2]
    collectors = [Intake(store, {}) for _ in halves]

    async def collect(collector: Intake, findings: Sequence[Accepted]) -> int:
        return sum([(await collector.record(findings[n : n + 60]))["stored"] for n in range(0, 180, 60)])

    stored = await asyncio.gather(*map(collect, collectors, halves))
    again = await collectors[0].record(storm[:100])
    assert (sum(stored), dict(again)) == (FINDINGS, again | {"stored": 0, "duplicate": 100})
    assert await has_counted(store) == [FINDINGS // ESTATES] * ESTATES


async def test_the_surest_finding_names_the_alert_and_its_times_span_them_all(store: Store) -> None:
    (first, *_) = await known_of(store)
    intake = Intake(store, {})
    await intake.record([told(first, "flame", 0, 0.5)])
    await intake.record(
        [told(first, "smoke", 30, 0.6), told(first, "smoke", -20, 0.8), told(first, "heat", 9, 0.7)]
    )
    (alert,) = await list_alerts(store)
    assert (alert["label"], alert["confidence"], alert["events"]) == ("smoke", 0.8, 4)
    assert datetime.fromisoformat(alert["observed_at"]) == AT - timedelta(seconds=20)
    assert datetime.fromisoformat(alert["last_observed_at"]) == AT + timedelta(seconds=30)


async def test_a_sure_finding_names_an_alert_that_a_surer_suspicion_raised(store: Store) -> None:
    lift = await get_device(store, "lift")
    intake = Intake(store, {"suspected_ebike": Severity.MINOR})
    await intake.record([told(lift, "suspected_ebike", 0, 0.9)])
    await intake.record([told(lift, "suspected_ebike", 1, 0.92), told(lift, "ebike", 2, 0.7)])
    (alert,) = await list_alerts(store)
    assert (alert["label"], alert["confidence"], alert["severity"]) == ("ebike", 0.7, "major")
    # One by one, and several that an alert takes at once.
    await intake.record([told(lift, "suspected_ebike", 3, 0.99)])
    await intake.record([told(lift, "suspected_ebike", n, 0.99) for n in range(4, 7)])
    await intake.record([told(lift, "ebike", 8, 0.6), told(lift, "ebike", 9, 0.8)])
    (alert,) = await list_alerts(store)
    assert (alert["label"], alert["confidence"], alert["events"]) == ("ebike", 0.8, 9)


async def test_what_comes_after_the_window_or_is_worse_is_not_folded(store: Store) -> None:
    lift, sensor = await get_device(store, "lift"), (await known_of(store))[0]
    intake = Intake(store, {})
    await intake.record([told(lift, "ebike", 0), told(lift, "ebike", 60), told(lift, "ebike", 600)])
    assert await has_counted(store) == [1, 2]
    await intake.record([told(sensor, "smoke", 0)])
    await intake.record([told(sensor, "smoke", 1), told(sensor, "flame", 2), told(sensor, "smoke", 3)])
    severities = {alert["events"]: alert["severity"] for alert in await list_alerts(store)}
    assert severities == {1: "major", 2: "major", 4: "critical"}


async def test_a_storm_is_one_change_at_once_and_one_for_all_that_joined_within_a_second(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow machine must not make a second of it.
    monkeypatch.setattr(gridwatch.store.alerts, "ONE_CHANGE_WITHIN", timedelta(hours=1))
    (first, *_) = await known_of(store)
    intake = Intake(store, {})
    for second in range(5):
        await intake.record([told(first, "flame", second)])
    (raised,) = await changes_after(store, 0)
    assert raised.alert["events"] == 1
    await announce_held_back(store)
    assert len(await changes_after(store, 0)) == 1, "its second is not over"
    await store.execute("UPDATE alert_change SET changed_at = changed_at - interval '1 hour'")
    await asyncio.gather(*(announce_held_back(store) for _ in range(3)))
    _, joined = await changes_after(store, 0)
    assert (joined.alert["events"], joined.alert["seq"]) == (5, joined.seq)
    await store.execute("UPDATE alert_change SET changed_at = changed_at - interval '1 hour'")
    await intake.record([told(first, "flame", 9)])
    assert [change.alert["events"] for change in await changes_after(store, joined.seq)] == [6]
    await announce_held_back(store)
    assert len(await changes_after(store, joined.seq)) == 1


async def test_what_makes_an_alert_worse_is_told_at_once(store: Store) -> None:
    (first, *_) = await known_of(store)
    intake = Intake(store, {})
    await intake.record([told(first, "smoke", 0)])
    await intake.record([told(first, "flame", 1)])
    assert [one.alert["severity"] for one in await changes_after(store, 0)] == ["major", "critical"]
