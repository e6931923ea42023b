"""Whom an alert of a device would call at a time, before it happens."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gridwatch.errors import NotFound
from gridwatch.escalation.case import Case, Trigger
from gridwatch.escalation.plan import at_deadline
from gridwatch.escalation.policy import decide
from gridwatch.escalation.times import Times
from gridwatch.model import AlertState, Severity
from gridwatch.scenes import SCENES, alarm_severity
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.escalation import times_now
from gridwatch.store.people import ladder
from gridwatch.store.routing import muting, place_of_row, spoken

SQL = queries("routing")

MOST_STEPS = 12
"""The ladder has seven rungs; after them all are called again and again."""


async def whom(
    store: Store,
    device: str,
    at: datetime,
    *,
    times: Mapping[str, Times],
    label: str | None = None,
    severity: Severity | None = None,
) -> dict[str, Any]:
    """Say who would be called, when and why, if nobody did anything; the roster is that of each time.

    `label`: what the device would report; without it the worst that its scene knows. Raises NotFound.
    """
    async with store.transaction() as connection:
        row = await (await connection.execute(SQL["device"], {"device": device})).fetchone()
        if row is None:
            raise NotFound(f"no device {device!r}")
        scene = row["scene"]
        known = SCENES[scene].alarms if scene in SCENES else {}
        if label is None and known:
            label = max(known, key=lambda one: known[one].rank)
        severity = severity or alarm_severity(scene, label or "") or Severity.MINOR
        steps = await _steps(connection, row, at, severity, await times_now(connection, times))
    said = {"device": device, "area": row["area"], "scene": scene, "label": label, "severity": severity.value}
    return said | {"at": at.isoformat(), "drill": row["drill"], "steps": steps}


async def _steps(
    connection: Connection, row: Row, at: datetime, severity: Severity, times: Mapping[str, Times]
) -> list[dict[str, Any]]:
    case: Case | None = Case(
        severity=severity,
        scene=row["scene"],
        state=AlertState.OPEN,
        now=at,
        trigger=Trigger.RAISED,
        ladder=(),
        drill=row["drill"],
        tester=row["tester"],
        simulated=row["simulated"],
    )
    steps: list[dict[str, Any]] = []
    while case is not None and len(steps) < MOST_STEPS:
        people = await ladder(
            connection, area=row["area"], scene=row["scene"], at=case.now, point=place_of_row(row)
        )
        muted = await muting(connection, row, case.now)
        case = replace(case, ladder=people, muted=muted)
        decision = decide(case, times)
        steps.append({"at": case.now.isoformat(), **spoken(decision.asks, decision, case)})
        if decision.rounds:
            break
        case = at_deadline(case, decision)
    return steps
