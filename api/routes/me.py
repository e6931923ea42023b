"""What belongs to who asks: their duty, alerts, figures, and whether they can be reached."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter

from api.channels.senders import Senders, new_client
from api.channels.sending import BadCredential, NotSent, Refused
from api.compressed import compressed
from api.dispatch.summons import trial_message
from api.fields import LARGEST_ID
from api.office import Office, TheOffice, ThePerson
from api.places import Places
from api.problems import documented
from api.reason_texts import reason_in_chinese
from api.routes.alerts import AlertAnswer
from api.routes.figures import FiguresAnswer
from api.worker.maps import route_links
from gridwatch.delivery import Outcome
from gridwatch.duty.turns import Turn, next_turn, turn_at
from gridwatch.errors import NotFound
from gridwatch.model import AlertState, Role
from gridwatch.services import REPORTS, kind_of
from gridwatch.store.answering import own_figures
from gridwatch.store.channels import Channel, channels_of, note_service
from gridwatch.store.mine import (
    MOST,
    MyAlert,
    TooOften,
    begin_trial,
    end_trial,
    my_alerts,
    my_channels,
    my_posts,
    person_behind,
)
from gridwatch.store.people import worker_of
from gridwatch.strongbox import Strongbox
from gridwatch.workflow import RULES, Need

router = APIRouter(prefix="/api/v1/me", tags=["me"])

FIGURES_OF = timedelta(days=30)
LAST_DIGITS = 4
"""Of a telephone: enough to tell one's own numbers apart."""


class TurnAnswer(BaseModel):
    """A time of duty; `area` is null for all of that person's."""

    begins: AwareDatetime
    ends: AwareDatetime
    area: str | None


class PostAnswer(BaseModel):
    """An area that somebody answers for: rank 1 is responsible, 2 and more stand in."""

    area: str
    name: str
    rank: int
    scenes: list[str] | None = Field(description="null: all")


class Works(StrEnum):
    """Whether a channel brings messages, as far as that is known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class MyChannel(BaseModel):
    """A way to a person."""

    position: int
    service: str
    kind: str
    hint: str = Field(description="the last digits of a telephone")
    quiet_from: str | None
    quiet_to: str | None
    works: Works
    since: AwareDatetime | None = Field(description="when that was seen")
    why: str = Field(description="why it does not")
    why_zh: str = Field(description="the same in Chinese")


class ActionAnswer(BaseModel):
    """An action of the caller's role: from which state into which; `own`: only with an alert of their own."""

    action: str
    leads: dict[AlertState, AlertState]
    own: list[AlertState]
    need: Need | None


class DutyAnswer(BaseModel):
    """Who asks: their place on the roster, how they are reached, and what they may do with alerts."""

    username: str
    role: Role
    code: str | None = Field(description="number at work; null for who is not on the roster")
    name: str
    areas: list[PostAnswer]
    always: bool = Field(description="no shifts are kept: on duty at any time")
    turn: TurnAnswer | None = Field(description="the shift that runs now")
    next_turn: TurnAnswer | None
    leave_until: AwareDatetime | None
    channels: list[MyChannel]
    actions: list[ActionAnswer]


class RouteAnswer(BaseModel):
    """The way to an alert in a map application."""

    app: str
    url: str


class PhoneAnswer(BaseModel):
    """Whom to call about a place."""

    name: str
    phone: str


class MyAlertAnswer(AlertAnswer):
    """An alert and what its person needs on the way."""

    place: str
    address: str
    telephone: str = Field(description="of the estate or household")
    contacts: list[PhoneAnswer] = Field(description="people of the estate and community")
    routes: list[RouteAnswer]
    called_at: AwareDatetime | None = Field(description="when the caller was called for it last")


class MyAlertsAnswer(BaseModel):
    """The caller's alerts, the worst first; `seq` is what a live feed goes on after."""

    seq: int
    total: int
    alerts: list[MyAlertAnswer]


ALERTS = TypeAdapter(MyAlertsAnswer)


@router.get("/duty", responses=documented(401, 403, 503))
async def duty(office: TheOffice, person: ThePerson) -> DutyAnswer:
    """Return who asks, when they are on duty, for what, how they are reached, and what they may do."""
    somebody = await person_behind(office.store, person.username)
    now = datetime.now(UTC)
    key = None if somebody is None else somebody["key"]
    worker = None if key is None else await worker_of(office.store, key, now)
    shifts = () if worker is None else worker.shifts
    leave = None if worker is None else worker.leave_at(now)
    return DutyAnswer(
        username=person.username,
        role=person.role,
        code=None if somebody is None else somebody["code"],
        name=person.username if somebody is None else somebody["name"],
        areas=[PostAnswer(**row) for row in await my_posts(office.store, key)],
        always=worker is not None and not shifts,
        turn=_turn(turn_at(shifts, now)),
        next_turn=_turn(next_turn(shifts, now)),
        leave_until=None if leave is None else leave.ends_at,
        channels=[] if key is None else await _channels(office, key),
        actions=_actions(person.role),
    )


@router.get("/alerts", responses=documented(401, 403, 422, 503), response_model=MyAlertsAnswer)
async def alerts(
    request: Request,
    office: TheOffice,
    person: ThePerson,
    id: Annotated[
        list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] | None,
        Query(max_length=MOST, description="only these, whatever their state"),
    ] = None,
) -> Response:
    """Return live alerts that are the caller's: in their areas, given to them, or they were called."""
    somebody = await person_behind(office.store, person.username)
    found = await my_alerts(
        office.store, person.username, None if somebody is None else somebody["key"], ids=id
    )
    answer = MyAlertsAnswer(seq=found.seq, total=found.total, alerts=[_alert(one) for one in found.alerts])
    return compressed(request, ALERTS.dump_json(answer), "application/json")


@router.get("/figures", responses=documented(401, 403, 503), response_model=list[FiguresAnswer])
async def figures(office: TheOffice, person: ThePerson) -> Any:
    """Return the caller's own figures of the last 30 days; drills apart."""
    somebody = await person_behind(office.store, person.username)
    names = [person.username] if somebody is None else [person.username, somebody["code"]]
    since = datetime.now(UTC) - FIGURES_OF
    return await own_figures(office.store, names, since=since)


@router.post("/channels/{position}/test", responses=documented(401, 403, 404, 422, 429, 503))
async def test(
    position: Annotated[int, Path(ge=1, le=32767)], office: TheOffice, person: ThePerson
) -> MyChannel:
    """Send a test message to the caller by a channel of theirs, and say whether the service took it."""
    somebody = await person_behind(office.store, person.username)
    rows = [] if somebody is None else await my_channels(office.store, somebody["key"])
    found = [row for row in rows if row["position"] == position]
    if somebody is None or not found:
        raise NotFound(f"you have no channel {position}")
    try:
        trial = await begin_trial(office.store, somebody["key"], found[0]["key"])
    except TooOften as error:
        raise HTTPException(429, str(error), headers={"Retry-After": str(error.wait_s)}) from error
    await _send(office, somebody["key"], position, trial)
    return next(one for one in await _channels(office, somebody["key"]) if one.position == position)


async def _send(office: Office, person: int, position: int, trial: int) -> None:
    rows = {row["key"]: row["position"] for row in await my_channels(office.store, person)}
    ways = await channels_of(office.store, Strongbox(office.settings.data_dir), person)
    channel = next(way for way in ways if rows.get(way.way.key) == position)
    name = channel.service_name
    try:
        async with new_client() as client:
            message = trial_message(office.settings.link_base)
            await Senders(client).send(channel.service, channel.address, message)
    except NotSent as error:
        await end_trial(office.store, trial, taken=False, why=str(error))
        if not isinstance(error, Refused):
            bad = isinstance(error, BadCredential)
            await note_service(office.store, name, error=str(error), bad_credential=bad)
    else:
        await end_trial(office.store, trial, taken=True)
        await note_service(office.store, name)


async def _channels(office: Office, person: int) -> list[MyChannel]:
    box = Strongbox(office.settings.data_dir)
    ways = {one.way.key: one for one in await channels_of(office.store, box, person)}
    rows = await my_channels(office.store, person)
    return [_channel(row, ways[row["key"]]) for row in rows if row["key"] in ways]


def _channel(row: Mapping[str, Any], way: Channel) -> MyChannel:
    works, since, why = _works(row)
    return MyChannel(
        position=row["position"],
        service=way.service_name,
        kind=kind_of(way.service),
        hint=way.address[-LAST_DIGITS:] if isinstance(way.service, REPORTS) else "",
        quiet_from=None if row["quiet_from"] is None else f"{row['quiet_from']:%H:%M}",
        quiet_to=None if row["quiet_to"] is None else f"{row['quiet_to']:%H:%M}",
        works=works,
        since=since,
        why=why,
        why_zh=reason_in_chinese(why),
    )


def _works(row: Mapping[str, Any]) -> tuple[Works, datetime | None, str]:
    """Say whether a channel works by what went last by it: a call, or a try."""
    if row["failing_since"] is not None:
        return Works.NO, row["failing_since"], row["last_error"]
    tried = row["tried_at"]
    if tried is not None and row["taken"] is not None and (row["went_at"] is None or tried > row["went_at"]):
        return (Works.YES if row["taken"] else Works.NO), tried, row["why"]
    match row["outcome"]:
        case Outcome.SENT | Outcome.ARRIVED:
            return Works.YES, row["went_at"], ""
        case Outcome.FAILED | Outcome.REFUSED:
            return Works.NO, row["went_at"], row["went_why"]
        case _:
            return Works.UNKNOWN, None, ""


def _turn(turn: Turn | None) -> TurnAnswer | None:
    return None if turn is None else TurnAnswer(begins=turn.begins, ends=turn.ends, area=turn.area)


def _actions(role: Role) -> list[ActionAnswer]:
    return [
        ActionAnswer(
            action=action,
            leads=dict(rule.leads),
            own=sorted(rule.own) if role is Role.GRID_WORKER else [],
            need=rule.need,
        )
        for action, rule in RULES.items()
        if role in rule.roles
    ]


def _alert(one: MyAlert) -> MyAlertAnswer:
    places = Places(one.path)
    place = places.with_device(one.alert)
    there = one.alert["location"]
    routes = () if there is None else route_links(there["lon"], there["lat"], place)
    return MyAlertAnswer(
        **one.alert,
        place=place,
        address=one.address,
        telephone=one.telephone,
        contacts=[PhoneAnswer(name=row["name"], phone=row["phone"]) for row in one.contacts],
        routes=[RouteAnswer(app=app, url=url) for app, url in routes],
        called_at=one.called_at,
    )
