"""A pool of processes that look at frames and clips.

The frames of one camera always go to the same worker, in order, because a detector remembers what its camera
saw. A worker that crashes, hangs or takes too much memory is replaced; the others never notice.
"""

import asyncio
import contextlib
import multiprocessing
import resource
import signal
import zlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Self

import cv2

from detectors import DetectorOptions
from gridwatch.errors import DetectorError, GridwatchError, UnreadableMedia
from gridwatch.facade import FacadeView
from ingest.examine import Examined, Examiner, Medium

JOB_TIMEOUT_S = 120.0
"""For one frame or clip; a clip of half a minute takes a tenth of it. Past it the worker is replaced."""

WORKER_MEMORY_BYTES = 4 * 1024**3
"""Address space of one worker: what no honest picture needs, and what no hostile one gets."""

START_TIMEOUT_S = 60.0


class WorkerLost(DetectorError):
    """The worker died or hung over a medium; another one took its place."""


class Pool:
    """Workers, and which camera is looked at by which."""

    def __init__(self, workers: list["_Worker"]) -> None:
        self._workers = workers

    @classmethod
    @asynccontextmanager
    async def open(cls, count: int, options: DetectorOptions) -> AsyncIterator[Self]:
        """Start `count` workers; raise DetectorError where an option of a detector is wrong."""
        workers = [_Worker(options) for _ in range(count)]
        try:
            await asyncio.gather(*(worker.ready() for worker in workers))
            yield cls(workers)
        finally:
            for worker in workers:
                worker.end()

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    def lane_of(self, device: str) -> int:
        """Return which worker looks at a camera's pictures."""
        return zlib.crc32(device.encode()) % len(self._workers)

    async def examine(
        self, device: str, scene: str, medium: Medium, view: FacadeView | None = None, kept: bytes = b""
    ) -> Examined:
        """Return the findings in a medium; `view` is what is known of its camera's façade.

        `kept` is what was last kept of the camera: the worker may be a new one.

        Raises UnreadableMedia, DetectorError or WorkerLost. Who stops waiting leaves the worker to its end:
        the next one must not get this one's answer.
        """
        return await asyncio.shield(self._workers[self.lane_of(device)].examine(scene, medium, view, kept))


class _Worker:
    """One process behind a pipe, and the thread that waits for its answers."""

    def __init__(self, options: DetectorOptions) -> None:
        self._options = options
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="detector")
        self._one_at_a_time = asyncio.Lock()
        self._process, self._pipe = self._launch()

    async def ready(self) -> None:
        """Wait until the process has built its detectors."""
        answer = await self._answer(START_TIMEOUT_S)
        if isinstance(answer, GridwatchError):
            raise answer

    def end(self) -> None:
        """End the process at once: its messages are in the broker, and what it learns over days is kept."""
        self._process.kill()
        self._process.join()
        self._thread.shutdown(wait=True)
        self._pipe.close()

    async def examine(self, scene: str, medium: Medium, view: FacadeView | None, kept: bytes) -> Examined:
        async with self._one_at_a_time:
            try:
                await self._send((scene, medium, view, kept))
                answer = await self._answer(JOB_TIMEOUT_S)
            except WorkerLost:
                await self._replace()
                raise
        if isinstance(answer, GridwatchError):
            raise answer
        return answer

    def _launch(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._options), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    async def _send(self, job: tuple[str, Medium, FacadeView | None, bytes]) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._pipe.send, job)
        except OSError as error:
            raise WorkerLost("the detector process is gone") from error

    async def _answer(self, timeout_s: float) -> Examined | GridwatchError:
        receiving = asyncio.get_running_loop().run_in_executor(self._thread, self._pipe.recv)
        try:
            async with asyncio.timeout(timeout_s):
                answer: Examined | GridwatchError = await asyncio.shield(receiving)
        except TimeoutError as error:
            self._process.kill()
            with contextlib.suppress(EOFError, OSError):
                await receiving
            raise WorkerLost(f"the detector process gave no answer in {timeout_s:.0f} s") from error
        except (EOFError, OSError) as error:
            raise WorkerLost("the detector process died") from error
        return answer

    async def _replace(self) -> None:
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        self._pipe.close()
        self._process, self._pipe = self._launch()
        await self.ready()


def _work(pipe: Connection, options: DetectorOptions) -> None:
    """The worker process: build the detectors, then answer one medium after another until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (WORKER_MEMORY_BYTES, WORKER_MEMORY_BYTES))
    cv2.setNumThreads(1)
    try:
        examiner = Examiner(options)
    except GridwatchError as error:
        pipe.send(error)
        return
    pipe.send(())
    with contextlib.suppress(EOFError):
        while True:
            pipe.send(_examined(examiner, *pipe.recv()))


def _examined(
    examiner: Examiner, scene: str, medium: Medium, view: FacadeView | None, kept: bytes
) -> Examined | GridwatchError:
    try:
        return examiner.examine(scene, medium, view, kept)
    except (UnreadableMedia, DetectorError) as error:
        return type(error)(str(error))
    except MemoryError:
        return UnreadableMedia("takes more memory than a picture or clip may")
    except Exception as error:  # noqa: BLE001 - a detector's fault on one picture must not stop the worker
        return DetectorError(f"{type(error).__name__}: {error}")
