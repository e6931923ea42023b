"""Alerts: raised and merged inside the collector's transaction, listed, and replayed to feeds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.errors import NotFound, StoreError
from gridwatch.fire_fusion import SUPPORTED, WARNING, corroborated
from gridwatch.model import AlertState, Finding, Severity
from gridwatch.policy import Decision, Held, Ignore, Merge, Raise, decide, group_key, place_of
from gridwatch.scenes import SURE, alarm_severity, merge_window
from gridwatch.store.changes import AMONG_US
from gridwatch.store.connection import Connection, Row, Store, one, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.fire_fusion import NOBODY, agreeing_on, take_in
from gridwatch.store.jobs import defer_notify, defer_webhook

SQL = queries("alerts")

CHANNEL = "gridwatch_alert"
"""Notified with the seq of every change, in the change's own transaction."""

ONE_CHANGE_WITHIN = timedelta(seconds=1)
"""What joins an alert so soon after its last change is told of together with what else does."""

ATTEMPTS = 5
"""How often a decision is made anew because another collector raised the group's alert first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change of an alert: its place in the order of commits, and the alert as it was then.

    `called` are the accounts of those who were called for the alert or have it.
    """

    seq: int
    alert: Mapping[str, Any]
    called: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What became of an event: the alert it belongs to, if any, and whether that alert is new."""

    alert_id: int | None
    raised: bool = False
    worse: bool = False
    """Whether that alert became more severe."""


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
            return settled
    raise StoreError(f"the alert of {group} changed hands {ATTEMPTS} times")


async def refresh(connection: Connection, alert_id: int, finding: Finding, severity: Severity | None) -> bool:
    """Take an update of an event into its alert; it is no further event, and only raises the severity.

    Return whether it did.
    """
    row = await (await connection.execute(SQL["lock"], {"id": alert_id})).fetchone()
    if row is None:
        return False
    before = Severity(row["severity"])
    now = max(before, severity or Severity.MINOR, key=lambda one: one.rank)
    await _merge(connection, alert_id, finding, before=before, now=now, events=0)
    return now.rank > before.rank


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
        "sure": list(SURE),
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

    `detail` is what the timeline says besides. Receivers of other systems get a message each, with its job.

    Takes the lock that puts all changes into the order of their commits: nothing may follow it.
    """
    if not changes:
        return
    await connection.execute(SQL["lock order of changes"])
    await connection.execute(SQL["draw seqs"], {"ids": sorted(changes)})
    rows = await (await connection.execute(SQL["as json"], {"ids": list(changes)})).fetchall()
    rows.sort(key=lambda row: int(row["seq"]))
    seqs = [row["seq"] for row in rows]
    written = {
        "seqs": seqs,
        "ids": [row["id"] for row in rows],
        "changes": [changes[row["id"]] for row in rows],
        "alerts": [Jsonb(row["alert"]) for row in rows],
        "actor": actor,
        "detail": Jsonb(dict(detail)),
    }
    await connection.execute(SQL["write changes"], written)
    notified = {"seq": seqs[-1], "seqs": seqs, "among_us": sorted(AMONG_US)}
    told = await one(connection, SQL["notify"], **notified)
    for key in told["messages"] if told else ():
        await defer_webhook(connection, key)


async def hold_back(connection: Connection, alert_ids: Collection[int]) -> set[int]:
    """Let findings that joined alerts wait to be told of; return the alerts that were told of just now.

    So a storm of findings is one change of each alert a second, and not one for each finding.
    """
    if not alert_ids:
        return set()
    given = {"ids": sorted(alert_ids), "within": ONE_CHANGE_WITHIN}
    return {row["id"] for row in await (await connection.execute(SQL["hold back"], given)).fetchall()}


async def announce_held_back(store: Store) -> None:
    """Write the changes that were held back and whose time has come; of several callers one does."""
    async with store.transaction() as connection:
        given = {"within": ONE_CHANGE_WITHIN}
        rows = await (await connection.execute(SQL["held back"], given)).fetchall()
        await announce(connection, {row["id"]: "merge" for row in rows})


async def get_alert(store: Store, alert_id: int) -> Mapping[str, Any]:
    """Return one alert as JSON-ready data; raise NotFound."""
    seen = await store.row(SQL["seen"], {"id": alert_id})
    row = None if seen is None else await store.row(SQL["as json"], {"ids": [alert_id]})
    if row is None:
        raise NotFound(f"no alert {alert_id}")
    return _alert(row)


async def alerts_by_id(store: Store, ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return alerts that somebody may see, by id."""
    return {row["id"]: _alert(row) for row in await store.rows(SQL["as json"], {"ids": list(ids)})}


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
    return [Change(**row) for row in rows]


async def last_seq(store: Store) -> int:
    """Return the seq of the newest change, 0 when there is none."""
    row = await store.row(SQL["last seq"])
    return int(row["seq"]) if row else 0


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
        return Settled(alert_id=decision.alert_id, worse=decision.severity.rank > decision.before.rank)
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
