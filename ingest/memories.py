"""What detectors learn of cameras over days: kept in the database, given back after a restart."""

from functools import partial

from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice
from gridwatch.store.memories import keep_memory, kept_memory
from ingest.recorder import until_available


class Memories:
    """What was last kept of each camera that a slot has seen: some kilobytes each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[int, bytes] = {}

    def forget(self) -> None:
        """Look each camera up again: another slot may have seen it meanwhile."""
        self._kept.clear()

    async def of(self, camera: KnownDevice) -> bytes:
        """Return what was last kept of a camera, empty for nothing. Waits while the database is away."""
        if camera.key not in self._kept:
            self._kept[camera.key] = await until_available(partial(kept_memory, self._store, camera.key))
        return self._kept[camera.key]

    async def keep(self, camera: KnownDevice, memory: bytes) -> None:
        """Keep what a detector knows of a camera now. Waits while the database is away."""
        await until_available(partial(keep_memory, self._store, camera.key, memory))
        self._kept[camera.key] = memory
