"""Photos that people take where an alert is."""

import asyncio
import hashlib
from typing import Annotated, Any
from uuid import UUID

import cv2
from fastapi import APIRouter, HTTPException, Query, Request, status
from pydantic import BaseModel

from api.fields import AlertId, Moment
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.errors import EvidenceError, UnreadableMedia
from gridwatch.evidence import EvidenceFiles, StoredEvidence
from gridwatch.media import encode_jpeg, read_picture
from gridwatch.store.photos import add_photo, photo_id

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

MEDIA_TYPES = ("image/jpeg", "image/png")
MOST_BYTES = 4 * 2**20
"""The worker page sends some 300 kB."""
MOST_PIXELS = 25_000_000
LONGEST_SIDE = 1920
"""Pixels of what is kept: enough to read a door plate."""

AT_ONCE = asyncio.Semaphore(2)
"""Each takes up to 150 MB and a core for a moment."""

PHOTO: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            one: {"schema": {"type": "string", "format": "binary", "maxLength": MOST_BYTES}}
            for one in MEDIA_TYPES
        },
    }
}


class PhotoAnswer(BaseModel):
    """A photo that is evidence now; its address is that of any evidence."""

    event: UUID
    url: str


@router.post(
    "/{alert}/photos",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=PHOTO,
    responses=documented(401, 403, 404, 409, 413, 415, 422, 503),
)
async def photo(
    alert: AlertId,
    request: Request,
    office: TheOffice,
    person: ThePerson,
    taken_at: Annotated[Moment | None, Query(description="RFC 3339, with an offset; unset: now")] = None,
) -> PhotoAnswer:
    """Keep a JPEG or PNG as evidence of an alert: upright, shrunk, and without anything beside its pixels.

    The same photo sent again is kept once.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise HTTPException(415, f"send {' or '.join(MEDIA_TYPES)}, not {media_type or 'nothing said'}")
    content = await request.body()
    if len(content) > MOST_BYTES:
        raise HTTPException(413, f"{len(content):,} bytes: a photo may have {MOST_BYTES // 2**20} MiB")
    event = photo_id(alert, person.username, hashlib.sha256(content).hexdigest())
    try:
        async with AT_ONCE:
            stored = await asyncio.to_thread(_keep, office.evidence, content)
    except UnreadableMedia as error:
        raise HTTPException(422, f"body: no photo that can be read: {error}") from error
    except EvidenceError as error:
        raise HTTPException(503, str(error), headers={"Retry-After": "60"}) from error
    await add_photo(office.store, alert, event, stored, by=person.username, taken_at=taken_at)
    return PhotoAnswer(event=event, url=f"/api/v1/events/{event}/evidence?position=0")


def _keep(files: EvidenceFiles, content: bytes) -> StoredEvidence:
    """Store the bare pixels of a photo: place, time and phone, which cameras write beside them, are gone."""
    pixels = read_picture(content, max_pixels=MOST_PIXELS)
    longest = max(pixels.shape[:2])
    if longest > LONGEST_SIDE:
        scale = LONGEST_SIDE / longest
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return files.put(encode_jpeg(pixels), "image/jpeg")
