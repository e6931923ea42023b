"""Drills: alerts that are raised on purpose, for a device or an area."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.fields import DeviceId, Text
from api.office import Office, TheOffice, ThePerson
from api.problems import documented
from api.routes.alerts import AlertAnswer
from gridwatch.store.areas import get_area
from gridwatch.store.drills import LABELS, USUAL_LABEL, drill_area, drill_device, foresee_drill

router = APIRouter(prefix="/api/v1", tags=["drills"])


class DrillBody(BaseModel):
    """A drill that is wanted."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(USUAL_LABEL, json_schema_extra={"enum": list(LABELS)}, description="of what")
    why: Text = Field("", description="what it is for; the timeline says so")

    @field_validator("label")
    @classmethod
    def _raises(cls, value: str) -> str:
        if value not in LABELS:
            raise ValueError(f"a drill may be of {', '.join(LABELS)}")
        return value


class CalledAnswer(BaseModel):
    """Somebody whom a drill would call."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    why: str
    why_zh: str


class ForeseenAnswer(BaseModel):
    """Whom a drill would call by the roster as it is now, the next of them first."""

    device: str = Field(description="at which it would be raised")
    simulated: bool = Field(description="true: nobody is called")
    people: list[CalledAnswer] = Field(description="empty: nobody on the roster")


Label = Annotated[Text, Query(description="of what", json_schema_extra={"enum": list(LABELS)})]

USUAL = DrillBody.model_validate({})


@router.post(
    "/devices/{device}/drill", responses=documented(401, 404, 409, 422, 503), response_model=AlertAnswer
)
async def of_device(
    device: DeviceId, office: TheOffice, person: ThePerson, body: DrillBody | None = None
) -> Any:
    """Raise a drill of a device: an alert that goes the way of a real one, and is marked everywhere.

    The people on duty are called up the ladder once, in their waking hours; then it closes by itself. What is
    real meanwhile is an alert of its own. One at a time.
    """
    wanted = body or USUAL
    by, why = person.username, wanted.why
    return await drill_device(office.store, device, label=wanted.label, by=by, why=why)


@router.post("/areas/{code}/drill", responses=documented(401, 404, 409, 422, 503), response_model=AlertAnswer)
async def of_area(code: Text, office: TheOffice, person: ThePerson, body: DrillBody | None = None) -> Any:
    """Raise a drill of an area, at one of its devices, for the people of the area and above it."""
    await get_area(office.store, code)
    wanted = body or USUAL
    by, why = person.username, wanted.why
    return await drill_area(office.store, code, label=wanted.label, by=by, why=why)


@router.get(
    "/devices/{device}/drill", responses=documented(401, 404, 422, 503), response_model=ForeseenAnswer
)
async def foresee_device(device: DeviceId, office: TheOffice, label: Label = USUAL_LABEL) -> Any:
    """Say whom a drill of a device would call; nothing is raised."""
    return await _foreseen(office, "device", device, label)


@router.get("/areas/{code}/drill", responses=documented(401, 404, 422, 503), response_model=ForeseenAnswer)
async def foresee_area(code: Text, office: TheOffice, label: Label = USUAL_LABEL) -> Any:
    """Say whom a drill of an area would call; nothing is raised."""
    await get_area(office.store, code)
    return await _foreseen(office, "area", code, label)


async def _foreseen(office: Office, kind: str, name: str, label: str) -> ForeseenAnswer:
    found = await foresee_drill(office.store, kind, name, label=label)
    return ForeseenAnswer.model_validate(found, from_attributes=True)
