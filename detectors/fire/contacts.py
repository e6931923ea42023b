"""A detector's own contacts beside its alarm: test button, mute, tamper and fault, each told apart.

They are findings of the device and never a fire. While somebody tests a detector its alarm contact is the
test's: what it measures is judged as ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gridwatch.model import Finding, Observation

CONTACTS: Mapping[str, str] = {
    "test": "test_pressed",
    "mute": "muted",
    "tamper": "tampered",
    "fault": "device_fault",
}
"""Quantities that are 0 or 1, and the labels of what it means that they are 1."""

CLOSED = 0.5

TEST_LASTS = timedelta(minutes=5)
"""How long an alarm contact is taken for a test after the button was pressed: a button that sticks must not
silence the detector."""


@dataclass(slots=True)
class Contacts:
    """Since when each contact of a device is closed, and until when its alarm contact is a test's."""

    closed: dict[str, datetime] = field(default_factory=dict)
    tested_until: datetime | None = None

    def take_in(self, observation: Observation, detector: str) -> list[Finding]:
        """Return a finding for each contact that has closed, and its end for each that has opened."""
        findings = []
        for quantity, label in CONTACTS.items():
            value = observation.values.get(quantity)
            if value is None or (value >= CLOSED) == (quantity in self.closed):
                continue
            if value >= CLOSED:
                self.closed[quantity] = observation.observed_at
                if quantity == "test":
                    self.tested_until = observation.observed_at + TEST_LASTS
                findings.append(_finding(quantity, label, observation.observed_at, None, detector))
            else:
                since = self.closed.pop(quantity)
                findings.append(_finding(quantity, label, since, observation.observed_at, detector))
        return findings

    def is_test(self, alarm: float, at: datetime) -> bool:
        """Tell whether the alarm contact is a test's: until it opens after the button did."""
        if self.tested_until is None or at > self.tested_until:
            return False
        if alarm < CLOSED and "test" not in self.closed:
            self.tested_until = None
            return False
        return True


def _finding(quantity: str, label: str, since: datetime, until: datetime | None, detector: str) -> Finding:
    return Finding(
        label=label,
        confidence=1.0,
        observed_at=since,
        started_at=since,
        ended_at=until,
        criteria={quantity: 1.0},
        detector=detector,
        id=f"{quantity} {since.isoformat()}",
    )
