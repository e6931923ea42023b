"""The clocks of all devices that a collector hears: judged reading by reading, kept in the database."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import isnan, nan

from gridwatch.errors import StoreError
from gridwatch.model import Finding, Observation
from gridwatch.store import Store
from gridwatch.store.clocks import ClockChange, keep_clocks, load_clocks
from gridwatch.store.devices import KnownDevice
from ingest.clocks import JUMPED, Clock, Limits, judge

log = logging.getLogger(__name__)

DETECTOR = "clock/1"
LABEL = "clock_jumped"
KEEP_EVERY_S = 10.0
WORTH_KEEPING_S = 1.0
"""A skew that moved less is not written again."""


class Timekeeper:
    """The clocks of the devices that were heard since the start, by the devices' keys."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._clocks: dict[int, Clock] = {}
        self._kept_s: dict[int, float] = {}
        self._jumped_at: dict[int, datetime] = {}

    async def prime(self, devices: Iterable[KnownDevice]) -> None:
        """Fetch what is known of clocks heard for the first time; raise StoreUnavailable."""
        new = {known.key for known in devices if known.key not in self._clocks}
        if not new:
            return
        kept = await load_clocks(self._store, sorted(new))
        self._clocks |= {key: Clock() for key in new}
        for one in kept:
            heard_s = one.updated_at.timestamp()
            self._kept_s[one.key] = one.skew_s
            self._clocks[one.key] = Clock(
                offset_s=-one.skew_s, is_sure=one.sure, heard_s=heard_s, newest_s=heard_s + one.skew_s
            )

    def forget(self) -> None:
        """Drop the memory of all clocks: others may have heard their devices meanwhile."""
        self._clocks.clear()
        self._kept_s.clear()

    def check(
        self, known: KnownDevice, observations: Sequence[Observation], received_at: datetime
    ) -> tuple[tuple[int, ...], Sequence[Finding]]:
        """Return the flags of a device's observations, if any, and findings where its clock jumped."""
        clock, received_s, limits = self._clocks[known.key], received_at.timestamp(), self._limits
        flags = [judge(clock, one.observed_at.timestamp(), received_s, limits) for one in observations]
        if not any(flags):
            return (), ()
        jumped = [one for one, flag in zip(observations, flags, strict=True) if flag & JUMPED]
        return tuple(flags), [self._finding(known, clock, one.observed_at) for one in jumped]

    async def keep(self) -> None:
        """Write skews that changed, for ever."""
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            try:
                await self._keep()
            except StoreError as error:
                log.warning("the devices' clocks are not kept: %s", error)

    async def _keep(self) -> None:
        changes = [
            ClockChange(
                key=key, skew_s=-clock.offset_s, sure=clock.is_sure, jumped_at=self._jumped_at.get(key)
            )
            for key, clock in self._clocks.items()
            if key in self._jumped_at or self._has_moved(key, clock)
        ]
        if changes:
            await keep_clocks(self._store, changes)
        for change in changes:
            self._kept_s[change.key] = change.skew_s
            if self._jumped_at.get(change.key) == change.jumped_at:
                self._jumped_at.pop(change.key, None)

    def _has_moved(self, key: int, clock: Clock) -> bool:
        """Say whether a skew is known and is not the one that was written last."""
        near = abs(clock.offset_s + self._kept_s.get(key, nan)) < WORTH_KEEPING_S
        return not (near or isnan(clock.offset_s))

    def _finding(self, known: KnownDevice, clock: Clock, observed_at: datetime) -> Finding:
        log.warning("the clock of %s was set by %+.0f s", known.device.id, clock.jump_s)
        self._jumped_at[known.key] = datetime.now(UTC)
        return Finding(
            label=LABEL,
            confidence=1.0,
            observed_at=observed_at,
            criteria={"jump_s": clock.jump_s, "skew_s": -clock.offset_s},
            detector=DETECTOR,
        )
