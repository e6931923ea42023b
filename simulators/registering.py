"""Simulated devices enter the registry before they speak, and leave it with one call."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError
from gridwatch.facade import FacadeView
from gridwatch.store.areas import put_areas
from gridwatch.store.connection import Store
from gridwatch.store.devices import (
    Deleted,
    Wanted,
    add_devices,
    find_devices,
    forget_strangers,
    list_devices,
    remove_simulated,
)
from gridwatch.store.facades import set_view
from gridwatch.store.simulation import end_simulators
from simulators.district import District
from simulators.footage import FACADE_CAMERA
from simulators.publishing import clear_statuses

MOST_DEVICES = 1_000_000
END_WITHIN_S = 10.0
SETTLE_S = 1.0


async def register(store: Store, district: District) -> int:
    """Register the areas and those devices that are not there yet; return how many were new.

    Raises SettingsError where a device that is not simulated has the id of one that is.
    """
    known = await find_devices(store, [device.id for device in district.devices])
    real = sorted(found.device.id for found in known.values() if not found.device.simulated)
    if real:
        raise SettingsError(
            f"registered as real devices: {', '.join(real[:5])}; the simulator needs these ids"
        )
    await put_areas(store, district.areas)
    new = [device for device in district.devices if device.id not in known]
    if new:
        await add_devices(store, new)
    return len(new)


async def calibrate(store: Store, *, seed: int) -> None:
    """Let the façade's camera know its façade, unless it does: what falls is traced to a window."""
    known = (await find_devices(store, [FACADE_CAMERA])).get(FACADE_CAMERA)
    if known is not None and known.view is None:
        # What renders is large, and after the first start nobody needs it here.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            view = await asyncio.get_running_loop().run_in_executor(other, _facade_view, seed)
        await set_view(store, FACADE_CAMERA, view, by="simulate")


def _facade_view(seed: int) -> FacadeView:
    from simulators.films import facade_view

    return facade_view(seed)


async def remove(store: Store, address: BrokerAddress) -> Deleted:
    """End every running simulator, take back all retained statuses and delete everything simulated.

    Raises NotAllowed when a simulator does not end, and BrokerError when the broker is away; nothing is
    deleted then.
    """
    await end_simulators(store, within_s=END_WITHIN_S)
    known = await list_devices(store, Wanted(simulated=True), limit=MOST_DEVICES)
    ids = [found.device.id for found in known]
    await clear_statuses(address, ids)
    deleted = await remove_simulated(store)
    # What a collector had in its hands now comes from strangers.
    await asyncio.sleep(SETTLE_S)
    await forget_strangers(store, ids)
    return deleted
