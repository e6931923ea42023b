"""What collectors write: one transaction for a batch of messages and all that follows from them.

Identities decide what is new; readings, events, alerts, jobs and books are written together; the changes of
alerts are numbered last.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from gridwatch.model import (
    Clip,
    CommandResult,
    DeviceFinding,
    Finding,
    Frame,
    LiftState,
    Observation,
    Observations,
    Severity,
    Status,
)
from gridwatch.policy import scene_of, severity_of
from gridwatch.store.alerts import announce, refresh, settle
from gridwatch.store.connection import Connection, Store, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Concluded, Disposition, Entry, Rejected, Shown, Skipped
from gridwatch.store.jobs import defer_notify

SQL = queries("intake")

EVENTS = UUID("6f1a2a52-6e0c-5f0e-9a2e-0d6b6a0f4c11")
"""Namespace of event ids: the same finding of the same device gets the same id, however often it comes."""

NO_SEQ = -1

Identity: TypeAlias = tuple[int, datetime, int]
"""Of an observation: device key, observation time, seq."""


async def record(
    store: Store, entries: Sequence[Entry], *, extra_alarms: Mapping[str, Severity]
) -> Counter[str]:
    """Write a batch in one transaction; return how many messages had which disposition.

    All or nothing. Raises StoreUnavailable when trying again later is right, StoreError when it is not.
    """
    async with store.transaction() as connection:
        return await _Intake(connection, extra_alarms).record(entries)


class _Intake:
    """One transaction's work."""

    def __init__(self, connection: Connection, extra_alarms: Mapping[str, Severity]) -> None:
        self._connection = connection
        self._extra_alarms = extra_alarms
        self._books: dict[str, Counter[str]] = {}
        self._changes: dict[int, str] = {}

    async def record(self, entries: Sequence[Entry]) -> Counter[str]:
        accepted = [entry for entry in entries if isinstance(entry, Accepted)]
        new = await self._store_observations(accepted)
        for entry in entries:
            match entry:
                case Skipped():
                    self._count(entry.device, Disposition.SKIPPED, entry.count)
                case Rejected():
                    self._count(entry.device, await self._quarantine(entry))
                case Accepted() if id(entry) not in new:
                    new[id(entry)] = await self._store(entry)
        await self._write_events(accepted, new)
        for entry in accepted:
            disposition = Disposition.STORED if new[id(entry)] else Disposition.DUPLICATE
            self._count(entry.known.device.id, disposition)
        await self._write_books()
        await announce(self._connection, self._changes)
        return sum(self._books.values(), Counter())

    async def _store_observations(self, accepted: Sequence[Accepted]) -> dict[int, bool]:
        """Write the readings of observations never seen before; tell which messages held any."""
        sent = [(entry, entry.message.items) for entry in accepted if isinstance(entry.message, Observations)]
        if not sent:
            return {}
        unseen = await self._new_identities(
            {(entry.known.key, *_identity(item)) for entry, items in sent for item in items}
        )
        rows, new = [], {}
        for entry, items in sent:
            fresh = [item for item in items if _take(unseen, (entry.known.key, *_identity(item)))]
            rows += [(entry, item) for item in fresh]
            new[id(entry)] = bool(fresh)
        await self._copy_readings(rows)
        return new

    async def _new_identities(self, wanted: set[Identity]) -> set[Identity]:
        """Claim identities in one order, so that two collectors can't deadlock; return those never seen."""
        ordered = sorted(wanted)
        cursor = await self._connection.execute(
            SQL["identities"],
            {
                "device_keys": [key for key, _, _ in ordered],
                "observed_ats": [at for _, at, _ in ordered],
                "seqs": [seq for _, _, seq in ordered],
            },
            binary=True,
        )
        return {(r["device_key"], r["observed_at"], r["seq"]) for r in await cursor.fetchall()}

    async def _copy_readings(self, rows: Sequence[tuple[Accepted, Observation]]) -> None:
        keys = await self._quantity_keys({name for _, observation in rows for name in observation.values})
        async with self._connection.cursor() as cursor, cursor.copy(SQL["copy readings"]) as copy:
            copy.set_types(["int4", "int2", "timestamptz", "timestamptz", "float8"])
            for entry, observation in rows:
                for name, value in observation.values.items():
                    await copy.write_row(
                        (entry.known.key, keys[name], observation.observed_at, entry.received_at, value)
                    )

    async def _quantity_keys(self, names: Iterable[str]) -> dict[str, int]:
        wanted = {"names": sorted(names)}
        found = await self._known_quantities(wanted)
        if len(found) < len(wanted["names"]):
            await self._connection.execute(SQL["quantities"], wanted)
            found = await self._known_quantities(wanted)
        return found

    async def _known_quantities(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, int]:
        cursor = await self._connection.execute(SQL["quantity keys"], wanted)
        return {row["name"]: row["key"] for row in await cursor.fetchall()}

    async def _store(self, entry: Accepted) -> bool:
        """Write what a message other than observations says itself; tell whether it is new."""
        message = entry.message
        columns: dict[str, Any] = {"device_key": entry.known.key, "received_at": entry.received_at}
        match message:
            case Frame():
                columns |= {"kind": "frame", "observed_at": message.observed_at}
                return await self._touches(SQL["medium"], columns)
            case Clip():
                columns |= {"kind": "clip", "observed_at": message.observed_at}
                return await self._touches(SQL["medium"], columns)
            case Status():
                return await self._touches(SQL["status"], columns | {"online": message.online})
            case LiftState():
                columns |= {name: getattr(message, name) for name in LIFT_COLUMNS}
                return await self._touches(SQL["lift state"], columns)
            case CommandResult():
                columns |= {"id": message.id, "ok": message.ok, "detail": message.detail}
                return await self._touches(SQL["command result"], columns)
            case DeviceFinding() | Observations():
                # Their newness shows elsewhere: in the event, in the identities.
                return False

    async def _touches(self, statement: Any, columns: Mapping[str, Any]) -> bool:
        return (await self._connection.execute(statement, columns)).rowcount > 0

    async def _write_events(self, accepted: Sequence[Accepted], new: dict[int, bool]) -> None:
        """Write what was concluded, device by device, so that two collectors can't deadlock.

        A finding that a device sent is new where its event is; what a detector found in a message that is a
        duplicate was written with the first one.
        """
        for entry in sorted(accepted, key=lambda entry: entry.known.device.id):
            if isinstance(entry.message, DeviceFinding):
                new[id(entry)] = any([await self._event(entry, one) for one in entry.concluded])
            elif new[id(entry)]:
                for concluded in entry.concluded:
                    await self._event(entry, concluded)

    async def _event(self, entry: Accepted, concluded: Concluded) -> bool:
        """Write or update one event and what it means for alerts; tell whether anything was new."""
        finding, known = concluded.finding, entry.known
        scene = scene_of(finding.label, known.device.scene)
        event = event_id(known.device.id, finding)
        columns = _event_columns(event, entry, finding, scene)
        row = await (await self._connection.execute(SQL["event"], columns)).fetchone()
        if row is None:
            return False
        await self._keep_evidence(event, concluded.evidence)
        if row["is_new"]:
            await self._settle(event, finding, known, scene)
        elif row["alert_id"] is not None:
            severity = severity_of(finding, scene, self._extra_alarms)
            await refresh(self._connection, row["alert_id"], finding, severity)
            self._changes.setdefault(row["alert_id"], "update")
        return True

    async def _settle(self, event: UUID, finding: Finding, known: KnownDevice, scene: str) -> None:
        settled = await settle(
            self._connection, finding, known=known, scene=scene, extra_alarms=self._extra_alarms
        )
        if settled.alert_id is None:
            return
        await self._connection.execute(SQL["belong"], {"id": event, "alert_id": settled.alert_id})
        if settled.raised:
            self._changes[settled.alert_id] = "raise"
            if not known.device.simulated:
                await defer_notify(self._connection, settled.alert_id, "raised")
        else:
            self._changes.setdefault(settled.alert_id, "merge")

    async def _keep_evidence(self, event: UUID, evidence: Sequence[Shown]) -> None:
        if not evidence:
            return
        await self._connection.execute(SQL["forget evidence"], {"event_id": event})
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                SQL["evidence"],
                [
                    {
                        "event_id": event,
                        "position": position,
                        "media_type": shown.media_type,
                        "sha256": shown.file.sha256 if shown.file else None,
                        "size": shown.file.size if shown.file else None,
                        "url": shown.url,
                        "masked": shown.masked,
                    }
                    for position, shown in enumerate(evidence)
                ],
            )

    async def _quarantine(self, entry: Rejected) -> Disposition:
        digest = hashlib.sha256(entry.topic.encode() + b"\0" + entry.payload).digest()
        columns = {
            "topic": entry.topic,
            "payload": entry.payload,
            "reason": entry.reason.replace("\0", "�"),
            "decoder": entry.decoder,
            "received_at": entry.received_at,
            "digest": digest,
        }
        is_new = await self._touches(SQL["quarantine"], columns)
        return Disposition.QUARANTINED if is_new else Disposition.DUPLICATE

    def _count(self, device: str, disposition: Disposition, count: int = 1) -> None:
        book = self._books.setdefault(device, Counter())
        book["received"] += count
        book[disposition] += count

    async def _write_books(self) -> None:
        columns = ("received", *Disposition)
        async with self._connection.cursor() as cursor:
            await cursor.executemany(
                SQL["book"],
                [
                    {"device": device} | {str(column): book[column] for column in columns}
                    for device, book in sorted(self._books.items())
                ],
            )


LIFT_COLUMNS = ("observed_at", "door", "moving", "door_zone", "mode")


def event_id(device: str, finding: Finding) -> UUID:
    """Return the id of a finding's event: the same for the same finding, however often it is delivered."""
    name = finding.id or f"{finding.observed_at.isoformat()} {finding.label} {finding.box_xyxy}"
    return uuid5(EVENTS, f"{device} {name}")


async def recent_observations(store: Store, known: Sequence[KnownDevice], *, each: int) -> list[Observation]:
    """Return what the newest `each` readings of some devices belong to, by device, oldest first."""
    rows = await store.rows(SQL["recent"], {"device_keys": [device.key for device in known], "each": each})
    return [
        Observation(
            device=row["device"],
            observed_at=row["observed_at"],
            values=row["values"] or {},
            seq=None if row["seq"] == NO_SEQ else row["seq"],
        )
        for row in rows
    ]


def _identity(observation: Observation) -> tuple[datetime, int]:
    return observation.observed_at, NO_SEQ if observation.seq is None else observation.seq


def _take(unseen: set[Identity], identity: Identity) -> bool:
    """Tell whether an identity is new, once: the second of two alike in a batch is a duplicate."""
    if identity not in unseen:
        return False
    unseen.remove(identity)
    return True


def _event_columns(event: UUID, entry: Accepted, finding: Finding, scene: str) -> dict[str, Any]:
    return {
        "id": event,
        "device_key": entry.known.key,
        "scene": scene,
        "label": finding.label,
        "confidence": finding.confidence,
        "observed_at": finding.observed_at,
        "started_at": finding.started_at,
        "ended_at": finding.ended_at,
        "box_xyxy": None if finding.box_xyxy is None else list(finding.box_xyxy),
        "track": Jsonb([[point.at.timestamp(), point.x, point.y] for point in finding.track]),
        "criteria": Jsonb(dict(finding.criteria)),
        "detector": finding.detector,
        "received_at": entry.received_at,
    }
