"""Files of devices: imported all or nothing, exported so that they can be imported again."""

import asyncio
import logging
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel

from api.office import TheOffice, ThePerson
from api.problems import documented
from api.routes.devices import wanted_devices
from gridwatch.registration.exporting import write_devices
from gridwatch.registration.importing import FileForm, fit_in, read_devices
from gridwatch.store.devices import Wanted, change_devices, list_devices

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
