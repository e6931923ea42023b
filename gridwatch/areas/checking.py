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


class _Check:
    """The tree as it would be."""

    def __init__(self, reading: Reading, known: Mapping[str, Area]) -> None:
        self._reading = reading
        self._lines: dict[str, Line] = {}
        for line in reading.lines:
            self._lines.setdefault(line.area.code, line)
        self._areas = {**known, **{code: line.area for code, line in self._lines.items()}}

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
        elif cycle := self._cycle(area):
            yield line.wrong("parent", f"{area.code} would lie in itself: {' in '.join(cycle)}")
        elif national(area.code) and national(parent) and not area.code.startswith(parent[:COMMUNITY_DIGITS]):
            yield line.wrong("parent", f"the code {area.code} does not begin as that of {parent} does")

    def _cycle(self, area: Area) -> list[str]:
        """Return the codes from an area up to itself, if its parents lead there."""
        above = [one.code for one in self._above(area)]
        return [area.code, *above] if area.code in above else []

    def _above(self, area: Area) -> list[Area]:
        """Return all above an area, the nearest first; in a cycle each once."""
        above: dict[str, Area] = {}
        while area.parent in self._areas and area.parent not in above:
            area = self._areas[area.parent]
            above[area.code] = area
        return list(above.values())

    def _not_narrower(self) -> Iterator[WrongLine]:
        for area in self._areas.values():
            above = self._above(area)
            line = self._line_of(area, *above)
            if line is None or area in above:
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
        """Yield siblings of one family, places or grids, that share ground."""
        one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        families = [(area.parent, area.grid is None) for area in bounded]
        numbers = {family: number for number, family in enumerate(dict.fromkeys(families))}
        family = np.array([numbers[one] for one in families])
        siblings = (one < other) & (family[one] == family[other])
        one, other = one[siblings], other[siblings]
        common = shapely.area(shapely.intersection(shapes[one], shapes[other]))
        smaller = np.minimum(shapely.area(shapes[one]), shapely.area(shapes[other]))
        for index in np.flatnonzero(common > TOLERANCE * smaller):
            pair = [bounded[one[index]], bounded[other[index]]]
            share = common[index] / smaller[index]
            yield from self._told_crossing(pair, share)

    def _told_crossing(self, pair: Sequence[Area], share: float) -> Iterator[WrongLine]:
        lines = [(self._lines[area.code], area) for area in pair if area.code in self._lines]
        if lines:
            line, area = max(lines, key=lambda found: found[0].line)
            beside = pair[1] if area is pair[0] else pair[0]
            why = f"crosses that of {beside.code} ({beside.name}): {share:.1%} of the smaller one"
            yield line.wrong("polygon", why)


def _outside_by(inner: BaseGeometry, outer: BaseGeometry) -> str | None:
    """Say how much of a shape lies outside of another; None where it is no more than a sliver."""
    if not inner.area:
        return "" if inner.distance(outer) > BESIDE_DEG else None
    share = inner.difference(outer).area / inner.area
    return f": {share:.1%} of it" if share > TOLERANCE else None
