"""Put the console's pages on the application."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse
from nicegui import core, ui
from starlette.routing import Match, Mount
from starlette.types import Scope

from api.console.administration_page import PATH as ADMINISTRATION
from api.console.administration_page import show_administration
from api.console.board import Boards
from api.console.camera_page import PATH as VIEW
from api.console.cameras_page import show_camera, show_cameras
from api.console.device_page import show_device
from api.console.devices_page import CAMERAS, show_devices
from api.console.devices_page import DEVICE_PATH as DEVICE
from api.console.devices_page import PATH as DEVICES
from api.console.figures_page import PATH as FIGURES
from api.console.figures_page import show_figures
from api.console.frame import STYLE, Visitor
from api.console.handover_page import PATH as HANDOVER
from api.console.handover_page import show_handover
from api.console.knocking_page import PATH as KNOCKING
from api.console.knocking_page import show_knocking
from api.console.now_page import show_now
from api.console.quarantine_page import PATH as QUARANTINE
from api.console.quarantine_page import show_quarantine
from api.console.sign_in_page import show_sign_in
from api.console.theme import DARK, LIGHT, THEME_COOKIE, begin_theme
from api.gate import person_behind, session_cookie
from api.office import Office
from api.routes.wecom_sign_in import wecom_services
from api.texts import DEFAULT_LANGUAGE, TEXTS, Words
from api.worker.page import PAGE as WORKER
from api.worker.page import SIGN_IN as WORKER_SIGN_IN
from gridwatch.model import Role

LANGUAGE_COOKIE = "gridwatch_language"
YEAR_S = 365 * 24 * 3600

PAGES = frozenset(
    {"/", "/login", KNOCKING, CAMERAS, VIEW, HANDOVER, FIGURES, DEVICES, DEVICE, QUARANTINE, ADMINISTRATION}
)
FRAMEWORK = "/_nicegui"

RECONNECT_WITHIN_S = 10.0
"""A page that was away for less goes on as it was; later it loads anew."""

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

    boards = Boards()

    @ui.page("/login", title="Gridwatch")
    async def sign_in_page(
        request: Request, failed: str | None = None, alert: int | None = None
    ) -> RedirectResponse | None:
        if await _visitor(app, request) is not None:
            return RedirectResponse("/")
        wecom = await wecom_services(app.state.office.store)
        words = _words(request)
        ui.add_css(STYLE)
        begin_theme(_theme(request), words.language)
        show_sign_in(words, failed, alert, wecom)
        return None

    @ui.page("/", title="Gridwatch")
    async def now_page(request: Request, alert: int | None = None) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None:
            return RedirectResponse("/login" if alert is None else f"/login?alert={alert}")
        if visitor.person.role is Role.GRID_WORKER:
            return RedirectResponse(WORKER if alert is None else f"{WORKER}?alert={alert}")
        await show_now(boards, visitor, _words(request), chosen=alert)
        return None

    @ui.page(KNOCKING, title="Gridwatch")
    async def knocking_page(request: Request) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None or not visitor.may("POST", "/api/v1/registry/adopt"):
            return RedirectResponse("/login")
        await show_knocking(visitor, _words(request))
        return None

    @ui.page(CAMERAS, title="Gridwatch")
    async def cameras_page(request: Request) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None or not visitor.may("GET", "/api/v1/devices/{device}/view"):
            return RedirectResponse("/login")
        await show_cameras(visitor, _words(request))
        return None

    @ui.page(VIEW, title="Gridwatch")
    async def view_page(request: Request, device: str) -> RedirectResponse | None:
        visitor = await _visitor(app, request)
        if visitor is None or not visitor.may("PUT", "/api/v1/devices/{device}/view"):
            return RedirectResponse("/login")
        await show_camera(visitor, _words(request), device)
        return None

    @app.get("/language/{language}", include_in_schema=False)
    def choose_language(language: str, back: Annotated[str, Query(alias="back")] = "/") -> RedirectResponse:
        answer = _back_to(back)
        if language in TEXTS:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, samesite="lax")
        return answer

    _mount_pages(app)
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


def _mount_pages(app: FastAPI) -> None:
    """Add the pages that have a frame."""

    @ui.page(HANDOVER, title="Gridwatch")
    async def handover_page(
        request: Request, shown: int | None = None, failed: str | None = None
    ) -> RedirectResponse | None:
        visitor = await _entering(app, request, "/api/v1/handovers")
        if visitor is None:
            return RedirectResponse("/login")
        await show_handover(visitor, _words(request), shown=shown, failed=failed)
        return None

    @ui.page(FIGURES, title="Gridwatch")
    async def figures_page(request: Request) -> RedirectResponse | None:
        visitor = await _entering(app, request, "/api/v1/figures")
        if visitor is None:
            return RedirectResponse("/login")
        await show_figures(visitor, _words(request))
        return None

    @ui.page(DEVICES, title="Gridwatch")
    async def devices_page(request: Request, area: str | None = None) -> RedirectResponse | None:
        visitor = await _entering(app, request, "/api/v1/health/devices")
        if visitor is None:
            return RedirectResponse("/login")
        await show_devices(visitor, _words(request), area=area)
        return None

    @ui.page(DEVICE, title="Gridwatch")
    async def device_page(request: Request, device: str) -> RedirectResponse | None:
        visitor = await _entering(app, request, "/api/v1/health/devices")
        if visitor is None:
            return RedirectResponse("/login")
        await show_device(visitor, _words(request), device)
        return None

    @ui.page(ADMINISTRATION, title="Gridwatch")
    async def administration_page(request: Request, part: str | None = None) -> RedirectResponse | None:
        visitor = await _entering(app, request, "/api/v1/roster")
        if visitor is None:
            return RedirectResponse("/login")
        await show_administration(visitor, _words(request), part=part)
        return None

    @ui.page(QUARANTINE, title="Gridwatch")
    async def quarantine_page(request: Request) -> RedirectResponse | None:
        visitor = await _entering(app, request, "/api/v1/quarantine")
        if visitor is None:
            return RedirectResponse("/login")
        await show_quarantine(visitor, _words(request))
        return None


async def _entering(app: FastAPI, request: Request, route: str) -> Visitor | None:
    """Return who opens a page that shows what a route answers, or None where they may not call that."""
    visitor = await _visitor(app, request)
    if visitor is None or not visitor.may("GET", route):
        return None
    return visitor


async def _visitor(app: FastAPI, request: Request) -> Visitor | None:
    """Return who opens a page, or None where nobody is signed in."""
    office: Office = app.state.office
    token = session_cookie(request.headers)
    person = await person_behind(office, token)
    if token is None or person is None or person.role is Role.INTEGRATION:
        return None
    light = _theme(request) == LIGHT
    return Visitor(person=person, token=token, office=office.seen_by(person), light=light)


def _theme(request: Request) -> str:
    return LIGHT if request.cookies.get(THEME_COOKIE) == LIGHT else DARK


def _back_to(page: str) -> RedirectResponse:
    """Return to a page of ours, whatever was asked for."""
    known = urlsplit(page).path in PAGES | {WORKER, WORKER_SIGN_IN} and page.startswith("/")
    return RedirectResponse(page if known else "/", 303)


def _words(request: Request) -> Words:
    return Words(request.cookies.get(LANGUAGE_COOKIE, DEFAULT_LANGUAGE))
