"""The devices that a collector knows."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

import ingest.registry
from gridwatch.errors import NotAllowed
from gridwatch.model import Channel, Device, DeviceKind, DeviceState
from gridwatch.store import Store
from gridwatch.store.books import put_heard_into_use
from gridwatch.store.devices import KnownDevice, add_devices, delete_devices, find_devices, replace_device
from ingest.registry import Registry
from tests.collectors import write_book


def _sensor(device: str, *, source: str | None = None, state: DeviceState = DeviceState.NEW) -> Device:
    return Device(id=device, scene="fire", kind=DeviceKind.SENSOR, source=source, state=state)


def test_a_device_is_found_by_its_name_in_a_foreign_system(database_url: str) -> None:
    async def scene() -> None:
        async with Store.open(database_url) as store:
            registry = Registry(store)
            await add_devices(
                store, [_sensor("b3-smoke", source="chirpstack:70b3d57ed0000001"), _sensor("s-2")]
            )
            wanted = ["chirpstack:70b3d57ed0000001", "chirpstack:s-2", "chirpstack:b3-smoke", "chirpstack:no"]
            found = await registry.find_by_source(wanted)
            assert {source: known.device.id for source, known in found.items()} == {
                "chirpstack:70b3d57ed0000001": "b3-smoke",
                "chirpstack:s-2": "s-2",
            }
            with pytest.raises(NotAllowed, match="source"):
                await add_devices(store, [_sensor("s-3", source="chirpstack:70b3d57ed0000001")])
            with pytest.raises(NotAllowed, match="source"):
                await replace_device(store, _sensor("s-2", source="chirpstack:70b3d57ed0000001"))

    asyncio.run(scene())


def test_a_device_that_changes_is_looked_up_again_and_one_that_is_retired_is_not_known(
    database_url: str,
) -> None:
    async def scene() -> None:
        async with Store.open(database_url) as store:
            registry = Registry(store)
            following = asyncio.create_task(registry.follow())
            await add_devices(store, [_sensor("s-1", source="x:1")])
            assert set(await registry.find(["s-1"])) == {"s-1"}
            assert set(await registry.find_by_source(["x:1"])) == {"x:1"}
            await replace_device(store, _sensor("s-1", source="x:2", state=DeviceState.RETIRED))
            async with asyncio.timeout(10):
                while await registry.find(["s-1"]) or await registry.find_by_source(["x:1"]):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            following.cancel()

    asyncio.run(scene())


def test_a_device_that_changes_while_another_is_looked_up_stays_known(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_up(store: Store, ids: Sequence[str]) -> dict[str, KnownDevice]:
        found = await find_devices(store, ids)
        if "s-2" in ids:
            await replace_device(store, _sensor("s-2", state=DeviceState.RETIRED))
            registries[0].forget("s-1")
            registries[0].forget("s-2")
        return found

    monkeypatch.setattr(ingest.registry, "find_devices", look_up)
    registries: list[Registry] = []

    async def scene() -> None:
        async with Store.open(database_url) as store:
            registries.append(registry := Registry(store))
            await add_devices(store, [_sensor("s-1"), _sensor("s-2")])
            assert set(await registry.find(["s-1"])) == {"s-1"}
            assert set(await registry.find(["s-1", "s-2"])) == {"s-1", "s-2"}
            # What was looked up before the change is not remembered.
            assert set(await registry.find(["s-1", "s-2"])) == {"s-1"}

    asyncio.run(scene())


def test_what_is_registered_comes_back_as_it_was(database_url: str) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    camera = Device(id="c-1", scene="elevator", kind=DeviceKind.CAMERA, lift="lift-1")
    lift = Device(id="lift-1", scene="elevator", kind=DeviceKind.GATEWAY)
    sensor = Device(
        id="s-1",
        scene="fire",
        kind=DeviceKind.SENSOR,
        channels=(Channel(quantity="co_ppm", unit="ppm", interval_s=60, quality={"flat_s": 600}),),
        labels=("一期", "楼道"),
        gateway="lift-1",
        cameras=("c-1",),
        telephone="028-8580 0000",
        state=DeviceState.TEST,
        state_until=until,
        state_by="li",
    )

    async def scene() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [camera, sensor, lift])
            found = await find_devices(store, ["c-1", "s-1", "lift-1"])
            assert [found[one.id].device for one in (camera, lift, sensor)] == [camera, lift, sensor]
            assert "8580" not in repr(found["s-1"])
            await delete_devices(store, ["lift-1"])
            assert (await find_devices(store, ["c-1"]))["c-1"].device.lift is None
            await delete_devices(store, ["c-1"])
            assert (await find_devices(store, ["s-1"]))["s-1"].device.cameras == ()
            assert (await find_devices(store, ["s-1"]))["s-1"].device.gateway is None

    asyncio.run(scene())


def test_a_new_device_is_active_once_a_message_of_it_was_stored(database_url: str) -> None:
    async def scene() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [_sensor("heard"), _sensor("unread"), _sensor("silent")])
            write_book(database_url, "heard", 1, 1)
            write_book(database_url, "unread", 1, 0, 0, 1)
            await put_heard_into_use(store)
            found = await find_devices(store, ["heard", "unread", "silent"])
            states = {name: known.device.state for name, known in found.items()}
            assert states == {"heard": "active", "unread": "new", "silent": "new"}

    asyncio.run(scene())


def test_a_test_and_a_maintenance_end_by_themselves(database_url: str) -> None:
    over = Device(
        id="s-1",
        scene="fire",
        kind=DeviceKind.SENSOR,
        state=DeviceState.TEST,
        state_until=datetime.now(UTC) - timedelta(seconds=1),
        state_by="li",
    )

    async def scene() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [over])
            device = (await find_devices(store, ["s-1"]))["s-1"].device
            assert (device.state, device.state_until, device.state_by) == (DeviceState.ACTIVE, None, "")

    asyncio.run(scene())
