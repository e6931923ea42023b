"""A running installation as its users have it: commands, an operator's program, the stream of alerts."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import httpx
from httpx_sse import connect_sse

from gridwatch.store.books import read_books
from tests.api.serving import at_store
from tests.up.running_up import RunningUp

PASSWORD = "correct horse battery staple"


class Watcher:
    """An operator's program: signed in, and listening to the stream of alerts."""

    def __init__(self, port: int) -> None:
        self.alerts: list[dict[str, Any]] = []
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30)
        form = {"username": "admin", "password": PASSWORD}
        token = self._http.post("/token", data=form).raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """Return the JSON of a route."""
        return self._http.get(path).raise_for_status().json()

    def evidence(self, path: str) -> httpx.Response:
        """Return a piece of evidence."""
        return self._http.get(path.removeprefix("/api/v1")).raise_for_status()

    def newest(self, device: str) -> dict[str, Any]:
        """Return the newest state of a device's last alert, as the stream told it."""
        return [alert for alert in self.alerts if alert["device"] == device][-1]

    def ids(self, device: str) -> set[int]:
        """Return the numbers of a device's alerts that the stream told of."""
        return {alert["id"] for alert in self.alerts if alert["device"] == device}

    def _listen(self) -> None:
        try:
            with connect_sse(self._http, "GET", "/alerts/stream", timeout=None) as events:
                self._listening.set()
                for event in events.iter_sse():
                    if event.event == "alert":
                        self.alerts.append(json.loads(event.data))
        except (httpx.HTTPError, RuntimeError):
            return


class Installation:
    """A running `gridwatch up` and the commands typed beside it."""

    def __init__(self, data: Path, up: RunningUp) -> None:
        self.up = up
        self._environment = os.environ | {"GRIDWATCH_DATA_DIR": str(data)}

    def run(self, *arguments: str | Path) -> str:
        """Run one command of gridwatch and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "gridwatch", *map(str, arguments)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def books(self, device: str) -> dict[str, int]:
        """Return the books of one device."""
        books = at_store(self.database_url(), read_books)
        return next((book for book in books if book["device"] == device), {"received": 0})

    def database_url(self) -> str:
        """Return the address of its database."""
        address: str = json.loads((self.up.data / "running.json").read_text())["database_url"]
        return address
