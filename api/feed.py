"""Hand every change of an alert to every subscriber who may see its area, in the order of commits.

Subscribers are kept by the area that they see, so that a change costs as much as there are people of its area
and of those above it. None is held up by another.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec

from gridwatch.errors import GridwatchError, StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.alerts import CHANNEL, Change, changes_after, last_seq
from gridwatch.store.area_tree import CurrentParents

log = logging.getLogger(__name__)

WAITING = 256
"""Changes that may wait for one subscriber: a few seconds of the worst storm, shared between subscribers."""

SILENCE_S = 1.0
"""The table is read after this long without a notification: one that was lost costs no more."""

RECONNECT_S = 0.5
"""Between two attempts to reach a database that is away."""

PAGE = WAITING // 2
"""Changes read at once: between two pages everybody who reads can take what waits, and is not cut off."""


class CutOff(GridwatchError):
    """A subscriber gets nothing more; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One change of an alert, and the same encoded once for all subscribers."""

    seq: int
    alert: Mapping[str, Any]
    sse: bytes


def encode(change: Change) -> Message:
    """Encode a change as one server-sent event."""
    data = msgspec.json.encode(change.alert)
    sse = b"event: alert\nid: %d\ndata: %s\n\n" % (change.seq, data)
    return Message(seq=change.seq, alert=change.alert, sse=sse)


class Subscription:
    """What waits for one subscriber. It is never waited for: when it is full, it is cut off."""

    __slots__ = ("_cut_off", "_limit", "_ready", "_waiting", "area")

    def __init__(self, limit: int, area: str | None = None) -> None:
        self._limit = limit
        self.area = area
        self._waiting: deque[Message] = deque()
        self._ready = asyncio.Event()
        self._cut_off: str | None = None

    def offer(self, message: Message) -> bool:
        """Let a message wait; return False, and cut off, where there is no room."""
        if len(self._waiting) >= self._limit:
            self.cut(f"{self._limit} changes wait for you: you read too slowly; resume after your last id")
            return False
        self._waiting.append(message)
        self._ready.set()
        return True

    def cut(self, reason: str) -> None:
        """End the subscription once what waits was taken."""
        self._cut_off = self._cut_off or reason
        self._ready.set()

    async def take(self, timeout_s: float) -> list[Message]:
        """Return all that waits, or nothing after `timeout_s` of silence; raise CutOff after the last."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return []
        taken = list(self._waiting)
        self._waiting.clear()
        if not taken and self._cut_off is not None:
            raise CutOff(self._cut_off)
        if self._cut_off is None:
            self._ready.clear()
        return taken


class Feed:
    """Reads the changes of alerts as they are committed and hands them on.

    A notification only wakes it: what it hands on is read from the table after the last seq that it knows,
    so nothing is lost when notifications are, or while the database is away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parents = CurrentParents(store)
        self._seq: int | None = None
        self._subscriptions: dict[str | None, set[Subscription]] = {}
        self._closing: str | None = None
        self.away = True
        """Whether the database can't be reached now."""

    @property
    def subscribers(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._subscriptions.values()))

    def within(self, area: str) -> "AreaFeed":
        """Return the feed as who sees only this area and all below it."""
        return AreaFeed(self, area)

    def subscribe(self, *, limit: int = WAITING, area: str | None = None) -> Subscription:
        """Return a subscription to every change from now on, or to those in an area and all below it."""
        subscription = Subscription(limit, area)
        if self._closing is not None:
            subscription.cut(self._closing)
        self._subscriptions.setdefault(area, set()).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        of_area = self._subscriptions.get(subscription.area, set())
        of_area.discard(subscription)
        if not of_area:
            self._subscriptions.pop(subscription.area, None)

    def close(self, reason: str) -> None:
        """Cut off every subscriber, and who comes later."""
        self._closing = reason
        for of_area in self._subscriptions.values():
            for subscription in of_area:
                subscription.cut(reason)

    async def run(self) -> None:
        """Read and hand on until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self._follow()
            except StoreUnavailable as error:
                if not self.away:
                    log.warning("the feed waits for the database: %s", error)
                self.away = True
                await asyncio.sleep(RECONNECT_S)

    async def _follow(self) -> None:
        if self._seq is None:
            self._seq = await last_seq(self._store)
        await self._read(self._seq)
        async with aclosing(self._store.listen(CHANNEL, wait_s=SILENCE_S)) as notifications:
            async for notified in notifications:
                # One reading takes in many changes: their own notifications come when all is done.
                if notified is None or int(notified) > self._seq:
                    await self._read(self._seq)

    async def _read(self, seq: int) -> None:
        while True:
            changes = await changes_after(self._store, seq, limit=PAGE)
            if changes:
                await self._parents.look()
            for change in changes:
                self._hand_on(encode(change))
                self._seq = seq = change.seq
            self.away = False
            if len(changes) < PAGE:
                return

    def _hand_on(self, message: Message) -> None:
        for area in (None, *self._parents.path(message.alert["area"])):
            of_area = self._subscriptions.get(area, ())
            for subscription in [one for one in of_area if not one.offer(message)]:
                self.unsubscribe(subscription)


class AreaFeed:
    """The feed as who sees only one area and all below it."""

    def __init__(self, feed: Feed, area: str) -> None:
        self._feed, self._area = feed, area

    @property
    def away(self) -> bool:
        """Return whether the database can't be reached now."""
        return self._feed.away

    @property
    def subscribers(self) -> int:
        """Return how many the whole feed has."""
        return self._feed.subscribers

    def close(self, reason: str) -> None:
        """Cut off every subscriber of the whole feed."""
        self._feed.close(reason)

    def within(self, area: str) -> "AreaFeed":
        """Return the feed of another area."""
        return AreaFeed(self._feed, area)

    def subscribe(self, *, limit: int = WAITING) -> Subscription:
        """Return a subscription to every change in the area from now on."""
        return self._feed.subscribe(limit=limit, area=self._area)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        self._feed.unsubscribe(subscription)
