"""The registry of devices and areas."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from api.fields import NEXT_PAGE, DeviceId, Json, SceneName, Text, link_next
from api.office import TheOffice
from api.problems import documented
from gridwatch.areas.area import AreaLevel, GridKind
from gridwatch.errors import NotFound
from gridwatch.model import Device, DeviceKind, Location
from gridwatch.store.areas import list_areas
from gridwatch.store.devices import (
    KnownDevice,
    add_devices,
    delete_devices,
    get_device,
    list_devices,
    replace_device,
)

router = APIRouter(prefix="/api/v1", tags=["registry"])

AT_ONCE = 10_000
"""Devices in one request."""

GEOJSON = "application/geo+json"


class Place(BaseModel):
    """A place in degrees, WGS-84."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)


class DeviceBody(BaseModel):
    """A device as it is registered."""

    model_config = ConfigDict(extra="forbid")

    id: DeviceId
    scene: SceneName
    kind: DeviceKind
    name: Text = ""
    area: Text | None = Field(None, description="id of the area that it is in")
    location: Place | None = None
    channels: list[Json] = []
    simulated: bool = Field(False, description="its alerts are marked and tell nobody")

    def device(self) -> Device:
        """Return it as the domain's device."""
        place = None if self.location is None else Location(lon=self.location.lon, lat=self.location.lat)
        return Device(
            id=self.id,
            scene=self.scene,
            kind=self.kind,
            name=self.name,
            area=self.area,
            location=place,
            channels=tuple(self.channels),
            simulated=self.simulated,
        )


class DeviceChange(BaseModel):
    """What of a device is to be another; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    scene: SceneName | None = None
    kind: DeviceKind | None = None
    name: Text | None = None
    area: Text | None = None
    location: Place | None = None
    channels: list[Json] | None = None


class DeviceAnswer(DeviceBody):
    """A registered device; `online` is null until it has said so."""

    online: bool | None = None
    clock_skew_s: float | None = Field(None, description="how far its clock is ahead; null: not known yet")

    @classmethod
    def of(cls, known: KnownDevice) -> "DeviceAnswer":
        """Make it from what the store knows."""
        device, place = known.device, known.device.location
        return cls(
            id=device.id,
            scene=device.scene,
            kind=device.kind,
            name=device.name,
            area=device.area,
            location=None if place is None else Place(lon=place.lon, lat=place.lat),
            channels=list(device.channels),
            simulated=device.simulated,
            online=known.online,
            clock_skew_s=known.clock_skew_s,
        )


class AreaProperties(BaseModel):
    """What an area is."""

    name: str
    level: AreaLevel
    grid: GridKind | None
    parent: str | None
    simulated: bool


class AreaFeature(BaseModel):
    """An area as a GeoJSON feature."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any] | None
    properties: AreaProperties


class AreaCollection(BaseModel):
    """All areas as GeoJSON."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[AreaFeature]


def _shape(body: Any) -> str:
    return "several" if isinstance(body, list) else "one"


OneOrSeveral = Annotated[
    Annotated[DeviceBody, Tag("one")]
    | Annotated[list[DeviceBody], Field(min_length=1, max_length=AT_ONCE), Tag("several")],
    Discriminator(_shape),
]


@router.get("/devices", responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def devices(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    scene: SceneName | None = None,
    simulated: bool | None = None,
    after: Annotated[Text, Query(description="id of the last one seen")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> list[DeviceAnswer]:
    """Return a page of devices in the order of their ids."""
    found = await list_devices(office.store, scene=scene, simulated=simulated, after=after, limit=limit)
    if len(found) == limit:
        link_next(request, response, after=found[-1].device.id)
    return [DeviceAnswer.of(known) for known in found]


@router.post("/devices", status_code=status.HTTP_201_CREATED, responses=documented(401, 409, 413, 422, 503))
async def register(
    body: OneOrSeveral, response: Response, office: TheOffice
) -> DeviceAnswer | list[DeviceAnswer]:
    """Register one device, or all of a list or none; each works as soon as this has returned."""
    several: Sequence[DeviceBody] = body if isinstance(body, list) else [body]
    await add_devices(office.store, [one.device() for one in several])
    if isinstance(body, list):
        return [DeviceAnswer(**one.model_dump()) for one in body]
    response.headers["Location"] = f"/api/v1/devices/{body.id}"
    return DeviceAnswer(**body.model_dump())


@router.get("/devices/{device}", responses=documented(401, 404, 422, 503))
async def device(device: DeviceId, office: TheOffice) -> DeviceAnswer:
    """Return one device."""
    return DeviceAnswer.of(await get_device(office.store, device))


@router.patch("/devices/{device}", responses=documented(401, 404, 422, 503))
async def change(device: DeviceId, body: DeviceChange, office: TheOffice) -> DeviceAnswer:
    """Change what the body names."""
    known = DeviceAnswer.of(await get_device(office.store, device))
    given = {name: value for name, value in body if name in body.model_fields_set}
    kept = {name: value for name, value in given.items() if value is not None or name in {"area", "location"}}
    changed = known.model_copy(update=kept)
    return DeviceAnswer.of(await replace_device(office.store, changed.device()))


@router.delete(
    "/devices/{device}", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 404, 422, 503)
)
async def delete(device: DeviceId, office: TheOffice) -> None:
    """Delete a device with all that it sent and all its alerts."""
    deleted = await delete_devices(office.store, [device])
    if not deleted.devices:
        raise NotFound(f"no device {device!r} is registered")
    for sha256, media_type in deleted.files:
        await asyncio.to_thread(office.evidence.remove, sha256, media_type)


@router.get("/areas", response_model=AreaCollection, responses=documented(401, 503))
async def areas(office: TheOffice) -> JSONResponse:
    """Return all areas as GeoJSON."""
    features = [
        AreaFeature(
            id=area.code,
            geometry=None if area.boundary is None else dict(area.boundary),
            properties=AreaProperties(
                name=area.name, level=area.level, grid=area.grid, parent=area.parent, simulated=area.simulated
            ),
        )
        for area in await list_areas(office.store)
    ]
    return JSONResponse(AreaCollection(features=features).model_dump(), media_type=GEOJSON)
