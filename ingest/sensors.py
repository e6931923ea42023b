"""What the sensor detectors remember of each device, and what they conclude from its observations."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from detectors import SENSOR_DETECTORS
from gridwatch.model import Finding, Observation
from gridwatch.store import Store
from gridwatch.store.devices import KnownDevice
from gridwatch.store.observations import recent_observations

PRIMING_READINGS = 128
"""Stored readings that a device's memory is rebuilt from after a restart."""


class Sensors:
    """The sensor detectors and their memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._detectors = [build() for build in SENSOR_DETECTORS.values()]
        self._known: set[str] = set()
        self._states: list[Any] = []
        self.forget()

    async def prime(self, devices: Iterable[KnownDevice]) -> None:
        """Rebuild the memory of devices heard for the first time; raise StoreUnavailable."""
        new = {known.device.id: known for known in devices if known.device.id not in self._known}
        if not new:
            return
        self.feel(await recent_observations(self._store, list(new.values()), each=PRIMING_READINGS))
        self._known |= new.keys()

    def forget(self) -> None:
        """Drop the memory of all devices: others may have heard them meanwhile."""
        self._known.clear()
        self._states = [detector.new_states() for detector in self._detectors]

    def feel(self, observations: Sequence[Observation]) -> Mapping[int, Sequence[Finding]]:
        """Return what the detectors conclude from primed devices, by the index of the observation."""
        found: dict[int, list[Finding]] = {}
        for detector, states in zip(self._detectors, self._states, strict=True):
            for index, finding in detector.feel(states, observations):
                found.setdefault(index, []).append(finding)
        return found
