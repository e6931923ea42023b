"""Drills: alerts that are raised on purpose, and go the way of a real one to the people on duty.

They are marked wherever they are shown and told, and counted apart. What is real meanwhile goes on as real.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gridwatch.duty.ladder import OnDuty
from gridwatch.errors import NotAllowed, NotFound
from gridwatch.model import Severity
from gridwatch.policy import scene_of
from gridwatch.scenes import SCENES
from gridwatch.store.alerts import SQL as ALERTS
from gridwatch.store.alerts import announce, get_alert
from gridwatch.store.connection import Connection, Row, Store, one, queries
from gridwatch.store.jobs import RAISED, defer_notify
from gridwatch.store.people import ladder

SQL = queries("drills")

LABELS: Mapping[str, Severity] = {
    label: how for scene in SCENES.values() for label, how in scene.alarms.items()
}
"""What a drill may be of: what raises an alert by itself."""

USUAL_LABEL = "flame"


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """Whom a drill would call, the next of them first; a drill of a `simulated` device calls nobody."""

    device: str
    simulated: bool
    people: Sequence[OnDuty]


async def foresee_drill(store: Store, kind: str, name: str, *, label: str) -> Foreseen:
    """Say whom a drill of a `device` or an `area` would call by the roster as it is now; raise NotFound."""
    scene = scene_of(label, "")
    async with store.transaction() as connection:
        place = await _place(connection, kind, name, scene)
        rungs = await ladder(connection, area=place["area"], scene=scene, at=datetime.now(UTC))
    people = [one for rung in rungs for one in rung.people]
    return Foreseen(device=place["id"], simulated=place["simulated"], people=people)


async def drill_device(store: Store, device: str, *, label: str, by: str, why: str) -> Mapping[str, Any]:
    """Raise a drill of one device; return the alert. Raises NotFound; NotAllowed while one goes on."""
    return await _drill(store, "device", device, label=label, by=by, why=why)


async def drill_area(store: Store, area: str, *, label: str, by: str, why: str) -> Mapping[str, Any]:
    """Raise a drill of an area, at one of its devices; return the alert.

    Raises NotFound where the area or those below it have no device, NotAllowed while one goes on.
    """
    return await _drill(store, "area", area, label=label, by=by, why=why)


async def _drill(store: Store, kind: str, name: str, *, label: str, by: str, why: str) -> Mapping[str, Any]:
    if label not in LABELS:
        raise NotAllowed(f"a drill of {label!r} would raise nothing: there is {', '.join(sorted(LABELS))}")
    async with store.transaction() as connection:
        # The row lock keeps a second drill of the same place waiting, which then finds this one.
        scene = scene_of(label, "")
        place = await _place(connection, kind, name, scene)
        group = f"drill of {kind}:{name}"
        before = await one(connection, SQL["going on"], group_key=group)
        if before is not None:
            raise NotAllowed(f"drill {before['id']} of this {kind} goes on: resolve it first")
        raised = await one(connection, ALERTS["raise"], **_columns(place, group, scene, label))
        if raised is None:
            raise NotFound(f"{kind} {name!r} was deleted")
        alert_id: int = raised["id"]
        await connection.execute(SQL["stand alone"], {"id": alert_id, "area": place["area"]})
        await defer_notify(connection, alert_id, RAISED)
        detail = {"reason": why} if why else {}
        await announce(connection, {alert_id: "raise"}, actor=by, detail=detail)
    return await get_alert(store, alert_id)


async def _place(connection: Connection, kind: str, name: str, scene: str) -> Row:
    place = await one(connection, SQL[f"place of {kind}"], **{kind: name, "scene": scene})
    if place is None:
        raise NotFound(f"no device {name!r}" if kind == "device" else f"no device in area {name!r}")
    return place


def _columns(place: Row, group: str, scene: str, label: str) -> dict[str, Any]:
    return {
        "group_key": group,
        "scene": scene,
        "label": label,
        "severity": LABELS[label].value,
        "confidence": 1.0,
        "device_key": place["key"],
        "observed_at": datetime.now(UTC),
        "drill": True,
        "tester": "",
    }
