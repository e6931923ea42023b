"""The tree of areas in memory, as new as the database's."""

import asyncio

from gridwatch.areas.tree import AreaTree
from gridwatch.store.areas import list_areas, tree_version
from gridwatch.store.connection import Store


class CurrentTree:
    """Loads the tree anew when it has changed: each look costs one small query."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tree, self._version = AreaTree(), -1
        self._loading = asyncio.Lock()

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
