"""Has Mosquitto write down what it holds, as often as that takes a tenth of its time at most.

It writes all of it each time and does nothing else meanwhile. Its own interval is fixed: a short one stops a
broker with a long queue for good, for it begins anew at once when a writing took longer; with a long one much
is lost when the broker is killed.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

LEAST_S = 2.0
REST = 10
"""Times as long as a writing took there is none."""
LOOK_S = 0.05
LOST_AFTER_S = 300.0
"""A broker that was started again meanwhile has not heard the signal."""


async def keep_saved(file: Path, save: Callable[[], None]) -> None:
    """Ask for a writing of `file` with `save`, for ever; the first one at once."""
    while True:
        before, began = _written_at(file), time.monotonic()
        save()
        while _written_at(file) == before and time.monotonic() - began < LOST_AFTER_S:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        took_s = time.monotonic() - began if _written_at(file) != before else 0.0
        await asyncio.sleep(max(LEAST_S, REST * took_s))


def _written_at(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0
