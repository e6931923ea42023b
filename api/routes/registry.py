"""Files of devices, and devices that knock: they send, and nobody registered them."""

import asyncio
import logging
from functools import partial
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from api.fields import LARGEST_ID, NEXT_PAGE, link_next
from api.office import TheOffice, ThePerson
from api.problems import documented
from api.routes.devices import DeviceAnswer, wanted_devices
from gridwatch.model import DeviceKind
from gridwatch.registration.adopting import adopted, suggested
from gridwatch.registration.exporting import write_devices
from gridwatch.registration.importing import FileForm, fit_in, read_devices
from gridwatch.store.devices import Wanted, change_devices, get_device, list_devices
from gridwatch.store.knocks import Knock, adopt, first_words, get_knock, list_knocks

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1/registry", tags=["registry"])

MEDIA_TYPES = {
    FileForm.CSV: "text/csv",
    FileForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileForm.JSON: "application/json",
}
FORMS = {media_type: form for form, media_type in MEDIA_TYPES.items()}

FILES = {
    "requestBody": {
        "required": True,
        "content": {media_type: {"schema": {"type": "string"}} for media_type in FORMS},
    }
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {media_type: {} for media_type in FORMS}, "description": "the file"}
}

MOST = 1_000_000


class Imported(BaseModel):
    """What an import did."""

    new: int
    changed: int
    unchanged: int


class Suggested(BaseModel):
    """What who knocks may be, by its first message."""

    id: str
    scene: str
    kind: DeviceKind
    source: str | None = None


class KnockAnswer(BaseModel):
    """A device that sends and is not registered, or retired, with its first message."""

    number: int
    name: str = Field(description="the id that its messages give, or its name in a foreign system")
    messages: int = Field(description="kept in quarantine")
    first_at: AwareDatetime
    last_at: AwareDatetime
    topic: str
    reason: str
    size: int = Field(description="of the first message, in bytes")
    payload: str = Field(description="its beginning, as people can read it")
    retired: str | None = Field(description="the retired device of this name")
    suggested: Suggested

    @classmethod
    def of(cls, knock: Knock) -> Self:
        """Make it from what the store knows."""
        return cls(
            number=knock.first_id,
            name=knock.name,
            messages=knock.messages,
            first_at=knock.first_at,
            last_at=knock.last_at,
            topic=knock.topic,
            reason=knock.reason,
            size=knock.size,
            payload=first_words(knock.payload),
            retired=knock.retired,
            suggested=Suggested(**suggested(knock.name, knock.topic)),
        )


class Adoption(BaseModel):
    """Who is to be adopted, and as what; `device` has what is to be other than suggested."""

    model_config = ConfigDict(extra="forbid")

    name: str
    device: dict[str, Any] = {}


class Adopted(BaseModel):
    """A device that was adopted, and how many of its messages are taken in again."""

    device: DeviceAnswer
    messages: int


@router.get("/knocking", responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def knocking(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="number of the last seen")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[KnockAnswer]:
    """Return a page of devices that send and are not registered, or retired; the newest first."""
    found = await list_knocks(office.store, before=before, limit=limit)
    if len(found) == limit:
        link_next(request, response, before=found[-1].first_id)
    return [KnockAnswer.of(knock) for knock in found]


@router.post("/adopt", responses=documented(401, 404, 409, 422, 503))
async def adopt_device(body: Adoption, office: TheOffice) -> Adopted:
    """Register a device that knocks; a collector takes in again what was kept of it."""
    knock = await get_knock(office.store, body.name)
    try:
        device = adopted(knock.name, knock.topic, body.device)
    except ValidationError as error:
        wrong = [{**one, "loc": ("body", "device", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(wrong) from error
    messages = await adopt(office.store, knock, device)
    known = await get_device(office.store, knock.retired or device.id)
    return Adopted(device=DeviceAnswer.of(known), messages=messages)


@router.post("/import", openapi_extra=FILES, responses=documented(401, 409, 413, 415, 422, 503))
async def import_devices(request: Request, office: TheOffice) -> Imported:
    """Register and change the devices of a file, all or none; every line that is wrong is told.

    A column or key that is absent stays as it is; an empty cell empties.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FORMS:
        raise HTTPException(415, f"send {' or '.join(FORMS)}, not {media_type or 'nothing said'}")
    reading = await asyncio.to_thread(read_devices, await request.body(), FORMS[media_type])
    done = await change_devices(office.store, reading.ids(), partial(fit_in, reading))
    return Imported(new=done.new, changed=done.changed, unchanged=done.unchanged)


@router.get("/export", response_class=Response, responses=FILE | documented(401, 422, 503))
async def export_devices(
    office: TheOffice,
    person: ThePerson,
    wanted: Annotated[Wanted, Depends(wanted_devices)],
    form: Annotated[FileForm, Query()] = FileForm.CSV,
) -> Response:
    """Return devices as a file that can be imported again; it holds addresses and telephones."""
    found = await list_devices(office.store, wanted, limit=MOST)
    log.info("%s exports %d devices with addresses and telephones", person.username, len(found))
    content = await asyncio.to_thread(write_devices, [known.device for known in found], form)
    headers = {"Content-Disposition": f'attachment; filename="devices.{form}"'}
    return Response(content, media_type=MEDIA_TYPES[form], headers=headers)
