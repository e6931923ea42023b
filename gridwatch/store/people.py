"""People in the database: the roster, its imports, gaps and contact cards, and whom to call for a place."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from shapely.geometry import shape

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.areas.tree import AreaTree
from gridwatch.duty.files import Around, Table
from gridwatch.duty.gaps import Gap, gaps
from gridwatch.duty.ladder import OnDuty, Rung, climb, on_duty
from gridwatch.duty.roster import Leave, Post, Roster, Shift, ShiftKind, Worker
from gridwatch.errors import NotFound
from gridwatch.model import Location
from gridwatch.store.areas import area_of_row
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.trail import What, note

SQL = queries("people")


async def ladder(
    connection: Connection, *, area: str | None, scene: str, at: datetime, point: Location | None = None
) -> Sequence[Rung]:
    """Return whom to call for a place, rung by rung; always one rung at least, the last of administrators.

    An area that is unknown or None has no rung but that one. A micro grid that answers for the place without
    being above it in the tree is found by its boundary: it holds `point`, or the middle of the building.
    """
    path = await _with_micro_grid(connection, await _path(connection, area), point)
    posts = await _rows(connection, SQL["posts"], {"path": [one.code for one in path]})
    administrators = [row["key"] for row in await _rows(connection, SQL["administrators"])]
    roster = await _roster(connection, posts, administrators, since=at, until=at)
    workers = [roster.workers[key] for key in administrators]
    return climb(path, roster, workers, scene=scene, at=at)


GAPS_AHEAD = timedelta(days=7)
"""For so long it is looked ahead for times in which nobody has a shift."""

PERSONAL = ("code", "name", "phone", "language", "duties", "username")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Who answers for an area, and how to reach them."""

    code: str
    name: str
    phone: str | None
    language: str
    duties: str
    rank: int
    scenes: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """The contact card of an area: who answers for it, and who is on duty, stand-ins for leave included."""

    contacts: tuple[Contact, ...]
    on_duty: tuple[OnDuty, ...]


async def worker_of(store: Store, person: int, at: datetime) -> Worker:
    """Return somebody with their shifts, and the leave that they are on at a time."""
    async with store.connection() as connection:
        roster = await _roster(connection, (), [person], since=at, until=at)
    return roster.workers[person]


async def change_people(
    store: Store, table: Table, plan: Callable[[Around], Sequence[Mapping[str, Any]]], *, by: str
) -> int:
    """Put the rows that `plan` makes in the place of all that was known of their people; return how many.

    All or none; one import at a time. `plan` runs in a thread; what it raises ends the change.
    """
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        (there,) = await _rows(connection, SQL["around"])
        around = Around(
            codes=frozenset(there["codes"]),
            areas=frozenset(there["areas"]),
            usernames=frozenset(there["usernames"]),
            owners=there["owners"],
        )
        rows = await asyncio.to_thread(plan, around)
        codes = {"codes": sorted({row["code"] for row in rows})}
        before = await _told(connection, table, codes["codes"])
        if table is Table.PEOPLE:
            await connection.execute(SQL["free usernames"], codes)
            await _put_people(connection, rows)
        clear, add = WRITTEN[table]
        await connection.execute(SQL[clear], codes)
        async with connection.cursor() as cursor:
            await cursor.executemany(
                SQL[add], [row for row in rows if table is not Table.PEOPLE or row["area"]]
            )
        after = await _told(connection, table, codes["codes"])
        await _note(connection, table, codes["codes"], by=by, before=before, after=after)
    return len(codes["codes"])


async def clear_table(store: Store, table: Table, code: str, *, by: str) -> None:
    """Delete a person with all of theirs, or all their shifts, or all their leave; raise NotFound."""
    clear = "delete" if table is Table.PEOPLE else WRITTEN[table][0]
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        if not await _rows(connection, SQL["exists"], {"code": code}):
            raise NotFound(f"nobody has the number {code!r}")
        before = await _told(connection, table, [code])
        await connection.execute(SQL[clear], {"code": code, "codes": [code]})
        await _note(connection, table, [code], by=by, before=before, after=[])


WRITTEN: Mapping[Table, tuple[str, str]] = {
    Table.PEOPLE: ("clear posts", "add post"),
    Table.SHIFTS: ("clear shifts", "add shift"),
    Table.LEAVE: ("clear leave", "add leave"),
}


MOST_TOLD = 20
"""People of one change: a file of more is told by how many it holds."""

TOLD: Mapping[Table, Sequence[str]] = {
    Table.PEOPLE: ("code", "name", "username", "area", "rank", "scenes"),
    Table.SHIFTS: ("code", "area", "days", "kind", "starts", "ends", "valid_from", "valid_to"),
    Table.LEAVE: ("code", "starts", "ends", "stand_in"),
}
"""What the trail says of each table: no telephones, and not why somebody is away."""


async def _told(connection: Connection, table: Table, codes: Sequence[str]) -> list[Row]:
    """Return what the trail says of some people."""
    if len(codes) > MOST_TOLD:
        return []
    rows = await _rows(connection, SQL[f"list {table}"], {"area": None})
    return [
        {
            name: row[name] if row[name] is None or isinstance(row[name], int | list) else str(row[name])
            for name in TOLD[table]
        }
        for row in rows
        if row["code"] in codes
    ]


async def _note(
    connection: Connection,
    table: Table,
    codes: Sequence[str],
    *,
    by: str,
    before: Sequence[Row],
    after: Sequence[Row],
) -> None:
    subject = ", ".join(codes) if len(codes) <= MOST_TOLD else f"{len(codes)}"
    await note(connection, What(table.value), subject, by=by, before=before, after=after)


async def _put_people(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put each person as their first row says."""
    people = {row["code"]: row for row in reversed(rows)}.values()
    await connection.execute(
        SQL["put people"], {name: [person[name] for person in people] for name in PERSONAL}
    )


async def list_table(store: Store, table: Table, *, area: str | None = None) -> list[Row]:
    """Return what an import of a table would bring; of people, those of an area and all below it."""
    return await store.rows(SQL[f"list {table}"], {"area": area})


async def roster_gaps(store: Store, begins: datetime) -> list[Gap]:
    """Return the times of the next days in which nobody who answers for an area has a shift."""
    ends = begins + GAPS_AHEAD
    async with store.connection() as connection:
        posts = await _rows(connection, SQL["seen posts"])
        roster = await _roster(connection, posts, [], since=begins, until=ends)
    return await asyncio.to_thread(lambda: list(gaps(roster, begins, ends)))


async def areas_without_anybody(store: Store) -> list[str]:
    """Return areas with devices for which nobody answers; nothing where there is no roster at all."""
    return [row["area"] for row in await store.rows(SQL["nobody"])]


async def contact_card(store: Store, area: str, at: datetime) -> Card:
    """Return the contact card of an area, the responsible first."""
    async with store.connection() as connection:
        rows = await _rows(connection, SQL["card"], {"area": area})
        posts = await _rows(connection, SQL["posts"], {"path": [area]})
        roster = await _roster(connection, posts, [], since=at, until=at)
    contacts = [Contact(**{**row, "scenes": row["scenes"] and tuple(row["scenes"])}) for row in rows]
    return Card(contacts=tuple(contacts), on_duty=on_duty(roster, area, at))


async def _path(connection: Connection, area: str | None) -> list[Area]:
    return [area_of_row(row) for row in await _rows(connection, SQL["path"], {"code": area})]


async def _with_micro_grid(
    connection: Connection, path: list[Area], point: Location | None
) -> Sequence[Area]:
    """Return a path with the micro grid that the place lies in, where that hangs beside it in the tree."""
    if not path or any(area.grid is GridKind.MICRO for area in path):
        return path
    given = {"path": [area.code for area in path], "simulated": path[-1].simulated}
    beside = [area_of_row(row) for row in await _rows(connection, SQL["grids beside"], given)]
    if beside and point is None and path[-1].level in (AreaLevel.BUILDING, AreaLevel.HOUSEHOLD):
        for row in await _rows(connection, SQL["ground"], {"code": path[-1].code}):
            middle = shape(row["boundary"]).representative_point()
            point = Location(lon=middle.x, lat=middle.y)
    grid = None if point is None else AreaTree(beside).smallest(point.lon, point.lat)
    if grid is None:
        return path
    above = 1 + next(index for index, area in enumerate(path) if area.code == grid.parent)
    return [*path[:above], grid, *path[above:]]


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
