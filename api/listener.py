"""One connection of the live feed: what is for it is written to it at once, by whoever hands it on.

Only while it can't take more, or is still told what it missed, has it a task of its own. So an alert to ten
thousand costs one write for each, and no turn of the event loop.
"""

import asyncio
import logging
import time
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any

import msgspec
from starlette.types import Send

from api.feed import WAITING, Message, too_slow
from api.sign_in import Person
from gridwatch.errors import GridwatchError

log = logging.getLogger(__name__)

HEARTBEAT = b": still here\n"
"""A comment without a blank line: even a careless reader takes it for no event."""


class Listener:
    """Writes to one connection in order; `drop` ends it without a word."""

    __slots__ = (
        "_busy",
        "_busy_since",
        "_cut_off",
        "_is_over",
        "_send",
        "_task",
        "_told",
        "_waiting",
        "area",
        "called",
        "drop",
        "person",
    )

    def __init__(self, send: Send, person: Person, drop: Callable[[], object]) -> None:
        self._send = send
        self.person = person
        self.drop = drop
        self.area: str | None = None
        self.called = ""
        self._waiting: list[Message] = []
        self._told = -1
        """Messages up to this seq were replayed."""
        self._busy = False
        """Whether something is being written, or all is over."""
        self._busy_since = 0.0
        self._task: asyncio.Task[None] | None = None
        self._cut_off: str | None = None
        self._is_over = False

    def offer(self, messages: Sequence[Message], sse: bytes) -> bool:
        """Write messages, or let them wait; return False, and cut off, where there is no room for all."""
        if not self._busy:
            self.write(sse)
            return True
        room = WAITING - len(self._waiting)
        self._waiting.extend(messages[:room])
        if len(messages) > room:
            self.cut(too_slow(WAITING))
            return False
        return True

    def cut(self, reason: str) -> None:
        """End it once what waits was written, and say why."""
        self._cut_off = self._cut_off or reason
        if not self._busy:
            self._do(self._catch_up())

    def write(self, sse: bytes) -> None:
        """Write now, unless something is being written."""
        if not self._busy:
            self._do(self._send(_chunk(sse)))

    def replay(self, past: AsyncIterator[tuple[int, bytes]]) -> None:
        """Write what comes before all that is offered: each piece with the last seq that it covers."""
        if not self._busy:
            self._do(self._replay(past))

    def is_stuck(self, within_s: float) -> bool:
        """Say whether it has taken nothing for so long."""
        return self._busy and time.monotonic() - self._busy_since > within_s

    def close(self) -> None:
        """Stop writing: the connection is gone."""
        self._busy = True
        if self._task is not None:
            self._task.cancel()

    def _do(self, writing: Awaitable[None]) -> None:
        """Write; what can't be done at once becomes a task."""
        self._busy, self._busy_since = True, time.monotonic()
        rest = begin(self._finish(writing))
        if rest is not None:
            self._task = asyncio.create_task(rest, name="a listener who reads slowly")

    async def _finish(self, writing: Awaitable[None]) -> None:
        try:
            await writing
            await self._catch_up()
        except (OSError, RuntimeError, GridwatchError) as error:
            # Of the connection or the database: it must hold up neither the feed nor others.
            log.warning("a listener is dropped: %s", type(error).__name__)
            self.drop()
        else:
            self._task = None
            self._busy = self._is_over

    async def _replay(self, past: AsyncIterator[tuple[int, bytes]]) -> None:
        async for covered, chunk in past:
            self._busy_since = time.monotonic()
            await self._send(_chunk(chunk))
            self._told = covered

    async def _catch_up(self) -> None:
        while self._waiting:
            fresh = [message.sse for message in self._waiting if message.seq > self._told]
            self._waiting.clear()
            self._busy_since = time.monotonic()
            if fresh:
                await self._send(_chunk(b"".join(fresh)))
        if self._cut_off is not None and not self._is_over:
            self._is_over = True
            reason = msgspec.json.encode({"reason": self._cut_off})
            await self._send(_chunk(b"event: cut_off\ndata: %s\n\n" % reason))
            await self._send({"type": "http.response.body", "body": b""})


def _chunk(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


def begin(work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Run a coroutine up to its first wait; return what is left of it, None where nothing is.

    As an eager task does from Python 3.12 on, without the task where none is needed.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return _rest(work, waits_for)


async def _rest(work: Coroutine[Any, Any, None], waits_for: Any) -> None:
    await _begun(work, waits_for)


@types.coroutine
def _begun(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    try:
        yield waits_for
    except BaseException:
        work.close()
        raise
    yield from work
