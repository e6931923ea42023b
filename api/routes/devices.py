"""The registry of devices."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from api.fields import NEXT_PAGE, link_next
from api.office import TheOffice
from api.problems import documented
from gridwatch.errors import NotFound
from gridwatch.model import DeviceKind, DeviceState
from gridwatch.registration.body import (
    MOST_CAMERAS,
    MOST_CHANNELS,
    MOST_LABELS,
    ChannelBody,
    DeviceBody,
    Place,
    StatedPlace,
)
from gridwatch.registration.fields import DeviceId, DeviceLabel, PlaybackUrl, SceneName, Text
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


class DeviceChange(BaseModel):
    """What of a device is to be another; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    scene: SceneName | None = None
    kind: DeviceKind | None = None
    name: Text | None = None
    model: Text | None = None
    source: Text | None = None
    area: Text | None = None
    location: StatedPlace | None = None
    channels: list[ChannelBody] | None = Field(None, max_length=MOST_CHANNELS)
    labels: list[DeviceLabel] | None = Field(None, max_length=MOST_LABELS)
    address: Text | None = None
    telephone: Text | None = None
    lift: DeviceId | None = None
    cameras: list[DeviceId] | None = Field(None, max_length=MOST_CAMERAS)
    playback_url: PlaybackUrl | None = None


MAY_BE_NONE = frozenset({"source", "area", "location", "lift", "playback_url"})
"""What is taken away by null."""


class ListedDevice(BaseModel):
    """A registered device as lists have it: without address and telephone, which few need.

    `online` is null until it has said so.
    """

    id: DeviceId
    scene: str
    kind: DeviceKind
    name: str
    model: str
    source: str | None
    area: str | None
    location: Place | None = Field(description="WGS-84")
    stated: StatedPlace | None = Field(description="as it was stated, where that was not WGS-84")
    channels: list[ChannelBody]
    labels: list[str]
    lift: str | None
    cameras: list[str]
    playback_url: str | None
    state: DeviceState
    state_until: datetime | None
    state_by: str
    simulated: bool
    online: bool | None = None
    clock_skew_s: float | None = Field(None, description="how far its clock is ahead; null: not known yet")

    @classmethod
    def of(cls, known: KnownDevice) -> Self:
        """Make it from what the store knows."""
        device, place = known.device, known.device.location
        fields = DeviceBody.fields_of(device) | {
            "location": None if place is None else Place(lon=place.lon, lat=place.lat),
            "stated": StatedPlace.of(device) if device.stated else None,
            "online": known.online,
            "clock_skew_s": known.clock_skew_s,
        }
        return cls.model_validate(fields)


class DeviceAnswer(ListedDevice):
    """All about one registered device."""

    address: str
    telephone: str


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
) -> list[ListedDevice]:
    """Return a page of devices in the order of their ids."""
    found = await list_devices(office.store, scene=scene, simulated=simulated, after=after, limit=limit)
    if len(found) == limit:
        link_next(request, response, after=found[-1].device.id)
    return [ListedDevice.of(known) for known in found]


@router.post("/devices", status_code=status.HTTP_201_CREATED, responses=documented(401, 409, 413, 422, 503))
async def register(
    body: OneOrSeveral, response: Response, office: TheOffice
) -> DeviceAnswer | list[DeviceAnswer]:
    """Register one device, or all of a list or none; each works as soon as this has returned."""
    several: Sequence[DeviceBody] = body if isinstance(body, list) else [body]
    new = [one.device() for one in several]
    await add_devices(office.store, new)
    answers = [DeviceAnswer.of(KnownDevice(key=0, device=device)) for device in new]
    if isinstance(body, list):
        return answers
    response.headers["Location"] = f"/api/v1/devices/{body.id}"
    return answers[0]


@router.get("/devices/{device}", responses=documented(401, 404, 422, 503))
async def device(device: DeviceId, office: TheOffice) -> DeviceAnswer:
    """Return one device."""
    return DeviceAnswer.of(await get_device(office.store, device))


@router.patch("/devices/{device}", responses=documented(401, 404, 422, 503))
async def change(device: DeviceId, body: DeviceChange, office: TheOffice) -> DeviceAnswer:
    """Change what the body names."""
    known = await get_device(office.store, device)
    given = {name: value for name, value in body if name in body.model_fields_set}
    kept = {name: value for name, value in given.items() if value is not None or name in MAY_BE_NONE}
    try:
        changed = DeviceBody.model_validate(DeviceBody.fields_of(known.device) | kept).device()
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    return DeviceAnswer.of(await replace_device(office.store, changed))


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
