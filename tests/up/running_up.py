"""A real `gridwatch up` in a process of its own, with its own data directory and ports."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import psutil

from gridwatch.cli.up.account import database_account
from gridwatch.cli.up.postgres import database_folder
from tests.servers import free_port, wait_until

READY_WITHIN_S = 90.0
STOP_WITHIN_S = 5.0
ENDED_WITHIN_S = 60.0


def clean_environment() -> dict[str, str]:
    """Return this environment without settings of Gridwatch."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GRIDWATCH_")}


class RunningUp:
    """One life of `gridwatch up`."""

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        mqtt_port: int | None = None,
        arguments: tuple[str, ...] = (),
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.mqtt_port = mqtt_port or free_port()
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gridwatch",
                "up",
                "--data",
                str(data),
                "--port",
                str(self.port),
                *arguments,
            ],
            env=clean_environment() | {"GRIDWATCH_MQTT_PORT": str(self.mqtt_port)} | dict(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGINT)
        self.wait()

    @property
    def said(self) -> str:
        """Return everything that it printed."""
        return "\n".join(self.lines)

    def until_ready(self) -> Self:
        """Wait until it says ready."""
        wait_until(
            lambda: self._process.poll() is not None or "Ctrl-C stops everything." in self.lines,
            timeout_s=READY_WITHIN_S,
            what="up is ready",
        )
        assert self._process.poll() is None, self.said
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to `up` alone."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        status = self._process.wait(ENDED_WITHIN_S)
        self._reader.join(ENDED_WITHIN_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    def stop(self) -> float:
        """Stop it with Ctrl-C and return the seconds that took."""
        began = time.monotonic()
        self.signal(signal.SIGINT)
        assert self.wait() == 0, self.said
        return time.monotonic() - began

    def family(self) -> list[psutil.Process]:
        """Return every process that it started, and theirs."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def child(self, *words: str) -> psutil.Process | None:
        """Return the child whose command line holds all of `words`."""
        for process in psutil.Process(self._process.pid).children():
            try:
                command = process.cmdline()
            except psutil.Error:
                continue
            if all(any(word in argument for argument in command) for word in words):
                return process
        return None

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON of a GET, (0, None) while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (OSError, ValueError):
            return 0, None

    def is_well(self) -> bool:
        """Say whether database, broker and a collector work."""
        status, said = self.get("/readyz")
        return status == 200 and said["collectors"] >= 1

    def database_folder(self) -> Path:
        """Return where its database lies."""
        return database_folder(self.data, database_account())

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that still run."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
