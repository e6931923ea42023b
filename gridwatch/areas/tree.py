"""The tree in memory: what lies above and below an area, and the smallest area that a point lies in."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridwatch.areas.area import Area

PARTS = 64
"""Parts that a tree keeps for those who look again; a small one is made in a millisecond."""


class AreaTree:
    """All areas of an installation, or those of a part of it."""

    def __init__(self, areas: Iterable[Area] = ()) -> None:
        self._areas = {area.code: area for area in areas}
        self._below: dict[str, list[str]] = {}
        for area in self._areas.values():
            if area.parent is not None:
                self._below.setdefault(area.parent, []).append(area.code)
        bounded = [area for area in self._areas.values() if area.boundary is not None]
        shapes = shapely.from_geojson([as_text(area.boundary) for area in bounded])
        # The smaller polygons are looked into first, and real ones before those of the simulation,
        # which may lie on the same ground; points hold no other point.
        sizes, made_up = shapely.area(shapes), np.array([area.simulated for area in bounded])
        order = [i for i in np.lexsort([sizes, made_up]) if sizes[i] > 0]
        self._bounded = [bounded[index].code for index in order]
        self._shapes = shapes[order]
        shapely.prepare(self._shapes)
        self._index = shapely.STRtree(self._shapes)
        self._parts: dict[str, AreaTree] = {}

    def __len__(self) -> int:
        return len(self._areas)

    @property
    def areas(self) -> Collection[Area]:
        """Return all areas."""
        return self._areas.values()

    def get(self, code: str) -> Area | None:
        """Return the area with a code, if there is one."""
        return self._areas.get(code)

    def path(self, code: str) -> tuple[Area, ...]:
        """Return an area with all above it, the widest first; nothing for an unknown code."""
        path: list[Area] = []
        area = self._areas.get(code)
        while area is not None:
            path.insert(0, area)
            area = None if area.parent is None else self._areas.get(area.parent)
        return tuple(path)

    def below(self, code: str) -> list[Area]:
        """Return an area with all below it, parents before their children; nothing for an unknown code."""
        codes = [code] if code in self._areas else []
        for one in codes:
            codes += self._below.get(one, ())
        return [self._areas[one] for one in codes]

    def part(self, code: str) -> "AreaTree":
        """Return an area with all below it as a tree of its own; an empty one for an unknown code."""
        part = self._parts.get(code)
        if part is None:
            if len(self._parts) >= PARTS:
                self._parts.clear()
            part = self._parts[code] = AreaTree(self.below(code))
        return part

    def smallest(self, lon: float, lat: float) -> Area | None:
        """Return the smallest area whose polygon holds a point (degrees, WGS-84), its border included."""
        near = self._index.query(shapely.Point(lon, lat))
        holding = near[shapely.intersects_xy(self._shapes[near], lon, lat)]
        return self._areas[self._bounded[holding.min()]] if holding.size else None


def as_text(boundary: Mapping[str, Any] | None) -> str:
    """Return a GeoJSON geometry as text."""
    return json.dumps(boundary)


def as_boundary(shape: BaseGeometry) -> Mapping[str, Any]:
    """Return a shape as a GeoJSON geometry."""
    boundary: Mapping[str, Any] = json.loads(shapely.to_geojson(shape))
    return boundary
