"""A process beside the simulator that renders films ahead of their time, at low priority."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from multiprocessing.pool import Pool
from typing import Any

from gridwatch.errors import GridwatchError
from simulators.footage import Film, Footage

NICENESS = 10
RENDER_WITHIN_S = 120.0
"""A film takes seconds; on a machine that is busy with detecting many times that."""
FILMS_PER_PROCESS = 50
"""Then a fresh one takes over, so that memory does not grow for days."""


class Studio:
    """Renders one film after another in the process of `pool`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator["Studio"]:
        """Start the process; end it, also in the middle of a film."""
        # A forked process would share this one's event loop and threads.
        pool = multiprocessing.get_context("spawn").Pool(
            1, initializer=_settle_in, maxtasksperchild=FILMS_PER_PROCESS
        )
        try:
            yield cls(pool)
        finally:
            pool.terminate()
            await asyncio.to_thread(pool.join)

    async def shoot(self, film: Film, start: datetime) -> Footage:
        """Render one film; raises GridwatchError when that takes too long."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Footage] = loop.create_future()

        def settle(outcome: Any) -> None:
            if result.done():
                return
            if isinstance(outcome, BaseException):
                result.set_exception(outcome)
            else:
                result.set_result(outcome)

        def hand_over(outcome: Any) -> None:
            loop.call_soon_threadsafe(settle, outcome)

        self._pool.apply_async(_shoot, (film, start), callback=hand_over, error_callback=hand_over)
        try:
            async with asyncio.timeout(RENDER_WITHIN_S):
                return await result
        except TimeoutError as error:
            raise GridwatchError(
                f"a film of {film.device} was not rendered within {RENDER_WITHIN_S:g} s"
            ) from error


def _settle_in() -> None:
    """Leave the two cores to whoever detects, and Ctrl-C to the simulator."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    import cv2

    cv2.setNumThreads(1)


def _shoot(film: Film, start: datetime) -> Footage:
    from simulators.films import shoot

    return shoot(film, start)
