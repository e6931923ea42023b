"""Lifts: how their interlocks stand, how they are wired, and letting go of one that is held."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.fields import LARGEST_ID, NEXT_PAGE, link_next
from api.office import Office, TheOffice, ThePerson
from api.problems import documented
from gridwatch.commands import CommandState
from gridwatch.interlock import Mode, State
from gridwatch.lifts import FalseHolds, Reason, check_holding, in_words
from gridwatch.registration.fields import DeviceId, Moment, Text
from gridwatch.store.lifts import (
    Hold,
    Lift,
    LiftChange,
    cameras_of,
    disable,
    false_holds_of,
    get_lift,
    judge,
    lift_changes,
    list_holds,
    list_lifts,
    release,
    set_wiring,
)

Past = TypeVar("Past", Hold, LiftChange)

Language = Annotated[str, Field(pattern="^[A-Za-z-]{2,16}$")]

router = APIRouter(prefix="/api/v1/lifts", tags=["lifts"])


class FalseHoldsAnswer(BaseModel):
    """What is known of a lift's false holds; in mode observe a hold is what would have been one."""

    watched_days: float
    holds: int
    judged: int
    false_alarms: int
    per_day: float | None
    per_day_most: float | None = Field(description="with 95 %, holds that nobody judged counted as false")

    @classmethod
    def of(cls, false_holds: FalseHolds) -> Self:
        """Make it from what the domain knows."""
        return cls.model_validate(false_holds, from_attributes=True)


class WordAnswer(BaseModel):
    """What a lift said last of itself; null is unknown."""

    door: str | None
    moving: bool | None
    door_zone: bool | None
    mode: str | None


class LiftAnswer(BaseModel):
    """A lift, its interlock as it stands, and how it is wired. What it is asked are requests that lapse."""

    id: str
    mode: Mode
    voice: dict[str, str]
    repeat_s: float
    disabled_until: AwareDatetime | None
    state: State
    why: str
    camera: str = Field(description="the camera that counts now; empty: none was heard")
    cameras: list[str]
    told_at: AwareDatetime | None
    asked: CommandState | None = Field(
        description="what became of the last request to wait; null: there was none"
    )
    answer: str | None = Field(description="what the lift said to it")
    cool_down_s: float = Field(description="left over of the last release")
    state_is_known: bool = Field(
        description="whether the lift spoke in the last 10 s; where not, nothing is claimed of it"
    )
    heard_at: AwareDatetime | None
    lift: WordAnswer | None
    false_holds: FalseHoldsAnswer


class WiringBody(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode | None = None
    voice: dict[Language, Annotated[Text, Field(min_length=1)]] | None = Field(
        None, max_length=8, description="what the lift's speaker says, by language; {}: nothing"
    )
    repeat_s: float | None = Field(None, ge=10, le=15)
    confirm: bool = Field(
        False, description="the false holds of this lift were seen; needed to leave observe"
    )


class ReleaseBody(BaseModel):
    """Why a lift is let go."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    note: Text = ""


class DisableBody(BaseModel):
    """Until when a lift is not to be held, and why; null: it may be held again."""

    model_config = ConfigDict(extra="forbid")

    until: Moment | None
    reason: Text = ""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.until is not None and not self.reason:
            raise ValueError("reason: say why it is switched off")
        return self


class VerdictBody(BaseModel):
    """What a person says of a hold."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["right", "false_alarm"]
    note: Text = ""


class HoldAnswer(BaseModel):
    """A hold; in mode observe one that would have been."""

    id: int
    camera: str
    mode: Mode
    began_at: AwareDatetime
    ended_at: AwareDatetime | None
    ended: str | None
    verdict: str | None
    verdict_by: str | None
    verdict_at: AwareDatetime | None
    note: str

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """Make it from what the store knows."""
        return cls.model_validate(hold, from_attributes=True)


class LiftChangeAnswer(BaseModel):
    """What a person did with a lift."""

    id: int
    changed_at: AwareDatetime
    change: str
    actor: str
    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class PastPage:
    """Which page is asked for of what happened to a lift."""

    lift: DeviceId
    request: Request
    response: Response
    office: TheOffice
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="id of the last one seen")] = None
    limit: Annotated[int, Query(ge=1, le=500)] = 100

    async def of(self, listed: Callable[..., Awaitable[list[Past]]]) -> list[Past]:
        """Return that page, and say where the next one is."""
        found = await get_lift(self.office.store, self.lift)
        page = await listed(self.office.store, found.key, before=self.before, limit=self.limit)
        if len(page) == self.limit:
            link_next(self.request, self.response, before=page[-1].id)
        return page


@router.get("", responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def lifts(
    request: Request,
    response: Response,
    office: TheOffice,
    after: Text = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[LiftAnswer]:
    """Return a page of the lifts that a camera looks into or that were set."""
    found = await list_lifts(office.store, after=after, limit=limit)
    if len(found) == limit:
        link_next(request, response, after=found[-1].id)
    return [await _answer(office, lift) for lift in found]


@router.get("/{lift}", responses=documented(401, 404, 422, 503))
async def one_lift(lift: DeviceId, office: TheOffice) -> LiftAnswer:
    """Return one lift as it stands now."""
    return await _answer(office, await get_lift(office.store, lift))


@router.patch("/{lift}", responses=documented(401, 403, 404, 409, 422, 503))
async def wire(lift: DeviceId, body: WiringBody, office: TheOffice, person: ThePerson) -> LiftAnswer:
    """Change how a lift is wired. Only who confirms to have seen its false holds switches holding on."""
    found = await get_lift(office.store, lift)
    said = body.model_dump(include={"mode", "voice", "repeat_s"}, exclude_none=True)
    before = found.wiring
    wiring = replace(before, **said)
    check_holding(
        before.mode, wiring.mode, await false_holds_of(office.store, found), is_confirmed=body.confirm
    )
    await set_wiring(office.store, found, wiring, actor=person.username)
    return await one_lift(lift, office)


@router.post("/{lift}/release", responses=documented(401, 403, 404, 422, 503))
async def let_go(lift: DeviceId, body: ReleaseBody, office: TheOffice, person: ThePerson) -> LiftAnswer:
    """Let go of a lift now; it is not held again for 60 s, after a false alarm not in this visit."""
    found = await get_lift(office.store, lift)
    reason = in_words(body.reason, body.note)
    is_false = body.reason is Reason.FALSE_ALARM
    await release(office.store, found, actor=person.username, reason=reason, is_false=is_false)
    return await one_lift(lift, office)


@router.post("/{lift}/disable", responses=documented(401, 403, 404, 422, 503))
async def switch_off(lift: DeviceId, body: DisableBody, office: TheOffice, person: ThePerson) -> LiftAnswer:
    """Do not hold a lift until a time; `until` null: it may be held again."""
    found = await get_lift(office.store, lift)
    await disable(office.store, found, body.until, actor=person.username, reason=body.reason)
    return await one_lift(lift, office)


@router.get("/{lift}/holds", responses={200: NEXT_PAGE, **documented(401, 404, 422, 503)})
async def holds(asked: Annotated[PastPage, Depends()]) -> list[HoldAnswer]:
    """Return a page of a lift's holds, the newest first."""
    return [HoldAnswer.of(hold) for hold in await asked.of(list_holds)]


@router.post(
    "/{lift}/holds/{hold}/verdict",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(401, 403, 404, 422, 503),
)
async def verdict(lift: DeviceId, hold: int, body: VerdictBody, office: TheOffice, person: ThePerson) -> None:
    """Say whether a hold was right: only what is judged can be known as false."""
    found = await get_lift(office.store, lift)
    is_false = body.verdict == "false_alarm"
    await judge(office.store, found, hold, is_false=is_false, actor=person.username, note=body.note)


@router.get("/{lift}/changes", responses={200: NEXT_PAGE, **documented(401, 404, 422, 503)})
async def changes(asked: Annotated[PastPage, Depends()]) -> list[LiftChangeAnswer]:
    """Return what people did with a lift, the newest first."""
    return [
        LiftChangeAnswer.model_validate(one, from_attributes=True) for one in await asked.of(lift_changes)
    ]


async def _answer(office: Office, lift: Lift) -> LiftAnswer:
    word = None if lift.word is None else WordAnswer.model_validate(lift.word, from_attributes=True)
    given: dict[str, Any] = {
        "id": lift.id,
        "mode": lift.wiring.mode,
        "voice": dict(lift.wiring.voice),
        "repeat_s": lift.wiring.repeat_s,
        "disabled_until": lift.disabled_until if lift.wiring.is_disabled else None,
        "state": lift.state,
        "why": lift.why,
        "camera": lift.camera,
        "cameras": await cameras_of(office.store, lift.id),
        "told_at": lift.told_at,
        "asked": lift.asked,
        "answer": lift.answer,
        "cool_down_s": lift.cool_down_s,
        "state_is_known": lift.state_is_known,
        "heard_at": lift.heard_at,
        "lift": word,
        "false_holds": FalseHoldsAnswer.of(await false_holds_of(office.store, lift)),
    }
    return LiftAnswer(**given)
