"""What a person must answer: lists, single alerts, actions, and the live stream."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import cap
from api.event_stream import open_stream
from api.fields import LARGEST_ID, NEXT_PAGE, AlertId, SceneName, Since, Text, Until, link_next
from api.office import TheOffice, ThePerson
from api.origin import OriginAnswer
from api.problems import documented
from gridwatch.delivery import Outcome
from gridwatch.liveness import Kind
from gridwatch.model import AlertState, Severity
from gridwatch.registration.body import Place
from gridwatch.store.actions import WANTED, Particulars, act
from gridwatch.store.alerts import get_alert, list_alerts, timeline
from gridwatch.store.areas import path_of
from gridwatch.store.changes import changes_of_incident
from gridwatch.store.deliveries import told_of
from gridwatch.store.mine import person_behind
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
    CALL_119 = "call_119"


class ActionBody(BaseModel):
    """What an action is given besides."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field("", max_length=LONGEST_TEXT, description="why: of `return` and `reopen`")
    text: str = Field("", max_length=LONGEST_TEXT, description="of `comment`")
    to: str = Field("", max_length=64, description="number at work of a person: of `assign`")
    of: int | None = Field(None, ge=1, le=LARGEST_ID, description="id of the other alert: of `duplicate`")
    caller: str = Field("", max_length=64, description="who called the fire brigade: of `call_119`")
    called_at: AwareDatetime | None = Field(None, description="when they did; unset: now")
    reference: str = Field("", max_length=64, description="the number that the fire brigade gave")


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


class AlertPhoto(BaseModel):
    """A photo that somebody took where the alert is."""

    event: UUID
    media_type: str
    url: str
    by: str
    taken_at: AwareDatetime


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
    photos: list[AlertPhoto] = Field([], description="taken by people, oldest first")
    events: int
    assignee: str | None
    assignee_code: str | None = Field(None, description="their number at work")
    level: str | None
    spread: float | None = Field(None, description="of a fire: how fast it spreads beside others")
    simulated: bool
    outage: AlertOutage | None = None
    drill: bool = Field(description="raised on purpose, or while its device was in test")
    tester: str = Field(description="who tested its device then; is told of it, and nobody else")
    playback_url: str | None = Field(description="the recorder's, as the device has it")


class ChangeAnswer(BaseModel):
    """One change of an alert; `actor` is null where no person did it."""

    seq: int
    change: str
    actor: str | None
    detail: dict[str, Any] = Field(description="a reason or a text; who was called and why, and what is due")
    changed_at: AwareDatetime


class MessageAnswer(BaseModel):
    """One message to somebody who was called."""

    service: str = Field(description="as the administrator named it, or `installation` and a channel's mark")
    round: int = Field(description="each way is used once in a round; 0 is the first")
    outcome: Outcome = Field(
        description="`sent`: the service took it; `arrived`: it says that it is there; `unknown`: who sent it"
        " was killed, and nobody knows whether it went"
    )
    sent_at: AwareDatetime = Field(description="when it went, or may go while it is `waiting`")
    settled_at: AwareDatetime | None = Field(description="when its service said what became of it")
    by_person_at: AwareDatetime | None = Field(description="when the person gave a sign by it")
    receipt: str = Field(description="the service's own number of it")
    why: str = Field(description="what the service said where it did not take it")
    perhaps_twice: bool = Field(
        description="it was sent again after who sent it was killed, so it may have arrived twice"
    )


class ToldAnswer(BaseModel):
    """Somebody whom the alert called, why, by which ways, and what they answered."""

    call: int
    code: str | None = Field(description="number at work; null: the channels of the installation")
    name: str | None
    step: str = Field(description="`raised`, `escalated:town:2`, `again:3`, `remind:1`, ...")
    level: str | None
    area: str | None
    why: str = Field(description="why this person: what they are to this place")
    why_zh: str
    because: str = Field(description="why somebody was called then")
    because_zh: str
    urgent: bool = Field(description="life is in danger: repeated until a person gives a sign")
    asked_at: AwareDatetime
    reached_at: AwareDatetime | None = Field(description="a channel confirmed that they have it")
    answered_at: AwareDatetime | None
    answer: str | None
    ended_at: AwareDatetime | None = Field(description="when they were not wanted any more")
    messages: list[MessageAnswer]


class AlertWithTimeline(AlertAnswer):
    """An alert, what happened to it, who was told of it, and what may be done with it now."""

    timeline: list[ChangeAnswer]
    told: list[ToldAnswer]
    allowed_actions: list[str]


STREAM: dict[str, Any] = {
    "description": "`event: alert`, `id:` its seq, `data:` the alert; `event: cut_off` says why it ends."
    " Findings that join an alert within a second of its last change are told together.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

LastSeen = Annotated[
    int | None, Query(alias="last_event_id", ge=0, le=LARGEST_ID, description="as the Last-Event-ID header")
]
Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9_-]{8,64}$",
        description="yours, new for each request: sent again with the same, it is carried out once",
    ),
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
    return open_stream(office, person, after)


@router.get("/{alert}", responses=documented(401, 404, 422, 503), response_model=AlertWithTimeline)
async def alert(alert: AlertId, office: TheOffice, person: ThePerson) -> Any:
    """Return one alert with its timeline, and whom it called: `told`, oldest first.

    Each of `told` is one call of one person (or of the installation's channels) in one step, with why it was
    they and why then, when they were reached and answered, and `messages`: each with the service, when it
    went, what became of it, and the service's receipt.
    """
    found = await get_alert(office.store, alert)
    changes = await timeline(office.store, alert)
    somebody = await person_behind(office.store, person.username) or {}
    is_own = found["assignee"] == person.username or found["assignee_code"] == somebody.get("code", "")
    allowed = allowed_actions(AlertState(found["state"]), person.role, is_own=is_own)
    told = await told_of(office.store, alert)
    return {**found, "timeline": changes, "told": told, "allowed_actions": allowed}


CAP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "its newest message; docs/integrations.md says what stands where",
        "content": {cap.MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


@router.get("/{alert}/cap", response_class=Response, responses={**CAP, **documented(401, 404, 422, 503)})
async def alert_as_cap(alert: AlertId, office: TheOffice) -> Response:
    """Return an alert as a message of the Common Alerting Protocol 1.2."""
    await get_alert(office.store, alert)
    messages = await changes_of_incident(office.store, alert)
    area = messages[-1].alert["area"]
    path = [] if area is None else await path_of(office.store, area)
    own = cap.seen_from(path, office.area)
    document = cap.cap_message(messages, own, cap.Sender.of(office.settings))
    return Response(document, media_type=cap.MEDIA_TYPE)


@router.post(
    "/{alert}/{action}", responses=documented(401, 403, 404, 409, 422, 503), response_model=AlertAnswer
)
async def change(
    alert: AlertId,
    action: Action,
    office: TheOffice,
    person: ThePerson,
    body: ActionBody | None = None,
    once: Once = None,
) -> Any:
    """Change an alert; what its state or your role does not allow is refused with what is allowed."""
    given = Particulars() if body is None else Particulars(**body.model_dump())
    need = RULES[action].need
    if need is not None and not getattr(given, need.value):
        raise HTTPException(422, f"body.{need.value}: {action.value} needs it: {WANTED[need]}")
    return await act(
        office.store, alert, action.value, actor=person.username, role=person.role, given=given, once=once
    )
