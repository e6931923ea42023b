"""The governance tree in the database."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.errors import NotAllowed, NotFound
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.trail import What, note

SQL = queries("areas")


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """How many areas of an import are new, were changed, and were there as they are."""

    new: int
    changed: int
    unchanged: int


async def put_areas(store: Store, areas: Sequence[Area]) -> None:
    """Add areas or replace those with the same codes."""
    async with store.transaction() as connection:
        await _put(connection, areas)


async def change_areas(store: Store, plan: Callable[[Iterable[Area]], Sequence[Area]], *, by: str) -> Changed:
    """Put the areas that `plan` makes of those that are there, all or none; one change at a time.

    `plan` runs in a thread; what it raises ends the change.
    """
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        rows = await (await connection.execute(SQL["list"], EVERYTHING)).fetchall()
        known = {row["code"]: area_of_row(row) for row in rows}
        planned = await asyncio.to_thread(plan, known.values())
        different = [area for area in planned if known.get(area.code) != area]
        await _put(connection, different)
        if different:
            before = [_told(known[area.code]) for area in different if area.code in known]
            await _note(
                connection, different, by=by, before=before, after=[_told(area) for area in different]
            )
    new = sum(area.code not in known for area in planned)
    return Changed(new=new, changed=len(different) - new, unchanged=len(planned) - len(different))


async def list_areas(
    store: Store,
    *,
    under: str | None = None,
    level: AreaLevel | None = None,
    grid: GridKind | None = None,
) -> list[Area]:
    """Return areas in the order of their codes; `under` takes one with all below it, nothing if unknown."""
    given = {"under": under, "level": level, "grid": grid}
    return [area_of_row(row) for row in await store.rows(SQL["list"], given)]


async def path_of(store: Store, code: str) -> list[Area]:
    """Return an area with all above it, the widest first; nothing for an unknown code."""
    return [area_of_row(row) for row in await store.rows(SQL["path"], {"code": code})]


async def get_area(store: Store, code: str) -> Area:
    """Return one area; raise NotFound."""
    path = await path_of(store, code)
    if not path:
        raise NotFound(f"no area {code!r}")
    return path[-1]


async def parents(store: Store) -> dict[str, str | None]:
    """Return the code of what each area lies in, by its own code."""
    return {row["code"]: row["parent"] for row in await store.rows(SQL["parents"])}


async def tree_version(store: Store) -> int:
    """Return a number that counts up with every change of the tree."""
    row = await store.row(SQL["version"])
    return int(row["version"]) if row else 0


async def delete_area(store: Store, code: str, *, by: str) -> int:
    """Delete an area with all below it; return how many. Raise NotFound, NotAllowed where devices stand."""
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        rows = await (await connection.execute(SQL["list"], EVERYTHING | {"under": code})).fetchall()
        codes = [row["code"] for row in rows]
        if not codes:
            raise NotFound(f"no area {code!r}")
        devices = await (await connection.execute(SQL["devices in"], {"codes": codes})).fetchall()
        if devices:
            names = ", ".join(row["id"] for row in devices)
            raise NotAllowed(f"devices stand in {code} or below it: {names}; put them elsewhere first")
        await connection.execute(SQL["delete"], {"codes": codes})
        gone = [area_of_row(row) for row in rows]
        await _note(connection, gone, by=by, before=[_told(area) for area in gone], after=[])
    return len(codes)


async def place_devices(store: Store, find: Callable[[float, float], Area | None]) -> tuple[int, int]:
    """Put devices that have coordinates and no area into the one that `find` says of longitude and latitude.

    Returns how many were placed, and how many lie in none.
    """
    async with store.transaction() as connection:
        rows = await (await connection.execute(SQL["without area"])).fetchall()
        found = {row["key"]: area.code for row in rows if (area := find(row["lon"], row["lat"])) is not None}
        await connection.execute(SQL["place"], {"keys": list(found), "codes": list(found.values())})
    return len(found), len(rows) - len(found)


MOST_TOLD = 20
"""Areas of one change: a file of more is told by how many it holds."""


def _told(area: Area) -> dict[str, Any]:
    """Return what the trail says of an area: all but its corners."""
    columns = _columns(area)
    return {name: columns[name] for name in ("code", "name", "level", "grid", "parent")} | {
        "boundary": area.boundary is not None
    }


async def _note(
    connection: Connection,
    areas: Sequence[Area],
    *,
    by: str,
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
) -> None:
    few = len(areas) <= MOST_TOLD
    subject = ", ".join(area.code for area in areas) if few else f"{len(areas)}"
    detail = {"before": before, "after": after} if few else {}
    await note(connection, What.AREAS, subject, by=by, **detail)


EVERYTHING: dict[str, Any] = {"under": None, "level": None, "grid": None}


async def _put(connection: Connection, areas: Sequence[Area]) -> None:
    if not areas:
        return
    rows = [_columns(area) for area in areas]
    await connection.execute(SQL["put"], {name: [row[name] for row in rows] for name in rows[0]})


def area_of_row(row: Row) -> Area:
    """Return an area as a row of the table tells it."""
    grid = None if row["grid"] is None else GridKind(row["grid"])
    return Area(**{**row, "level": AreaLevel(row["level"]), "grid": grid})


def _columns(area: Area) -> dict[str, Any]:
    return {
        "code": area.code,
        "parent": area.parent,
        "level": area.level.value,
        "grid": None if area.grid is None else area.grid.value,
        "name": area.name,
        "boundary": None if area.boundary is None else Jsonb(area.boundary),
        "simulated": area.simulated,
    }
