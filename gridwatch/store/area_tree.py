"""The tree of areas in memory, as new as the database's."""

import asyncio
from collections.abc import Mapping

from gridwatch.areas.tree import AreaTree
from gridwatch.store.areas import list_areas, parents, place_devices, tree_version
from gridwatch.store.connection import Store


async def place_all(store: Store) -> tuple[int, int]:
    """Put devices that have coordinates and no area into the smallest area that they stand in.

    Returns how many were placed, and how many lie in none. Simulated areas go with the simulation, and
    simulated devices have theirs.
    """
    real = [area for area in await list_areas(store) if not area.simulated]
    tree = await asyncio.to_thread(AreaTree, real)
    return await place_devices(store, tree.smallest)


class CurrentTree:
    """Loads the tree anew when it has changed: each look costs one small query."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tree, self._version = AreaTree(), -1
        self._loading = asyncio.Lock()

    def within(self, area: str) -> "PartOfTree":
        """Return the part that is one area with all below it."""
        return PartOfTree(self, area)

    async def get(self) -> AreaTree:
        """Return the tree with every change that was committed before this call."""
        async with self._loading:
            # What changes between the two queries is loaded, and once more at the next look.
            version = await tree_version(self._store)
            if version != self._version:
                areas = await list_areas(self._store)
                self._tree = await asyncio.to_thread(AreaTree, areas)
                self._version = version
            return self._tree


class PartOfTree(CurrentTree):
    """One area with all below it; empty where there is no such area."""

    def __init__(self, whole: CurrentTree, area: str) -> None:
        self._whole, self._area = whole, area

    async def get(self) -> AreaTree:
        """Return the part as it is now."""
        whole = await self._whole.get()
        return await asyncio.to_thread(whole.part, self._area)


class CurrentParents:
    """Which area lies in which, as new as the database's: for what must not wait for polygons to be read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parents: Mapping[str, str | None] = {}
        self._version = -1

    async def look(self) -> bool:
        """Take in every change that was committed before this call; say whether there was one."""
        version = await tree_version(self._store)
        if version == self._version:
            return False
        self._parents = await parents(self._store)
        self._version = version
        return True

    def path(self, code: str | None) -> list[str]:
        """Return the codes from an area upward, itself first; nothing for an unknown one."""
        path: list[str] = []
        while code is not None and code in self._parents and code not in path:
            path.append(code)
            code = self._parents[code]
        return path
