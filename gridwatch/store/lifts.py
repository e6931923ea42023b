"""Lifts: how each is wired, what it said last, what was held, and who let go of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from psycopg.types.json import Jsonb

from gridwatch.commands import Action, Order
from gridwatch.errors import NotAllowed, NotFound
from gridwatch.interlock import COOL_DOWN_S, HELD_FOR, HOLDING, USUAL_VOICE, Ended, Mode, Note, State, Wiring
from gridwatch.lifts import FalseHolds
from gridwatch.model import LiftState, Severity
from gridwatch.store.alerts import announce
from gridwatch.store.commands import place
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.troubles import Trouble, raise_trouble

SQL = queries("lifts")

CHANNEL = "gridwatch_lift"
"""Notified with a lift's id when it says something of itself, or people decide something about it."""

ACTOR = "interlock"
DETECTOR = "interlock/1"

FRESH_S = 10.0
"""For so long a lift's last word is claimed to be how it stands now."""
SILENT_S = 5.0
"""A hold that nobody told of for so long is over, and what was told of a lift's interlock is no news."""

SEEN_BEFORE = timedelta(seconds=10)
"""What a hold is for was first recorded so long before it at most: a hold needs looks that agree."""

NOTES: Mapping[str, Severity] = {Note.IN_TRANSIT: Severity.MAJOR, Note.HELD_TOO_LONG: Severity.MAJOR}
"""What a lift's interlock tells people, at once, unless the settings say otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lift:
    """A lift as the database knows it now."""

    key: int
    id: str
    wiring: Wiring
    disabled_until: datetime | None
    releases: int
    """How often people let go of it: who asks it to wait says which of them is known."""
    released_false: bool
    cool_down_s: float
    """Left over of the last release."""
    word: LiftState | None
    heard_at: datetime | None
    state_is_known: bool
    """Whether its last word is fresh: where not, nothing is claimed of where it is."""
    state: State
    why: str
    camera: str
    told_at: datetime | None
    spent_s: float
    watched_s: float
    asked: str | None
    """What became of the last request to wait; None: it was never asked."""
    answer: str | None
    """What it said to that."""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Make it from a row; a state that nobody tells any more is a fault."""
        word = None if row["heard_at"] is None else _word(row)
        state, why = State(row["state"]), row["why"]
        if state in HOLDING and not 0 <= row["told_s"] <= SILENT_S:
            state, why = State.FAULT, "no collector tells of it any more"
        voice = USUAL_VOICE if row["voice"] is None else row["voice"]
        return cls(
            wiring=Wiring(
                mode=Mode(row["mode"]),
                is_disabled=row["is_disabled"],
                voice=voice,
                repeat_s=row["repeat_s"],
            ),
            word=word,
            state_is_known=word is not None and abs(row["heard_s"]) <= FRESH_S,
            state=state,
            why=why,
            **{name: row[name] for name in _PLAIN},
        )


_PLAIN = (
    "key",
    "id",
    "disabled_until",
    "releases",
    "released_false",
    "cool_down_s",
    "heard_at",
    "camera",
    "told_at",
    "spent_s",
    "watched_s",
    "asked",
    "answer",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A time that a lift was held, or in mode observe would have been; `verdict` is a person's."""

    id: int
    camera: str
    mode: Mode
    began_at: datetime
    ended_at: datetime | None
    ended: str | None
    verdict: str | None
    verdict_by: str | None
    verdict_at: datetime | None
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftChange:
    """What a person did with a lift."""

    id: int
    changed_at: datetime
    change: str
    actor: str
    reason: str
    detail: str


async def find_lift(store: Store, lift: str) -> Lift | None:
    """Return a lift; None where no such device is registered."""
    row = await store.row(SQL["load"], {"lift": lift, "cool_down_s": COOL_DOWN_S})
    return None if row is None else Lift.from_row(row)


async def get_lift(store: Store, lift: str) -> Lift:
    """Return a lift; raise NotFound."""
    found = await find_lift(store, lift)
    if found is None:
        raise NotFound(f"no device {lift!r} is registered")
    return found


async def list_lifts(store: Store, *, after: str = "", limit: int = 100) -> list[Lift]:
    """Return a page of the lifts that a camera looks into or that were set, in the order of their ids."""
    rows = await store.rows(SQL["lifts"], {"after": after, "limit": limit})
    return [await get_lift(store, row["id"]) for row in rows]


async def cameras_of(store: Store, lift: str) -> list[str]:
    """Return the cameras that look into a lift."""
    return [row["id"] for row in await store.rows(SQL["cameras"], {"lift": lift})]


async def false_holds_of(store: Store, lift: Lift) -> FalseHolds:
    """Return how often a lift was held and how often that was wrong."""
    (row,) = await store.rows(SQL["count holds"], {"key": lift.key})
    return FalseHolds(watched_s=lift.watched_s, **row)


async def list_holds(store: Store, key: int, *, before: int | None = None, limit: int = 100) -> list[Hold]:
    """Return a page of a lift's holds, the newest first."""
    rows = await store.rows(SQL["holds"], {"key": key, "before": before, "limit": limit})
    return [Hold(**{**row, "mode": Mode(row["mode"])}) for row in rows]


async def lift_changes(
    store: Store, key: int, *, before: int | None = None, limit: int = 100
) -> list[LiftChange]:
    """Return a page of what people did with a lift, the newest first."""
    rows = await store.rows(SQL["changes"], {"key": key, "before": before, "limit": limit})
    return [LiftChange(**row) for row in rows]


async def set_wiring(store: Store, lift: Lift, wiring: Wiring, *, actor: str) -> None:
    """Write down how a lift is wired from now on, and who said so."""
    voice = None if wiring.voice == USUAL_VOICE else Jsonb(dict(wiring.voice))
    given = {"key": lift.key, "mode": wiring.mode, "voice": voice, "repeat_s": wiring.repeat_s}
    detail = f"mode {wiring.mode}, voice {', '.join(wiring.voice) or 'none'} every {wiring.repeat_s:g} s"
    async with store.transaction() as connection:
        await connection.execute(SQL["set"], given)
        await _change(connection, lift.key, "set", actor, detail=detail)


async def disable(store: Store, lift: Lift, until: datetime | None, *, actor: str, reason: str) -> None:
    """Hold a lift no more until a time; None: it may be held again."""
    async with store.transaction() as connection:
        await connection.execute(SQL["disable"], {"key": lift.key, "until": until})
        change = "enabled" if until is None else "disabled"
        detail = "" if until is None else f"until {until.isoformat(timespec='seconds')}"
        await _change(connection, lift.key, change, actor, reason=reason, detail=detail)


async def release(store: Store, lift: Lift, *, actor: str, reason: str, is_false: bool) -> None:
    """Let go of a lift now, whatever its interlock says; it is left alone for the cool-down.

    The release goes to the lift also when no collector hears of it; `is_false` is a verdict on the hold.
    """
    async with store.transaction() as connection:
        await connection.execute(SQL["release"], {"key": lift.key, "is_false": is_false})
        if is_false:
            verdict = {"key": lift.key, "verdict": "false_alarm", "actor": actor, "note": reason}
            await connection.execute(SQL["judge the open hold"], verdict)
        await place(connection, lift.key, Order.of(Action.RELEASE, {}), actor=actor)
        detail = "false alarm" if is_false else ""
        await _change(connection, lift.key, "released", actor, reason=reason, detail=detail)


async def judge(store: Store, lift: Lift, hold: int, *, is_false: bool, actor: str, note: str) -> None:
    """Say whether a hold was right; raise NotFound."""
    verdict = "false_alarm" if is_false else "right"
    given = {"key": lift.key, "hold": hold, "verdict": verdict, "actor": actor, "note": note}
    async with store.transaction() as connection:
        if not (await connection.execute(SQL["judge"], given)).rowcount:
            raise NotFound(f"lift {lift.id!r} has no hold {hold}")
        await _change(connection, lift.key, "judged", actor, reason=note, detail=f"hold {hold}: {verdict}")


async def judged_pictures(store: Store) -> list[Row]:
    """Return the pictures, as the camera saw them, of holds on which people gave a verdict, oldest first."""
    return await store.rows(SQL["judged pictures"], {"labels": list(HELD_FOR), "before": SEEN_BEFORE})


async def enter(store: Store, lift: Lift) -> bool:
    """Take a lift up after a start: end what a collector left over; tell whether there was a hold."""
    async with store.transaction() as connection:
        await connection.execute(SQL["rows"], {"keys": [lift.key]})
        given = {"key": lift.key, "silent_s": SILENT_S}
        left_over = (await connection.execute(SQL["end left over holds"], given)).rowcount > 0
        if left_over and lift.wiring.mode is not Mode.OBSERVE:
            await place(connection, lift.key, Order.of(Action.RELEASE, {}), actor=ACTOR)
    return left_over


async def begin_hold(store: Store, lift: Lift, camera: str) -> int:
    """Write down that a hold begins; raise NotAllowed where another collector holds the lift."""
    given = {"key": lift.key, "camera": camera, "mode": lift.wiring.mode, "silent_s": SILENT_S}
    async with store.transaction() as connection:
        await connection.execute(SQL["end left over holds"], given)
        row = await (await connection.execute(SQL["begin hold"], given)).fetchone()
    if row is None:
        raise NotAllowed(f"lift {lift.id}: another collector holds it")
    return int(row["id"])


async def ask(store: Store, lift: Lift, orders: Sequence[Order], *, hold: int | None, spent_s: float) -> None:
    """Put orders into the outbox; a hold, and what goes with it, is refused where people decided otherwise.

    Raises NotAllowed. What the hold takes of the longest time is written in the same transaction, so that a
    collector that is killed gives none of it back.
    """
    async with store.transaction() as connection:
        if any(order.action == Action.HOLD_OPEN for order in orders):
            given = {"key": lift.key, "mode": lift.wiring.mode, "releases": lift.releases}
            if not (await connection.execute(SQL["may be held"], given)).rowcount:
                raise NotAllowed(f"lift {lift.id}: people decided otherwise")
            await connection.execute(SQL["hold on"], {"hold": hold})
        await connection.execute(SQL["spend"], {"key": lift.key, "spent_s": spent_s})
        for order in orders:
            await place(connection, lift.key, order, actor=ACTOR)


async def end_hold(store: Store, hold: int, ended: Ended) -> None:
    """Write down that a hold is over and why."""
    await store.execute(SQL["end hold"], {"hold": hold, "ended": ended})


async def tell_state(
    store: Store, lift: Lift, *, state: State, why: str, camera: str, spent_s: float, hold: int | None
) -> None:
    """Write down how a lift's interlock stands; a hold that goes on is told of too."""
    given = {"key": lift.key, "state": state, "why": why, "camera": camera, "spent_s": spent_s}
    async with store.transaction() as connection:
        await connection.execute(SQL["tell state"], given)
        if hold is not None:
            await connection.execute(SQL["hold on"], {"hold": hold})


async def add_watched(store: Store, watched_s: Mapping[int, float]) -> None:
    """Add up for how long each cabin was watched, by keys of lifts."""
    given = {"keys": list(watched_s), "seconds": list(watched_s.values())}
    await store.execute(SQL["watched"], given)


async def tell_people(
    store: Store, lift: Lift, note: Note, extra_alarms: Mapping[str, Severity], *, now: datetime
) -> None:
    """Raise an alert of the lift itself, unless one of its kind is open."""
    trouble = Trouble(
        group=f"{note}:{lift.id}",
        label=note,
        scene="elevator",
        device_key=lift.key,
        observed_at=now,
        detector=DETECTOR,
        criteria={},
    )
    async with store.transaction() as connection:
        alert_id = await raise_trouble(connection, trouble, {**NOTES, **extra_alarms}, now=now)
        if alert_id is not None:
            await announce(connection, {alert_id: "raise"})


async def _change(
    connection: Connection, key: int, change: str, actor: str, *, reason: str = "", detail: str = ""
) -> None:
    given: dict[str, Any] = {"key": key, "change": change, "actor": actor, "reason": reason, "detail": detail}
    await connection.execute(SQL["change"], given)


def _word(row: Row) -> LiftState:
    return LiftState(
        device=row["id"],
        observed_at=row["observed_at"],
        door=row["door"],
        moving=row["moving"],
        door_zone=row["door_zone"],
        mode=row["lift_mode"],
    )
