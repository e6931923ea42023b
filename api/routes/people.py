"""Who answers for which area: the roster, its gaps, and the contact card of each grid."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.csv_files import CSV
from api.fields import Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.duty.calendar import unknown_year, unknown_years
from gridwatch.duty.files import Table, fit_in, read_table, write_table
from gridwatch.store.areas import get_area
from gridwatch.store.people import (
    areas_without_anybody,
    change_people,
    clear_table,
    contact_card,
    list_table,
    roster_gaps,
)

router = APIRouter(prefix="/api/v1", tags=["people"])


class WorkerAnswer(BaseModel):
    """One area of one person; `area` is null for who has none. Rank 1 is responsible, 2 and more stand in."""

    code: str = Field(description="the number at work")
    name: str
    phone: str | None
    language: str
    duties: str
    username: str | None
    area: str | None
    rank: int
    scenes: list[str] | None = Field(description="null: all")


class ContactAnswer(BaseModel):
    """Who answers for an area, and how to reach them."""

    code: str
    name: str
    phone: str | None
    language: str
    duties: str
    rank: int
    scenes: list[str] | None


class OnDutyAnswer(BaseModel):
    """Somebody who is on duty, and why it is them."""

    code: str
    name: str
    why: str
    why_zh: str


class CardAnswer(BaseModel):
    """The contact card of an area."""

    area: str
    name: str
    kind: str
    contacts: list[ContactAnswer]
    on_duty: list[OnDutyAnswer] = Field(description="now, stand-ins for leave included")


class GapAnswer(BaseModel):
    """A time in which nobody of an area has a shift: the responsible is called all the same."""

    area: str
    begins: AwareDatetime
    ends: AwareDatetime


class RosterState(BaseModel):
    """What is to be mended: gaps of the next 7 days, areas without anybody, years without holidays."""

    gaps: list[GapAnswer]
    areas_without_anybody: list[str]
    warnings: list[str]


@router.get("/workers", responses=documented(401, 422, 503), response_model=list[WorkerAnswer])
async def workers(
    office: TheOffice, area: Annotated[Text | None, Query(description="an area with all below it")] = None
) -> Any:
    """Return who answers for what, by number at work."""
    return await list_table(office.store, Table.PEOPLE, area=area)


@router.get("/roster", responses=documented(401, 503), response_model=RosterState)
async def roster(office: TheOffice) -> Any:
    """Return what is to be mended in the roster."""
    now = datetime.now(UTC)
    return {
        "gaps": [
            GapAnswer.model_validate(gap, from_attributes=True)
            for gap in await roster_gaps(office.store, now)
        ],
        "areas_without_anybody": await areas_without_anybody(office.store),
        "warnings": [unknown_year(year) for year in unknown_years(now)],
    }


@router.get("/areas/{code}/card", responses=documented(401, 404, 422, 503), response_model=CardAnswer)
async def card(code: Text, office: TheOffice) -> Any:
    """Return the contact card of an area: names, duties, how to reach them, and who is on duty now."""
    area = await get_area(office.store, code)
    found = await contact_card(office.store, code, datetime.now(UTC))
    return CardAnswer(
        area=area.code,
        name=area.name,
        kind=area.kind,
        contacts=[ContactAnswer.model_validate(one, from_attributes=True) for one in found.contacts],
        on_duty=[OnDutyAnswer.model_validate(one, from_attributes=True) for one in found.on_duty],
    )


class TableImported(BaseModel):
    """How many people an import was about, and what is to be mended since."""

    people: int
    roster: RosterState


@router.get("/roster/{table}", response_class=Response, responses={**CSV, **documented(401, 403, 422, 503)})
async def export_table(table: Table, office: TheOffice) -> Response:
    """Return people, shifts or leave as a file that can be imported again; it holds telephones."""
    text = write_table(await list_table(office.store, table), table)
    headers = {"Content-Disposition": f'attachment; filename="{table}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/roster/{table}",
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    },
    responses=documented(401, 403, 413, 422, 503),
)
async def import_table(table: Table, request: Request, office: TheOffice, person: ThePerson) -> TableImported:
    """Import people, shifts or leave, all or none; every line that is wrong is told.

    It takes the place of all that was known of the people that it names; others stay as they are.
    """
    reading = await asyncio.to_thread(read_table, await request.body(), table)
    count = await change_people(office.store, table, partial(fit_in, reading), by=person.username)
    return TableImported(people=count, roster=RosterState.model_validate(await roster(office)))


@router.delete("/roster/{table}/{worker}", responses=documented(401, 403, 404, 422, 503))
async def clear(table: Table, worker: Text, office: TheOffice, person: ThePerson) -> RosterState:
    """Delete all shifts or all leave of a person, or (table `people`) the person with all of it."""
    await clear_table(office.store, table, worker, by=person.username)
    return RosterState.model_validate(await roster(office))
