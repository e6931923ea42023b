"""The registered devices as a collector knows them: in memory, and told of each change.

A device that is retired is not known here: what it sends goes to quarantine.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from gridwatch.errors import StoreUnavailable
from gridwatch.model import DeviceState
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, find_by_source, find_devices

log = logging.getLogger(__name__)

CHANNEL = "gridwatch_device"
SILENCE_S = 60.0
RECONNECT_S = 1.0


class Registry:
    """Known devices by id. A device that is not known is looked up each time: it may be registered by now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, KnownDevice] = {}
        self._by_source: dict[str, KnownDevice] = {}

    async def find(self, devices: Iterable[str]) -> dict[str, KnownDevice]:
        """Return those of `devices` that are registered; raise StoreUnavailable."""
        wanted = set(devices)
        missing = wanted - self._known.keys()
        if missing:
            self._known |= _in_use(await find_devices(self._store, sorted(missing)))
        return {device: self._known[device] for device in wanted if device in self._known}

    async def find_by_source(self, sources: Iterable[str]) -> dict[str, KnownDevice]:
        """Return the registered devices that foreign systems call `sources`; raise StoreUnavailable."""
        wanted = set(sources)
        missing = wanted - self._by_source.keys()
        if missing:
            self._by_source |= _in_use(await find_by_source(self._store, sorted(missing)))
        return {source: self._by_source[source] for source in wanted if source in self._by_source}

    async def follow(self) -> None:
        """Forget devices as they change, for ever; forget all when the connection was lost."""
        while True:
            try:
                async for changed in self._store.listen(CHANNEL, wait_s=SILENCE_S):
                    if changed is not None:
                        self._known.pop(changed, None)
                        self._by_source.clear()
            except StoreUnavailable as error:
                log.warning("the registry can't be followed: %s", error)
                await asyncio.sleep(RECONNECT_S)
            self._known.clear()
            self._by_source.clear()


def _in_use(found: Mapping[str, KnownDevice]) -> dict[str, KnownDevice]:
    return {name: known for name, known in found.items() if known.device.state is not DeviceState.RETIRED}
