"""Ctrl-C and SIGTERM end a command's work in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from gridwatch.errors import GridwatchError


async def until_stopped(work: Coroutine[Any, Any, None]) -> bool:
    """Run `work`, which SIGINT and SIGTERM cancel; return whether it came to its own end.

    Of tasks that fail together the first failure of ours is raised, so that it can be said in one sentence.
    """
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return False
    except ExceptionGroup as failures:
        ours, _ = failures.split(GridwatchError)
        raise (_first(ours) if ours else failures) from failures
    return True


def _first(failures: ExceptionGroup[GridwatchError]) -> GridwatchError:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
