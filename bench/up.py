"""A `gridwatch up` in a process of its own, with its own data and ports, and a person signed in to it."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from bench.waiting import end, free_port, wait_until

READY_LINE = "Ctrl-C stops everything."
READY_WITHIN_S = 120.0
ANSWER_WITHIN_S = 15.0
STREAM_SILENCE_S = 60.0
"""The stream says something every 15 s."""
PASSWORD = "only-for-this-measurement"
AT_ONCE = 1_000
"""Devices registered in one request."""


class Up:
    """One life of `gridwatch up`; leave the block that `running` gives, and it is gone."""

    def __init__(self, data: Path, arguments: Sequence[str], settings: Mapping[str, str]) -> None:
        self.port, self.mqtt_port = free_port(), free_port()
        self.data = data
        self.ready_after_s = 0.0
        self._lines: list[str] = []
        self._ready = threading.Event()
        ours = {"GRIDWATCH_MQTT_PORT": str(self.mqtt_port), "GRIDWATCH_ADMIN_PASSWORD": PASSWORD}
        command = [sys.executable, "-m", "gridwatch", "up", "--data", str(data), "--port", str(self.port)]
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [*command, *arguments],
            env=clean_environment() | ours | dict(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="lines of up", daemon=True)
        self._reader.start()

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment in which commands find this installation."""
        return clean_environment() | {"GRIDWATCH_DATA_DIR": str(self.data)}

    def until_ready(self) -> None:
        """Wait until it says that it is ready; raise RuntimeError with what it said when it ends instead."""
        wait_until(
            lambda: self._ready.is_set() or self.process.poll() is not None,
            timeout_s=READY_WITHIN_S,
            what="gridwatch up is ready",
        )
        if not self._ready.is_set():
            raise RuntimeError("gridwatch up ended: " + " | ".join(self._lines))

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        end(self.process, signal.SIGINT)
        self._reader.join(ANSWER_WITHIN_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line.rstrip("\n"))
            if self._lines[-1] == READY_LINE:
                self.ready_after_s = time.monotonic() - self._began
                self._ready.set()


def clean_environment() -> dict[str, str]:
    """Return this environment without settings of Gridwatch."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GRIDWATCH_")}


@contextmanager
def data_folder() -> Iterator[Path]:
    """Lend a fresh data directory; it and a database that lies elsewhere are gone afterwards."""
    with TemporaryDirectory(prefix="gridwatch-bench-") as folder:
        home = Path(folder)
        # As root, PostgreSQL runs as an account of its own, which must pass through.
        home.chmod(0o711)
        data = home / "data"
        yield data
        note = data / "database-is-in"
        if note.exists():
            shutil.rmtree(note.read_text().strip(), ignore_errors=True)


@contextmanager
def running(data: Path, *arguments: str, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Up]:
    """Run `gridwatch up` for the length of the block, from its being ready."""
    up = Up(data, arguments, settings)
    try:
        up.until_ready()
        yield up
    finally:
        up.stop()


class Operator:
    """An administrator who registers devices and watches the live stream of alerts."""

    def __init__(self, port: int) -> None:
        self._port = port
        form = urllib.parse.urlencode({"username": "admin", "password": PASSWORD}).encode()
        token = self._post("/api/v1/token", form, {})["access_token"]
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._seen: Queue[tuple[str, float]] = Queue(maxsize=100_000)
        self._stream: http.client.HTTPConnection | None = None

    def register(self, names: Sequence[str], *, scene: str = "fire", kind: str = "sensor") -> None:
        """Register devices of one scene and kind."""
        headers = self._authorization | {"Content-Type": "application/json"}
        for first in range(0, len(names), AT_ONCE):
            bodies = [{"id": name, "scene": scene, "kind": kind} for name in names[first : first + AT_ONCE]]
            self._post("/api/v1/devices", json.dumps(bodies).encode(), headers)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hold the live stream open for the length of the block."""
        stream = http.client.HTTPConnection("127.0.0.1", self._port, timeout=STREAM_SILENCE_S)
        stream.request("GET", "/api/v1/alerts/stream", headers=self._authorization)
        answer = stream.getresponse()
        if answer.status != http.client.OK:
            raise RuntimeError(f"the stream answers {answer.status}")
        # Its first line says that it is subscribed.
        answer.readline()
        reader = threading.Thread(target=self._watch, args=(answer,), name="alert stream", daemon=True)
        reader.start()
        try:
            yield
        finally:
            if stream.sock is not None:
                stream.sock.close()
            stream.close()

    def alert_of(self, device: str, *, timeout_s: float) -> float | None:
        """Return when (perf_counter) the first alert of `device` came, None when it did not in time."""
        end_at = time.perf_counter() + timeout_s
        while (left := end_at - time.perf_counter()) > 0:
            try:
                name, seen_at = self._seen.get(timeout=left)
            except Empty:
                return None
            if name == device:
                return seen_at
        return None

    def _watch(self, answer: http.client.HTTPResponse) -> None:
        while True:
            try:
                line = answer.readline()
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                return
            seen_at = time.perf_counter()
            if not line:
                return
            if line.startswith(b"data: "):
                said = json.loads(line[6:])
                self._seen.put((said.get("device", ""), seen_at), timeout=ANSWER_WITHIN_S)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310 - loopback
            return json.load(answer)
