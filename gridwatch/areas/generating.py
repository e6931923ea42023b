"""A made-up district with the numbers of a real one, from a seed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from random import Random

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridwatch.areas.area import COMMUNITY_DIGITS, Area, AreaLevel, GridKind
from gridwatch.areas.tree import as_boundary

MIDDLE_LON_LAT = (103.92, 30.57)
"""Near Shuangliu."""
RADIUS_DEG = 0.16
"""About 18 km north and south: a district of some 1,000 km²."""
CORNERS = 48

CODE = "990116"
"""No province has a code that begins with 99."""

STREETS, TOWNS_FROM = 6, 100
"""Of nine, the first six are streets; the codes of towns begin with 1, those of streets with 0."""

GRID_NAMES = {
    GridKind.COMPREHENSIVE: "综合网格",
    GridKind.GENERAL: "一般网格",
    GridKind.EXCLUSIVE: "专属网格",
    GridKind.MICRO: "微网格",
}

DECIMALS = 7
"""Of a degree: about a centimetre."""

SMOOTHING = 3
"""Rounds of moving each cell's seed to the cell's middle: neighbours of about the same size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """How many areas of each level a district has, as published. Each community is a comprehensive grid."""

    towns: int
    communities: int
    estates: int
    general_grids: int
    exclusive_grids: int
    micro_grids: int


MODELS = {
    "shuangliu": Model(
        towns=9, communities=118, estates=1_168, general_grids=786, exclusive_grids=82, micro_grids=10_096
    )
}
"""Published figures of real districts that one may be made like."""


def generate(model: Model, *, seed: int) -> list[Area]:
    """Make a district with a model's numbers, parents before their children; the same seed makes the same.

    Towns divide the district, communities the towns. A community is also one comprehensive grid, which
    general and exclusive grids divide; estates divide the general grids, and micro grids the estates."""
    return _Maker(model, Random(f"areas/{seed}")).areas()  # noqa: S311 - nothing secret


class _Maker:
    """One district in the making, level by level."""

    def __init__(self, model: Model, random: Random) -> None:
        self._model = model
        self._random = random
        self._made: dict[str, Area] = {}
        self._ground: dict[str, BaseGeometry] = {}
        self._grids = Counter[str]()
        self._estates = Counter[str]()

    def areas(self) -> list[Area]:
        """Make all levels, the widest first."""
        district = self._add(CODE, AreaLevel.DISTRICT, "示例区", None, self._outline())
        towns = [self._town(*part) for part in self._divided([district], self._model.towns)]
        communities = [self._community(*part) for part in self._divided(towns, self._model.communities)]
        wholes = [self._grid(one, one, GridKind.COMPREHENSIVE, self._ground[one.code]) for one in communities]
        general = self._divide_wholes(wholes)
        estates = [self._estate(*part) for part in self._divided(general, self._model.estates)]
        for estate, _, ground in self._divided(estates, self._model.micro_grids):
            self._grid(estate, self._community_of(estate), GridKind.MICRO, ground)
        return list(self._made.values())

    def _divide_wholes(self, wholes: Sequence[Area]) -> list[Area]:
        """Divide the comprehensive grids into general and exclusive ones; return the general ones.

        An exclusive grid is one school, mall or works: the smallest piece of its community.
        """
        with_exclusive = set(self._random.sample(range(len(wholes)), self._model.exclusive_grids))
        general: list[Area] = []
        for index, count in enumerate(self._shares(wholes, self._model.general_grids)):
            whole = wholes[index]
            community = self._community_of(whole)
            pieces = self._pieces(self._ground[whole.code], count + (index in with_exclusive))
            pieces.sort(key=lambda piece: piece.area, reverse=True)
            general += [self._grid(whole, community, GridKind.GENERAL, piece) for piece in pieces[:count]]
            for piece in pieces[count:]:
                self._grid(whole, community, GridKind.EXCLUSIVE, piece)
        return general

    def _town(self, district: Area, number: int, ground: BaseGeometry) -> Area:
        street = number <= STREETS
        code = f"{district.code}{number if street else TOWNS_FROM + number - STREETS:03d}"
        return self._add(code, AreaLevel.TOWN, f"示例{number}{'街道' if street else '镇'}", district, ground)

    def _community(self, town: Area, number: int, ground: BaseGeometry) -> Area:
        name = f"{town.name.rstrip('街道镇')}-{number}社区"
        return self._add(f"{town.code}{number:03d}", AreaLevel.COMMUNITY, name, town, ground)

    def _grid(self, parent: Area, community: Area, kind: GridKind, ground: BaseGeometry) -> Area:
        self._grids[community.code] += 1
        number = self._grids[community.code]
        name = f"{community.name}{GRID_NAMES[kind]}{number}"
        return self._add(f"{community.code}{number:03d}", AreaLevel.GRID, name, parent, ground, grid=kind)

    def _estate(self, general: Area, _: int, ground: BaseGeometry) -> Area:
        community = self._community_of(general)
        self._estates[community.code] += 1
        number = self._estates[community.code]
        name = f"{community.name.removesuffix('社区')}小区{number}"
        return self._add(f"{community.code}-e{number:02d}", AreaLevel.ESTATE, name, general, ground)

    def _community_of(self, area: Area) -> Area:
        return self._made[area.code[:COMMUNITY_DIGITS]]

    def _add(
        self,
        code: str,
        level: AreaLevel,
        name: str,
        parent: Area | None,
        ground: BaseGeometry,
        *,
        grid: GridKind | None = None,
    ) -> Area:
        area = Area(
            code=code,
            level=level,
            grid=grid,
            name=name,
            parent=None if parent is None else parent.code,
            boundary=as_boundary(ground),
        )
        self._made[code] = area
        self._ground[code] = ground
        return area

    def _outline(self) -> BaseGeometry:
        """Return a convex piece of ground, so that what divides it is convex too, and in one piece."""
        angles = [self._random.uniform(0, 2 * pi) for _ in range(CORNERS)]
        lon, lat = MIDDLE_LON_LAT
        narrower = cos(radians(lat))
        corners = [
            (lon + RADIUS_DEG / narrower * cos(angle), lat + RADIUS_DEG * sin(angle)) for angle in angles
        ]
        return _rounded(shapely.MultiPoint(corners).convex_hull)

    def _divided(self, parents: Sequence[Area], total: int) -> Iterator[tuple[Area, int, BaseGeometry]]:
        """Divide the ground of `parents` into so many pieces altogether, numbered in each parent."""
        for parent, count in zip(parents, self._shares(parents, total), strict=True):
            for number, piece in enumerate(self._pieces(self._ground[parent.code], count), start=1):
                yield parent, number, piece

    def _shares(self, parents: Sequence[Area], total: int) -> list[int]:
        """Return how many of `total` pieces each parent gets: at least one, more on more ground."""
        weights = [self._ground[parent.code].area for parent in parents]
        more = Counter(self._random.choices(range(len(parents)), weights, k=total - len(parents)))
        return [1 + more[index] for index in range(len(parents))]

    def _pieces(self, ground: BaseGeometry, count: int) -> list[BaseGeometry]:
        """Divide ground into the cells of so many points (Voronoi), from north-west to south-east."""
        if count == 1:
            return [ground]
        corners = self._points_in(ground, count)
        for _ in range(SMOOTHING):
            middles = shapely.centroid(_cells(corners, ground))
            corners = shapely.get_coordinates(middles)
        cells = _cells(corners, ground)
        middles = shapely.centroid(cells)
        order = np.argsort(shapely.get_x(middles) - shapely.get_y(middles))
        return [_rounded(cell) for cell in cells[order]]

    def _points_in(self, ground: BaseGeometry, count: int) -> NDArray[np.float64]:
        west, south, east, north = ground.bounds
        points: list[tuple[float, float]] = []
        while len(points) < count:
            x, y = self._random.uniform(west, east), self._random.uniform(south, north)
            if shapely.contains_xy(ground, x, y):
                points.append((x, y))
        return np.array(points)


def _cells(points: NDArray[np.float64], ground: BaseGeometry) -> NDArray[np.object_]:
    diagram = shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=ground)
    cut = shapely.intersection(shapely.get_parts(diagram), ground)
    # Where rounding made a dent in the ground, a sliver may fall off.
    whole = [one if one.geom_type == "Polygon" else max(one.geoms, key=shapely.area) for one in cut]
    return np.array(whole, dtype=object)


def _rounded(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda corners: np.round(corners, DECIMALS))
