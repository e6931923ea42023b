"""Files of areas: what is read, and that every wrong line is told and nothing imported then."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.areas.checking import fit_in
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.areas.writing import write_areas
from gridwatch.coordinates import Crs, from_wgs84
from gridwatch.lines import WrongLines

HEADING = "code,parent,level,grid,name,polygon"

DISTRICT = "510199,,,,区,"
TOWN = "510199001,,,,街道,"
COMMUNITY = "510199001001,,,,社区,"


def square(west: float, south: float, side: float) -> str:
    """Return a square as it stands in a CSV, in hundredths of a degree from 103° E, 30° N."""
    x, y = 103 + west / 100, 30 + south / 100
    d = side / 100
    return f'"POLYGON(({x} {y},{x + d} {y},{x + d} {y + d},{x} {y + d},{x} {y}))"'


def read(*lines: str, known: Sequence[Area] = (), heading: str = HEADING) -> list[Area]:
    """Import a CSV of these lines; the first is line 2."""
    return fit_in(read_areas("\n".join([heading, *lines]).encode(), FileFormat.CSV), known)


def wrong(*lines: str, known: Sequence[Area] = ()) -> list[str]:
    """Return all that is wrong in these lines."""
    with pytest.raises(WrongLines) as caught:
        read(*lines, known=known)
    return [str(one) for one in caught.value.lines]


def wrong_geojson(document: Any) -> list[str]:
    """Return all that is wrong in a GeoJSON document."""
    with pytest.raises(WrongLines) as caught:
        fit_in(read_areas(json.dumps(document).encode(), FileFormat.GEOJSON), ())
    return [str(one) for one in caught.value.lines]


def feature(code: str, name: str = "名", geometry: Any = None, **properties: Any) -> dict[str, Any]:
    """Return a GeoJSON feature."""
    return {
        "type": "Feature",
        "id": code,
        "geometry": geometry,
        "properties": {"name": name, **properties},
    }


def test_national_codes_tell_level_and_parent() -> None:
    areas = read(COMMUNITY, "510199001001007,,,micro,微网格,", TOWN, DISTRICT)
    assert [(area.code, area.level, area.parent) for area in areas] == [
        ("510199", AreaLevel.DISTRICT, None),
        ("510199001", AreaLevel.TOWN, "510199"),
        ("510199001001", AreaLevel.COMMUNITY, "510199001"),
        ("510199001001007", AreaLevel.GRID, "510199001001"),
    ]
    assert areas[3].grid is GridKind.MICRO


def test_statistical_codes_filled_up_with_zeros_are_the_same_codes() -> None:
    areas = read("510199000000,,,,区,", "510199001000,510199000000,,,街道,", COMMUNITY)
    assert [area.code for area in areas] == ["510199", "510199001", "510199001001"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_in_the_encodings_that_people_have(encoding: str) -> None:
    reading = read_areas(f"{HEADING}\r\n{DISTRICT}\r\n".encode(encoding), FileFormat.CSV)
    assert [area.name for area in fit_in(reading, ())] == ["区"]


def test_every_wrong_line_is_told_with_its_field_and_reason() -> None:
    told = wrong(
        "510199,,,,区,",
        "51019900,,,,街道,",
        ",,town,,无,",
        "510199001,,,,,",
        "510199001,510199,planet,,街道,",
        "e-1,510199,estate,micro,小区,",
        "g-1,510199,grid,,网格,",
        "e-2,510199777,estate,,小区,",
        "510199002,510198,,,街道,",
        "b-1,510199,building,,楼,POINT(103 30)",
        "b-2,510199,building,,楼,POLYGON((1 2",
        "a b,510199,building,,楼,",
        "123456789,510199,estate,,小区,",
        "1,2,3,4,5,6,7",
    )
    expected = [
        ("line 3, level:", "this code does not tell it"),
        ("line 4, code:", "is missing"),
        ("line 5, name:", "is missing"),
        ("line 6, level:", "'planet': use district, town"),
        ("line 7, grid:", "the level is estate"),
        ("line 8, grid:", "use comprehensive, general"),
        ("line 9, parent:", "510199777 is neither in the file nor known"),
        ("line 10, parent:", "510198 is neither in the file nor known"),
        ("line 11, polygon:", "is a Point: use Polygon"),
        ("line 12, polygon:", "can't be read"),
        ("line 13, code:", "'a b'"),
        ("line 14, code:", "the level estate has none"),
        ("line 15, line:", "has 7 fields, the heading 6"),
    ]
    assert len(told) == len(expected)
    for line, (where, why) in zip(told, expected, strict=True):
        assert line.startswith(where)
        assert why in line


def test_an_area_that_would_lie_in_itself_is_told_on_each_of_its_lines() -> None:
    told = wrong("e,g,estate,,小区,", "g,b,grid,micro,网格,", "b,e,building,,楼,", "f,e,building,,楼,")
    assert told == [
        "line 2, parent: e would lie in itself: e in g in b in e",
        "line 3, parent: g would lie in itself: g in b in e in g",
        "line 4, parent: b would lie in itself: b in e in g in b",
    ]


def test_a_circle_of_any_length_is_told() -> None:
    told = wrong(*(f"e{n},e{(n + 1) % 300},estate,,小区," for n in range(300)))
    assert len(told) == 300
    assert told[0].endswith("e0 in e1 in e2 in e3 in e4 in e5 in e6 in e7 in e8 in e9 in e10 in e11 in …")


def test_a_chain_without_end_is_told() -> None:
    told = wrong("e0,,estate,,小区,", *(f"e{n},e{n - 1},estate,,小区," for n in range(1, 3_000)))
    assert len(told) == 2_999


def test_polygons_that_all_lie_on_each_other_are_told() -> None:
    told = wrong(*(f"e{n},,estate,,小区,{square(0, 0, 1)}" for n in range(700)))
    assert len(told) == 699
    assert told[0] == "line 3, polygon: crosses that of e0 (小区): 100.0% of the smaller one"
    assert told[1].endswith("of the smaller one, and 1 others")


def test_a_line_may_close_a_cycle_with_what_is_known() -> None:
    known = [
        Area(code="e", level=AreaLevel.ESTATE, name="小区"),
        Area(code="g", level=AreaLevel.GRID, grid=GridKind.MICRO, name="网格", parent="e"),
    ]
    (told,) = wrong("e,g,estate,,小区,", known=known)
    assert "e in g in e" in told


def test_the_narrower_lies_in_the_wider_and_never_the_other_way() -> None:
    told = wrong(
        DISTRICT,
        "b,510199,building,,楼,",
        "e,b,estate,,小区,",
        "m,510199,grid,micro,微网格,",
        "g,m,grid,general,网格,",
        "t,m,town,,镇,",
    )
    assert told == [
        "line 4, level: estate e can't lie in building b",
        "line 6, level: general grid g can't lie in micro grid m",
        "line 7, level: town t can't lie in micro grid m",
    ]


def test_estates_lie_in_grids_and_grids_in_estates() -> None:
    assert len(read(DISTRICT, "g,510199,grid,general,网格,", "e,g,estate,,小区,", "m,e,grid,micro,微,")) == 4


def test_a_code_begins_as_its_parents_does() -> None:
    told = wrong(DISTRICT, "510198,,,,区,", "510198001,510199,,,街道,")
    assert told == ["line 4, parent: the code 510198001 does not begin as that of 510199 does"]


def test_the_same_code_twice_is_told_on_the_second_line() -> None:
    assert wrong(DISTRICT, DISTRICT) == ["line 3, code: 510199 stands in line 2 already"]


def test_what_lies_below_a_wrong_line_is_not_told_as_without_parent() -> None:
    (told,) = wrong("510199,,,,,", TOWN)
    assert told.startswith("line 2, name")


def test_polygons_of_siblings_must_not_cross() -> None:
    told = wrong(
        f"510199,,,,区,{square(0, 0, 100)}",
        f"a,510199,estate,,甲,{square(10, 10, 10)}",
        f"b,510199,estate,,乙,{square(19, 10, 10)}",
        f"c,510199,estate,,丙,{square(29, 10, 10)}",
        f"g,510199,grid,general,网格,{square(10, 10, 15)}",
    )
    assert told == ["line 4, polygon: crosses that of a (甲): 10.0% of the smaller one"]


def test_a_real_district_may_lie_where_the_simulated_one_does() -> None:
    (same,) = read(f"510199,,,,区,{square(0, 0, 100)}")
    known = [replace(same, code="sim", name="模拟", simulated=True)]
    assert [area.code for area in read(f"510199,,,,区,{square(0, 0, 100)}", known=known)] == ["510199"]


def test_a_polygon_lies_in_that_of_the_nearest_area_above_that_has_one() -> None:
    told = wrong(
        f"510199,,,,区,{square(0, 0, 100)}",
        TOWN,
        f"e,510199001,estate,,甲,{square(95, 10, 10)}",
        f"f,510199001,estate,,乙,{square(99.95, 30, 10)}",
    )
    assert told == [
        "line 4, polygon: lies outside of 510199 (区): 50.0% of it",
        "line 5, polygon: lies outside of 510199 (区): 99.5% of it",
    ]


def test_slivers_between_borders_that_were_drawn_one_by_one_are_let_pass() -> None:
    areas = read(
        f"510199,,,,区,{square(0, 0, 100)}",
        f"a,510199,estate,,甲,{square(-0.05, 0, 50)}",
        f"b,510199,estate,,乙,{square(49.9, 0, 50)}",
    )
    assert len(areas) == 3


def test_a_changed_polygon_must_still_hold_what_is_known_below_it() -> None:
    known = read(f"510199,,,,区,{square(0, 0, 100)}", f"e,510199,estate,,甲,{square(90, 90, 10)}")
    (told,) = wrong(f"510199,,,,区,{square(0, 0, 95)}", known=known)
    assert told == "line 2, polygon: e (甲), known already, would lie outside of it: 75.0% of it"


def test_a_household_may_be_a_point_in_its_building() -> None:
    building = f"b,,building,,楼,{square(0, 0, 1)}"
    assert len(read(building, "h,b,household,,101,POINT(103.005 30.005)")) == 2
    (told,) = wrong(building, "h,b,household,,101,POINT(103.02 30.005)")
    assert told == "line 3, polygon: lies outside of b (楼)"


@pytest.mark.parametrize(
    ("polygon", "why"),
    [
        ("POLYGON((30 103, 30.1 103, 30.1 103.1, 30 103))", "swapped"),
        ("POLYGON((40 80, 40.1 80, 40.1 80.1, 40 80))", "swapped"),
        ("POLYGON((11572000 3572000, 11573000 3572000, 11573000 3573000, 11572000 3572000))", "no degrees"),
        ("POLYGON((103 30, 103.1 30.1, 103.1 30, 103 30.1, 103 30))", "crosses itself"),
        ("POLYGON((103 30, 103.1 30, 103.2 30, 103 30))", "Too few points|no ground"),
        ("POLYGON EMPTY", "is empty"),
        ("LINESTRING(103 30, 103.1 30)", "is a LineString"),
        ("{}", "can't be read"),
    ],
)
def test_a_polygon_that_is_none_is_told(polygon: str, why: str) -> None:
    (told,) = wrong(f'510199,,,,区,"{polygon}"')
    assert told.startswith("line 2, polygon: ")
    assert any(one in told for one in why.split("|"))


def test_geojson_in_another_coordinate_system_is_refused_as_a_whole() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    (told,) = wrong_geojson({"type": "FeatureCollection", "crs": crs, "features": [feature("510199")]})
    assert "EPSG::3857 is not WGS-84" in told
    for name in ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4490"):
        document = {"crs": {"type": "name", "properties": {"name": name}}, "features": [feature("510199")]}
        assert len(read_areas(json.dumps(document).encode(), FileFormat.GEOJSON).lines) == 1


def test_features_are_told_by_their_number() -> None:
    swapped = {"type": "Polygon", "coordinates": [[[30, 103], [30, 104], [31, 104], [30, 103]]]}
    told = wrong_geojson(
        {
            "type": "FeatureCollection",
            "features": [
                feature("510199"),
                feature("510199001", geometry=swapped),
                {"type": "Point"},
                feature("510199002", parent={"adcode": 510199}),
            ],
        }
    )
    assert [line.partition(":")[0] for line in told] == [
        "feature 2, polygon",
        "feature 3, feature",
        "feature 4, feature",
    ]


@pytest.mark.parametrize("crs", [Crs.GCJ02, Crs.BD09])
def test_what_is_stated_in_a_shifted_system_is_kept_in_wgs_84(crs: Crs) -> None:
    lon, lat = from_wgs84(crs, 103.92, 30.57)
    line = f'e,,estate,,小区,"POLYGON(({lon} {lat},{lon + 0.01} {lat},{lon} {lat + 0.01},{lon} {lat}))"'
    reading = read_areas(f"{HEADING}\n{line}".encode(), FileFormat.CSV, crs)
    (area,) = fit_in(reading, ())
    assert area.boundary is not None
    assert area.boundary["coordinates"][0][0] == pytest.approx([103.92, 30.57], abs=1e-7)


@pytest.mark.parametrize(
    "polygon",
    [
        "POLYGON Z((103 30 77,104 30 77,104 31 77,103 30 77))",
        "MULTIPOLYGON(((103 30,104 30,104 31,103 30)),((105 30,106 30,106 31,105 30)))",
        '{""type"": ""Polygon"", ""coordinates"": [[[103,30],[104,30],[104,31],[103,30]]]}',
    ],
)
def test_polygons_may_have_heights_and_parts_and_be_geojson(polygon: str) -> None:
    (area,) = read(f'510199,,,,区,"{polygon}"')
    assert area.boundary is not None
    assert "77" not in json.dumps(area.boundary["coordinates"])


@pytest.mark.parametrize(
    "geometry",
    [
        5,
        [],
        {},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": "x"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [[[1], [2], [3]]]},
        {"type": "Polygon", "coordinates": [[["a", "b"], ["c", "d"]]]},
        {"type": "Polygon", "coordinates": [[[103, 30], [104, 30], [104, 31]]]},
        {"type": "Polygon", "coordinates": [[[1e400, 30], [104, 30], [104, 31], [1e400, 30]]]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "Cube", "coordinates": [1, 2]},
    ],
)
def test_a_geometry_that_is_none_is_told_with_its_feature(geometry: Any) -> None:
    (told,) = wrong_geojson({"features": [feature("510199", geometry=geometry)]})
    assert told.startswith("feature 1, ")


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[]", b'{"features": 1}', b"[" * 100_000, b"\xff\xfe\xff", b"\x80"]
)
def test_what_is_no_file_of_areas_is_refused_with_a_reason(content: bytes) -> None:
    for form in FileFormat:
        with pytest.raises(WrongLines):
            fit_in(read_areas(content, form), ())


def test_a_heading_must_name_what_is_needed_and_nothing_unknown() -> None:
    with pytest.raises(WrongLines) as caught:
        read(heading="code,colour,code")
    told = [str(one) for one in caught.value.lines]
    assert len(told) == 3
    assert "lacks name" in told[0]
    assert "more than once" in told[1]
    assert "'colour', which is none of code, parent" in told[2]


@pytest.mark.parametrize("form", list(FileFormat))
def test_what_is_exported_can_be_imported_again(form: FileFormat) -> None:
    areas = read(
        f"510199,,,,区,{square(0, 0, 100)}",
        f'e,510199,estate,,"甲, ""乙""",{square(0, 0, 7.7)}',
        "h,e,household,,101,POINT(103.0123456 30.0123456)",
        "m,e,grid,micro,微网格,",
    )
    assert fit_in(read_areas(write_areas(areas, form).encode(), form), ()) == areas
