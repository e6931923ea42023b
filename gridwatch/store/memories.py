"""What detectors have learnt of cameras over days, in bytes of their own."""

from gridwatch.store.connection import Store, queries

SQL = queries("memories")


async def kept_memory(store: Store, camera_key: int) -> bytes:
    """Return what was last kept of a camera, empty for nothing."""
    rows = await store.rows(SQL["kept"], {"camera_key": camera_key})
    return rows[0]["memory"] if rows else b""


async def keep_memory(store: Store, camera_key: int, memory: bytes) -> None:
    """Keep what a detector knows of a camera, in place of what was kept before."""
    await store.execute(SQL["keep"], {"camera_key": camera_key, "memory": memory})
