"""What the sensor detectors remember of each device, and what they conclude from its observations."""

from collections.abc import Iterable, Sequence
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
        self._states: dict[str, list[Any]] = {}

    async def prime(self, devices: Iterable[KnownDevice]) -> None:
        """Rebuild the memory of devices heard for the first time; raise StoreUnavailable."""
        new = {known.device.id: known for known in devices if known.device.id not in self._states}
        if not new:
            return
        stored = await recent_observations(self._store, list(new.values()), each=PRIMING_READINGS)
        for device in new:
            self._states[device] = [detector.new_state() for detector in self._detectors]
        for observation in stored:
            self.feel(observation.device, [observation])

    def forget(self) -> None:
        """Drop the memory of all devices: others may have heard them meanwhile."""
        self._states.clear()

    def feel(self, device: str, observations: Sequence[Observation]) -> list[Finding]:
        """Return what the detectors conclude from a primed device's observations."""
        return [
            finding
            for observation in observations
            for detector, state in zip(self._detectors, self._states[device], strict=True)
            for finding in detector.feel(state, observation)
        ]
