"""What became of each message to a person: one row for each call, channel and round."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.delivery import SETTLED_WITHIN, Outcome, Try
from gridwatch.store.channels import Channel
from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("deliveries")

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A call as whoever tells people needs it; `person_key` None: the channels of the installation."""

    key: int
    alert_id: int
    person_key: int | None
    step: str
    urgent: bool
    asked_at: datetime
    language: str | None
    over: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """What a service takes for one address at most."""

    in_minute: int
    in_hour: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to send one message; `also` are the other alerts that it must tell of."""

    key: int
    also: Sequence[int]
    connection: Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A message that a process was sending when it was killed; None: killed before it was composed."""

    key: int
    channel_key: int
    person_key: int
    message: Mapping[str, Any] | None


async def wanted_call(store: Store, call_key: int) -> Wanted | None:
    """Return a call; None where it was deleted with its alert."""
    row = await store.row(SQL["wanted"], {"call_key": call_key})
    return None if row is None else Wanted(**row)


async def tries_of(store: Store, call_key: int) -> Sequence[Try]:
    """Return what was tried for a call."""
    rows = await store.rows(SQL["tries"], {"call_key": call_key})
    return [Try(**{**row, "outcome": Outcome(row["outcome"])}) for row in rows]


async def left_of(store: Store, call_key: int) -> Sequence[Left]:
    """Return messages of a call that were begun so long ago that nobody is at them any more."""
    given = {"call_key": call_key, "settled_within": SETTLED_WITHIN}
    return [Left(**row) for row in await store.rows(SQL["left"], given)]


@asynccontextmanager
async def claim(
    store: Store, call_key: int, channel: Channel, round: int, *, pace: Pace | None, urgent: bool
) -> AsyncIterator[Claim | None]:
    """Yield the right to send a message in a round, None where there is none; it is kept as the block ends.

    Beyond the pace the message is held back until there is room, and what was held back for the same address
    before goes with the next that has some, a drill with drills; not with what is urgent, which stands alone.
    """
    place = {"service": channel.service_name, "address_mark": channel.address_mark}
    given = {"call_key": call_key, "channel_key": channel.way.key, "round": round}
    async with store.transaction() as connection:
        await connection.execute(SQL["lock address"], place)
        until = await _room_at(connection, place, pace)
        if until is not None:
            await connection.execute(SQL["hold back"], {**given, "until": until})
            yield None
            return
        row = await (await connection.execute(SQL["claim"], given)).fetchone()
        if row is None:
            yield None
            return
        also: list[int] = []
        if pace is not None and not urgent:
            folded = await connection.execute(SQL["fold"], {**place, **row})
            also = sorted({one["alert_id"] for one in await folded.fetchall()})
        yield Claim(key=row["key"], also=also, connection=connection)


async def _room_at(connection: Connection, place: Mapping[str, Any], pace: Pace | None) -> datetime | None:
    """Return when there is room for one more message, None for at once."""
    if pace is None:
        return None
    row = await (await connection.execute(SQL["sent lately"], place)).fetchone()
    if row is None:
        return None
    full = []
    if row["in_minute"] >= pace.in_minute:
        full.append(row["first_in_minute"] + MINUTE)
    if row["in_hour"] >= pace.in_hour:
        full.append(row["first_in_hour"] + HOUR)
    return max(full, default=None)


async def keep_message(claim: Claim, message: Mapping[str, Any]) -> None:
    """Keep a message with its claim, so that it is the same when another process must send it again."""
    await claim.connection.execute(SQL["keep message"], {"key": claim.key, "message": Jsonb(message)})


async def may_send_again(store: Store, key: int) -> bool:
    """Write down that a message goes a second time; say whether it may: that happens once."""
    return await store.row(SQL["send again"], {"key": key}) is not None


async def settle_delivery(
    store: Store, key: int, outcome: Outcome, *, receipt: str = "", why: str = ""
) -> None:
    """Write down what became of a message, and of all calls that it told of."""
    given = {"key": key, "outcome": outcome.value, "receipt": receipt, "why": why}
    await store.execute(SQL["settle"], given)


async def mark_reached(store: Store, call_key: int) -> None:
    """Write down that a person has it."""
    await store.execute(SQL["reached"], {"call_key": call_key})


async def take_report(
    store: Store, *, service: str, receipt: str, arrived: bool | None, by_person: bool
) -> Sequence[int]:
    """Take in what a service tells of a message; return the calls it was about, none for a strange one."""
    given = {"service": service, "receipt": receipt, "arrived": arrived, "by_person": by_person}
    return [row["call_key"] for row in await store.rows(SQL["report"], given)]


async def newest_call(store: Store, *, service: str, address_mark: bytes, alert_id: int | None) -> int | None:
    """Return the call that an answer from an address is about: an open one before an ended one."""
    given = {"service": service, "address_mark": address_mark, "alert_id": alert_id}
    row = await store.row(SQL["newest call"], given)
    return None if row is None else int(row["call_key"])


async def owner_of_call(store: Store, call_key: int) -> Row | None:
    """Return who is called and of which alert."""
    return await store.row(SQL["owner of call"], {"call_key": call_key})


async def mark_answered(store: Store, call_key: int, answer: str) -> None:
    """Write down that a person answered, and what; the first answer stays."""
    await store.execute(SQL["seen by person"], {"call_key": call_key})
    await store.execute(SQL["answered"], {"call_key": call_key, "answer": answer})


async def told_of(store: Store, alert_id: int) -> Sequence[Row]:
    """Return whom an alert called, when and why, oldest first, each with what went to them and its end."""
    return await store.rows(SQL["told"], {"alert_id": alert_id})


async def areas_of_person(store: Store, person_key: int | None) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Return the areas that a person answers for, by name and boundary; those without one are left out."""
    rows = await store.rows(SQL["areas of person"], {"person_key": person_key})
    return [(row["name"], row["boundary"]) for row in rows]
