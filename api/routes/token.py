"""Signing in: a token for programs, the same in a cookie for browsers."""

import math
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.gate import COOKIE, same_origin
from api.office import Office, TheOffice
from api.problems import documented
from api.sign_in import TOKEN_LIFETIME, Person, sign_in

router = APIRouter(tags=["sign-in"])

Username = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=1000)]


class TokenAnswer(BaseModel):
    """A token; send it as `Authorization: Bearer …`."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 - the kind of token, not one
    expires_in: Annotated[int, Field(description="seconds")] = int(TOKEN_LIFETIME.total_seconds())


@router.post("/api/v1/token", responses=documented(401, 422, 429, 503))
async def token(
    request: Request, response: Response, office: TheOffice, username: Username, password: Password
) -> TokenAnswer:
    """Return a token for a name and its password."""
    person = await _sign_in(office, request, username, password)
    if person is None:
        raise HTTPException(401, "wrong name or password", headers={"WWW-Authenticate": "Bearer"})
    response.headers["Cache-Control"] = "no-store"
    return TokenAnswer(access_token=office.tokens.issue(person))


@router.post("/login", include_in_schema=False)
async def login(
    request: Request,
    office: TheOffice,
    username: Username = "",
    password: Password = "",
    alert: Annotated[int | None, Form()] = None,
) -> Response:
    """Sign a browser in: its cookie can't be read by scripts nor sent from other sites.

    `alert` is what a link led to; the page shows it once somebody is signed in.
    """
    if not same_origin(request.headers):
        raise HTTPException(403, "sign in on this server's own page")
    wanted = {} if alert is None else {"alert": alert}
    try:
        person = await _sign_in(office, request, username, password)
    except HTTPException:
        return _to("/login", failed="wait", **wanted)
    if person is None:
        return _to("/login", failed="wrong", **wanted)
    answer = _to("/", **wanted)
    answer.set_cookie(
        COOKIE,
        office.tokens.issue(person),
        max_age=int(TOKEN_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def _to(page: str, **query: str | int) -> RedirectResponse:
    return RedirectResponse(f"{page}?{urlencode(query)}" if query else page, 303)


@router.post("/logout", include_in_schema=False)
async def logout(request: Request) -> Response:
    """Forget the browser's cookie."""
    if not same_origin(request.headers):
        raise HTTPException(403, "sign out on this server's own page")
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


async def _sign_in(office: Office, request: Request, username: str, password: str) -> Person | None:
    """Return who this is, or None; raise HTTPException 429 after too many guesses."""
    address = request.client.host if request.client else ""
    wait_s = office.guesses.wait_s(username, address)
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise HTTPException(429, f"too many wrong passwords: wait {math.ceil(wait_s)} s", headers=headers)
    person = await sign_in(office.store, office.passwords, username, password)
    if person is None:
        office.guesses.count(username, address)
    else:
        office.guesses.forget(username, address)
    return person
