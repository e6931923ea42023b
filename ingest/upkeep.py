"""What a collector does beside the line, on a timer; of several collectors the first that is free does it."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from gridwatch.errors import GridwatchError, StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.chores import claim_chore, finish_chore

log = logging.getLogger(__name__)

LOOK_S = 1.0
LOOK_MOST_S = 30.0
"""However seldom a chore comes: who did it last may be gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chore:
    """Work that comes again and again; it may be cut off at any point and is then done at the next turn."""

    name: str
    every: timedelta
    work: Callable[[Store], Awaitable[None]]


async def keep_up(store: Store, chores: Sequence[Chore]) -> None:
    """Do each chore when it is due, for ever; one that fails says so and is tried at its next turn."""
    looked_at = dict.fromkeys((chore.name for chore in chores), -math.inf)
    while True:
        for chore in chores:
            now = time.monotonic()
            if now - looked_at[chore.name] < min(chore.every.total_seconds(), LOOK_MOST_S):
                continue
            try:
                looked_at[chore.name] = now
                if await claim_chore(store, chore.name, chore.every):
                    await finish_chore(store, chore.name, await _do(store, chore))
            except StoreUnavailable as error:
                log.warning("%s waits for the database: %s", chore.name, error)
        await asyncio.sleep(LOOK_S)


async def _do(store: Store, chore: Chore) -> str | None:
    try:
        await chore.work(store)
    except GridwatchError as error:
        log.error("%s failed, it is tried again in %s: %s", chore.name, chore.every, error)
        return str(error)
    return None
