"""The tree in memory, and a made-up district in it."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
import shapely

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.areas.checking import fit_in
from gridwatch.areas.generating import MODELS, Model, generate
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.areas.tree import AreaTree, as_text
from gridwatch.areas.writing import write_areas


def box(west: float, south: float, east: float, north: float) -> dict[str, object]:
    """Return a rectangle as GeoJSON."""
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


TREE = AreaTree(
    [
        Area(code="b", level=AreaLevel.BUILDING, name="楼", parent="e", boundary=box(1, 1, 2, 2)),
        Area(code="d", level=AreaLevel.DISTRICT, name="区", boundary=box(0, 0, 10, 10)),
        Area(code="e", level=AreaLevel.ESTATE, name="小区", parent="d", boundary=box(1, 1, 5, 5)),
        Area(
            code="h",
            level=AreaLevel.HOUSEHOLD,
            name="101",
            parent="b",
            boundary={"type": "Point", "coordinates": [1.5, 1.5]},
        ),
        Area(code="f", level=AreaLevel.ESTATE, name="无图", parent="d"),
    ]
)


@pytest.fixture(scope="module")
def shuangliu() -> Sequence[Area]:
    """Return a made-up district."""
    return generate(MODELS["shuangliu"], seed=1)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [(1.5, 1.5, "b"), (4, 4, "e"), (7, 7, "d"), (2, 2, "b"), (5, 3, "e"), (10, 10, "d"), (11, 1, None)],
)
def test_a_point_lies_in_the_smallest_area_that_holds_it(lon: float, lat: float, code: str | None) -> None:
    found = TREE.smallest(lon, lat)
    assert (found.code if found else None) == code


def test_a_real_area_holds_a_point_before_a_simulated_one_on_the_same_ground() -> None:
    made_up = Area(
        code="sim", level=AreaLevel.BUILDING, name="模拟", boundary=box(6, 6, 8, 8), simulated=True
    )
    assert getattr(AreaTree([*TREE.areas, made_up]).smallest(7, 7), "code", None) == "d"
    assert getattr(AreaTree([made_up]).smallest(7, 7), "code", None) == "sim"


def test_the_path_leads_from_the_widest_to_the_area_itself() -> None:
    assert [area.code for area in TREE.path("h")] == ["d", "e", "b", "h"]
    assert TREE.path("nothing") == ()


def test_below_an_area_stands_all_that_is_in_it_parents_first() -> None:
    assert [area.code for area in TREE.below("e")] == ["e", "b", "h"]
    assert len(TREE.below("d")) == len(TREE) == 5
    assert TREE.below("nothing") == []


def test_a_tree_without_areas_holds_nothing() -> None:
    assert AreaTree().smallest(0, 0) is None


def test_a_made_up_district_has_the_published_numbers(shuangliu: Sequence[Area]) -> None:
    assert Counter(area.kind for area in shuangliu) == {
        "district": 1,
        "town": 9,
        "community": 118,
        "estate": 1_168,
        "comprehensive grid": 118,
        "general grid": 786,
        "exclusive grid": 82,
        "micro grid": 10_096,
    }


def test_a_made_up_district_is_a_tree_without_fault_and_comes_back_from_its_file(
    shuangliu: Sequence[Area],
) -> None:
    content = write_areas(shuangliu, FileFormat.GEOJSON).encode()
    again = fit_in(read_areas(content, FileFormat.GEOJSON), ())
    assert {area.code: area for area in again} == {area.code: area for area in shuangliu}


def test_the_same_seed_makes_the_same_district_and_another_another() -> None:
    small = Model(towns=2, communities=5, estates=9, general_grids=7, exclusive_grids=2, micro_grids=20)
    made = generate(small, seed=1)
    assert generate(small, seed=1) == made
    assert generate(small, seed=2) != made


def test_every_point_finds_what_looking_at_all_polygons_finds(shuangliu: Sequence[Area]) -> None:
    tree, random = AreaTree(shuangliu), Random(1)  # noqa: S311 - nothing secret
    shapes = [(shapely.from_geojson(as_text(area.boundary)), area.code) for area in shuangliu]
    for _ in range(40):
        lon, lat = random.uniform(103.7, 104.1), random.uniform(30.4, 30.75)
        holding = [(shape.area, code) for shape, code in shapes if shape.covers(shapely.Point(lon, lat))]
        found = tree.smallest(lon, lat)
        assert (found.code if found else None) == (min(holding)[1] if holding else None)
