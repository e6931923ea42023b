"""Many findings that join alerts which are there: counted in them by a few statements for a whole batch.

A storm is mostly this: devices whose alert is open tell of the same again and again. What may raise an alert,
make one worse or join two is looked at one by one, in gridwatch/store/alerts.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from gridwatch.fire_fusion import WARNING
from gridwatch.model import Finding, Severity
from gridwatch.policy import severity_of
from gridwatch.scenes import SURE, TROUBLES, merge_window
from gridwatch.store.connection import Connection, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.fire_fusion import SCENE

SQL = queries("folding")


@dataclass(frozen=True, kw_only=True, slots=True)
class Foldable:
    """A finding that an alert of its device may take; `columns` are those of its event."""

    event: UUID
    known: KnownDevice
    finding: Finding
    scene: str
    severity: Severity
    agreed: bool
    """Whether it was looked up not long ago what other devices tell of the same."""
    columns: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """The alert that the device told of last."""

    id: int
    severity: Severity
    observed_at: datetime
    last_observed_at: datetime

    def takes(self, one: Foldable) -> bool:
        """Say whether it takes a finding and becomes no worse by it."""
        window = merge_window(one.scene)
        if not self.observed_at - window <= one.finding.observed_at <= self.last_observed_at + window:
            return False
        if one.severity.rank > self.severity.rank:
            return False
        # A fire that is not as bad as can be becomes worse where others tell of it too.
        return one.agreed or one.scene != SCENE or self.severity is Severity.CRITICAL


def severity_to_fold(finding: Finding, scene: str, extra_alarms: Mapping[str, Severity]) -> Severity | None:
    """Return how bad a finding is that might be folded; None where it must be looked at by itself."""
    if finding.label == WARNING or finding.label in TROUBLES:
        return None
    return severity_of(finding, scene, extra_alarms)


async def fold(connection: Connection, findings: Sequence[Foldable]) -> Mapping[UUID, int]:
    """Write the events of findings that alerts of their devices take; return the alert of each such event.

    What is not returned is as if it had not been given: it belongs to no open alert, or its event is there.
    """
    held = await _held_by(connection, findings)
    taken = {
        one.event: (one, held[one.known.key, one.scene].id)
        for one in findings
        if (one.known.key, one.scene) in held and held[one.known.key, one.scene].takes(one)
    }
    if not taken:
        return {}
    answers = []
    async with connection.pipeline():
        for event, (one, alert_id) in taken.items():
            columns = {**one.columns, "alert_id": alert_id}
            answers.append((event, await connection.execute(SQL["event"], columns)))
    written = {event: taken[event][1] for event, answer in answers if answer.rowcount == 1}
    await _merge(connection, [(taken[event][0], alert_id) for event, alert_id in written.items()])
    return written


async def _held_by(connection: Connection, findings: Sequence[Foldable]) -> Mapping[tuple[int, str], _Held]:
    """Return the open alert that each device told of last in each scene, and lock them in their order."""
    places = sorted({(one.known.key, one.scene) for one in findings})
    given = {"device_keys": [key for key, _ in places], "scenes": [scene for _, scene in places]}
    rows = await (await connection.execute(SQL["held by devices"], given)).fetchall()
    return {
        (row["device_key"], row["scene"]): _Held(
            id=row["id"],
            severity=Severity(row["severity"]),
            observed_at=row["observed_at"],
            last_observed_at=row["last_observed_at"],
        )
        for row in rows
    }


async def _merge(connection: Connection, folded: Sequence[tuple[Foldable, int]]) -> None:
    of_alert: dict[int, list[Foldable]] = {}
    for one, alert_id in folded:
        of_alert.setdefault(alert_id, []).append(one)
    surest = {
        alert_id: max(ones, key=lambda one: (one.finding.label in SURE, one.finding.confidence))
        for alert_id, ones in of_alert.items()
    }
    times = {alert_id: [one.finding.observed_at for one in ones] for alert_id, ones in of_alert.items()}
    given = {
        "ids": list(of_alert),
        "labels": [one.finding.label for one in surest.values()],
        "confidences": [one.finding.confidence for one in surest.values()],
        "firsts": [min(seen) for seen in times.values()],
        "lasts": [max(seen) for seen in times.values()],
        "counts": [len(ones) for ones in of_alert.values()],
        "sure": list(SURE),
    }
    await connection.execute(SQL["merge"], given)
