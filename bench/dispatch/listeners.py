"""Many listeners of the live feed in one process, with as little work for each as can be.

It reads one JSON object on its standard input (address, port, tokens), connects one socket for each token at
once, and writes lines of JSON: `{"open": seconds, "refused": n}` when all are answered, then for each line
`{"after": seq, "wait": n, "within_s": s}` that it reads, when n of them have had an alert of a seq greater
than `after`: `{"at": […]}`, the times (CLOCK_MONOTONIC) at which they had it. For a line
`{"each": n, "within_s": s}` they come back, as browsers do, whenever the server is gone, each with its last
id, until each had n changes:
`{"got": n, "repeated": n, "missed": n, "away_s": s}`, `away_s` until all of them were back.
"""

import json
import random
import re
import selectors
import socket
import sys
import time

from gridwatch.open_files import allow_many_files

ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)
COMES_BACK_S = (0.5, 5.0)
"""As the server's `retry:` lets browsers do."""
AGAIN_S = 0.2
"""Until who was not let in tries again: the server says 503 for a moment when all come at once."""
CONNECT_WITHIN_S = 120.0


class Listeners:
    """All connections, by their token."""

    def __init__(self, host: str, port: int, tokens: list[str]) -> None:
        self._address = (host, port)
        self._tokens = tokens
        self._selector = selectors.DefaultSelector()
        self._open: set[int] = set()
        self._read: dict[int, bytes] = {}
        self._heard: dict[int, float] = {}
        self.refused = 0
        self._after = -1
        self._last: dict[int, int] = {}
        self._got = [0] * len(tokens)
        self._repeated = 0

    def connect(self) -> float:
        """Connect all at once, and again who is refused; return how long it took until all listen."""
        began = time.monotonic()
        for number in range(len(self._tokens)):
            self._connect(number)
        waiting: dict[int, float] = {}
        while len(self._open) < len(self._tokens):
            if time.monotonic() - began > CONNECT_WITHIN_S:
                raise TimeoutError(f"{len(self._open)} of {len(self._tokens)} were let in")
            for number in self._turn(0.05):
                self.refused += 1
                waiting[number] = time.monotonic() + AGAIN_S
            for number in [one for one, at in waiting.items() if at <= time.monotonic()]:
                del waiting[number]
                self._connect(number)
        return time.monotonic() - began

    def _connect(self, number: int) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(self._address)
        self._read[number] = b""
        self._selector.register(connection, selectors.EVENT_WRITE, number)

    def _turn(self, timeout_s: float) -> list[int]:
        """Take in what came; return the numbers of those that were refused or cut off."""
        refused = []
        for key, _ in self._selector.select(timeout_s):
            number, connection = key.data, key.fileobj
            assert isinstance(connection, socket.socket)
            try:
                if number not in self._open and key.events == selectors.EVENT_WRITE:
                    connection.sendall(self._request(number))
                    self._selector.modify(connection, selectors.EVENT_READ, number)
                    continue
                data = connection.recv(65536)
            except OSError:
                data = b""
            if not data or not self._take(number, data):
                self._selector.unregister(connection)
                connection.close()
                self._open.discard(number)
                refused.append(number)
        return refused

    def _request(self, number: int) -> bytes:
        return (
            f"GET /api/v1/alerts/stream HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {self._tokens[number]}\r\n{self._resumes(number)}\r\n"
        ).encode()

    def _resumes(self, number: int) -> str:
        return f"Last-Event-ID: {self._last[number]}\r\n" if number in self._last else ""

    def _take(self, number: int, data: bytes) -> bool:
        """Take in what one of them read; return False where it is a refusal."""
        now = time.monotonic()
        text = self._read[number] + data
        if number not in self._open and b"retry:" in text:
            self._open.add(number)
        if text.startswith(b"HTTP/1.1 ") and not text.startswith(b"HTTP/1.1 200"):
            return False
        whole, _, rest = text.rpartition(b"\n\n") if number in self._open else (b"", b"", text)
        for found in map(int, ID.findall(whole)):
            if found > self._after:
                self._heard.setdefault(number, now)
            self._repeated += found <= self._last.get(number, -1)
            self._last[number] = found
            self._got[number] += 1
        self._read[number] = rest
        return True

    def hear(self, after: int, wait: int, within_s: float) -> list[float]:
        """Return when so many had an alert that is later than `after`, and any more of the next moment."""
        self._after = after
        self._heard.clear()
        print(json.dumps({"listening": True}), flush=True)
        end = time.monotonic() + within_s
        while len(self._heard) < wait and time.monotonic() < end:
            self._turn(0.05)
        self._turn(0.05)
        return list(self._heard.values())

    def follow(self, each: int, within_s: float) -> dict[str, float]:
        """Listen until each had so many changes, and come back whenever the server is gone."""
        print(json.dumps({"listening": True}), flush=True)
        end = time.monotonic() + within_s
        begun, waiting = list(self._got), dict[int, float]()
        lost_at = back_at = 0.0
        while time.monotonic() < end:
            now = time.monotonic()
            for number in self._turn(0.05):
                lost_at = lost_at or now
                waiting[number] = now + random.uniform(*COMES_BACK_S)  # noqa: S311 - nothing secret
            for number in [one for one, at in waiting.items() if at <= now]:
                del waiting[number]
                self._connect(number)
            if lost_at and not back_at and len(self._open) == len(self._tokens):
                back_at = now
            if all(got - before >= each for got, before in zip(self._got, begun, strict=True)):
                break
        got = [got - before for got, before in zip(self._got, begun, strict=True)]
        missed = sum(max(0, each - one) for one in got)
        away_s = back_at - lost_at
        return {"got": sum(got), "repeated": self._repeated, "missed": missed, "away_s": round(away_s, 2)}


def main() -> None:
    """Do as the lines of the standard input say."""
    allow_many_files()
    given = json.loads(sys.stdin.readline())
    listeners = Listeners(given["host"], given["port"], given["tokens"])
    took = listeners.connect()
    print(json.dumps({"open": took, "refused": listeners.refused}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = listeners.follow(**asked) if "each" in asked else {"at": listeners.hear(**asked)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
