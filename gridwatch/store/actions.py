"""What people do with an alert: one door for routes, pages, buttons and keypads."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.model import AlertState, Role
from gridwatch.store.alerts import SQL, announce
from gridwatch.store.connection import Connection, Row, Store, one
from gridwatch.store.routing import answered
from gridwatch.workflow import RULES, Need, after


@dataclass(frozen=True, kw_only=True, slots=True)
class Particulars:
    """What an action is given besides: see gridwatch/workflow.py which needs what."""

    reason: str = ""
    text: str = ""
    to: str = ""
    """The number at work of a person."""
    of: int | None = None
    """The id of an alert."""
    caller: str = ""
    """Who called the fire brigade, when, and the number that it gave."""
    called_at: datetime | None = None
    reference: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what was given, as the timeline keeps it."""
        given = {name: value for name, value in asdict(self).items() if value}
        return given if self.called_at is None else given | {"called_at": self.called_at.isoformat()}

    def complete(self, action: str, actor: str) -> Self:
        """Return it with what a call to the fire brigade says where nothing was said: by `actor`, now."""
        if action != "call_119":
            return self
        return replace(self, caller=self.caller or actor, called_at=self.called_at or datetime.now(UTC))


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
    once: str | None = None,
) -> Mapping[str, Any]:
    """Let somebody change an alert; return it.

    `actor` is an account, or a person's number at work where only `person` (their key) is known; without
    `person` it is the one on the roster with that account, if any. Of two at once one wins; the other is told
    who. `once` names a request of this actor: sent again, it changes nothing and returns the alert as it is.
    Raises NotFound, or NotAllowed that says what is allowed.
    """
    async with store.transaction() as connection:
        row = await one(connection, SQL["lock"], id=alert_id)
        if row is None:
            raise NotFound(f"no alert {alert_id}")
        if once is not None and await _is_done(connection, alert_id, action, actor=actor, once=once):
            return await _as_json(connection, alert_id)
        somebody = await one(connection, SQL["person behind"], person=person, username=actor) or {}
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
        if once is not None:
            await connection.execute(SQL["note done"], {**columns, "once": once, "action": action})
        said = given.complete(action, somebody.get("name", actor)).as_json()
        await announce(connection, {alert_id: action}, actor=actor, detail=said)
        return await _as_json(connection, alert_id)


async def _is_done(connection: Connection, alert_id: int, action: str, *, actor: str, once: str) -> bool:
    """Say whether a request was carried out before; raise NotAllowed where it was another one."""
    done = await one(connection, SQL["done before"], actor=actor, once=once)
    if done is not None and (done["alert_id"], done["action"]) != (alert_id, action):
        used_for = f"{done['action']!r} of alert {done['alert_id']}"
        raise NotAllowed(f"this key was used for {used_for}: make a new one")
    return done is not None


async def _as_json(connection: Connection, alert_id: int) -> Mapping[str, Any]:
    rows = await (await connection.execute(SQL["as json"], {"ids": [alert_id]})).fetchall()
    alert: Mapping[str, Any] = rows[0]["alert"]
    return alert


async def _columns(connection: Connection, alert_id: int, action: str, given: Particulars) -> dict[str, Any]:
    """Return what an action writes of what it was given; raise NotAllowed where that is missing or wrong."""
    need = RULES[action].need
    if need is not None and not getattr(given, need.value):
        raise NotAllowed(f"{action} needs {need.value!r}: {WANTED[need]}")
    if need is Need.TO:
        row = await one(connection, SQL["person of code"], code=given.to)
        if row is None:
            raise NotAllowed(f"nobody on the roster has the number {given.to!r}")
        return {"person": row["key"], "name": row["name"]}
    if need is Need.OF:
        if given.of == alert_id or await one(connection, SQL["exists"], id=given.of, than=alert_id) is None:
            raise NotAllowed(f"there is no other alert {given.of} of which it could be a duplicate")
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
