"""A real HTTP server for a test, with somebody signed in."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx

from api.app import EVIDENCE_FOLDER, create_app
from api.serve import new_server
from gridwatch.errors import StoreUnavailable
from gridwatch.evidence import EvidenceFiles
from gridwatch.settings import Settings, read_settings
from gridwatch.store import Store
from tests.servers import free_port, run_sql, wait_until

THROW_OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"

PASSWORD = "a password of the tests"

EMPTY = """
    TRUNCATE device, area, quarantine, quantity, reading, notification, evidence_view, evidence_deletion,
             evidence_hold, procrastinate_jobs, person, service, handover, shift_note, routed, trail, kept
    RESTART IDENTITY CASCADE"""

ATTEMPTS = 5

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Api:
    """A running server and a client that is signed in."""

    url: str
    client: httpx.Client
    settings: Settings

    @property
    def files(self) -> EvidenceFiles:
        """Return the server's evidence."""
        return EvidenceFiles(self.settings.data_dir / EVIDENCE_FOLDER)

    def stored(self, work: Callable[[Store], Awaitable[Answer]]) -> Answer:
        """Do something with the server's database."""
        return at_store(self.settings.database_url or "", work)


def at_store(database_url: str, work: Callable[[Store], Awaitable[Answer]]) -> Answer:
    """Do something with a database."""

    async def scene() -> Answer:
        async with Store.open(database_url) as store:
            return await work(store)

    return asyncio.run(scene())


async def empty(store: Store) -> None:
    """Leave neither devices, areas nor alerts; who may sign in stays.

    A server that reads meanwhile may hold one of the tables and wait for another: then it is done again.
    """
    for attempt in range(ATTEMPTS):
        try:
            await store.execute(EMPTY)
        except StoreUnavailable:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


def settings_for(database_url: str, data_dir: Path) -> Settings:
    """Return settings for a server of a test."""
    return read_settings(
        database_url=database_url,
        mqtt_url=f"mqtt://127.0.0.1:{free_port()}",
        data_dir=data_dir,
        http_port=free_port(),
        admin_password=PASSWORD,
    )


@contextmanager
def shut_out(postgres_url: str, database_url: str) -> Iterator[None]:
    """Let a database refuse everybody, who is there and who comes, as if it were away."""
    name = urlsplit(database_url).path.removeprefix("/")
    run_sql(postgres_url, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    try:
        run_sql(postgres_url, THROW_OUT.format(name=name))
        yield
    finally:
        run_sql(postgres_url, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the API in a thread; yield its address. Stopping it may take 3 s, whatever is connected."""
    app = create_app(settings, console=False)
    server = new_server(app, settings)
    thread = threading.Thread(target=server.run, name="server of a test")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), what="the server listens")
        yield f"http://127.0.0.1:{settings.http_port}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def signed_in(url: str) -> Iterator[httpx.Client]:
    """Return a client that sends a token."""
    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.post("/api/v1/token", data={"username": "admin", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client
