"""`gridwatch api` as a process of its own, which a test may kill, and what happens beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx

from api.app import EVIDENCE_FOLDER
from gridwatch.evidence import EvidenceFiles
from gridwatch.store import Store
from gridwatch.strongbox import Strongbox
from tests.api.serving import PASSWORD, at_store
from tests.servers import end, free_port, wait_until

Answer = TypeVar("Answer")


class Console:
    """A console that a test may stop, kill and start again on its port."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.files = EvidenceFiles(folder / EVIDENCE_FOLDER)
        self.box = Strongbox(folder)
        self._folder = folder
        self._settings = {f"GRIDWATCH_{name.upper()}": value for name, value in settings.items()}
        self.database_url = database_url
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        environment = os.environ | {
            "GRIDWATCH_DATABASE_URL": self.database_url,
            "GRIDWATCH_DATA_DIR": str(self._folder),
            "GRIDWATCH_HTTP_PORT": str(self.port),
            "GRIDWATCH_ADMIN_PASSWORD": PASSWORD,
            "GRIDWATCH_MIGRATE": "0",
            **self._settings,
        }
        with (self._folder / "api.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gridwatch", "api"], env=environment, stdout=log, stderr=log
            )
        self._process = process
        wait_until(lambda: process.poll() is not None or self._answers(), what="the console answers")
        assert process.poll() is None, (self._folder / "api.log").read_text()

    def stop(self) -> None:
        """Stop it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self._end(signal.SIGKILL)

    def stored(self, work: Callable[[Store], Awaitable[Answer]]) -> Answer:
        """Do something with the database, in a thread of its own: the browser's loop runs in this one."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(at_store, self.database_url, work).result()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process, number)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", timeout=1).status_code == 200
        return False
