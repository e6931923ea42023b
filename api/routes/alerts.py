"""What a person must answer: lists, single alerts, actions, and the live stream."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.event_stream import AlertStream
from api.fields import LARGEST_ID, NEXT_PAGE, AlertId, SceneName, Since, Text, Until, link_next
from api.office import TheOffice, ThePerson
from api.origin import OriginAnswer
from api.problems import documented
from gridwatch.liveness import Kind
from gridwatch.model import AlertState, Severity
from gridwatch.registration.body import Place
from gridwatch.store.alerts import WANTED, Particulars, act, get_alert, list_alerts, timeline
from gridwatch.workflow import RULES, allowed_actions

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

LONGEST_TEXT = 2000


class Action(StrEnum):
    """What people do with alerts. Which of them an alert allows depends on its state."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    ACCEPT = "accept"
    ARRIVE = "arrive"
    HANDLE = "handle"
    RESOLVE = "resolve"
    VERIFY = "verify"
    CLOSE = "close"
    RETURN = "return"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
    REOPEN = "reopen"
    ESCALATE = "escalate"
    COMMENT = "comment"


class ActionBody(BaseModel):
    """What an action is given besides."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field("", max_length=LONGEST_TEXT, description="why: of `return` and `reopen`")
    text: str = Field("", max_length=LONGEST_TEXT, description="of `comment`")
    to: str = Field("", max_length=64, description="number at work of a person: of `assign`")
    of: int | None = Field(None, ge=1, le=LARGEST_ID, description="id of the other alert: of `duplicate`")


class Order(StrEnum):
    """What comes first in a list of alerts."""

    NEWEST = "newest"
    SPREAD = "spread"


class AlertEvidence(BaseModel):
    """A masked picture or clip of an alert, or a link to one."""

    event: UUID
    position: int
    media_type: str
    url: str


class AlertOutage(BaseModel):
    """What is silent: channels of one device, or so many devices of all that a gateway or an area has."""

    scope: Kind
    name: str
    channels: list[str] | None = None
    devices: int | None = None
    of: int | None = None


class AlertAnswer(BaseModel):
    """An alert."""

    model_config = ConfigDict(extra="allow")

    id: int
    seq: int
    scene: str
    label: str
    severity: Severity
    state: AlertState
    confidence: float
    area: str | None
    device: str
    device_name: str
    observed_at: AwareDatetime
    last_observed_at: AwareDatetime
    raised_at: AwareDatetime
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    accepted_at: AwareDatetime | None
    accepted_by: str | None
    arrived_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    resolved_by: str | None
    verified_at: AwareDatetime | None
    verified_by: str | None
    closed_at: AwareDatetime | None
    closed_by: str | None
    ended: bool = Field(description="nobody need act any more")
    duplicate_of: int | None
    due_at: AwareDatetime | None = Field(description="when somebody is called next, unless it goes on")
    location: Place | None
    where: list[OriginAnswer] = Field(
        [], description="where its surest event came from, the likeliest first; sums to 1"
    )
    evidence: list[AlertEvidence]
    evidence_deleted_at: AwareDatetime | None = None
    events: int
    assignee: str | None
    level: str | None
    spread: float | None = Field(None, description="of a fire: how fast it spreads beside others")
    simulated: bool
    outage: AlertOutage | None = None
    drill: bool = Field(description="raised while its device was in test")
    tester: str = Field(description="who tested it; is told of it, and nobody else")
    playback_url: str | None = Field(description="the recorder's, as the device has it")


class ChangeAnswer(BaseModel):
    """One change of an alert; `actor` is null where no person did it."""

    seq: int
    change: str
    actor: str | None
    detail: dict[str, Any] = Field(description="a reason or a text; who was called and why, and what is due")
    changed_at: AwareDatetime


class AlertWithTimeline(AlertAnswer):
    """An alert, what happened to it, and what may be done with it now."""

    timeline: list[ChangeAnswer]
    allowed_actions: list[str]


STREAM: dict[str, Any] = {
    "description": "`event: alert`, `id:` its seq, `data:` the alert; `event: cut_off` says why it ends",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

LastSeen = Annotated[
    int | None, Query(alias="last_event_id", ge=0, le=LARGEST_ID, description="as the Last-Event-ID header")
]
LastEventId = Annotated[int | None, Header(ge=0, le=LARGEST_ID)]


@router.get("", responses={200: NEXT_PAGE, **documented(401, 422, 503)}, response_model=list[AlertAnswer])
async def alerts(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    state: AlertState | None = None,
    scene: SceneName | None = None,
    severity: Severity | None = None,
    area: Annotated[Text | None, Query(description="an area with all below it")] = None,
    drill: bool | None = None,
    since: Since = None,
    until: Until = None,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="id of the last one seen")] = None,
    order: Annotated[Order, Query(description="spread: the fires that spread fastest first, on one page")] = (
        Order.NEWEST
    ),
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Any:
    """Return a page of alerts, the newest first or as asked; times are those of raising."""
    found = await list_alerts(
        office.store,
        state=state,
        scene=scene,
        severity=severity,
        area=area,
        drill=drill,
        since=since,
        until=until,
        before=before,
        by_spread=order is Order.SPREAD,
        limit=limit,
    )
    if len(found) == limit and order is Order.NEWEST:
        link_next(request, response, before=found[-1]["id"])
    return found


@router.get("/stream", response_class=Response, responses={200: STREAM, **documented(401, 422)})
async def stream(
    office: TheOffice, person: ThePerson, last_event_id: LastEventId = None, last_seen: LastSeen = None
) -> Response:
    """Stream each change of an alert: those after the last id seen, where it is given, then live."""
    after = last_event_id if last_event_id is not None else last_seen

    async def still_allowed() -> bool:
        now = await office.callers.still(person)
        return now is not None and now.area == person.area

    return AlertStream(office.feed, office.store, after=after, still_allowed=still_allowed)


@router.get("/{alert}", responses=documented(401, 404, 422, 503), response_model=AlertWithTimeline)
async def alert(alert: AlertId, office: TheOffice, person: ThePerson) -> Any:
    """Return one alert with its timeline."""
    found = await get_alert(office.store, alert)
    changes = await timeline(office.store, alert)
    is_own = found["assignee"] == person.username or found["accepted_by"] == person.username
    allowed = allowed_actions(AlertState(found["state"]), person.role, is_own=is_own)
    return {**found, "timeline": changes, "allowed_actions": allowed}


@router.post(
    "/{alert}/{action}", responses=documented(401, 403, 404, 409, 422, 503), response_model=AlertAnswer
)
async def change(
    alert: AlertId, action: Action, office: TheOffice, person: ThePerson, body: ActionBody | None = None
) -> Any:
    """Change an alert; what its state or your role does not allow is refused with what is allowed."""
    given = Particulars() if body is None else Particulars(**body.model_dump())
    need = RULES[action].need
    if need is not None and not getattr(given, need.value):
        raise HTTPException(422, f"body.{need.value}: {action.value} needs it: {WANTED[need]}")
    return await act(office.store, alert, action.value, actor=person.username, role=person.role, given=given)
