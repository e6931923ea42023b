"""Bearer tokens for other programs: issued once, listed without what is secret, taken back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.office import TheOffice, ThePerson
from api.problems import documented
from api.routes.users import Username
from gridwatch.store.accounts import issue_token, list_tokens, revoke_token

router = APIRouter(prefix="/api/v1/tokens", tags=["accounts"])

LONGEST_DAYS = 3660

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class TokenBody(BaseModel):
    """A token that is wanted."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="what it is called where it is taken back")
    username: Username = Field(description="an account of role integration: its rights and its area count")
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] | None = Field(
        None, description="null: until it is taken back"
    )


class TokenKnown(BaseModel):
    """A token without what is secret of it."""

    name: str
    username: str
    created_at: AwareDatetime
    created_by: str
    ends_at: AwareDatetime | None


class NewToken(BaseModel):
    """A token: shown in this answer alone. Send it as `Authorization: Bearer …`."""

    name: str
    token: str


@router.get("", responses=documented(401, 503))
async def tokens(office: TheOffice) -> list[TokenKnown]:
    """Return the tokens that were issued."""
    return [TokenKnown.model_validate(one, from_attributes=True) for one in await list_tokens(office.store)]


@router.post("", status_code=status.HTTP_201_CREATED, responses=documented(401, 409, 422, 503))
async def issue(body: TokenBody, response: Response, office: TheOffice, person: ThePerson) -> NewToken:
    """Issue a token; it is known to nobody once this answer is gone."""
    ends_at = None if body.days is None else datetime.now(UTC) + timedelta(days=body.days)
    token = await issue_token(office.store, body.name, body.username, by=person.username, ends_at=ends_at)
    response.headers["Cache-Control"] = "no-store"
    return NewToken(name=body.name, token=token)


@router.delete(
    "/{token}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 422, 503),
)
async def revoke(token: Name, office: TheOffice, person: ThePerson) -> None:
    """Take a token back; who brings it is refused within a second."""
    await revoke_token(office.store, token, by=person.username)
