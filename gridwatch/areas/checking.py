"""Whether areas make a tree, and their polygons lie in and beside each other as the tree says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridwatch.areas.area import COMMUNITY_DIGITS, Area, AreaLevel, national
from gridwatch.areas.reading import Line, Reading
from gridwatch.areas.tree import as_text
from gridwatch.lines import WrongLine, WrongLines

DEEPEST = 12
"""More than the six levels of places and the three widths of grids can be above each other."""

MOST_SHOWN = 12
"""Codes of a circle."""

MOST_BESIDE = 200
"""Siblings that one polygon is compared with; in a district that was drawn with care some twenty touch it."""
AT_ONCE = 512
"""Polygons whose neighbours are looked up at a time: many that lie on each other must not fill the memory."""

TOLERANCE = 0.01
"""Of an area's ground: borders that were drawn one by one overlap by slivers."""

BESIDE_DEG = 5e-5
"""How far a household's point may lie beside its building, about 5 m."""

NEVER_IN_A_GRID = frozenset({AreaLevel.DISTRICT, AreaLevel.TOWN, AreaLevel.COMMUNITY})


def fit_in(reading: Reading, known: Iterable[Area]) -> list[Area]:
    """Return what a file adds to the known areas, or changes of them: parents before their children.

    Raises WrongLines with all that is wrong, in single lines and between areas.
    """
    check = _Check(reading, {area.code: area for area in known})
    wrong = [*reading.wrong, *check.wrong()]
    if wrong:
        raise WrongLines(wrong)
    return check.in_order()


Shapes: TypeAlias = NDArray[np.object_]
Indexes: TypeAlias = NDArray[np.intp]


class _Check:
    """The tree as it would be."""

    def __init__(self, reading: Reading, known: Mapping[str, Area]) -> None:
        self._reading = reading
        self._lines: dict[str, Line] = {}
        for line in reading.lines:
            self._lines.setdefault(line.area.code, line)
        self._areas = {**known, **{code: line.area for code, line in self._lines.items()}}
        self._circles = self._find_circles()

    def in_order(self) -> list[Area]:
        """Return the areas of the file, parents before their children."""
        return sorted((line.area for line in self._lines.values()), key=lambda area: len(self._above(area)))

    def wrong(self) -> Iterator[WrongLine]:
        """Yield everything that is wrong between areas."""
        yield from self._twice()
        for line in self._lines.values():
            yield from self._wrong_parent(line)
        yield from self._not_narrower()
        yield from self._wrong_polygons()

    def _twice(self) -> Iterator[WrongLine]:
        for line in self._reading.lines:
            first = self._lines[line.area.code]
            if first is not line:
                yield line.wrong("code", f"{line.area.code} stands in {first.unit} {first.line} already")

    def _wrong_parent(self, line: Line) -> Iterator[WrongLine]:
        area, parent = line.area, line.area.parent
        if parent is None:
            return
        above = self._areas.get(parent)
        if above is None:
            if parent not in self._reading.codes:
                yield line.wrong("parent", f"{parent} is neither in the file nor known")
        elif above.simulated and not area.simulated:
            yield line.wrong("parent", f"{parent} is simulated: it goes with the simulation")
        elif circle := self._circles.get(area.code):
            shown = [*circle[:MOST_SHOWN], "…"] if len(circle) > MOST_SHOWN else circle
            yield line.wrong("parent", f"{area.code} would lie in itself: {' in '.join(shown)}")
        elif national(area.code) and national(parent) and not area.code.startswith(parent[:COMMUNITY_DIGITS]):
            yield line.wrong("parent", f"the code {area.code} does not begin as that of {parent} does")

    def _find_circles(self) -> Mapping[str, Sequence[str]]:
        """Return the codes from each area up to itself, whose parents lead there."""
        circles: dict[str, Sequence[str]] = {}
        seen: set[str] = set()
        for begin in self._areas:
            path: dict[str, int] = {}
            code: str | None = begin
            while code in self._areas and code not in path and code not in seen:
                path[code] = len(path)
                code = self._areas[code].parent
            if code in path:
                ring = list(path)[path[code] :]
                circles |= {one: [*ring[at:], *ring[: at + 1]] for at, one in enumerate(ring)}
            seen |= path.keys()
        return circles

    def _above(self, area: Area) -> list[Area]:
        """Return all above an area, the nearest first, and no more than can be right."""
        above: list[Area] = []
        while area.parent in self._areas and len(above) < DEEPEST:
            area = self._areas[area.parent]
            above.append(area)
        return above

    def _not_narrower(self) -> Iterator[WrongLine]:
        for area in self._areas.values():
            above = self._above(area)
            line = self._line_of(area, *above)
            if line is None or any(one.code in self._circles for one in (area, *above)):
                continue
            of_family = (one for one in above if (one.grid is None) == (area.grid is None))
            around = next(of_family, None)
            if around is not None and around.width <= area.width:
                yield line.wrong("level", f"{area.kind} {area.code} can't lie in {around.kind} {around.code}")
            elif area.level in NEVER_IN_A_GRID and (grid := next((o for o in above if o.grid), None)):
                yield line.wrong("level", f"{area.kind} {area.code} can't lie in {grid.kind} {grid.code}")

    def _line_of(self, *areas: Area) -> Line | None:
        """Return the line of the first of some areas that stands in the file."""
        return next((self._lines[area.code] for area in areas if area.code in self._lines), None)

    def _wrong_polygons(self) -> Iterator[WrongLine]:
        bounded = [area for area in self._areas.values() if area.boundary is not None]
        # What is known comes first, then the file line by line: of two that cross, the later one is told.
        bounded.sort(key=lambda area: self._lines[area.code].line if area.code in self._lines else 0)
        shapes = shapely.from_geojson([as_text(area.boundary) for area in bounded])
        yield from self._outside(bounded, shapes)
        yield from self._crossing(bounded, shapes)

    def _outside(self, bounded: Sequence[Area], shapes: Shapes) -> Iterator[WrongLine]:
        shape_of = {area.code: shape for area, shape in zip(bounded, shapes, strict=True)}
        pairs = [
            (area, around)
            for area in bounded
            if (around := next((one for one in self._above(area) if one.code in shape_of), None)) is not None
            and around is not area
            and self._line_of(area, around) is not None
        ]
        inner = np.array([shape_of[area.code] for area, _ in pairs], dtype=object)
        outer = np.array([shape_of[around.code] for _, around in pairs], dtype=object)
        shapely.prepare(outer)
        doubtful = np.flatnonzero(~shapely.covers(outer, inner))
        for index in doubtful:
            told = _outside_by(inner[index], outer[index])
            if told is not None:
                area, around = pairs[index]
                line = self._lines.get(area.code)
                if line is not None:
                    yield line.wrong("polygon", f"lies outside of {around.code} ({around.name}){told}")
                else:
                    why = f"{area.code} ({area.name}), known already, would lie outside of it{told}"
                    yield self._lines[around.code].wrong("polygon", why)

    def _crossing(self, bounded: Sequence[Area], shapes: Shapes) -> Iterator[WrongLine]:
        """Yield siblings of one family, places or grids, that share ground; simulated ones are no matter."""
        index = shapely.STRtree(shapes)
        families = [(area.parent, area.grid is None, area.simulated) for area in bounded]
        numbers = {family: number for number, family in enumerate(dict.fromkeys(families))}
        family = np.array([numbers[one] for one in families])
        first = sum(area.code not in self._lines for area in bounded)
        for begin in range(first, len(bounded), AT_ONCE):
            later, earlier = index.query(shapes[begin : begin + AT_ONCE], predicate="intersects")
            later += begin
            siblings = (earlier < later) & (family[earlier] == family[later])
            later, earlier = _few_of_each(later[siblings], earlier[siblings])
            common = shapely.area(shapely.intersection(shapes[later], shapes[earlier]))
            smaller = np.minimum(shapely.area(shapes[later]), shapely.area(shapes[earlier]))
            crossing = common > TOLERANCE * smaller
            share = common[crossing] / smaller[crossing]
            yield from self._told_crossing(bounded, later[crossing], earlier[crossing], share)

    def _told_crossing(
        self, bounded: Sequence[Area], later: Indexes, earlier: Indexes, share: NDArray[np.float64]
    ) -> Iterator[WrongLine]:
        for one in np.unique(later):
            beside = np.flatnonzero(later == one)
            worst = beside[np.argmax(share[beside])]
            other = bounded[earlier[worst]]
            more = f", and {len(beside) - 1} others" if len(beside) > 1 else ""
            why = f"crosses that of {other.code} ({other.name}): {share[worst]:.1%} of the smaller one{more}"
            yield self._lines[bounded[one].code].wrong("polygon", why)


def _few_of_each(later: Indexes, earlier: Indexes) -> tuple[Indexes, Indexes]:
    """Return at most so many pairs of each `later`, which is sorted."""
    _, first, group = np.unique(later, return_index=True, return_inverse=True)
    few = np.arange(len(later)) - first[group] < MOST_BESIDE
    return later[few], earlier[few]


def _outside_by(inner: BaseGeometry, outer: BaseGeometry) -> str | None:
    """Say how much of a shape lies outside of another; None where it is no more than a sliver."""
    if not inner.area:
        return "" if inner.distance(outer) > BESIDE_DEG else None
    share = inner.difference(outer).area / inner.area
    return f": {share:.1%} of it" if share > TOLERANCE else None
