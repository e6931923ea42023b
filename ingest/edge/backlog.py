"""What was read and is not judged yet: encoded, so that some seconds of it cost little memory."""

import threading
import time
from collections import deque
from datetime import timedelta

from ingest.edge.encoded import Encoded

MOST_BEHIND = timedelta(seconds=10)
"""A finding that is told later is of little use. A machine that is busy for a moment catches up."""

MOST_BYTES = 16 * 2**20
"""MOST_BEHIND at 12 Mbit/s."""


class Backlog:
    """A queue between the thread that reads a camera and the one that judges it.

    A full one is emptied, and what comes before the next picture that is key is left out: `skipped` counts.
    With `waits`, for a file, the reader is held up instead.
    """

    def __init__(self, *, waits: bool) -> None:
        self.skipped = 0
        self._waits = waits
        self._queue: deque[tuple[float, Encoded]] = deque()
        """Each with the moment at which it came: a camera's own time may jump."""
        self._bytes = 0
        self._skips_to_key = False
        self._has_ended = False
        self._changed = threading.Condition()

    def put(self, encoded: Encoded) -> None:
        """Add one picture."""
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: self._has_ended or not self._is_full())
            elif self._is_full():
                self.skipped += len(self._queue)
                self._queue.clear()
                self._bytes = 0
                self._skips_to_key = True
            self._skips_to_key &= not encoded.is_key
            if self._skips_to_key:
                self.skipped += 1
                return
            self._queue.append((time.monotonic(), encoded))
            self._bytes += len(encoded.data)
            self._changed.notify_all()

    @property
    def behind(self) -> timedelta:
        """How much a live source is ahead of who judges it."""
        with self._changed:
            return timedelta() if self._waits else self._span()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left, and no more will come."""
        with self._changed:
            return self._has_ended and not self._queue

    def get(self, *, timeout_s: float) -> Encoded | None:
        """Return the oldest picture once there is one; None after `timeout_s`, and when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._has_ended, timeout_s)
            if not self._queue:
                return None
            _, encoded = self._queue.popleft()
            self._bytes -= len(encoded.data)
            self._changed.notify_all()
            return encoded

    def end(self) -> None:
        """Say that no more will come."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _is_full(self) -> bool:
        return self._bytes > MOST_BYTES or self._span() > MOST_BEHIND

    def _span(self) -> timedelta:
        return timedelta(seconds=self._queue[-1][0] - self._queue[0][0]) if self._queue else timedelta()
