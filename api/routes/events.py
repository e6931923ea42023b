"""Findings that were stored, and the pictures and clips that show them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, Response, status
from fastapi.responses import FileResponse, RedirectResponse
from pydantic import AwareDatetime, BaseModel, Field

from api.fields import LARGEST_ID, NEXT_PAGE, DeviceId, Label, SceneName, Since, Until, link_next
from api.office import Office, TheOffice, ThePerson
from api.origin import OriginAnswer
from api.problems import documented
from gridwatch.errors import EvidenceError, NotFound
from gridwatch.store.history import (
    Event,
    EvidenceFile,
    EvidenceItem,
    evidence_of,
    get_event,
    list_events,
    note_view,
)
from gridwatch.store.keeping import find_deletion, hold, release

router = APIRouter(prefix="/api/v1/events", tags=["history"])

SAFE_LINKS = ("http://", "https://")

GONE = {
    "age": "the time for which evidence of its kind is kept was over",
    "quota": "the room for evidence was full, and it was the oldest of the least protected",
}

FILE: dict[str, Any] = {
    "description": "the picture or clip",
    "content": {"image/jpeg": {}, "image/png": {}, "video/mp4": {}},
}


class EvidenceAnswer(BaseModel):
    """Where evidence is. What is not masked is served on demand only, and each look is written down."""

    position: int
    media_type: str
    masked: bool
    url: str

    @classmethod
    def of(cls, event: UUID, item: EvidenceItem) -> "EvidenceAnswer":
        """Make it from what the store knows."""
        original = "" if item.masked else "&original=true"
        own = f"/api/v1/events/{event}/evidence?position={item.position}{original}"
        return cls(
            position=item.position,
            media_type=item.media_type,
            masked=item.masked,
            url=item.link if item.link is not None else own,
        )


class HoldBody(BaseModel):
    """Why evidence is to be held."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class EventAnswer(BaseModel):
    """A finding as it was stored."""

    id: UUID
    device: str
    scene: str
    label: str
    confidence: float
    observed_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    box_xyxy: tuple[float, float, float, float] | None
    track: list[Any]
    where: list[OriginAnswer] = Field(description="what it came from, the likeliest first; sums to 1")
    criteria: dict[str, Any]
    detector: str
    received_at: AwareDatetime
    recorded_at: AwareDatetime
    alert: int | None
    evidence: list[EvidenceAnswer]

    @classmethod
    def of(cls, event: Event) -> "EventAnswer":
        """Make it from what the store knows."""
        return cls(
            id=event.id,
            device=event.device,
            scene=event.scene,
            label=event.label,
            confidence=event.confidence,
            observed_at=event.observed_at,
            started_at=event.started_at,
            ended_at=event.ended_at,
            box_xyxy=event.box_xyxy,
            track=list(event.track),
            where=[OriginAnswer(**origin) for origin in event.origins],
            criteria=dict(event.criteria),
            detector=event.detector,
            received_at=event.received_at,
            recorded_at=event.recorded_at,
            alert=event.alert_id,
            evidence=[EvidenceAnswer.of(event.id, item) for item in event.evidence],
        )


@router.get("", responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def events(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    device: Annotated[DeviceId | None, Query()] = None,
    scene: SceneName | None = None,
    label: Label | None = None,
    alert: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    since: Since = None,
    until: Until = None,
    before: Annotated[UUID | None, Query(description="id of the last one seen")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[EventAnswer]:
    """Return a page of events, the last recorded first."""
    found = await list_events(
        office.store,
        device=device,
        scene=scene,
        label=label,
        alert=alert,
        since=since,
        until=until,
        before=before,
        limit=limit,
    )
    if len(found) == limit:
        link_next(request, response, before=found[-1].id)
    return [EventAnswer.of(one) for one in found]


@router.get("/{event}", responses=documented(401, 404, 422, 503))
async def event(event: UUID, office: TheOffice) -> EventAnswer:
    """Return one event."""
    return EventAnswer.of(await get_event(office.store, event))


@router.get(
    "/{event}/evidence",
    response_class=Response,
    responses={
        200: FILE,
        206: FILE,
        307: {"description": "a link"},
        **documented(401, 403, 404, 410, 422, 503),
    },
)
async def evidence(
    event: UUID,
    office: TheOffice,
    person: ThePerson,
    position: Annotated[int | None, Query(ge=0, le=32767)] = None,
    original: Annotated[bool, Query(description="not masked; the look is written down")] = False,
) -> Response:
    """Return a picture or clip of an event: the one at `position`, else the best; masked unless asked.

    410 where it was deleted, with when and why.
    """
    there = await evidence_of(office.store, event)
    if not there:
        await get_event(office.store, event)
    chosen = _choose(there, position, original)
    if chosen is None:
        raise await _absent(office, event, position, original)
    if chosen.url is not None:
        return _to_link(chosen.url)
    if original:
        await note_view(office.store, event, chosen.position, person.username)
    return await _file(office, chosen)


@router.post(
    "/{event}/hold",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def keep(event: UUID, body: HoldBody, office: TheOffice, person: ThePerson) -> None:
    """Let nothing delete the evidence of an event until it is released; who asked and why is written down."""
    await hold(office.store, event, reason=body.reason, by=person.username)


@router.delete(
    "/{event}/hold", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 403, 404, 422, 503)
)
async def let_go(event: UUID, office: TheOffice, person: ThePerson) -> None:
    """End the hold of an event."""
    await release(office.store, event, by=person.username)


def _choose(there: Sequence[EvidenceFile], position: int | None, original: bool) -> EvidenceFile | None:
    """Return what was asked for, if it is there; pictures come before clips."""
    fitting = [one for one in there if one.url is not None or one.masked is not original]
    if position is not None:
        if not original and any(one.position == position and one not in fitting for one in there):
            raise HTTPException(403, "this shows more than the finding: ask with original=true")
        fitting = [one for one in fitting if one.position == position]
    return min(fitting, key=lambda one: (not one.media_type.startswith("image/"), one.position), default=None)


async def _absent(office: Office, event: UUID, position: int | None, original: bool) -> Exception:
    """Return why an event has no such evidence: it was deleted, or never was."""
    deletion = await find_deletion(office.store, event, position=position, masked=not original)
    if deletion is None:
        return NotFound("the event has no such evidence")
    deleted_at, why = deletion
    return HTTPException(410, f"this evidence was deleted on {deleted_at:%Y-%m-%d at %H:%M} UTC: {GONE[why]}")


def _to_link(url: str) -> Response:
    if not url.startswith(SAFE_LINKS):
        raise NotFound("the device sent a link that can't be followed")
    return RedirectResponse(url)


async def _file(office: Office, chosen: EvidenceFile) -> Response:
    try:
        path = office.evidence.path_of(chosen.sha256 or "", chosen.media_type)
    except EvidenceError as error:
        raise NotFound(f"the file of this evidence can't be found: {error}") from error
    if not await asyncio.to_thread(path.is_file):
        raise NotFound(
            "the file of this evidence is missing: gridwatch evidence orphans lists all such files"
        )
    # The address of a masked file always means the same content; an original is not to be kept around.
    cache = "private, max-age=86400, immutable" if chosen.masked else "no-store"
    headers = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=chosen.media_type, headers=headers)
