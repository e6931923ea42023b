"""People in the database: the roster, and whom to call for a place."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from gridwatch.areas.area import Area
from gridwatch.duty.ladder import Rung, climb
from gridwatch.duty.roster import Leave, Post, Roster, Shift, ShiftKind, Worker
from gridwatch.store.areas import area_of_row
from gridwatch.store.connection import Connection, Row, queries

SQL = queries("people")


async def ladder(connection: Connection, *, area: str | None, scene: str, at: datetime) -> Sequence[Rung]:
    """Return whom to call for a place, rung by rung; always one rung at least, the last of administrators.

    An area that is unknown or None has no rung but that one.
    """
    path = await _path(connection, area)
    posts = await _rows(connection, SQL["posts"], {"path": [one.code for one in path]})
    administrators = [row["key"] for row in await _rows(connection, SQL["administrators"])]
    roster = await _roster(connection, posts, administrators, since=at, until=at)
    workers = [roster.workers[key] for key in administrators]
    return climb(path, roster, workers, scene=scene, at=at)


async def _path(connection: Connection, area: str | None) -> list[Area]:
    return [area_of_row(row) for row in await _rows(connection, SQL["path"], {"code": area})]


async def _roster(
    connection: Connection, posts: Iterable[Row], more: Iterable[int], *, since: datetime, until: datetime
) -> Roster:
    """Return the roster of some posts and of some people besides, with their leave in a time."""
    told = [Post(**{**row, "scenes": row["scenes"] and frozenset(row["scenes"])}) for row in posts]
    keys = {post.person for post in told} | set(more)
    rows = await _rows(connection, SQL["workers"], {"keys": list(keys), "since": since, "until": until})
    return Roster(workers={row["key"]: _worker(row) for row in rows}, posts=told)


async def _rows(connection: Connection, query: Any, given: Any = None) -> list[Row]:
    return await (await connection.execute(query, given)).fetchall()


def _worker(row: Row) -> Worker:
    shifts, leaves = [_shift(one) for one in row["shifts"]], [_leave(one) for one in row["leaves"]]
    return Worker(**{**row, "shifts": shifts, "leaves": leaves})


def _shift(one: Row) -> Shift:
    return Shift(
        starts=time.fromisoformat(one["starts"]),
        ends=time.fromisoformat(one["ends"]),
        area=one["area"],
        days=frozenset(one["days"]),
        kind=ShiftKind(one["kind"]),
        valid_from=_date(one["valid_from"]),
        valid_to=_date(one["valid_to"]),
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _leave(one: Row) -> Leave:
    return Leave(
        starts_at=datetime.fromisoformat(one["starts_at"]),
        ends_at=datetime.fromisoformat(one["ends_at"]),
        stand_in=one["stand_in_key"],
        reason=one["reason"],
    )
