"""Alerts: raised and merged inside the collector's transaction, changed by people, replayed to feeds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.errors import NotAllowed, NotFound, StoreError
from gridwatch.fire_fusion import SUPPORTED, WARNING, corroborated
from gridwatch.model import AlertState, Finding, Role, Severity
from gridwatch.policy import Decision, Held, Ignore, Merge, Raise, decide, group_key, place_of
from gridwatch.scenes import alarm_severity, merge_window
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.fire_fusion import NOBODY, SCENE, agreeing_on, rank_by_spread, take_in
from gridwatch.store.jobs import defer_notify
from gridwatch.store.routing import answered
from gridwatch.workflow import RULES, Need, after

SQL = queries("alerts")

CHANNEL = "gridwatch_alert"
"""Notified with the seq of every change, in the change's own transaction."""

ATTEMPTS = 5
"""How often a decision is made anew because another collector raised the group's alert first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of an alert: its place in the order of commits, and the alert as it was then."""

    seq: int
    alert: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What became of an event: the alert it belongs to, if any, and whether that alert is new."""

    alert_id: int | None
    raised: bool = False


async def settle(
    connection: Connection,
    finding: Finding,
    *,
    known: KnownDevice,
    scene: str,
    extra_alarms: Mapping[str, Severity],
) -> Settled:
    """Raise or merge an alert for a new event, as the policy decides, inside the caller's transaction.

    Of a device in test it is a drill. A fire of which other devices tell too has one alert with theirs.
    """
    tester = await _tester(connection, known)
    group = group_key(scene, place_of(known.device, scene), drill=tester is not None)
    agreeing = NOBODY
    mine = await _held_by_device(connection, finding, known, scene=scene, drill=tester is not None)
    if mine is None:
        agreeing = await agreeing_on(connection, finding, known, scene=scene, drill=tester is not None)
    told = finding
    if finding.label == WARNING and agreeing is not NOBODY:
        told = replace(finding, label=SUPPORTED)
    for _ in range(ATTEMPTS):
        held = mine or await _held(connection, group)
        if held is None and agreeing.alert_id is not None:
            held = await _held_by_id(connection, agreeing.alert_id)
        decision = decide(told, scene=scene, group=group, held=held, extra_alarms=extra_alarms)
        if agreeing.alert_id is not None or (agreeing.warnings and finding.label != WARNING):
            decision = _corroborated(decision)
        settled = await _carry_out(connection, decision, told, known=known, scene=scene, tester=tester)
        if settled is not None:
            if settled.alert_id is not None:
                await take_in(connection, agreeing, settled.alert_id)
                if scene == SCENE:
                    await rank_by_spread(connection, settled.alert_id, finding, known.device)
            return settled
    raise StoreError(f"the alert of {group} changed hands {ATTEMPTS} times")


async def refresh(connection: Connection, alert_id: int, finding: Finding, severity: Severity | None) -> None:
    """Take an update of an event into its alert; it is no further event, and only raises the severity."""
    row = await (await connection.execute(SQL["lock"], {"id": alert_id})).fetchone()
    if row is None:
        return
    before = Severity(row["severity"])
    now = max(before, severity or Severity.MINOR, key=lambda one: one.rank)
    await _merge(connection, alert_id, finding, before=before, now=now, events=0)


async def _merge(
    connection: Connection, alert_id: int, finding: Finding, *, before: Severity, now: Severity, events: int
) -> None:
    """Take a finding into an alert; who was told of it when it was less severe is told again."""
    columns = {
        "id": alert_id,
        "severity": now.value,
        "label": finding.label,
        "confidence": finding.confidence,
        "observed_at": finding.observed_at,
        "events": events,
    }
    await connection.execute(SQL["merge"], columns)
    if now.rank > before.rank:
        await defer_notify(connection, alert_id, f"now {now.value}")


async def announce(
    connection: Connection,
    changes: Mapping[int, str],
    *,
    actor: str | None = None,
    detail: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write what changed (alert id to word) as the last act of the caller's transaction, and notify.

    `detail` is what the timeline says besides.

    Takes the lock that puts all changes into the order of their commits: nothing may follow it.
    """
    if not changes:
        return
    await connection.execute(SQL["lock order of changes"])
    for alert_id in sorted(changes):
        await connection.execute(SQL["draw seq"], {"id": alert_id})
    rows = await (await connection.execute(SQL["as json"], {"ids": list(changes)})).fetchall()
    rows.sort(key=lambda row: int(row["seq"]))
    for row in rows:
        await connection.execute(
            SQL["write change"],
            {
                "seq": row["seq"],
                "alert_id": row["id"],
                "change": changes[row["id"]],
                "actor": actor,
                "detail": Jsonb(dict(detail)),
                "alert": Jsonb(row["alert"]),
            },
        )
    await connection.execute(SQL["notify"], {"seq": rows[-1]["seq"]})


@dataclass(frozen=True, kw_only=True, slots=True)
class Particulars:
    """What an action is given besides: see gridwatch/workflow.py which needs what."""

    reason: str = ""
    text: str = ""
    to: str = ""
    """The number at work of a person."""
    of: int | None = None
    """The id of an alert."""

    def as_json(self) -> dict[str, Any]:
        """Return what was given, as the timeline keeps it."""
        return {name: value for name, value in asdict(self).items() if value}


NOTHING = Particulars()


async def act(
    store: Store,
    alert_id: int,
    action: str,
    *,
    actor: str,
    role: Role,
    person: int | None = None,
    given: Particulars = NOTHING,
) -> Mapping[str, Any]:
    """Let somebody change an alert; return it. The one door for routes, pages, buttons and keypads.

    `actor` is an account, or a person's number at work where only `person` (their key) is known; without
    `person` it is the one on the roster with that account, if any. Of two at once one wins; the other is told
    who. Raises NotFound, or NotAllowed that says what is allowed.
    """
    async with store.transaction() as connection:
        row = await _one(connection, "lock", id=alert_id)
        if row is None:
            raise NotFound(f"no alert {alert_id}")
        somebody = await _one(connection, "person behind", person=person, username=actor) or {}
        state = after(
            action,
            AlertState(row["state"]),
            role,
            is_own=_is_own(row, actor, somebody),
            whose=_whose(row),
            since=row["state_since"],
        )
        columns = await _columns(connection, alert_id, action, given)
        columns |= {"id": alert_id, "state": state.value, "actor": actor}
        columns.setdefault("name", somebody.get("name", actor))
        columns.setdefault("person", somebody.get("key"))
        columns["in_field"] = role is Role.GRID_WORKER
        if action in SQL:
            await connection.execute(SQL[action], columns)
        await connection.execute(SQL["into state"], columns)
        if not row["simulated"]:
            await answered(connection, alert_id, action, person=somebody.get("key"))
        await announce(connection, {alert_id: action}, actor=actor, detail=given.as_json())
        rows = await (await connection.execute(SQL["as json"], {"ids": [alert_id]})).fetchall()
    return _alert(rows[0])


async def _columns(connection: Connection, alert_id: int, action: str, given: Particulars) -> dict[str, Any]:
    """Return what an action writes of what it was given; raise NotAllowed where that is missing or wrong."""
    need = RULES[action].need
    if need is not None and not getattr(given, need.value):
        raise NotAllowed(f"{action} needs {need.value!r}: {WANTED[need]}")
    if need is Need.TO:
        row = await _one(connection, "person of code", code=given.to)
        if row is None:
            raise NotAllowed(f"nobody on the roster has the number {given.to!r}")
        return {"person": row["key"], "name": row["name"]}
    if need is Need.OF:
        if given.of == alert_id or await _one(connection, "exists", id=given.of) is None:
            raise NotAllowed(f"there is no other alert {given.of}")
        return {"of": given.of}
    return {}


WANTED: Mapping[Need, str] = {
    Need.REASON: "say why",
    Need.TEXT: "what is to be written",
    Need.TO: "the number at work of a person on the roster",
    Need.OF: "the id of the other alert",
}


def _is_own(row: Row, actor: str, somebody: Mapping[str, Any]) -> bool:
    key = somebody.get("key")
    return row["assignee"] == actor or (key is not None and row["assignee_key"] == key)


def _whose(row: Row) -> str | None:
    """Return by whom an alert stands as it does."""
    column = STANDS_BY.get(AlertState(row["state"]), "resolved_by")
    return None if column is None else row[column]


STANDS_BY: Mapping[AlertState, str | None] = {
    AlertState.OPEN: None,
    AlertState.ACKNOWLEDGED: "acknowledged_by",
    AlertState.ACCEPTED: "assignee",
    AlertState.HANDLING: "assignee",
    AlertState.VERIFIED: "verified_by",
    AlertState.CLOSED: "closed_by",
}
"""The column that says by whom; of all other states it is who resolved it."""


async def get_alert(store: Store, alert_id: int) -> Mapping[str, Any]:
    """Return one alert as JSON-ready data; raise NotFound."""
    seen = await store.row(SQL["seen"], {"id": alert_id})
    row = None if seen is None else await store.row(SQL["as json"], {"ids": [alert_id]})
    if row is None:
        raise NotFound(f"no alert {alert_id}")
    return _alert(row)


async def timeline(store: Store, alert_id: int) -> list[Row]:
    """Return the changes of one alert, oldest first: seq, change, actor, changed_at."""
    return await store.rows(SQL["timeline"], {"id": alert_id})


async def list_alerts(
    store: Store,
    *,
    state: AlertState | None = None,
    scene: str | None = None,
    severity: Severity | None = None,
    area: str | None = None,
    drill: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    by_spread: bool = False,
    limit: int = 100,
) -> list[Mapping[str, Any]]:
    """Return a page of alerts, newest first; `area` takes its subtree, `before` is the last id seen.

    `by_spread` puts the fires that spread fastest first.
    """
    given = {
        "state": state,
        "scene": scene,
        "severity": severity,
        "area": area,
        "drill": drill,
        "since": since,
        "until": until,
        "before": before,
        "by_spread": by_spread,
        "limit": limit,
    }
    ids = [row["id"] for row in await store.rows(SQL["page"], given)]
    rows = await store.rows(SQL["as json"], {"ids": ids})
    return [_alert(row) for row in sorted(rows, key=lambda row: ids.index(row["id"]))]


async def changes_after(store: Store, seq: int, *, limit: int = 1000) -> list[Change]:
    """Return the changes that were committed after `seq`, oldest first."""
    rows = await store.rows(SQL["changes after"], {"seq": seq, "limit": limit})
    return [Change(seq=row["seq"], alert=row["alert"]) for row in rows]


async def last_seq(store: Store) -> int:
    """Return the seq of the newest change, 0 when there is none."""
    row = await store.row(SQL["last seq"])
    return int(row["seq"]) if row else 0


async def _one(connection: Connection, query: str, **given: Any) -> Row | None:
    return await (await connection.execute(SQL[query], given)).fetchone()


async def _tester(connection: Connection, known: KnownDevice) -> str | None:
    """Return who tests a device now: what a collector remembers of it may be older than the test."""
    row = await (await connection.execute(SQL["tester"], {"device_key": known.key})).fetchone()
    return None if row is None else row["tester"]


async def _held(connection: Connection, key: str) -> Held | None:
    row = await (await connection.execute(SQL["held"], {"group_key": key})).fetchone()
    if row is None:
        return None
    return Held(**{**row, "severity": Severity(row["severity"])})


async def _held_by_device(
    connection: Connection, finding: Finding, known: KnownDevice, *, scene: str, drill: bool
) -> Held | None:
    """Return the alert that the device told of last, where it is as bad as can be and takes the finding too.

    Nobody's agreement can make it worse: in a storm that need not be looked for.
    """
    if finding.label == WARNING or alarm_severity(scene, finding.label) is None:
        return None
    given = {
        "device_key": known.key,
        "scene": scene,
        "drill": drill,
        "observed_at": finding.observed_at,
        "window": merge_window(scene),
    }
    row = await (await connection.execute(SQL["held by device"], given)).fetchone()
    return None if row is None else Held(**{**row, "severity": Severity(row["severity"])})


async def _held_by_id(connection: Connection, alert_id: int) -> Held | None:
    row = await (await connection.execute(SQL["held by id"], {"id": alert_id})).fetchone()
    return None if row is None else Held(**{**row, "severity": Severity(row["severity"])})


def _corroborated(decision: Decision) -> Decision:
    """Return a decision whose alert is worse: another device tells of the same."""
    if isinstance(decision, Ignore):
        return decision
    return replace(decision, severity=corroborated(decision.severity))


async def _carry_out(
    connection: Connection,
    decision: Decision,
    finding: Finding,
    *,
    known: KnownDevice,
    scene: str,
    tester: str | None,
) -> Settled | None:
    """Return None when another collector raised the alert first."""
    if isinstance(decision, Ignore):
        return Settled(alert_id=None)
    if isinstance(decision, Merge):
        await _merge(
            connection,
            decision.alert_id,
            finding,
            before=decision.before,
            now=decision.severity,
            events=1,
        )
        return Settled(alert_id=decision.alert_id)
    if decision.seal is not None:
        await connection.execute(SQL["seal"], {"id": decision.seal})
    columns = _raise_columns(decision, finding, known, scene)
    columns |= {"drill": tester is not None, "tester": tester or ""}
    row = await (await connection.execute(SQL["raise"], columns)).fetchone()
    return None if row is None else Settled(alert_id=row["id"], raised=True)


def _raise_columns(decision: Raise, finding: Finding, known: KnownDevice, scene: str) -> dict[str, Any]:
    return {
        "group_key": decision.group_key,
        "scene": scene,
        "label": finding.label,
        "severity": decision.severity.value,
        "confidence": finding.confidence,
        "device_key": known.key,
        "observed_at": finding.observed_at,
    }


def _alert(row: Row) -> Mapping[str, Any]:
    alert: Mapping[str, Any] = row["alert"]
    return alert
