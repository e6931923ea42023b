"""Whom an alert calls, in the database: the policy's decision becomes calls, a deadline and an explanation.

Everything is written in the caller's transaction, under the alert's row lock, so that it happens once whoever
dies in between.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.duty.ladder import OnDuty
from gridwatch.escalation.case import Ask, Case, Decision, Muted, MuteKind, Trigger, name_of
from gridwatch.escalation.policy import decide
from gridwatch.escalation.times import USUAL, Times
from gridwatch.model import AlertState, Location, Severity
from gridwatch.quality import LABELS
from gridwatch.scenes import TROUBLES
from gridwatch.store.connection import Connection, Row, one, queries
from gridwatch.store.escalation import times_now
from gridwatch.store.jobs import defer_call, defer_due, defer_route
from gridwatch.store.people import ladder

SQL = queries("routing")


async def route(
    connection: Connection,
    alert_id: int,
    trigger: Trigger,
    *,
    now: datetime,
    times: Mapping[str, Times] = USUAL,
) -> dict[str, Any] | None:
    """Decide whom an alert calls now and carry it out; return what its timeline says of that.

    None where the alert is gone, or somebody raised it who did so already.
    """
    row = await one(connection, SQL["case"], id=alert_id)
    if row is None:
        return None
    if trigger is Trigger.RAISED and (row["called"] or row["due_at"] or (row["tester"] and row["turn"])):
        return None
    case = await _case(connection, row, trigger, now)
    decision = decide(case, await times_now(connection, times))
    asked = [ask for ask in decision.asks if await _call(connection, case, alert_id, ask, decision)]
    await _advance(connection, alert_id, case, decision)
    return spoken(asked, decision, case)


async def answered(connection: Connection, alert_id: int, action: str, *, person: int | None) -> None:
    """Note what somebody who was called did, end the calls that nobody wants after it, and think anew.

    The worker decides what follows: it alone knows the times that the installation chose.
    """
    if person is not None:
        await connection.execute(SQL["answered"], {"id": alert_id, "person": person, "action": action})
    if action in ENDS_CALLS:
        await connection.execute(SQL["end calls"], {"id": alert_id})
    if action in TRIGGERS or action in ENDS_CALLS:
        await connection.execute(SQL["anew"], {"id": alert_id, "keeps": action in KEEPS_DEADLINE})
        await defer_route(connection, alert_id, TRIGGERS.get(action, Trigger.ACTED))


ENDS_CALLS = frozenset(
    {"accept", "assign", "handle", "arrive", "resolve", "false_alarm", "duplicate", "verify", "close"}
)
"""After them nobody who was called before is wanted any more."""

TRIGGERS: Mapping[str, Trigger] = {
    "acknowledge": Trigger.ACTED,
    "assign": Trigger.ASSIGNED,
    "return": Trigger.RETURNED,
    "reopen": Trigger.RAISED,
    "escalate": Trigger.ESCALATE,
}
KEEPS_DEADLINE = frozenset({"acknowledge", "escalate"})


async def _case(connection: Connection, row: Row, trigger: Trigger, now: datetime) -> Case:
    given = {name: row[name] for name in ("id", "area", "gateway", "device", "scene", "simulated")}
    muted = await muting(connection, row, now)
    wider = None
    if row["label"] in OF_THE_DEVICE and not (row["outage"] and row["outage"]["scope"] in WIDE):
        wider = await one(connection, SQL["part of"], **given)
    return Case(
        severity=Severity(row["severity"]),
        scene=row["scene"],
        state=AlertState(row["state"]),
        now=now,
        trigger=trigger,
        ladder=await ladder(
            connection, area=row["area"], scene=row["scene"], at=now, point=place_of_row(row)
        ),
        called=frozenset(row["called"]),
        declined=frozenset(row["declined"]),
        turn=row["turn"],
        rounds=row["rounds"],
        assignee=_assignee(row),
        seen_at=row["seen_at"],
        due_at=row["due_at"],
        muted=muted,
        part_of=None if wider is None else wider["id"],
        drill=row["drill"],
        tester=row["tester"],
        simulated=row["simulated"],
        by_person=row["by_person"],
    )


def place_of_row(row: Row) -> Location | None:
    """Return where a row says that something is, where it does."""
    return None if row["lon"] is None or row["lat"] is None else Location(lon=row["lon"], lat=row["lat"])


async def muting(connection: Connection, row: Row, now: datetime) -> Muted | None:
    """Return the silence or maintenance that covers a place (`area`, `device`, `scene`) at a time, if any."""
    given = {name: row[name] for name in ("area", "device", "scene")}
    muted = await one(connection, SQL["muted"], **given, now=now)
    return None if muted is None else Muted(**{**muted, "kind": MuteKind(muted["kind"])})


OF_THE_DEVICE = TROUBLES | {"offline", "channel_silent", *LABELS.values()}
"""They say that a device is not well, which something wider may explain."""

WIDE = frozenset({"gateway", "area", "everything"})
"""Outages that explain others, and are not explained themselves."""


def _assignee(row: Row) -> OnDuty | None:
    if row["assignee_key"] is None:
        return None
    return OnDuty(
        key=row["assignee_key"],
        code=row["assignee_code"],
        name=row["assignee_name"],
        language=row["assignee_language"],
        why="has this alert",
        why_zh="本告警的处置人",
    )


async def _call(connection: Connection, case: Case, alert_id: int, ask: Ask, decision: Decision) -> bool:
    """Write a call with the job that tells; say whether it is new."""
    given = {
        "alert_id": alert_id,
        "person": None if ask.person is None else ask.person.key,
        "step": ask.step,
        "why": Jsonb(_why(ask) | {"because": decision.because, "because_zh": decision.because_zh}),
        "urgent": case.is_vital,
    }
    row = await one(connection, SQL["call"], **given)
    if row is None:
        return False
    await defer_call(connection, row["key"])
    return True


def _why(ask: Ask) -> dict[str, Any]:
    person = ask.person
    said: dict[str, Any] = {"step": ask.step, "level": ask.level, "area": ask.area}
    if person is None:
        return said | CHANNELS
    return said | {"code": person.code, "name": person.name, "why": person.why, "why_zh": person.why_zh}


CHANNELS = {"why": "the channels of the installation", "why_zh": "系统渠道"}


async def _advance(connection: Connection, alert_id: int, case: Case, decision: Decision) -> None:
    wide = decision.rungs[-1].level.value if decision.rungs else None
    given = {
        "id": alert_id,
        "called": [name_of(rung) for rung in decision.rungs],
        "level": wide,
        "turns": 1 if decision.asks else 0,
        "rounds": decision.rounds,
        "due_at": decision.due_at,
    }
    await connection.execute(SQL["advance"], given)
    if decision.closes:
        await connection.execute(SQL["close unseen"], {"id": alert_id})
    if decision.due_at is not None and decision.due_at != case.due_at:
        await defer_due(connection, alert_id, decision.due_at)


def spoken(asked: Iterable[Ask], decision: Decision, case: Case) -> dict[str, Any]:
    """Return what a timeline says: who was called and why, or why nobody was, and what is due when."""
    said: dict[str, Any] = {
        "called": [_why(ask) for ask in asked],
        "because": decision.because,
        "because_zh": decision.because_zh,
        "closes": decision.closes,
        "next_at": None if decision.due_at is None else decision.due_at.isoformat(),
    }
    if case.muted is not None and case.is_vital:
        said["in_spite_of"] = f"{case.muted.kind.value} {case.muted.id}: life safety is never muted"
    return said
