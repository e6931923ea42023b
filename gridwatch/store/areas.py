"""The governance tree in the database."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.store.connection import Row, Store, queries

SQL = queries("areas")


async def put_areas(store: Store, areas: Sequence[Area]) -> None:
    """Add areas or replace those with the same codes; parents come before their children."""
    async with store.transaction() as connection, connection.cursor() as cursor:
        await cursor.executemany(SQL["put"], [_columns(area) for area in areas])


async def list_areas(store: Store) -> list[Area]:
    """Return all areas."""
    return [_area(row) for row in await store.rows(SQL["list"])]


def _area(row: Row) -> Area:
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
