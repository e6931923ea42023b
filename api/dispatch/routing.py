"""The jobs that decide whom an alert calls, and the watch over deadlines."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

from procrastinate import JobContext

from gridwatch.escalation.case import Trigger
from gridwatch.escalation.times import Times
from gridwatch.store import Store
from gridwatch.store.alerts import announce_held_back
from gridwatch.store.calling import forget_jobs, look_for_left, on_due, on_trigger
from gridwatch.store.jobs import IN_THE_MORNING, RAISED

log = logging.getLogger(__name__)

MIND_EVERY_S = 0.25
"""A deadline whose worker died with it is late by no more than this and half a second."""

FORGET_EVERY = 14_400
"""Looks at deadlines between two times of forgetting old jobs."""


class Router:
    """Decides by an installation's times."""

    def __init__(self, store: Store, times: Mapping[str, Times]) -> None:
        self._store = store
        self._times = times

    async def notify(self, context: JobContext, alert_id: int, step: str) -> None:
        """Route an alert that is new, or worse than it was."""
        is_new = step in (RAISED, IN_THE_MORNING)
        await self.route(context, alert_id, Trigger.RAISED if is_new else Trigger.WORSE)

    async def route(self, context: JobContext, alert_id: int, trigger: str) -> None:
        """Route an alert of which somebody did something."""
        if context.job.id is not None:
            await on_trigger(self._store, context.job.id, alert_id, Trigger(trigger), self._times)

    async def due(self, alert_id: int, due_at: str) -> None:
        """Route an alert whose deadline has come."""
        await on_due(self._store, alert_id, datetime.fromisoformat(due_at), self._times)

    async def mind_deadlines(self) -> None:
        """Do, until cancelled, what is due and nobody did, and tell what was held back."""
        looks = 0
        while True:
            left = await look_for_left(self._store, self._times)
            if left:
                log.info("%d deadlines were left, by a worker that is gone or busy", left)
            if looks % FORGET_EVERY == 0:
                await forget_jobs(self._store)
            await announce_held_back(self._store)
            looks += 1
            await asyncio.sleep(MIND_EVERY_S)
