"""Simulated devices enter the registry before they speak, and leave it with one call."""

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError
from gridwatch.store.connection import Store
from gridwatch.store.devices import (
    add_devices,
    find_devices,
    list_devices,
    put_areas,
    remove_simulated,
)
from simulators.district import District
from simulators.publishing import clear_statuses

MOST_DEVICES = 1_000_000


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


async def remove(store: Store, address: BrokerAddress) -> int:
    """Take back the retained statuses of all simulated devices and delete them; return how many there were.

    Raises BrokerError, before anything is deleted, when the broker is away.
    """
    known = await list_devices(store, simulated=True, limit=MOST_DEVICES)
    await clear_statuses(address, [found.device.id for found in known])
    return await remove_simulated(store)
