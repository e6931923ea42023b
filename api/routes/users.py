"""Who may sign in: oneself and one's password, and the accounts of others."""

import math
from typing import Annotated, Self

from fastapi import APIRouter, HTTPException, Request, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.fields import Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from api.sign_in import sign_in
from gridwatch.account_files import SHORTEST_PASSWORD, USERNAME
from gridwatch.errors import NotAllowed
from gridwatch.model import Role
from gridwatch.store.accounts import (
    Account,
    delete_account,
    list_accounts,
    put_accounts,
    set_password,
)

router = APIRouter(prefix="/api/v1", tags=["accounts"])

Username = Annotated[str, Field(pattern=f"^{USERNAME.pattern}$")]
NewPassword = Annotated[str, Field(min_length=SHORTEST_PASSWORD, max_length=1000)]


class Me(BaseModel):
    """Who asks; `area` is the part of the tree that they see, null for all."""

    username: str
    role: Role
    area: str | None
    ends_at: AwareDatetime | None = Field(description="when the token ends")


class PasswordChange(BaseModel):
    """The password so far, and the next one."""

    model_config = ConfigDict(extra="forbid")

    old: Annotated[str, Field(max_length=1000)]
    new: NewPassword


class UserAnswer(BaseModel):
    """An account; its password is never shown."""

    username: str
    role: Role
    area: str | None
    disabled: bool
    has_password: bool

    @classmethod
    def of(cls, account: Account) -> Self:
        """Make it from what the store knows."""
        return cls(
            username=account.username,
            role=account.role,
            area=account.area,
            disabled=account.disabled,
            has_password=account.password_hash is not None,
        )


class UserBody(BaseModel):
    """An account as it is to be; without a password it keeps the one that it has."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    role: Role
    area: Text | None = Field(None, description="it sees this area and all below it; null: everything")
    disabled: bool = False
    password: NewPassword | None = None


@router.get("/me", responses=documented(401))
async def me(person: ThePerson) -> Me:
    """Return who asks."""
    return Me.model_validate(person, from_attributes=True)


@router.post(
    "/me/password", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 403, 409, 422, 429, 503)
)
async def change_password(
    body: PasswordChange, request: Request, office: TheOffice, person: ThePerson
) -> None:
    """Change one's own password; every token of the old one ends, this one too."""
    address = request.client.host if request.client else ""
    wait_s = office.guesses.wait_s(person.username, address)
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise HTTPException(429, f"too many wrong passwords: wait {math.ceil(wait_s)} s", headers=headers)
    if await sign_in(office.store, office.passwords, person.username, body.old) is None:
        office.guesses.count(person.username, address)
        raise NotAllowed("old: this is not your password")
    new = await office.passwords.hash(body.new)
    await set_password(office.store, person.username, new, by=person.username)


@router.get("/users", responses=documented(401, 503))
async def users(office: TheOffice) -> list[UserAnswer]:
    """Return all accounts."""
    return [UserAnswer.of(account) for account in await list_accounts(office.store)]


@router.post("/users", responses=documented(401, 409, 422, 503))
async def put_user(body: UserBody, office: TheOffice, person: ThePerson) -> UserAnswer:
    """Add an account or change the one of that name; one that is disabled is out within a second."""
    password_hash = None if body.password is None else await office.passwords.hash(body.password)
    given = body.model_dump(exclude={"password"})
    account = Account(**given, password_hash=password_hash)
    await put_accounts(office.store, [account], by=person.username)
    (made,) = [one for one in await list_accounts(office.store) if one.username == body.username]
    return UserAnswer.of(made)


@router.delete(
    "/users/{username}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 409, 422, 503),
)
async def delete_user(username: Username, office: TheOffice, person: ThePerson) -> None:
    """Delete an account with its tokens."""
    await delete_account(office.store, username, by=person.username)
