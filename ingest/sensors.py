"""What the sensor detectors remember of each device, and what they conclude from its observations."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from detectors import SENSOR_DETECTORS
from detectors.fire.levels import LEVELS
from gridwatch.errors import StoreUnavailable
from gridwatch.fire_danger import DangerTables
from gridwatch.model import Finding, Observation
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice
from gridwatch.store.fire_weather import fire_weather_now, level_of
from gridwatch.store.observations import recent_observations
from gridwatch.store.usual import expected, save_sums, saved_sums

PRIMING_READINGS = 128
"""Stored readings that a device's memory is rebuilt from after a restart."""
HALF_HOUR = timedelta(minutes=30)
SAVE_EVERY_S = 30.0
"""Of what was added up: a restart takes it up from there, and adds the readings that came since."""


class Sensors:
    """The sensor detectors and their memory."""

    def __init__(self, store: Store, tables: DangerTables) -> None:
        self._store = store
        self._tables = tables
        self._detectors = [build() for build in SENSOR_DETECTORS.values()]
        self._known: dict[str, KnownDevice] = {}
        self._states: list[Any] = []
        self._hour: datetime | None = None
        self._saved: set[tuple[str, str]] = set()
        self.forget()

    async def prime(self, devices: Iterable[KnownDevice]) -> None:
        """Rebuild the memory of devices heard for the first time; raise StoreUnavailable."""
        await self._begin_hour(datetime.now(UTC))
        new = {known.device.id: known for known in devices if known.device.id not in self._known}
        if not new:
            return
        await self._expect(list(new.values()))
        saved = {(one.device, one.quantity): one for one in await saved_sums(self._store, list(new.values()))}
        until = {device: one.at_s for (device, _), one in saved.items()}
        stored = await recent_observations(self._store, list(new.values()), each=PRIMING_READINGS)
        is_older = [one.observed_at.timestamp() <= until.get(one.device, -inf) for one in stored]
        self.feel([one for one, older in zip(stored, is_older, strict=True) if older])
        for states in self._states:
            for sum_ in saved.values():
                states.add_up_from(sum_)
        self.feel([one for one, older in zip(stored, is_older, strict=True) if not older])
        self._known |= new
        self._saved |= saved.keys()

    async def _begin_hour(self, now: datetime) -> None:
        """At each half hour, say what is usual from then on, and how dangerous the weather is."""
        begun = (now - HALF_HOUR).replace(minute=0, second=0, microsecond=0)
        if begun == self._hour:
            return
        real = [row for row in await fire_weather_now(self._store, now) if not row["simulated"]]
        for states in self._states:
            states.begin_hour((begun + HALF_HOUR).timestamp())
            states.ease(self._tables.score_needed(1.0, level_of(real)))
        self._hour = begun
        await self._expect(list(self._known.values()))

    async def _expect(self, known: Sequence[KnownDevice]) -> None:
        if self._hour is None or not known:
            return
        usual = await expected(self._store, known, self._hour + HALF_HOUR, list(LEVELS))
        for states in self._states:
            states.expect(usual)

    async def keep(self) -> None:
        """Save from time to time what was added up of devices, for ever."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            try:
                await self.save()
            except StoreUnavailable:
                continue

    async def save(self) -> None:
        """Save what was added up; raise StoreUnavailable."""
        sums = [one for states in self._states for one in states.sums()]
        now = {(one.device, one.quantity) for one in sums}
        await save_sums(self._store, sums, sorted(self._saved - now))
        self._saved = now

    def forget(self) -> None:
        """Drop the memory of all devices: others may have heard them meanwhile."""
        self._known.clear()
        self._saved.clear()
        self._hour = None
        self._states = [detector.new_states() for detector in self._detectors]

    def feel(self, observations: Sequence[Observation]) -> Mapping[int, Sequence[Finding]]:
        """Return what the detectors conclude from primed devices, by the index of the observation."""
        found: dict[int, list[Finding]] = {}
        for detector, states in zip(self._detectors, self._states, strict=True):
            for index, finding in detector.feel(states, observations):
                found.setdefault(index, []).append(finding)
        return found
