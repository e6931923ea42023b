"""Areas as people write them, in CSV or GeoJSON, one by one: what each line says, and what is wrong in it.

Whether they make a tree is for `checking` to say.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridwatch.areas.area import (
    AREA_CODE,
    COMMUNITY_DIGITS,
    DIGITS,
    Area,
    AreaLevel,
    GridKind,
    national,
    parent_in,
)
from gridwatch.areas.tree import as_boundary
from gridwatch.coordinates import Crs, to_wgs84
from gridwatch.lines import WrongLine, WrongLines, table_rows, text_of

COLUMNS = ("code", "parent", "level", "grid", "name", "polygon")
NEEDED = ("code", "name")

LONGEST_NAME = 200
LONGEST_SHOWN = 80

WGS84_NAMES = frozenset({"CRS84", "4326", "4490"})
"""How a `crs` of old GeoJSON may end: WGS-84, or CGCS2000, which differs by less than a metre."""

CHINA_LON, CHINA_LAT = (73.0, 136.0), (3.0, 54.0)

POLYGONS = ("Polygon", "MultiPolygon")

Word = TypeVar("Word", bound=StrEnum)


class FileFormat(StrEnum):
    """What a file of areas may be."""

    CSV = "csv"
    GEOJSON = "geojson"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a file, or one feature, that can be read by itself."""

    line: int
    unit: str
    area: Area
    shape: BaseGeometry | None

    def wrong(self, name: str, why: str) -> WrongLine:
        """Return that something in this line is wrong."""
        return WrongLine(line=self.line, field=name, why=why, unit=self.unit)


@dataclass(slots=True)
class Reading:
    """What a file says: the lines that can be read, what is wrong in the others, and the codes of both.

    `crs` is the system that its coordinates are in; those of `lines` are WGS-84.
    """

    crs: Crs
    lines: list[Line] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)


def read_areas(content: bytes, form: FileFormat, crs: Crs = Crs.WGS84) -> Reading:
    """Read a file; raise WrongLines where it as a whole is no such file."""
    reading, text = Reading(crs=crs), text_of(content)
    return _read_csv(reading, text) if form is FileFormat.CSV else _read_geojson(reading, text)


def _read_csv(reading: Reading, text: str) -> Reading:
    rows, wrong = table_rows(text, COLUMNS, needed=NEEDED)
    reading.wrong += wrong
    for line, fields in rows:
        _take(reading, line, "line", fields)
    return reading


def _read_geojson(reading: Reading, text: str) -> Reading:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_geojson(f"is no JSON: {error}") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("features"), list):
        raise _no_geojson("is no GeoJSON FeatureCollection")
    _check_crs(whole.get("crs"))
    for number, feature in enumerate(whole["features"], start=1):
        try:
            fields = _fields_of(feature)
        except ValueError as error:
            reading.wrong.append(WrongLine(line=number, field="feature", why=str(error), unit="feature"))
        else:
            _take(reading, number, "feature", fields)
    return reading


def _no_geojson(why: str) -> WrongLines:
    return WrongLines([WrongLine(line=1, field="file", why=why)])


def _check_crs(crs: Any) -> None:
    """Refuse another coordinate system than that of GeoJSON (RFC 7946), where a file names one (2008)."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name")) if isinstance(properties, dict) else str(crs)
    if name.rpartition(":")[2].upper() not in WGS84_NAMES:
        why = f"{name[:LONGEST_SHOWN]} is not WGS-84: convert the file to EPSG:4326 (longitude, latitude)"
        raise WrongLines([WrongLine(line=1, field="crs", why=why)])


def _fields_of(feature: Any) -> Mapping[str, str]:
    """Return a feature as the fields of a line; raise ValueError for what is no feature."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ValueError("is no Feature")
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise ValueError("its properties are no object")
    given = {"code": feature.get("id"), **{name: properties.get(name) for name in COLUMNS[1:-1]}}
    if properties.get("code") is not None:
        given["code"] = properties["code"]
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise ValueError(f"its {name} is no text")
    fields = {name: str(value).strip() for name, value in given.items() if value is not None}
    geometry = feature.get("geometry")
    return fields if geometry is None else {**fields, "polygon": json.dumps(geometry)}


def _take(reading: Reading, line: int, unit: str, fields: Mapping[str, str]) -> None:
    """Add a line to a reading, or everything that is wrong in it."""
    wrong: list[WrongLine] = []

    def tried(name: str, parse: Callable[[], Any]) -> Any:
        try:
            return parse()
        except ValueError as error:
            wrong.append(WrongLine(line=line, field=name, why=str(error), unit=unit))
            return None

    code, grid_word = short_code(fields.get("code", "")), fields.get("grid", "")
    reading.codes.add(code)
    level = tried("level", lambda: _level(fields.get("level", ""), grid_word, code))
    tried("code", lambda: _check_code(code, level))
    grid = tried("grid", lambda: _grid(grid_word, level))
    name = tried("name", lambda: _name(fields.get("name", "")))
    parent = tried("parent", lambda: _parent(fields.get("parent", ""), code))
    shape = tried("polygon", lambda: _shape(fields.get("polygon", ""), level, reading.crs))
    if wrong:
        reading.wrong += wrong
        return
    boundary = None if shape is None else as_boundary(shape)
    area = Area(code=code, level=level, grid=grid, name=name, parent=parent, boundary=boundary)
    reading.lines.append(Line(line=line, unit=unit, area=area, shape=shape))


def short_code(code: str) -> str:
    """Return a code without the zeros that fill up the statistical code of a district or town."""
    if national(code) and len(code) == COMMUNITY_DIGITS:
        while code.endswith("000") and len(code) > DIGITS[AreaLevel.DISTRICT]:
            code = code[:-3]
    return code


def _level(word: str, grid_word: str, code: str) -> AreaLevel:
    if word:
        return _one_of(AreaLevel, word)
    if grid_word:
        return AreaLevel.GRID
    of_length = [level for level, digits in DIGITS.items() if national(code) and digits == len(code)]
    if not of_length:
        raise ValueError(f"is missing, and this code does not tell it; use {', '.join(AreaLevel)}")
    return of_length[0]


def _check_code(code: str, level: AreaLevel | None) -> None:
    if not code:
        raise ValueError("is missing")
    if AREA_CODE.fullmatch(code) is None:
        raise ValueError(f"{code[:LONGEST_SHOWN]!r}: use 1-64 letters, digits and . _ : -")
    if not national(code) or level is None:
        return
    if level not in DIGITS:
        raise ValueError(f"{code}: a code of digits only is a national one, and the level {level} has none")
    if len(code) != DIGITS[level]:
        raise ValueError(f"{code} has {len(code)} digits, that of a {level} has {DIGITS[level]}")


def _grid(word: str, level: AreaLevel | None) -> GridKind | None:
    if level is not None and level is not AreaLevel.GRID:
        if word:
            raise ValueError(f"is given, but the level is {level}")
        return None
    return _one_of(GridKind, word) if word or level is not None else None


def _one_of(words: type[Word], word: str) -> Word:
    try:
        return words(word.lower())
    except ValueError:
        given = f"{word[:LONGEST_SHOWN]!r}" if word else "is missing"
        raise ValueError(f"{given}: use {', '.join(words)}") from None


def _name(name: str) -> str:
    if not name:
        raise ValueError("is missing")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"has {len(name)} letters, at most {LONGEST_NAME}")
    if not name.isprintable():
        raise ValueError("holds a character that can't be shown")
    return name


def _parent(given: str, code: str) -> str | None:
    if given and AREA_CODE.fullmatch(given) is None:
        raise ValueError(f"{given[:LONGEST_SHOWN]!r} is no code")
    return short_code(given) if given else parent_in(code)


def _shape(text: str, level: AreaLevel | None, crs: Crs) -> BaseGeometry | None:
    """Return a polygon (or a household's point) in WGS-84; raise ValueError that says what is wrong."""
    if not text:
        return None
    shape = shapely.force_2d(_parsed(text))
    allowed: Sequence[str] = (*POLYGONS, "Point") if level is AreaLevel.HOUSEHOLD else POLYGONS
    if shape.geom_type not in allowed:
        raise ValueError(f"is a {shape.geom_type}: use {' or '.join(allowed)}")
    if shape.is_empty:
        raise ValueError("is empty")
    _check_degrees(shape)
    if not shape.is_valid:
        raise ValueError(f"crosses itself or has no ground: {shapely.is_valid_reason(shape)}")
    if crs is Crs.WGS84:
        return shape

    def converted(corners: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([to_wgs84(crs, lon, lat) for lon, lat in corners.tolist()])

    return shapely.transform(shape, converted)


def _parsed(text: str) -> BaseGeometry:
    parse = shapely.from_geojson if text.startswith("{") else shapely.from_wkt
    try:
        return parse(text)
    except shapely.errors.GEOSException as error:
        raise ValueError(f"can't be read as GeoJSON or WKT: {error}") from error


def _check_degrees(shape: BaseGeometry) -> None:
    """Raise ValueError where coordinates are no longitudes and latitudes in this order."""
    corners = shapely.get_coordinates(shape)
    lon, lat = corners[:, 0], corners[:, 1]
    shown = f"{lon[0]:g}, {lat[0]:g}"
    if _inside(lon, CHINA_LAT) and _inside(lat, CHINA_LON):
        raise ValueError(f"longitude and latitude are swapped ({shown}): longitude comes first")
    if _inside(lon, (-180, 180)) and _inside(lat, (-90, 90)):
        return
    if _inside(lon, (-90, 90)) and _inside(lat, (-180, 180)):
        raise ValueError(f"longitude and latitude are swapped ({shown}): longitude comes first")
    raise ValueError(f"{shown} are no degrees but of another coordinate system: convert to WGS-84")


def _inside(values: Any, limits: tuple[float, float]) -> bool:
    return bool(((values >= limits[0]) & (values <= limits[1])).all())
