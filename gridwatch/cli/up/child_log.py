"""What a part prints: kept in a file of bounded size, its warnings passed on."""

import re
import time
from collections.abc import Callable
from pathlib import Path

LARGEST_BYTES = 10 << 20
"""One file; the one before it is kept too, so a part takes at most twice this."""

LONGEST_LINE_BYTES = 64 << 10
"""A longer line is cut where it is passed on."""

LINES_IN_A_ROW = 5
ROW_S = 10.0
"""At most so many lines in so many seconds are passed on; the rest is in the file."""

TROUBLE = re.compile(
    r"\b(WARNING|ERROR|CRITICAL|FATAL|PANIC)\b|^(\d\S*: )?(Error|Warning):|^\w*(\.\w+)*Error\b|^gridwatch: "
)

HARMLESS = re.compile(
    r"Mosquitto should not be run as root"  # its folder is root's alone, and it listens on loopback only
    r"|UTC \[\d+\] ERROR:"  # a statement that PostgreSQL refused: who sent it knows
    r"|No data (from|to decode)"  # amqtt of somebody who only looked whether it is there: we do, often
)


class ChildLog:
    """The output of one part."""

    def __init__(self, path: Path, pass_on: Callable[[str], None]) -> None:
        self.path = path
        self._pass_on = pass_on
        self._rest = b""
        self._passed: list[float] = []
        self._held_back = 0

    def write(self, data: bytes) -> None:
        """Take what the part printed."""
        self._keep(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE_BYTES:]
        for line in lines:
            self._look_at(line.decode(errors="replace").rstrip())

    def _keep(self, data: bytes) -> None:
        """Append to the file. A full disk loses the log, never the part."""
        try:
            if self.path.exists() and self.path.stat().st_size + len(data) > LARGEST_BYTES:
                self.path.replace(self.path.with_suffix(".log.1"))
            with self.path.open("ab") as file:
                file.write(data)
        except OSError as error:
            self._offer(f"its log can't be written: {error}")

    def _look_at(self, line: str) -> None:
        if TROUBLE.search(line) and not HARMLESS.search(line):
            self._offer(line[:500])

    def _offer(self, line: str) -> None:
        now = time.monotonic()
        self._passed = [at for at in self._passed if now - at < ROW_S]
        if len(self._passed) >= LINES_IN_A_ROW:
            self._held_back += 1
            return
        if self._held_back:
            line = f"{line} (and {self._held_back} more lines before it in {self.path})"
            self._held_back = 0
        self._passed.append(now)
        self._pass_on(line)
