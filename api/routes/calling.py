"""Whom alerts call: asked beforehand, and held back for a while."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.fields import LARGEST_ID, DeviceId, Label, Moment, SceneName, Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.escalation.case import MuteKind
from gridwatch.escalation.times import read_times
from gridwatch.model import Severity
from gridwatch.store.mutes import add_mute, lift_mute, list_mutes
from gridwatch.store.whom import whom

router = APIRouter(prefix="/api/v1", tags=["alerts"])

LONGEST_MUTE = timedelta(days=31)
"""What is longer is forgotten."""


class Called(BaseModel):
    """Somebody who would be told; without `code`: the channels of the installation."""

    code: str | None = None
    name: str | None = None
    step: str
    level: str | None
    area: str | None
    why: str
    why_zh: str


class StepAnswer(BaseModel):
    """What would happen at one time."""

    at: Moment
    called: list[Called]
    because: str
    because_zh: str
    next_at: Moment | None


class WhomAnswer(BaseModel):
    """Whom an alert would call, step by step, if nobody did anything."""

    device: str
    area: str | None
    scene: str
    label: str | None
    severity: Severity
    drill: bool
    at: Moment
    steps: list[StepAnswer]


@router.get("/whom", responses=documented(401, 403, 404, 422, 503), response_model=WhomAnswer)
async def ask_whom(
    office: TheOffice,
    device: DeviceId,
    at: Annotated[Moment | None, Query(description="RFC 3339, with an offset; unset: now")] = None,
    label: Annotated[Label | None, Query(description="what it reports; unset: its scene's worst")] = None,
    severity: Severity | None = None,
) -> Any:
    """Say whom an alert of a device would call, before it happens."""
    times = read_times(office.settings.escalation)
    moment = at or datetime.now(UTC)
    return await whom(office.store, device, moment, times=times, label=label, severity=severity)


class MuteBody(BaseModel):
    """A silence or maintenance that is wanted, for what fits all that it names."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: MuteKind = MuteKind.SILENCE
    area: Text | None = None
    device: DeviceId | None = None
    scene: SceneName | None = None
    reason: str = Field(min_length=1, max_length=500)
    starts_at: Moment | None = Field(None, description="unset: now")
    ends_at: Moment

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.area is None and self.device is None and self.scene is None:
            raise ValueError("name an area, a device or a scene")
        begins = self.starts_at or datetime.now(UTC)
        if not begins < self.ends_at <= begins + LONGEST_MUTE:
            raise ValueError(f"ends_at: after its beginning, by {LONGEST_MUTE.days} days at most")
        return self


class MuteAnswer(BaseModel):
    """A silence or maintenance. Life safety is called all the same."""

    id: int
    kind: MuteKind
    area: str | None
    device: str | None
    scene: str | None
    reason: str
    starts_at: Moment
    ends_at: Moment
    created_by: str
    created_at: Moment
    lifted_by: str | None
    lifted_at: Moment | None


@router.get("/mutes", responses=documented(401, 403, 422, 503), response_model=list[MuteAnswer])
async def mutes(
    office: TheOffice, past: Annotated[bool, Query(description="also those that are over")] = False
) -> Any:
    """Return silences and maintenance, the newest first."""
    return await list_mutes(office.store, past=past)


@router.post(
    "/mutes",
    status_code=status.HTTP_201_CREATED,
    responses=documented(401, 403, 404, 422, 503),
    response_model=MuteAnswer,
)
async def mute(body: MuteBody, office: TheOffice, person: ThePerson) -> Any:
    """Let nobody be called for a while, with a reason that stands in the timelines."""
    return await add_mute(
        office.store,
        body.kind,
        area=body.area,
        device=body.device,
        scene=body.scene,
        reason=body.reason,
        starts_at=body.starts_at or datetime.now(UTC),
        ends_at=body.ends_at,
        by=person.username,
    )


@router.delete(
    "/mutes/{mute}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def lift(
    mute: Annotated[int, Field(ge=1, le=LARGEST_ID)], office: TheOffice, person: ThePerson
) -> None:
    """End a silence or maintenance now; what it held back is called."""
    await lift_mute(office.store, mute, by=person.username)
