"""The registry of devices."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from api.fields import NEXT_PAGE, link_next
from api.office import TheOffice, ThePerson
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
from gridwatch.registration.fields import (
    DeviceId,
    DeviceLabel,
    Moment,
    PlaybackUrl,
    SceneName,
    Text,
)
from gridwatch.registration.state import check_end
from gridwatch.store.devices import (
    KnownDevice,
    Wanted,
    add_devices,
    delete_devices,
    get_device,
    list_devices,
    nearest_cameras,
    replace_device,
    set_state,
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
    gateway: DeviceId | None = None
    lift: DeviceId | None = None
    cameras: list[DeviceId] | None = Field(None, max_length=MOST_CAMERAS)
    playback_url: PlaybackUrl | None = None


MAY_BE_NONE = frozenset({"source", "area", "location", "gateway", "lift", "playback_url"})
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
    gateway: str | None
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


class StateChange(BaseModel):
    """Whether a device is in use, or for how long not."""

    model_config = ConfigDict(extra="forbid")

    state: DeviceState
    until: Moment | None = Field(None, description="end of test (7 days at most) or maintenance (90)")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_end(self.state, self.until, now=datetime.now(UTC))
        return self


class Camera(BaseModel):
    """A camera that may see a device; `distance_m` is null where one of them has no coordinates."""

    id: str
    name: str
    named: bool = Field(description="whether the device names it")
    distance_m: float | None
    playback_url: str | None


def _shape(body: Any) -> str:
    return "several" if isinstance(body, list) else "one"


OneOrSeveral = Annotated[
    Annotated[DeviceBody, Tag("one")]
    | Annotated[list[DeviceBody], Field(min_length=1, max_length=AT_ONCE), Tag("several")],
    Discriminator(_shape),
]


def wanted_devices(
    *,
    scene: SceneName | None = None,
    kind: DeviceKind | None = None,
    area: Annotated[Text | None, Query(description="code of an area: it and all below it")] = None,
    state: DeviceState | None = None,
    label: Text | None = None,
    search: Annotated[Text | None, Query(description="in id, name, model, source and labels")] = None,
    simulated: bool | None = None,
) -> Wanted:
    """Return which devices a request is about."""
    return Wanted(
        scene=scene, kind=kind, area=area, state=state, label=label, search=search, simulated=simulated
    )


@router.get("/devices", responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def devices(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    wanted: Annotated[Wanted, Depends(wanted_devices)],
    after: Annotated[Text, Query(description="id of the last one seen")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> list[ListedDevice]:
    """Return a page of devices in the order of their ids, without addresses and telephones."""
    found = await list_devices(office.store, wanted, after=after, limit=limit)
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


@router.post("/devices/{device}/state", responses=documented(401, 404, 422, 503))
async def change_state(
    device: DeviceId, body: StateChange, office: TheOffice, person: ThePerson
) -> DeviceAnswer:
    """Put a device into test or maintenance until a time, into use, or out of it (retired).

    In test its alerts are drills: on the console, told to who began it, and to nobody else.
    """
    await set_state(office.store, [device], body.state, until=body.until, by=person.username)
    return DeviceAnswer.of(await get_device(office.store, device))


@router.get("/devices/{device}/cameras", responses=documented(401, 404, 422, 503))
async def cameras(device: DeviceId, office: TheOffice) -> list[Camera]:
    """Return the cameras to look at a device with: those it names, then the nearest, up to 300 m away."""
    await get_device(office.store, device)
    return [Camera(**row) for row in await nearest_cameras(office.store, device)]


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
