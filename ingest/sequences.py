"""The numbers that devices count up (`seq`): gaps are found, listed, and closed when the late message comes.

Nearly every number is the one expected, and then nothing happens here but an addition. The others are looked
into after a moment, against what the database holds: what is remembered here decides nothing, so that a
restart, or a device that another collector had in between, opens no gap that is none.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime

from gridwatch.errors import StoreUnavailable
from gridwatch.model import Observations
from gridwatch.store import Store
from gridwatch.store.entries import Accepted, Entry
from gridwatch.store.gaps import Expected, Run, expected_sequences, keep_sequences, settle_gaps

log = logging.getLogger(__name__)

LOOK_S = 1.0
KEEP_S = 30.0
"""How often the numbers expected are written down: a restart looks into what came since."""
MOST_ODD = 100_000
"""Runs of numbers that wait to be looked into. What is left out makes the next one odd, so nothing is
overlooked."""


class Sequences:
    """What each device's next number should be, and which came instead."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._expected: dict[int, Expected] = {}
        self._odd: list[Run] = []
        self._newest_run: dict[int, Run] = {}
        self._changed: set[int] = set()

    def note(self, entries: Sequence[Entry]) -> None:
        """Take note of committed observations, in the order they came."""
        for entry in entries:
            if isinstance(entry, Accepted) and isinstance(entry.message, Observations):
                for item in entry.message.items:
                    if item.seq is not None:
                        self._take(entry.known.key, item.seq, item.observed_at)

    async def follow(self) -> None:
        """Look into odd numbers every second, for ever."""
        kept_at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._look()
                if time.monotonic() - kept_at >= KEEP_S:
                    await self._keep()
                    kept_at = time.monotonic()
            except StoreUnavailable as error:
                log.warning("gaps wait for the database: %s", error)

    def _take(self, key: int, seq: int, at: datetime) -> None:
        expected, run = self._expected.get(key), self._newest_run.get(key)
        if run is not None and seq == run.last + 1:
            run.last, run.ended = seq, at
        elif run is None and expected is not None and seq == expected.seq:
            self._expected[key] = Expected(seq + 1, at)
            self._changed.add(key)
        elif len(self._odd) < MOST_ODD:
            run = self._newest_run[key] = Run(device_key=key, first=seq, last=seq, began=at, ended=at)
            self._odd.append(run)

    async def _look(self) -> None:
        """Settle the odd numbers; those that come meanwhile wait for the next look."""
        odd, self._odd, self._newest_run = self._odd, [], {}
        if not odd:
            return
        keys = {run.device_key for run in odd}
        before = {key: self._expected[key] for key in keys & self._expected.keys()}
        try:
            before |= await expected_sequences(self._store, keys - before.keys())
            settled = await settle_gaps(self._store, before, odd)
        except StoreUnavailable:
            self._odd = odd + self._odd
            raise
        for key, expected in settled.items():
            if expected != before.get(key):
                self._expected[key] = expected
                self._changed.add(key)

    async def _keep(self) -> None:
        changed = {key: self._expected[key] for key in self._changed}
        await keep_sequences(self._store, changed)
        self._changed -= changed.keys()
