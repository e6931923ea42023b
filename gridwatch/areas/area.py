"""One area of the governance tree and its code.

A code of digits only is the national one: 6 digits name the district, 3 more the town or street, 3 more the
community (the statistical code of 6 + 3 + 3 digits), and 3 more the grid in its community (the identification
code of a unit grid, 15 digits). Any other code, as of an estate or a building, is the installation's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

AREA_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""What a code looks like: it stands in addresses and in file names."""

COMMUNITY_DIGITS = 12


class AreaLevel(StrEnum):
    """What an area is; the first six from the widest to the narrowest."""

    DISTRICT = "district"
    TOWN = "town"
    COMMUNITY = "community"
    ESTATE = "estate"
    BUILDING = "building"
    HOUSEHOLD = "household"
    GRID = "grid"


class GridKind(StrEnum):
    """What a grid is for."""

    COMPREHENSIVE = "comprehensive"
    GENERAL = "general"
    EXCLUSIVE = "exclusive"
    MICRO = "micro"


DIGITS = {AreaLevel.DISTRICT: 6, AreaLevel.TOWN: 9, AreaLevel.COMMUNITY: COMMUNITY_DIGITS, AreaLevel.GRID: 15}
"""How long the national code of a level is; the other levels have none."""

PLACE_WIDTH: dict[AreaLevel, int] = {
    level: width for width, level in enumerate(reversed(AreaLevel)) if level != AreaLevel.GRID
}
GRID_WIDTH = {GridKind.COMPREHENSIVE: 2, GridKind.GENERAL: 1, GridKind.EXCLUSIVE: 1, GridKind.MICRO: 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
    """A node of the tree.

    `grid` says which kind a grid is, and is None for all other levels. `boundary` is a GeoJSON geometry in
    WGS-84: Polygon or MultiPolygon, for a household also Point.
    """

    code: str
    level: AreaLevel
    name: str
    grid: GridKind | None = None
    parent: str | None = None
    boundary: Mapping[str, Any] | None = None
    simulated: bool = False

    def __post_init__(self) -> None:
        if (self.level == AreaLevel.GRID) != (self.grid is not None):
            raise ValueError(f"area {self.code!r}: a grid has a kind, and nothing else has")

    @property
    def kind(self) -> str:
        """Return what it is in one word: its level, or the kind of grid."""
        return f"{self.grid} grid" if self.grid else self.level

    @property
    def width(self) -> int:
        """Return where it stands among the areas of its family, places or grids: 0 for the narrowest."""
        return PLACE_WIDTH[self.level] if self.grid is None else GRID_WIDTH[self.grid]


def national(code: str) -> bool:
    """Say whether a code is a national one: digits only."""
    return code.isascii() and code.isdigit()


def parent_in(code: str) -> str | None:
    """Return the code of the area that a national code lies in; None for a district's and for own codes."""
    return code[:-3] if national(code) and len(code) > DIGITS[AreaLevel.DISTRICT] else None


def feature(area: Area, *, with_boundary: bool = True) -> dict[str, Any]:
    """Return an area as a GeoJSON feature."""
    boundary: Mapping[str, Any] | None = area.boundary if with_boundary else None
    return {
        "type": "Feature",
        "id": area.code,
        "geometry": boundary,
        "properties": {
            "name": area.name,
            "level": area.level,
            "grid": area.grid,
            "parent": area.parent,
            "simulated": area.simulated,
        },
    }
