"""The slots that this process works for: one of its own, and those whose collector is gone.

The MQTT sessions of a collector that is gone go on filling. Whoever sees its slot free for some seconds
adopts it: it opens those sessions too and works on what waits in them. A collector that starts takes a free
slot, else asks for an adopted one.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gridwatch.errors import StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.collectors import Seen, Slots
from ingest.broker import Session

log = logging.getLogger(__name__)

BEAT_S = 1.0
ADOPT_AFTER_S = 5.0
"""How long a slot is free, for each slot that we work for already: a restart takes less, and of many
survivors the one with the fewest comes first."""


@dataclass(eq=False, kw_only=True, slots=True)
class Duty:
    """The work for one slot."""

    number: int
    client_id: str
    sessions: list[Session] = field(default_factory=list)

    def subscribed(self) -> bool:
        """Tell whether its MQTT sessions are there."""
        return bool(self.sessions) and all(session.subscribed for session in self.sessions)


Work: TypeAlias = Callable[[Duty], Coroutine[Any, Any, None]]


async def hold_slots(store: Store, installation: str, work: Work) -> None:
    """Hold a slot of our own, adopt others, and do the work of each as long as its lock is ours, for ever.

    When the database is away the work stops, and goes on when the same slot is ours again. Raises StoreError
    when somebody else has it then.
    """
    own: int | None = None
    while True:
        try:
            async with store.connection() as connection:
                slots = Slots(connection, installation)
                try:
                    is_first = own is None
                    own = await slots.claim(own)
                    async with asyncio.TaskGroup() as tasks:
                        await _Duties(slots, work, tasks, own).keep(adopt_at_once=is_first)
                finally:
                    await slots.leave()
        except* StoreUnavailable as errors:
            log.warning("the database is away: %s", errors.exceptions[0])
        _heed_a_stop()
        await asyncio.sleep(BEAT_S)


def _heed_a_stop() -> None:
    """Raise CancelledError where we were told to stop: a task group keeps the failures of its tasks alone."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class _Duties:
    """The slots that we work for while one connection lasts."""

    def __init__(self, slots: Slots, work: Work, tasks: asyncio.TaskGroup, own: int) -> None:
        self._slots = slots
        self._work = work
        self._tasks = tasks
        self._own = own
        self._duties: dict[int, tuple[Duty, asyncio.Task[None]]] = {}
        self._free_since: dict[int, float] = {}

    async def keep(self, *, adopt_at_once: bool) -> None:
        """Say every second that we are there, and look after the other slots, for ever.

        `adopt_at_once`: what is free at our start has nobody, however long that is so.
        """
        self._begin(self._own)
        first_seen = -math.inf if adopt_at_once else time.monotonic()
        while True:
            for number, (duty, _) in self._duties.items():
                await self._slots.beat(number, subscribed=duty.subscribed())
            for seen in await self._slots.look():
                await self._look_after(seen, first_seen)
            first_seen = time.monotonic()
            await asyncio.sleep(BEAT_S)

    async def _look_after(self, seen: Seen, first_seen: float) -> None:
        if seen.number in self._duties:
            if seen.wanted and seen.number != self._own:
                await self._let_go(seen.number)
        elif not seen.free:
            self._free_since.pop(seen.number, None)
        else:
            since = self._free_since.setdefault(seen.number, first_seen)
            if time.monotonic() - since > ADOPT_AFTER_S * len(self._duties):
                await self._adopt(seen.number)

    def _begin(self, number: int) -> None:
        duty = Duty(number=number, client_id=self._slots.client_id(number))
        self._duties[number] = duty, self._tasks.create_task(self._work(duty), name=duty.client_id)

    async def _adopt(self, number: int) -> None:
        if await self._slots.take(number, adopted_by=self._slots.client_id(self._own)):
            log.info("nobody works for %s: we do now", self._slots.client_id(number))
            self._begin(number)
        self._free_since.pop(number, None)

    async def _let_go(self, number: int) -> None:
        duty, task = self._duties.pop(number)
        log.info("another collector takes %s", duty.client_id)
        task.cancel()
        await asyncio.wait([task])
        await self._slots.give_back(number)
