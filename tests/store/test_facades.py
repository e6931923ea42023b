"""The façade before a camera: kept, told to collectors, and who changed it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.facade import FacadeView
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Origin
from gridwatch.store import Store
from gridwatch.store.alerts import list_alerts
from gridwatch.store.devices import add_devices, get_device, replace_device
from gridwatch.store.entries import Accepted, Concluded
from gridwatch.store.facades import set_view, view_changes
from gridwatch.store.history import list_events
from gridwatch.store.intake import Intake
from ingest.registry import Registry

pytestmark = pytest.mark.anyio

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
VIEW = FacadeView(size_wh=(640, 480), polygon=((10, 10), (600, 10), (600, 470)))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Return a store with camera `c1` and sensor `s1`."""
    async with Store.open(database_url) as opened:
        await add_devices(
            opened,
            [
                Device(id="c1", scene="throwing", kind=DeviceKind.CAMERA),
                Device(id="s1", scene="fire", kind=DeviceKind.SENSOR),
            ],
        )
        yield opened


async def test_a_view_is_kept_with_who_set_it_and_taken_away_again(store: Store) -> None:
    await set_view(store, "c1", VIEW, by="li")
    known = await get_device(store, "c1")
    assert known.view == VIEW
    await replace_device(store, known.device)
    assert (await get_device(store, "c1")).view == VIEW, "an import of the registry does not know of it"
    await set_view(store, "c1", None, by="wang")
    assert (await get_device(store, "c1")).view is None
    changes = [(change.actor, change.view) for change in await view_changes(store, "c1")]
    assert changes == [("wang", None), ("li", VIEW)]


async def test_only_a_camera_has_a_view(store: Store) -> None:
    with pytest.raises(NotAllowed, match="s1 is no camera"):
        await set_view(store, "s1", VIEW, by="li")
    with pytest.raises(NotFound):
        await set_view(store, "c9", VIEW, by="li")
    assert await view_changes(store, "s1") == []


async def test_a_collector_that_knows_the_camera_hears_of_its_new_view(store: Store) -> None:
    registry = Registry(store)
    following = asyncio.create_task(registry.follow())
    try:
        assert (await registry.find(["c1"]))["c1"].view is None
        async with asyncio.timeout(20):
            while (await registry.find(["c1"]))["c1"].view is None:
                # Again, for the registry may not listen yet.
                await set_view(store, "c1", VIEW, by="li")
                await asyncio.sleep(0.05)
        assert (await registry.find(["c1"]))["c1"].view == VIEW
    finally:
        following.cancel()


async def test_where_a_thing_came_from_is_in_its_event_and_its_alert(store: Store) -> None:
    where = (Origin(p=0.62, floor=12, window=3), Origin(p=0.3, floor=11), Origin(p=0.08, place="roof"))
    known = await get_device(store, "c1")
    for confidence, origins in ((0.9, where), (0.7, where[1:])):
        finding = Finding(
            label="falling_object",
            confidence=confidence,
            observed_at=AT,
            where=origins,
            id=f"a {confidence}",
        )
        entry = Accepted(
            known=known,
            message=DeviceFinding(device="c1", finding=finding),
            received_at=AT,
            concluded=(Concluded(finding=finding),),
        )
        await Intake(store, {}).record([entry])
    said = [{"p": 0.62, "floor": 12, "window": 3}, {"p": 0.3, "floor": 11}, {"p": 0.08, "place": "roof"}]
    (alert,) = await list_alerts(store)
    assert alert["where"] == said, "of the surest event"
    assert [list(event.origins) for event in await list_events(store)] == [said[1:], said]
