"""The governance tree: its areas, the one that a point lies in, and their import."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.fields import Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.areas.area import Area, AreaLevel, GridKind, feature
from gridwatch.areas.checking import fit_in
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.coordinates import Crs
from gridwatch.errors import NotFound
from gridwatch.store.area_tree import place_all
from gridwatch.store.areas import change_areas, delete_area, get_area

router = APIRouter(prefix="/api/v1/areas", tags=["areas"])

GEOJSON = "application/geo+json"

FORMATS = {
    GEOJSON: FileFormat.GEOJSON,
    "application/json": FileFormat.GEOJSON,
    "text/csv": FileFormat.CSV,
}

FILES = {
    "requestBody": {
        "required": True,
        "content": {
            GEOJSON: {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


class AreaProperties(BaseModel):
    """What an area is; `grid` is the kind of a grid, and null for all other levels."""

    name: str
    level: AreaLevel
    grid: GridKind | None
    parent: str | None
    simulated: bool


class AreaFeature(BaseModel):
    """An area as a GeoJSON feature; its id is its code."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any] | None
    properties: AreaProperties


class AreaCollection(BaseModel):
    """Areas as GeoJSON."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[AreaFeature]


class Imported(BaseModel):
    """What an import did."""

    new: int
    changed: int
    unchanged: int


class GeoJson(JSONResponse):
    """An answer in GeoJSON (RFC 7946)."""

    media_type = GEOJSON


class Placed(BaseModel):
    """How many devices got an area, and how many stand in none."""

    placed: int
    outside: int


class Removed(BaseModel):
    """How many areas were deleted."""

    deleted: int


@router.get(
    "", response_class=GeoJson, response_model=AreaCollection, responses=documented(401, 404, 422, 503)
)
async def areas(
    *,
    office: TheOffice,
    under: Annotated[Text | None, Query(description="code of an area: it and all below it")] = None,
    level: AreaLevel | None = None,
    grid: GridKind | None = None,
    boundaries: Annotated[bool, Query(description="whether their polygons are wanted")] = True,
) -> GeoJson:
    """Return areas as GeoJSON, in the order of their codes."""
    tree = await office.tree.get()
    if under is not None and tree.get(under) is None:
        raise NotFound(f"no area {under!r}")
    found = [
        area
        for area in (tree.areas if under is None else tree.below(under))
        if (level is None or area.level is level) and (grid is None or area.grid is grid)
    ]
    found.sort(key=lambda area: area.code)
    return await asyncio.to_thread(_collection, found, with_boundary=boundaries)


@router.post("", response_model=Imported, openapi_extra=FILES, responses=documented(401, 413, 415, 422, 503))
async def import_areas(
    request: Request,
    office: TheOffice,
    person: ThePerson,
    crs: Annotated[Crs, Query(description="what its coordinates are in")] = Crs.WGS84,
) -> Imported:
    """Import areas and changes of areas from GeoJSON or CSV, all or none; every wrong line is told."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FORMATS:
        raise HTTPException(415, f"send {' or '.join(FORMATS)}, not {media_type or 'nothing said'}")
    reading = await asyncio.to_thread(read_areas, await request.body(), FORMATS[media_type], crs)
    done = await change_areas(office.store, partial(fit_in, reading), by=person.username)
    return Imported(new=done.new, changed=done.changed, unchanged=done.unchanged)


@router.post("/place", responses=documented(401, 503))
async def place(office: TheOffice) -> Placed:
    """Put devices that have coordinates and no area into the smallest area that they stand in."""
    placed, outside = await place_all(office.store)
    return Placed(placed=placed, outside=outside)


@router.get(
    "/at", response_class=GeoJson, response_model=AreaCollection, responses=documented(401, 404, 422, 503)
)
async def at(
    *,
    office: TheOffice,
    lon: Annotated[float, Query(ge=-180, le=180, description="degrees, WGS-84")],
    lat: Annotated[float, Query(ge=-90, le=90, description="degrees, WGS-84")],
    boundaries: Annotated[bool, Query(description="whether their polygons are wanted")] = False,
) -> GeoJson:
    """Return the smallest area that a point lies in, and all above it: the widest first, that one last."""
    tree = await office.tree.get()
    smallest = tree.smallest(lon, lat)
    if smallest is None:
        raise NotFound(f"{lon}, {lat} lies in no polygon of an area")
    return _collection(tree.path(smallest.code), with_boundary=boundaries)


@router.get(
    "/{code}", response_class=GeoJson, response_model=AreaFeature, responses=documented(401, 404, 422, 503)
)
async def area(code: Text, office: TheOffice) -> GeoJson:
    """Return one area."""
    return GeoJson(feature(await get_area(office.store, code)))


@router.delete("/{code}", status_code=status.HTTP_200_OK, responses=documented(401, 404, 409, 422, 503))
async def delete(code: Text, office: TheOffice, person: ThePerson) -> Removed:
    """Delete an area with all below it, where no device stands."""
    return Removed(deleted=await delete_area(office.store, code, by=person.username))


def _collection(found: Sequence[Area], *, with_boundary: bool) -> GeoJson:
    features = [feature(area, with_boundary=with_boundary) for area in found]
    return GeoJson({"type": "FeatureCollection", "features": features})
