"""The handover of a shift: what stands, notes for who comes, and the signatures of both."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.access import still_here
from api.fields import LARGEST_ID, NEXT_PAGE, link_next
from api.gate import person_behind, same_origin, session_cookie
from api.office import Office, TheOffice, ThePerson
from api.problems import documented
from api.signing import HANDOVERS, HandoverRefused, sign_over
from gridwatch.errors import NotAllowed
from gridwatch.store.handovers import (
    LONGEST_NOTE,
    get_handover,
    list_handovers,
    standing,
    write_note,
)

router = APIRouter(tags=["handovers"])

PAGE = "/handover"

After = Annotated[int, Field(ge=0, le=LARGEST_ID)]


class NoteBody(BaseModel):
    """Something for who comes next."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    text: str = Field(min_length=1, max_length=LONGEST_NOTE)


class SignatureBody(BaseModel):
    """Who takes over signs with name and password; who leaves is the one who asks."""

    model_config = ConfigDict(extra="forbid")

    taken_by: str = Field(min_length=1, max_length=200)
    password: str = Field(max_length=1000)
    after: After = Field(description="number of the desk's last handover, as in `now`; 0 for none")


class StoodAnswer(BaseModel):
    """What a desk hands over, with names written out."""

    at: AwareDatetime
    after: int = Field(description="number of the desk's last handover, 0 for none")
    since: AwareDatetime | None = Field(description="when the shift began: the last handover")
    raised: int = Field(description="real alerts of the shift")
    false_alarms: int = Field(description="of these")
    alerts: list[dict[str, Any]] = Field(description="not ended, the severest first")
    mutes: list[dict[str, Any]] = Field(description="silences and maintenance that last or are to come")
    devices: list[dict[str, Any]] = Field(description="in test or maintenance")
    notes: list[dict[str, Any]] = Field(description="written down in this shift")


class ListedHandover(BaseModel):
    """A handover in a list; `desk` is the area of both, null for the whole installation."""

    id: int
    desk: str | None
    left_by: str
    taken_by: str
    signed_at: AwareDatetime
    alerts: int
    notes: int


class HandoverAnswer(BaseModel):
    """A handover as it stood."""

    id: int
    desk: str | None
    left_by: str
    taken_by: str
    signed_at: AwareDatetime
    stood: StoodAnswer


@router.get(HANDOVERS, responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def handovers(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="number of the last seen")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[ListedHandover]:
    """Return a page of handovers, the newest first."""
    found = await list_handovers(office.store, before=before, limit=limit)
    if len(found) == limit:
        link_next(request, response, before=found[-1]["id"])
    return [ListedHandover(**row) for row in found]


@router.get(f"{HANDOVERS}/now", responses=documented(401, 503))
async def now(office: TheOffice) -> StoodAnswer:
    """Return what the caller's desk would hand over now."""
    return StoodAnswer(**await standing(office.store, office.area))


@router.post(
    f"{HANDOVERS}/notes", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 422, 503)
)
async def note(body: NoteBody, office: TheOffice, person: ThePerson) -> None:
    """Write something down for who comes next."""
    await write_note(office.store, office.area, body.text, by=person.username)


@router.post(HANDOVERS, status_code=status.HTTP_201_CREATED, responses=documented(401, 409, 422, 429, 503))
async def sign(body: SignatureBody, request: Request, office: TheOffice, person: ThePerson) -> HandoverAnswer:
    """Hand the caller's desk over to who signs with name and password; it is stored as it stands now."""
    try:
        row = await sign_over(
            office,
            request,
            person,
            username=body.taken_by,
            password=body.password,
            after=body.after,
        )
    except HandoverRefused as error:
        raise RequestValidationError([{"loc": ("body",), "msg": str(error)}]) from error
    return HandoverAnswer(**row)


@router.get(f"{HANDOVERS}/{{handover}}", responses=documented(401, 404, 422, 503))
async def handover(handover: Annotated[int, Field(ge=1, le=LARGEST_ID)], office: TheOffice) -> HandoverAnswer:
    """Return one handover as it stood."""
    return HandoverAnswer(**await get_handover(office.store, handover))


@router.post(PAGE, include_in_schema=False)
async def sign_on_page(
    request: Request,
    username: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    after: Annotated[int, Form(ge=0, le=LARGEST_ID)] = 0,
) -> Response:
    """Hand over from the console's page: a plain form, so that no password passes through a script."""
    if not same_origin(request.headers):
        raise HTTPException(403, "hand over on this server's own page")
    everything: Office = request.app.state.office
    token = session_cookie(request.headers)
    who = await person_behind(everything, token)
    office = everything if who is None else everything.seen_by(who)
    leaver = None if token is None else await still_here(office, token, "POST", HANDOVERS)
    if leaver is None:
        return RedirectResponse("/login", 303)
    try:
        row = await sign_over(office, request, leaver, username=username, password=password, after=after)
    except HandoverRefused as error:
        return _to(failed=error.reason)
    except NotAllowed:
        return _to(failed="late")
    except HTTPException:
        return _to(failed="wait")
    return _to(shown=row["id"])


def _to(**query: str | int) -> RedirectResponse:
    return RedirectResponse(f"{PAGE}?{urlencode(query)}", 303)
