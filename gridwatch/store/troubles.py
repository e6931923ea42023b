"""Alerts about the devices themselves, raised by the house: silence, and readings that can't be right.

They are alerts like others, of the mildest severity unless the settings say otherwise. They share no group
with what a device reports: a fire is never merged into a fault.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.model import PASSING_STATES, AlertState, Device, Finding, Severity
from gridwatch.policy import told_at, trouble_severity
from gridwatch.store.connection import Connection, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.jobs import IN_THE_MORNING, RAISED, defer_notify

SQL = queries("troubles")
ALERTS = queries("alerts")


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """What is wrong with a device, or with many of which one stands for all.

    `group` is what alerts of the same trouble share. `scope` says of an outage what it is of.
    """

    group: str
    label: str
    scene: str
    device_key: int
    observed_at: datetime
    detector: str
    criteria: Mapping[str, float]
    scope: Mapping[str, Any] | None = None
    area: str | None = None
    is_wide: bool = False
    """Whether it is of an area: `area` is where then, not where the device is."""


async def raise_trouble(
    connection: Connection,
    trouble: Trouble,
    extra_alarms: Mapping[str, Severity],
    *,
    now: datetime,
    has_event: bool = False,
) -> int | None:
    """Raise an alert with its first event; return it, or None where one of its group is there already.

    `has_event`: the event is written already.
    """
    severity = trouble_severity(trouble.label, extra_alarms)
    given = {
        "group_key": trouble.group,
        "scene": trouble.scene,
        "label": trouble.label,
        "severity": severity.value,
        "confidence": 1.0,
        "device_key": trouble.device_key,
        "observed_at": trouble.observed_at,
        "drill": False,
        "tester": "",
    }
    raised = await (await connection.execute(ALERTS["raise"], given)).fetchone()
    if raised is None:
        return None
    alert_id: int = raised["id"]
    shown = {"id": alert_id, "outage": _shown(trouble), "is_wide": trouble.is_wide, "area": trouble.area}
    marked = await (await connection.execute(SQL["mark"], shown)).fetchone()
    if not has_event:
        await note_event(connection, trouble, alert_id, now=now)
    if marked is not None and not marked["simulated"]:
        at = told_at(severity, now)
        await defer_notify(connection, alert_id, IN_THE_MORNING if at else RAISED, at=at)
    return alert_id


async def settle_trouble(
    connection: Connection,
    finding: Finding,
    *,
    known: KnownDevice,
    scene: str,
    extra_alarms: Mapping[str, Severity],
    now: datetime,
) -> tuple[int | None, str | None]:
    """Raise an alert for what a device tells of itself, resolve it when that is over.

    Returns the alert that the event belongs to, and what changed of it. Of a device in test or maintenance
    nothing is raised: somebody is at it.
    """
    group = f"{finding.label}:{known.device.id}"
    held = await (await connection.execute(ALERTS["held"], {"group_key": group})).fetchone()
    alert_id: int | None = held["id"] if held else None
    if finding.ended_at is not None:
        is_over = alert_id is not None and await resolve_trouble(connection, alert_id)
        return alert_id, "resolve" if is_over else None
    if alert_id is not None or _is_attended(known.device, now):
        return alert_id, None
    trouble = Trouble(
        group=group,
        label=finding.label,
        scene=scene,
        device_key=known.key,
        observed_at=finding.observed_at,
        detector=finding.detector,
        criteria=finding.criteria,
    )
    alert_id = await raise_trouble(connection, trouble, extra_alarms, now=now, has_event=True)
    return alert_id, "raise" if alert_id is not None else None


async def note_event(connection: Connection, trouble: Trouble, alert_id: int, *, now: datetime) -> None:
    """Write an event of an alert."""
    given = {
        "device_key": trouble.device_key,
        "scene": trouble.scene,
        "label": trouble.label,
        "observed_at": trouble.observed_at,
        "criteria": Jsonb(dict(trouble.criteria)),
        "detector": trouble.detector,
        "received_at": now,
        "alert_id": alert_id,
    }
    await connection.execute(SQL["event"], given)


async def raise_again(connection: Connection, trouble: Trouble, alert_id: int, *, now: datetime) -> None:
    """Open an alert again that had been resolved by itself, with one more event; nobody is told anew."""
    given = {"id": alert_id, "observed_at": trouble.observed_at}
    await connection.execute(SQL["begin anew"], given)
    await note_event(connection, trouble, alert_id, now=now)


async def show_trouble(connection: Connection, trouble: Trouble, alert_id: int) -> bool:
    """Let an alert say how a trouble stands now; tell whether that is new."""
    given = {"id": alert_id, "outage": _shown(trouble), "label": trouble.label}
    return (await connection.execute(SQL["tell"], given)).rowcount > 0


async def resolve_trouble(connection: Connection, alert_id: int) -> bool:
    """Resolve an alert whose trouble is over; tell whether a person had not done so."""
    row = await (await connection.execute(ALERTS["lock"], {"id": alert_id})).fetchone()
    if row is None or row["ended"]:
        return False
    given = {"id": alert_id, "state": AlertState.RESOLVED.value, "actor": None}
    await connection.execute(ALERTS["resolve"], given)
    await connection.execute(ALERTS["into state"], given)
    await connection.execute(SQL["over"], given)
    return True


def _is_attended(device: Device, now: datetime) -> bool:
    lasts = device.state_until is None or now < device.state_until
    return device.state in PASSING_STATES and lasts


def _shown(trouble: Trouble) -> Jsonb | None:
    return None if trouble.scope is None else Jsonb(dict(trouble.scope))
