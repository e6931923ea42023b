"""Changes of alerts as server-sent events: replayed after the last id seen, then live, without a gap."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.feed import RECONNECT_S, AreaFeed, CutOff, Feed, Subscription, encode
from gridwatch.errors import StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.alerts import changes_after, last_seq

HEARTBEAT_S = 15.0
"""Shorter than the idle timeout of common proxies (60 s), rare enough for thousands of phones."""

SEND_WITHIN_S = 30.0
"""Who does not read for longer is gone."""

RETRY_MS = 1000
"""After this long a browser connects again."""

REPLAY_PAGE = 500
"""Changes read at once for one subscriber: some 600 kB."""

HEARTBEAT = b": still here\n"
"""A comment without a blank line: even a careless reader takes it for no event."""

ENDED = "you are not signed in any more, or see another area now: connect again"


class AlertStream(Response):
    """A response that never ends by itself.

    `after` is the last seq that the subscriber has seen; None means live only. `still_allowed` is asked
    before anything is sent: an account that was disabled hears nothing more.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        feed: Feed | AreaFeed,
        store: Store,
        *,
        after: int | None,
        still_allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._store = store
        self._after = after
        self._still_allowed = still_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client goes, reads too slowly, or the server stops."""
        # Before the replay: what is committed during it waits here.
        subscription = self._feed.subscribe()
        gone = asyncio.create_task(_until_gone(receive, subscription), name="alert stream: client goes")
        try:
            headers = self.raw_headers
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for chunk in self._chunks(subscription):
                body = {"type": "http.response.body", "body": chunk, "more_body": True}
                async with asyncio.timeout(SEND_WITHIN_S):
                    await send(body)
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return
        finally:
            gone.cancel()
            self._feed.unsubscribe(subscription)

    async def _chunks(self, subscription: Subscription) -> AsyncIterator[bytes]:
        yield b"retry: %d\n" % RETRY_MS
        seen = -1
        if self._after is not None:
            async for covered, chunk in self._replay(self._after):
                seen = covered
                yield chunk
        while True:
            try:
                messages = await subscription.take(HEARTBEAT_S)
                if not await self._still_allowed():
                    raise CutOff(ENDED)
            except CutOff as cut_off:
                yield b"event: cut_off\ndata: %s\n\n" % msgspec.json.encode({"reason": str(cut_off)})
                return
            fresh = [message for message in messages if message.seq > seen]
            yield b"".join(message.sse for message in fresh) or HEARTBEAT

    async def _replay(self, after: int) -> AsyncIterator[tuple[int, bytes]]:
        """Yield what was committed after `after`, each time with the last seq that is covered."""
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


async def _until_gone(receive: Receive, subscription: Subscription) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscription.cut("the client went away")
