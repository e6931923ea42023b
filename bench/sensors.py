"""A publisher beside the measurement, in a process of its own."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Self

from bench.publisher import Load, Published
from bench.waiting import end


class Sensors:
    """Sensors that wait, connected, until they are told to begin."""

    def __init__(self, port: int, load: Load) -> None:
        command = [sys.executable, "-m", "bench.publisher", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, "--load", json.dumps(asdict(load))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._line() != "ready":
            raise RuntimeError("the publisher did not become ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process, signal.SIGTERM)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def begin(self) -> None:
        """Let them publish."""
        self._type_return()

    def stop(self) -> None:
        """Let them end before everything is published."""
        self._type_return()

    def finished(self) -> Published:
        """Wait until everything is acknowledged by the broker and return what was done."""
        return Published(**json.loads(self._line()))

    def _type_return(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def publish_all(port: int, load: Load) -> Published:
    """Publish a load at once and return when the broker has acknowledged all of it."""
    with Sensors(port, load) as sensors:
        sensors.begin()
        return sensors.finished()
