"""The registered devices as a collector knows them: in memory, and told of each change.

A device that is retired is not known here: what it sends goes to quarantine.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from gridwatch.errors import StoreUnavailable
from gridwatch.model import DeviceState
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, find_by_source, find_devices

log = logging.getLogger(__name__)

CHANNEL = "gridwatch_device"
SILENCE_S = 60.0
RECONNECT_S = 1.0


LookUp = Callable[[Store, Sequence[str]], Awaitable[Mapping[str, KnownDevice]]]


class _Memory:
    """Devices that were looked up by some name, until they change."""

    def __init__(self, store: Store, look_up: LookUp) -> None:
        self._store = store
        self._look_up = look_up
        self._known: dict[str, KnownDevice] = {}
        self._changes = 0

    async def find(self, names: Iterable[str]) -> dict[str, KnownDevice]:
        """Return the devices in use that have one of these names; raise StoreUnavailable.

        Changes are heard of while others are looked up: who was known stays in the answer, and what was
        looked up is remembered only when nothing changed.
        """
        wanted = set(names)
        found = {name: self._known[name] for name in wanted & self._known.keys()}
        missing = wanted - found.keys()
        if missing:
            changes = self._changes
            looked_up = _in_use(await self._look_up(self._store, sorted(missing)))
            if changes == self._changes:
                self._known |= looked_up
            found |= looked_up
        return found

    def forget(self, name: str) -> None:
        self._changes += 1
        self._known.pop(name, None)

    def forget_all(self) -> None:
        self._changes += 1
        self._known.clear()


class Registry:
    """Known devices by id. A device that is not known is looked up each time: it may be registered by now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id = _Memory(store, find_devices)
        self._by_source = _Memory(store, find_by_source)

    async def find(self, devices: Iterable[str]) -> dict[str, KnownDevice]:
        """Return those of `devices` that are registered; raise StoreUnavailable."""
        return await self._by_id.find(devices)

    async def find_by_source(self, sources: Iterable[str]) -> dict[str, KnownDevice]:
        """Return the registered devices that foreign systems call `sources`; raise StoreUnavailable."""
        return await self._by_source.find(sources)

    def forget(self, device: str) -> None:
        """Look a device up anew from here on: it has changed."""
        self._by_id.forget(device)
        self._by_source.forget_all()

    async def follow(self) -> None:
        """Forget devices as they change, for ever; forget all when the connection was lost."""
        while True:
            try:
                async for changed in self._store.listen(CHANNEL, wait_s=SILENCE_S):
                    if changed is not None:
                        self.forget(changed)
            except StoreUnavailable as error:
                log.warning("the registry can't be followed: %s", error)
                await asyncio.sleep(RECONNECT_S)
            self._by_id.forget_all()
            self._by_source.forget_all()


def _in_use(found: Mapping[str, KnownDevice]) -> dict[str, KnownDevice]:
    return {name: known for name, known in found.items() if known.device.state is not DeviceState.RETIRED}
