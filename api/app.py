"""Put the HTTP application together."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI

from api.access import check_access
from api.console.mount import mount_console
from api.feed import Feed
from api.first_administrator import NAME, make_first_administrator
from api.gate import GUARDED, OPEN, Gate
from api.listeners import Listeners
from api.office import Office
from api.problems import Problem, WrongField, answer_with_problems, documented
from api.routes import (
    alerts,
    answers,
    areas,
    calling,
    commands,
    credentials,
    device_health,
    devices,
    drills,
    escalation,
    events,
    figures,
    fire_weather,
    handovers,
    health,
    installation,
    lifts,
    me,
    people,
    photos,
    quarantine,
    readings,
    registry,
    token,
    tokens,
    users,
    views,
    webhooks,
    wecom_sign_in,
)
from api.short_cut import ShortCut
from api.sign_in import Callers, Guesses, Passwords, Tokens
from api.worker import page as worker_page
from gridwatch.evidence import EvidenceFiles
from gridwatch.running import database_url
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.accounts import CurrentAccounts, token_secret
from gridwatch.store.area_tree import CurrentTree

log = logging.getLogger(__name__)

CONNECTIONS = 8
"""To the database: one listens; each request holds another for milliseconds."""

WAIT_S = 3.0
"""For a connection: a person who waits longer than this takes the page for broken."""

EVIDENCE_FOLDER = "evidence"

ROUTES = (
    health,
    token,
    users,
    tokens,
    devices,
    device_health,
    quarantine,
    views,
    credentials,
    commands,
    lifts,
    areas,
    drills,
    people,
    me,
    readings,
    events,
    # Before the actions of alerts: its address would be taken for one.
    photos,
    alerts,
    calling,
    escalation,
    installation,
    figures,
    handovers,
    registry,
    fire_weather,
    answers,
    wecom_sign_in,
    webhooks,
    worker_page,
)


def create_app(settings: Settings, *, console: bool = True) -> FastAPI:
    """Return the application; it opens the database when it starts. Raises SettingsError.

    The console's pages are global: one application in a process may have them.
    """
    url = database_url(settings)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        async with Store.open(url, connections=CONNECTIONS, wait_s=WAIT_S) as store:
            feed = Feed(store)
            app.state.office = await _open_office(settings, store, feed)
            working = [
                asyncio.create_task(feed.run(), name="feed of alerts"),
                asyncio.create_task(app.state.office.listeners.run(), name="rounds among its listeners"),
                asyncio.create_task(feed.tell_held_back(), name="changes that were held back"),
            ]
            for task in working:
                task.add_done_callback(_end_with)
            try:
                yield
            finally:
                feed.close("the server stops; connect again")
                for task in working:
                    task.cancel()
                await asyncio.wait(working)

    app = FastAPI(
        title="Gridwatch",
        version=version("gridwatch"),
        lifespan=running,
        # Their pages load scripts from other servers.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(ShortCut)
    app.add_middleware(Gate)
    answer_with_problems(app)
    for routes in ROUTES:
        app.include_router(routes.router, dependencies=[Depends(check_access)])
    _complete_openapi(app)
    if console:
        mount_console(app)
    return app


async def _open_office(settings: Settings, store: Store, feed: Feed) -> Office:
    passwords = Passwords()
    tokens = Tokens(await token_secret(store))
    callers = Callers(CurrentAccounts(store), tokens)
    password = await make_first_administrator(store, passwords, settings)
    if password is not None:
        print(f"First administrator: {NAME}, password: {password} (shown only now)", flush=True)
    return Office(
        settings=settings,
        store=store,
        feed=feed,
        tree=CurrentTree(store),
        evidence=EvidenceFiles(settings.data_dir / EVIDENCE_FOLDER),
        tokens=tokens,
        callers=callers,
        passwords=passwords,
        guesses=Guesses(),
        listeners=Listeners(callers),
    )


def _end_with(working: asyncio.Task[None]) -> None:
    """A server without its feed would look well and show nothing: let the supervisor start another."""
    if not working.cancelled() and working.exception() is not None:
        log.critical("%s died, so the server ends", working.get_name(), exc_info=working.exception())
        signal.raise_signal(signal.SIGTERM)


def _complete_openapi(app: FastAPI) -> None:
    """Add to the description what the gate asks for, and what a problem looks like."""
    describe = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        schema = describe()
        components = schema.setdefault("components", {})
        for model in (Problem, WrongField):
            told = model.model_json_schema(ref_template="#/components/schemas/{model}")
            told.pop("$defs", None)
            components.setdefault("schemas", {})[model.__name__] = told
        flow = {"password": {"tokenUrl": "/api/v1/token", "scopes": {}}}
        components["securitySchemes"] = {"token": {"type": "oauth2", "flows": flow}}
        for path, operations in schema["paths"].items():
            if path.startswith(GUARDED) and path not in OPEN:
                for operation in operations.values():
                    operation["security"] = [{"token": []}]
                    operation["responses"] |= {str(k): v for k, v in documented(403).items()}
        return schema

    app.openapi = complete  # type: ignore[method-assign]
