"""Nobody gets to `/api/` without signing in, whatever routes there are: the gate stands before them."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.office import Office
from api.problems import own_problem, problem
from api.sign_in import TOKEN_LIFETIME, Person
from gridwatch.errors import StoreUnavailable

GUARDED = "/api/"
OPEN = frozenset({"/api/v1/token", "/api/v1/claim"})
COOKIE = "gridwatch_session"
LARGEST_BODY = 8 * 2**20
"""Bytes: some 20,000 devices in one request."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Gate:
    """Lets in who brings a token, as a bearer or in the browser's cookie; `request.state.person` is who."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 403."""
        if scope["type"] == "http":
            receive = _limited(receive)
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED) or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        office: Office = scope["app"].state.office
        bearer = _bearer(headers)
        try:
            person = await person_behind(office, bearer if bearer is not None else session_cookie(headers))
        except StoreUnavailable as error:
            await own_problem(error)(scope, receive, send)
            return
        if person is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="gridwatch"'}
            refusal = problem(401, "sign in first: POST /api/v1/token", headers=challenge)
            await refusal(scope, receive, send)
        elif bearer is None and scope["method"] not in SAFE_METHODS and not same_origin(headers):
            refusal = problem(403, "a browser may change something only from this server's own pages")
            await refusal(scope, receive, send)
        else:
            scope.setdefault("state", {})["person"] = person
            await self._app(scope, receive, send)


async def person_behind(office: Office, token: str | None) -> Person | None:
    """Return who a token speaks of, if it is a good one; raise StoreUnavailable."""
    return None if token is None else await office.callers.behind(token)


def remember(request: Request, answer: Response, token: str) -> None:
    """Give a browser the token in a cookie that no script can read and no other site can send."""
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(TOKEN_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def session_cookie(headers: Headers) -> str | None:
    """Return the token that the browser's cookie holds."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE)


def same_origin(headers: Headers) -> bool:
    """Say whether a browser sends this from a page of ours (cross-site request forgery)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(headers.get("origin", "")).netloc == headers.get("host")


def _limited(receive: Receive) -> Receive:
    """Refuse a body that is too large while it comes in, whatever length it was said to have."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST_BODY:
            raise HTTPException(413, f"send at most {LARGEST_BODY // 2**20} MiB at once")
        return message

    return limited


def _bearer(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
