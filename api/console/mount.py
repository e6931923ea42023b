"""Put the console's pages on the application."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse
from nicegui import core, ui
from starlette.routing import Match, Mount
from starlette.types import Scope

from api.access import rule_of
from api.console.alert_page import show_alerts
from api.console.cameras_page import PATH as CAMERAS
from api.console.cameras_page import show_cameras
from api.console.knocking_page import PATH as KNOCKING
from api.console.knocking_page import show_knocking
from api.console.sign_in_page import show_sign_in
from api.console.view_page import PATH as VIEW
from api.console.view_page import show_view
from api.gate import person_behind, session_cookie
from api.office import Office
from api.sign_in import Person
from api.texts import DEFAULT_LANGUAGE, TEXTS, Words
from gridwatch.model import Role

LANGUAGE_COOKIE = "gridwatch_language"
YEAR_S = 365 * 24 * 3600

PAGES = frozenset({"/", "/login", KNOCKING, CAMERAS, VIEW})
FRAMEWORK = "/_nicegui"

RECONNECT_WITHIN_S = 10.0
"""A page that was away for less goes on as it was; later it loads anew."""

STYLE = Path(__file__).parent / "style.css"
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" '
    'fill="#16202b"/><path d="M7 7h8v8H7zM17 7h8v8h-8zM7 17h8v8H7z" fill="#4f8fc0"/>'
    '<path d="M17 17h8v8h-8z" fill="#ef5350"/></svg>'
)


class ConsoleMount(Mount):
    """Takes only the console's own paths: all else keeps its problem documents."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether the path is the console's."""
        path = scope.get("path", "")
        if path in PAGES or path.startswith(FRAMEWORK):
            return super().matches(scope)
        return Match.NONE, {}


def mount_console(app: FastAPI) -> None:
    """Add the pages and what they need; once in a process, as NiceGUI's pages are global."""

    @ui.page("/login", title="Gridwatch")
    async def sign_in_page(
        request: Request, failed: str | None = None, alert: int | None = None
    ) -> RedirectResponse | None:
        if await _visitor(app, request) is not None:
            return RedirectResponse("/")
        ui.add_css(STYLE)
        show_sign_in(_words(request), failed, alert)
        return None

    @ui.page("/", title="Gridwatch")
    async def alert_page(request: Request, alert: int | None = None) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None:
            return RedirectResponse("/login" if alert is None else f"/login?alert={alert}")
        ui.add_css(STYLE)
        show_alerts(visitor.office, visitor.token, visitor.person.role, _words(request), chosen=alert)
        return None

    @ui.page(KNOCKING, title="Gridwatch")
    async def knocking_page(request: Request) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None or not visitor.may("POST", "/api/v1/registry/adopt"):
            return RedirectResponse("/login")
        ui.add_css(STYLE)
        await show_knocking(visitor.office, visitor.token, _words(request))
        return None

    @ui.page(CAMERAS, title="Gridwatch")
    async def cameras_page(request: Request) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None or not visitor.may("GET", "/api/v1/devices/{device}/view"):
            return RedirectResponse("/login")
        ui.add_css(STYLE)
        await show_cameras(visitor.office, _words(request))
        return None

    @ui.page(VIEW, title="Gridwatch")
    async def view_page(request: Request, device: str) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None or not visitor.may("PUT", "/api/v1/devices/{device}/view"):
            return RedirectResponse("/login")
        ui.add_css(STYLE)
        await show_view(visitor.office, visitor.token, _words(request), device)
        return None

    @app.get("/language/{language}", include_in_schema=False)
    def choose_language(language: str, back: Annotated[str, Query(alias="back")] = "/") -> RedirectResponse:
        answer = RedirectResponse(back if urlsplit(back).path in PAGES and back.startswith("/") else "/", 303)
        if language in TEXTS:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, samesite="lax")
        return answer

    ui.run_with(
        app,
        title="Gridwatch",
        favicon=ICON,
        dark=True,
        language=DEFAULT_LANGUAGE,
        reconnect_timeout=RECONNECT_WITHIN_S,
        show_welcome_message=False,
        tailwind=False,
    )
    app.router.routes[-1] = ConsoleMount("/", app=core.app)


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who opened a page, and the office as they may see it."""

    person: Person
    token: str
    office: Office

    def may(self, method: str, path: str) -> bool:
        """Say whether they may call a route: a page is for those who may do what it does."""
        return rule_of(method, path).allows(self.person)


async def _visitor(app: FastAPI, request: Request) -> Visitor | None:
    """Return who opens a page, or None where nobody is signed in."""
    office: Office = app.state.office
    token = session_cookie(request.headers)
    person = await person_behind(office, token)
    if token is None or person is None or person.role is Role.INTEGRATION:
        return None
    return Visitor(person=person, token=token, office=office.seen_by(person))


def _words(request: Request) -> Words:
    return Words(request.cookies.get(LANGUAGE_COOKIE, DEFAULT_LANGUAGE))
