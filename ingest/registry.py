"""The registered devices as a collector knows them: in memory, and told of each change."""

import asyncio
import logging
from collections.abc import Iterable

from gridwatch.errors import StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice, find_devices

log = logging.getLogger(__name__)

CHANNEL = "gridwatch_device"
SILENCE_S = 60.0
RECONNECT_S = 1.0


class Registry:
    """Known devices by id. A device that is not known is looked up each time: it may be registered by now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, KnownDevice] = {}

    async def find(self, devices: Iterable[str]) -> dict[str, KnownDevice]:
        """Return those of `devices` that are registered; raise StoreUnavailable."""
        wanted = set(devices)
        missing = wanted - self._known.keys()
        if missing:
            self._known |= await find_devices(self._store, sorted(missing))
        return {device: self._known[device] for device in wanted if device in self._known}

    async def follow(self) -> None:
        """Forget devices as they change, for ever; forget all when the connection was lost."""
        while True:
            try:
                async for changed in self._store.listen(CHANNEL, wait_s=SILENCE_S):
                    if changed is not None:
                        self._known.pop(changed, None)
            except StoreUnavailable as error:
                log.warning("the registry can't be followed: %s", error)
                await asyncio.sleep(RECONNECT_S)
            self._known.clear()
