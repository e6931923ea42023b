"""Changes of alerts as server-sent events: replayed after the last id seen, then live, without a gap."""

import asyncio
from collections.abc import AsyncIterator
from random import randint

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.feed import RECONNECT_S, AreaFeed, Feed, encode
from api.listener import HEARTBEAT, Listener
from api.listeners import Listeners
from api.office import Office
from api.sign_in import Person
from gridwatch.errors import StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.alerts import changes_after, last_seq

RETRY_MS = (500, 5000)
"""After a time between these a browser connects again: thousands whose server died do not come at once."""

REPLAY_PAGE = 500
"""Changes read at once for one subscriber: some 600 kB."""


def open_stream(office: Office, person: Person, after: int | None) -> "AlertStream":
    """Return the stream as somebody sees it: live, or after the last seq that they have seen."""
    seen = office.seen_by(person)
    return AlertStream(seen.feed, seen.store, seen.listeners, person=person, after=after)


class AlertStream(Response):
    """A response that never ends by itself.

    `after` is the last seq that the subscriber has seen; None means live only.
    """

    media_type = "text/event-stream"

    def __init__(
        self, feed: Feed | AreaFeed, store: Store, listeners: Listeners, *, person: Person, after: int | None
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._store = store
        self._listeners = listeners
        self._person = person
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, reads too slowly, or the server stops."""
        dropped = False
        here = asyncio.current_task()
        assert here is not None  # noqa: S101 - a server runs each request as a task

        def drop() -> None:
            nonlocal dropped
            dropped = here.cancel()

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        listener = Listener(send, self._person, drop)
        self._feed.admit(listener)
        self._listeners.add(listener)
        try:
            self._greet(listener)
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not dropped:
                raise
            here.uncancel()
        finally:
            listener.close()
            self._listeners.remove(listener)
            self._feed.unsubscribe(listener)

    def _greet(self, listener: Listener) -> None:
        """Say when to come again, and what came since the last time."""
        retry = b"retry: %d\n" % randint(*RETRY_MS)  # noqa: S311 - nothing secret
        late = () if self._after is None else self._feed.since(self._after)
        if late is not None or self._after is None:
            listener.write(retry + b"".join(message.sse for message in late or ()))
        else:
            listener.replay(self._past(retry, self._after))

    async def _past(self, retry: bytes, after: int) -> AsyncIterator[tuple[int, bytes]]:
        """Yield what was committed after `after`, each time with the last seq that is covered."""
        yield -1, retry
        begun = False
        while True:
            try:
                if not begun:
                    # An id from the future is from another database: begin at this one's end.
                    after = min(after, await last_seq(self._store))
                    begun = True
                changes = await changes_after(self._store, after, limit=REPLAY_PAGE)
            except StoreUnavailable:
                yield after, HEARTBEAT
                await asyncio.sleep(RECONNECT_S)
                continue
            after = changes[-1].seq if changes else after
            yield after, b"".join(encode(change).sse for change in changes) or HEARTBEAT
            if len(changes) < REPLAY_PAGE:
                return
