"""Signing in: a token for programs, the same in a cookie for browsers."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from api.gate import COOKIE, remember, same_origin
from api.office import TheOffice
from api.problems import documented
from api.sign_in import TOKEN_LIFETIME
from api.signing import check_password

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
    person = await check_password(office, request, username, password)
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
    page: Annotated[Literal["", "worker"], Form()] = "",
) -> Response:
    """Sign a browser in: its cookie can't be read by scripts nor sent from other sites.

    `alert` is what a link led to; the page shows it once somebody is signed in. `page` is the one whose
    form this is: it is shown again where that failed.
    """
    if not same_origin(request.headers):
        raise HTTPException(403, "sign in on this server's own page")
    wanted = {} if alert is None else {"alert": alert}
    form = "/worker/sign-in" if page == "worker" else "/login"
    try:
        person = await check_password(office, request, username, password)
    except HTTPException:
        return _to(form, failed="wait", **wanted)
    if person is None:
        return _to(form, failed="wrong", **wanted)
    answer = _to("/worker" if page == "worker" else "/", **wanted)
    remember(request, answer, office.tokens.issue(person))
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
