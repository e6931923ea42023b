"""Signing in with WeCom: who holds the phone is known by its application; a password is not needed.

The state that travels along stands in a cookie too, so that no link can sign anybody in as somebody else.
"""

import hmac
import secrets
from typing import Annotated

from fastapi import APIRouter, Cookie, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from api.channels.senders import Senders, new_client
from api.channels.sending import NotSent
from api.gate import remember
from api.office import Office, TheOffice
from api.sign_in import Person
from gridwatch.services import WeCom
from gridwatch.store import Store
from gridwatch.store.accounts import Account, find_account
from gridwatch.store.channels import find_service, list_services, owner_of
from gridwatch.strongbox import Strongbox

router = APIRouter(tags=["token"], include_in_schema=False)

PATH = "/login/wecom/"

STATE_COOKIE = "gridwatch_wecom"
STATE_GOOD_S = 600


@router.get("/login/wecom/{service}")
async def leave(service: str, request: Request, office: TheOffice) -> Response:
    """Send a browser inside WeCom to prove who it is."""
    application = await _application(office, service)
    state = secrets.token_hex(16)
    async with new_client() as client:
        back = f"{office.settings.link_base}/login/wecom/{service}/back"
        url = Senders(client).application(application).sign_in_url(back, state)
    answer = RedirectResponse(url, 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(STATE_COOKIE, state, max_age=STATE_GOOD_S, httponly=True, samesite="lax", secure=secure)
    return answer


@router.get("/login/wecom/{service}/back")
async def come_back(
    service: str,
    request: Request,
    office: TheOffice,
    code: Annotated[str, Query(max_length=512)],
    state: Annotated[str, Query(max_length=128)],
    expected: Annotated[str, Cookie(alias=STATE_COOKIE)] = "",
) -> Response:
    """Sign in whoever WeCom says that this is, if they have an account that is not disabled."""
    if not expected or not hmac.compare_digest(state.encode(), expected.encode()):
        raise HTTPException(403, "this way of signing in was not begun in this browser: begin anew")
    application = await _application(office, service)
    try:
        async with new_client() as client:
            user = await Senders(client).application(application).user_behind(code)
    except NotSent as error:
        raise HTTPException(503, f"{error}: sign in with a password, or try again") from error
    account = None if user is None else await _account(office, service, user)
    if account is None:
        return RedirectResponse("/login?failed=wrong", 303)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(STATE_COOKIE)
    remember(request, answer, office.tokens.issue(Person.of(account)))
    return answer


async def wecom_services(store: Store) -> list[str]:
    """Return the names of services by which somebody may sign in, each by PATH and its name."""
    kind = WeCom.__struct_config__.tag
    return [one.name for one in await list_services(store) if one.kind == kind]


async def _account(office: Office, service: str, user: str) -> Account | None:
    owner = await owner_of(office.store, Strongbox(office.settings.data_dir), service, user)
    if owner is None or owner["username"] is None:
        return None
    account = await find_account(office.store, owner["username"])
    return None if account is None or account.disabled else account


async def _application(office: Office, name: str) -> WeCom:
    service = await find_service(office.store, Strongbox(office.settings.data_dir), name)
    if not isinstance(service, WeCom):
        raise HTTPException(404)
    return service
