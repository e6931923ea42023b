"""Judge cameras in one process; what is found is kept on disk until it is published."""

import asyncio
import ctypes
import logging
from collections.abc import Sequence
from contextlib import suppress

import cv2

from detectors import CAMERA_DETECTORS, DetectorOptions
from gridwatch.errors import StoreError
from gridwatch.learnt import model_in_use
from gridwatch.settings import Settings
from ingest.bridges.publisher import Outgoing, Publisher
from ingest.bridges.publishing import broker_address, run_bridge
from ingest.bridges.spool import Spool
from ingest.edge.cameras import EdgeCamera
from ingest.edge.post import Post, in_thread
from ingest.edge.showing import Showing
from ingest.edge.watch import Watch

log = logging.getLogger(__name__)

AWAY_AFTER_S = 60.0
"""Without a picture: a camera that starts again needs half of it."""

SPOOL_BYTES = 2**30
"""Some two hundred findings with their clips."""

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Of malloc.h."""
LARGE_BLOCK_BYTES = 4 * 2**20
"""A full HD picture in colour takes 6 MB, in grey 2."""

MOST_UNWRITTEN = 64
"""Messages in memory while the disk takes none."""
WRITE_AGAIN_S = 5.0


async def run_edge(
    settings: Settings, cameras: Sequence[EdgeCamera], gateway: str, *, away_after_s: float = AWAY_AFTER_S
) -> None:
    """Judge cameras until cancelled, a file to its end; raise SettingsError, DetectorError or SourceAway.

    `gateway` is the device whose status says whether this process runs: the only camera, or the computer.
    """
    cv2.setNumThreads(1)
    return_large_blocks()
    options = DetectorOptions(
        fire_onnx=settings.fire_onnx,
        fire_classes=settings.fire_classes,
        elevator_onnx=settings.elevator_onnx,
        elevator_classes=settings.elevator_classes,
        elevator_model=model_in_use(settings.data_dir, "elevator"),
    )
    # A detector of its own for each camera: a network can't be asked by two threads at once.
    detectors = [CAMERA_DETECTORS[camera.scene](options) for camera in cameras]
    publisher = Publisher(broker_address(settings), gateway=gateway)
    spool = Spool(settings.data_dir / "edge" / f"{gateway}.sqlite", most_bytes=SPOOL_BYTES, at_once=1)
    desk = Desk(spool)
    showing = Showing(desk.tell)
    posts = []
    for camera, detector in zip(cameras, detectors, strict=True):
        alone = camera.device == gateway
        publisher.is_online &= not alone  # Until its pictures come.
        watch = Watch(camera, detector, showing, desk.tell)
        posts.append(Post(watch, desk.tell, publisher, speaks_for_itself=alone, away_after_s=away_after_s))
    try:
        await run_bridge(publisher, [_watch(posts, desk, showing)], spool.drain(publisher), spool.emptied)
    finally:
        spool.close()


def return_large_blocks() -> None:
    """Let glibc give memory of pictures back at once: each thread would keep some of them, a third of all.

    Without this it learns from the first one that is freed to keep such blocks. A picture costs 1 ms more.
    What is smaller all threads take from one place, for the same reason.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        library.mallopt(M_ARENA_MAX, 1)


class Desk:
    """Where messages of any thread are written into the spool, one after another."""

    def __init__(self, spool: Spool) -> None:
        """Make it in the thread of the event loop."""
        self._spool = spool
        self._loop = asyncio.get_running_loop()
        self._unwritten: asyncio.Queue[Outgoing] = asyncio.Queue(MOST_UNWRITTEN)

    def tell(self, message: Outgoing) -> None:
        """Hand over a message, from any thread."""
        with suppress(RuntimeError):  # The loop has ended: a clip that came too late.
            self._loop.call_soon_threadsafe(self._add, message)

    async def write(self) -> None:
        """Write what comes, for ever. While the disk takes nothing, messages wait in memory."""
        while True:
            message = await self._unwritten.get()
            while True:
                try:
                    self._spool.put(message)
                except StoreError as error:
                    log.error("%s; trying again in %.0f s", error, WRITE_AGAIN_S)
                    await asyncio.sleep(WRITE_AGAIN_S)
                else:
                    break
            self._unwritten.task_done()

    async def emptied(self) -> None:
        """Wait until all that was handed over is published."""
        await asyncio.sleep(0)
        await self._unwritten.join()
        await self._spool.emptied()

    def write_rest(self) -> None:
        """Write what is left at once; raises StoreError."""
        while not self._unwritten.empty():
            self._spool.put(self._unwritten.get_nowait())

    def _add(self, message: Outgoing) -> None:
        try:
            self._unwritten.put_nowait(message)
        except asyncio.QueueFull:
            log.error("a message was dropped: the disk takes none, and %d wait in memory", MOST_UNWRITTEN)


async def _watch(posts: Sequence[Post], desk: Desk, showing: Showing) -> None:
    """Watch every camera; after a file's end wait until all that it brought is published."""
    clips = in_thread(showing.run, "clips")
    async with asyncio.TaskGroup() as others:
        writing = others.create_task(desk.write(), name="write")
        try:
            async with asyncio.TaskGroup() as watches:
                for post in posts:
                    watches.create_task(post.run())
            await in_thread(showing.finish, "last clips")
            await desk.emptied()
        finally:
            clips.cancel()
            writing.cancel()
            await asyncio.sleep(0)  # For what the threads said last.
            desk.write_rest()
