"""Messages that could not be read: looked at, and taken in again once the cause is mended."""

from typing import Annotated, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.fields import LARGEST_ID, NEXT_PAGE, link_next
from api.office import TheOffice
from api.problems import documented
from gridwatch.store.connection import Row
from gridwatch.store.knocks import first_words
from gridwatch.store.quarantine import newest_quarantined, want_replay

router = APIRouter(prefix="/api/v1/quarantine", tags=["registry"])


class QuarantinedAnswer(BaseModel):
    """A message that could not be read, and why."""

    id: int
    topic: str
    named: str = Field(description="the device that it names; empty where it names none")
    reason: str
    decoder: str
    received_at: AwareDatetime
    size: int
    payload: str = Field(description="its beginning, as people can read it")
    replay_wanted: bool
    replayed_at: AwareDatetime | None
    outcome: str | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """Make it from a row."""
        return cls(**{**row, "payload": first_words(bytes(row["payload"]))})


class ReplayBody(BaseModel):
    """Which messages are to be taken in again."""

    model_config = ConfigDict(extra="forbid")

    messages: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] = Field(min_length=1, max_length=1000)


class ReplayAnswer(BaseModel):
    """Which of them waited, and are published again within seconds."""

    messages: list[int]


@router.get("", responses={200: NEXT_PAGE, **documented(401, 422, 503)})
async def quarantined(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    replayed: Annotated[bool, Query(description="also those that were replayed")] = False,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="number of the last seen")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[QuarantinedAnswer]:
    """Return a page of messages that could not be read, the newest first."""
    found = await newest_quarantined(office.store, all_=replayed, before=before, limit=limit)
    if len(found) == limit:
        link_next(request, response, before=found[-1]["id"])
    return [QuarantinedAnswer.of(row) for row in found]


@router.post("/replay", responses=documented(401, 422, 503))
async def replay(body: ReplayBody, office: TheOffice) -> ReplayAnswer:
    """Have messages taken in again; what still can't be read comes back to quarantine."""
    return ReplayAnswer(messages=await want_replay(office.store, body.messages))
