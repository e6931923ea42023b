"""What collectors write: one transaction for a batch of messages and all that follows from them.

Identities decide what is new; readings, events, alerts, jobs and books are written together; the changes of
alerts are numbered last.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias
from uuid import UUID, uuid5

from psycopg import AsyncCursor
from psycopg.types.json import Jsonb

from gridwatch.model import (
    Clip,
    CommandResult,
    Device,
    DeviceFinding,
    Finding,
    Frame,
    LiftState,
    Observations,
    Severity,
    Status,
)
from gridwatch.policy import scene_of, severity_of
from gridwatch.scenes import TROUBLES
from gridwatch.store.alerts import announce, hold_back, refresh, settle
from gridwatch.store.books import KINDS, RECEIVED, enter, key_of
from gridwatch.store.changes import JOINED
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted, Concluded, Disposition, Entry, Rejected, Shown, Skipped
from gridwatch.store.fire_fusion import SCENE as FIRE
from gridwatch.store.fire_fusion import rank_by_spread
from gridwatch.store.folding import Foldable, fold, severity_to_fold
from gridwatch.store.hourly import has_timescale
from gridwatch.store.jobs import RAISED, defer_notify
from gridwatch.store.observations import quantity_keys, store_observations
from gridwatch.store.troubles import settle_trouble
from gridwatch.wire import DECODER

SQL = queries("intake")

AGREED_FOR_S = 10.0
"""Nothing is missed: another device that tells of the same fire looks itself, and finds this one's alert."""

Telling: TypeAlias = tuple[Accepted, Concluded]

EVENTS = UUID("6f1a2a52-6e0c-5f0e-9a2e-0d6b6a0f4c11")
"""Namespace of event ids: the same finding of the same device gets the same id, however often it comes."""


class Intake:
    """The way of batches into the database."""

    def __init__(self, store: Store, extra_alarms: Mapping[str, Severity]) -> None:
        self._store = store
        self._extra_alarms = extra_alarms
        self._quantities: dict[str, int] = {}
        self._in_rows: bool | None = None
        self._agreed: dict[int, float] = {}
        """When it was looked up last what others tell of the fire that a device tells of, by its key."""

    async def record(self, entries: Sequence[Entry]) -> Counter[str]:
        """Write a batch in one transaction; return how many messages had which disposition.

        All or nothing. Raises StoreUnavailable when trying again later is right, StoreError when it is not.
        """
        accepted = [entry for entry in entries if isinstance(entry, Accepted)]
        observed = [(entry, entry.message) for entry in accepted if isinstance(entry.message, Observations)]
        await self._learn_quantities(observed)
        if self._in_rows is None:
            self._in_rows = await has_timescale(self._store)
        async with self._store.transaction() as connection:
            batch = _Batch(connection, self._extra_alarms, self._agreed)
            if observed:
                await batch.store_observations(observed, self._quantities, in_rows=self._in_rows)
            return await batch.store(entries, accepted)

    async def _learn_quantities(self, observed: Sequence[tuple[Accepted, Observations]]) -> None:
        """Get the keys of quantities heard of for the first time, before the batch's own transaction."""
        names = set(chain.from_iterable(item.values for _, message in observed for item in message.items))
        if not names <= self._quantities.keys():
            self._quantities |= await quantity_keys(self._store, names)


class _Batch:
    """One transaction's work."""

    def __init__(
        self, connection: Connection, extra_alarms: Mapping[str, Severity], agreed: dict[int, float]
    ) -> None:
        self._connection = connection
        self._extra_alarms = extra_alarms
        self._agreed = agreed
        self._worse: set[int] = set()
        self._new: dict[int, bool] = {}
        self._books = {disposition: Counter[int]() for disposition in Disposition}
        self._changes: dict[int, str] = {}
        self._fires: dict[int, tuple[Finding, Device]] = {}
        """The last finding that each alert of fire took, and whose it is."""

    async def store_observations(
        self,
        observed: Sequence[tuple[Accepted, Observations]],
        quantities: Mapping[str, int],
        *,
        in_rows: bool,
    ) -> None:
        """Write readings; remember which messages held any that are new."""
        new = await store_observations(self._connection, observed, quantities, in_rows=in_rows)
        self._new = {id(entry): is_new for (entry, _), is_new in zip(observed, new, strict=True)}

    async def store(self, entries: Sequence[Entry], accepted: Sequence[Accepted]) -> Counter[str]:
        """Write all else that a batch holds and what follows from it; return the dispositions."""
        new = self._new
        if others := [entry for entry in accepted if id(entry) not in new]:
            await self._store_others(others)
        self._books[Disposition.SKIPPED].update(key_of(e) for e in entries if isinstance(e, Skipped))
        await self._quarantine([entry for entry in entries if isinstance(entry, Rejected)])
        await self._write_events(accepted)
        self._books[Disposition.STORED].update(e.known.key for e in accepted if new[id(e)])
        self._books[Disposition.DUPLICATE].update(e.known.key for e in accepted if not new[id(e)])
        kinds = {KINDS[disposition]: book for disposition, book in self._books.items()}
        await enter(self._connection, {RECEIVED: Counter(map(key_of, entries)), **kinds})
        for alert_id, (finding, device) in self._fires.items():
            await rank_by_spread(self._connection, alert_id, finding, device)
        for alert_id in await hold_back(self._connection, self._may_wait()):
            del self._changes[alert_id]
        await announce(self._connection, self._changes)
        return Counter({str(disposition): book.total() for disposition, book in self._books.items()})

    async def _store_others(self, entries: Sequence[Accepted]) -> None:
        """Write what messages other than observations say themselves; remember which are new.

        Their answers are waited for once: a batch may hold hundreds.
        """
        answers: list[tuple[Accepted, AsyncCursor[Row]]] = []
        async with self._connection.pipeline():
            for entry in entries:
                self._new[id(entry)] = False
                if (written := _statement(entry)) is not None:
                    answers.append((entry, await self._connection.execute(*written)))
        self._new |= {id(entry): answer.rowcount > 0 for entry, answer in answers}

    async def _write_events(self, accepted: Sequence[Accepted]) -> None:
        """Write what was concluded, device by device, so that two collectors can't deadlock.

        A finding that a device sent is new where its event is; what a detector found in a message that is a
        duplicate was written with the first one.
        """
        telling = [entry for entry in accepted if entry.concluded]
        todo = [
            (entry, one)
            for entry in sorted(telling, key=lambda entry: entry.known.device.id)
            if isinstance(entry.message, DeviceFinding) or self._new[id(entry)]
            for one in entry.concluded
        ]
        while todo:
            left = await self._fold(todo)
            # What the first of a device does decides what becomes of its next ones.
            firsts, todo = _first_of_each_device(left)
            for entry, one in firsts:
                self._note(entry, await self._event(entry, one))

    def _note(self, entry: Accepted, is_new: bool) -> None:
        if isinstance(entry.message, DeviceFinding):
            self._new[id(entry)] |= is_new

    async def _fold(self, todo: Sequence[Telling]) -> Sequence[Telling]:
        """Let alerts that are there take what they can; return what is to be looked at one by one."""
        foldable: dict[UUID, tuple[Telling, Foldable]] = {}
        for telling in todo:
            one = self._foldable(*telling)
            if one is not None:
                foldable.setdefault(one.event, (telling, one))
        if not foldable:
            return todo
        folded = await fold(self._connection, [one for _, one in foldable.values()])
        done = set()
        for event, alert_id in folded.items():
            telling, one = foldable[event]
            self._burns(alert_id, one.finding, one.known, one.scene)
            entry, concluded = telling
            await self._keep_evidence(event, concluded.evidence)
            self._note(entry, True)
            self._changes.setdefault(alert_id, "merge")
            done.add((id(entry), id(concluded)))
        return [(entry, one) for entry, one in todo if (id(entry), id(one)) not in done]

    def _foldable(self, entry: Accepted, concluded: Concluded) -> Foldable | None:
        finding, known = concluded.finding, entry.known
        scene = scene_of(finding.label, known.device.scene)
        severity = severity_to_fold(finding, scene, self._extra_alarms)
        if severity is None:
            return None
        event = event_id(known.device.id, finding)
        return Foldable(
            event=event,
            known=known,
            finding=finding,
            scene=scene,
            severity=severity,
            agreed=self._agreed.get(known.key, 0.0) > time.monotonic() - AGREED_FOR_S,
            columns=_event_columns(event, entry, finding, scene),
        )

    def _may_wait(self) -> set[int]:
        """Return the alerts of which nothing is new but that findings joined them."""
        return {alert for alert, word in self._changes.items() if word in JOINED and alert not in self._worse}

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
        if finding.label in TROUBLES:
            await self._settle_trouble(event, entry, finding, scene)
        elif row["alert_id"] is None:
            # Also an update may be the first that says what raises an alert.
            await self._settle(event, finding, known, scene)
        else:
            severity = severity_of(finding, scene, self._extra_alarms)
            if await refresh(self._connection, row["alert_id"], finding, severity):
                self._worse.add(row["alert_id"])
            self._changes.setdefault(row["alert_id"], "update")
        return True

    async def _settle(self, event: UUID, finding: Finding, known: KnownDevice, scene: str) -> None:
        settled = await settle(
            self._connection, finding, known=known, scene=scene, extra_alarms=self._extra_alarms
        )
        if settled.alert_id is None:
            return
        await self._connection.execute(SQL["belong"], {"id": event, "alert_id": settled.alert_id})
        self._agreed[known.key] = time.monotonic()
        self._burns(settled.alert_id, finding, known, scene)
        if settled.worse:
            self._worse.add(settled.alert_id)
        if settled.raised:
            self._changes[settled.alert_id] = "raise"
            if not known.device.simulated:
                await defer_notify(self._connection, settled.alert_id, RAISED)
        else:
            self._changes.setdefault(settled.alert_id, "merge")

    def _burns(self, alert_id: int, finding: Finding, known: KnownDevice, scene: str) -> None:
        """Let an alert of fire be ranked once, when all that the batch tells of it is in it."""
        if scene == FIRE:
            self._fires[alert_id] = finding, known.device

    async def _settle_trouble(self, event: UUID, entry: Accepted, finding: Finding, scene: str) -> None:
        alert_id, change = await settle_trouble(
            self._connection,
            finding,
            known=entry.known,
            scene=scene,
            extra_alarms=self._extra_alarms,
            now=entry.received_at,
        )
        if alert_id is not None:
            await self._connection.execute(SQL["belong"], {"id": event, "alert_id": alert_id})
        if alert_id is not None and change is not None:
            self._changes[alert_id] = change

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

    async def _quarantine(self, rejected: Sequence[Rejected]) -> None:
        """Write what nobody could read; a message that waits there already, byte for byte, is a duplicate."""
        if not rejected:
            return
        digests = [_digest(entry) for entry in rejected]
        ordered = sorted(dict(zip(digests, rejected, strict=True)).items())
        columns = {
            "digests": [digest for digest, _ in ordered],
            "topics": [entry.topic for _, entry in ordered],
            "payloads": [entry.payload for _, entry in ordered],
            "reasons": [entry.reason.replace("\0", "�") for _, entry in ordered],
            "decoders": [entry.decoder for _, entry in ordered],
            "received_ats": [entry.received_at for _, entry in ordered],
            "named": [entry.named for _, entry in ordered],
        }
        cursor = await self._connection.execute(SQL["quarantine"], columns, binary=True)
        new = {bytes(row["digest"]) for row in await cursor.fetchall()}
        for digest, entry in zip(digests, rejected, strict=True):
            disposition = Disposition.QUARANTINED if digest in new else Disposition.DUPLICATE
            self._books[disposition][key_of(entry)] += 1
            new.discard(digest)


def _first_of_each_device(findings: Sequence[Telling]) -> tuple[list[Telling], list[Telling]]:
    firsts: dict[int, Telling] = {}
    others = [one for one in findings if firsts.setdefault(one[0].known.key, one) is not one]
    return list(firsts.values()), others


def _digest(entry: Rejected) -> bytes:
    """Return what tells a message from others; a foreign one may wait once for each device that it names."""
    named = b"" if entry.decoder == DECODER else f"\0{entry.named}".encode()
    return hashlib.sha256(entry.topic.encode() + b"\0" + entry.payload + named).digest()


def _statement(entry: Accepted) -> tuple[Any, dict[str, Any]] | None:
    """Return what writes a message; None of those whose newness shows elsewhere: in event or identities."""
    message = entry.message
    columns: dict[str, Any] = {"device_key": entry.known.key, "received_at": entry.received_at}
    match message:
        case Frame():
            return SQL["medium"], columns | {"kind": "frame", "observed_at": message.observed_at}
        case Clip():
            return SQL["medium"], columns | {"kind": "clip", "observed_at": message.observed_at}
        case Status():
            return SQL["status"], columns | {"online": message.online}
        case LiftState():
            return SQL["lift state"], columns | {name: getattr(message, name) for name in LIFT_COLUMNS}
        case CommandResult():
            answer = {"id": message.id, "ok": message.ok, "detail": message.detail}
            return SQL["command result"], columns | answer
        case DeviceFinding() | Observations():
            return None


LIFT_COLUMNS = ("observed_at", "door", "moving", "door_zone", "mode")


def event_id(device: str, finding: Finding) -> UUID:
    """Return the id of a finding's event: the same for the same finding, however often it is delivered."""
    name = finding.id or f"{finding.observed_at.isoformat()} {finding.label} {finding.box_xyxy}"
    return uuid5(EVENTS, f"{device} {name}")


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
        "origins": Jsonb([origin.as_json() for origin in finding.where]),
        "criteria": Jsonb(dict(finding.criteria)),
        "detector": finding.detector,
        "received_at": entry.received_at,
    }
