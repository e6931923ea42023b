"""Hand every change of an alert to every subscriber who may see its area, in the order of commits.

Subscribers are kept by the area that they see, so that a change costs as much as there are people of its area
and of those above it; it is encoded once, and joined with others once for all who see the same area. None is
held up by another.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from gridwatch.errors import GridwatchError, StoreUnavailable
from gridwatch.store import Store
from gridwatch.store.alerts import CHANNEL, Change, announce_held_back, changes_after, last_seq
from gridwatch.store.area_tree import CurrentParents

log = logging.getLogger(__name__)

WAITING = 256
"""Changes that may wait for one subscriber: a few seconds of the worst storm, shared between subscribers."""

SILENCE_S = 1.0
"""The table is read after this long without a notification: one that was lost costs no more."""

HELD_BACK_S = 0.5
"""Between two looks at changes of a storm that were held back for a second."""

RECONNECT_S = 0.5
"""Between two attempts to reach a database that is away."""

PAGE = WAITING // 2
"""Changes read at once: between two pages everybody who reads can take what waits, and is not cut off."""


RECENT = 2000
"""Changes that are kept, some 4 MB: when thousands come back at once the database is not asked for each."""

AT_ONCE = 250
"""Subscribers who are told before others get a turn of the processor: some milliseconds."""


class CutOff(GridwatchError):
    """A subscriber gets nothing more; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One change of an alert, and the same encoded once for all subscribers.

    `areas` are those it is in, `called` the accounts that are told of it wherever it is.
    """

    seq: int
    alert: Mapping[str, Any]
    sse: bytes
    areas: Sequence[str] = ()
    called: Sequence[str] = ()

    def is_for(self, area: str | None, called: str) -> bool:
        """Say whether who sees an area, None for all, is told of it, or an account that may be called."""
        return area is None or area in self.areas or called in self.called


def encode(change: Change) -> Message:
    """Encode a change as one server-sent event."""
    data = msgspec.json.encode(change.alert)
    sse = b"event: alert\nid: %d\ndata: %s\n\n" % (change.seq, data)
    return Message(seq=change.seq, alert=change.alert, sse=sse, called=change.called)


class Subscriber(Protocol):
    """Somebody whom changes are handed to; they are never waited for."""

    area: str | None
    """What they see of the tree, None for all."""
    called: str
    """The account of a grid worker: they hear besides of what they were called for. Empty for others."""

    def offer(self, messages: Sequence[Message], sse: bytes) -> bool:
        """Take messages, and the same joined; return False where they can't take any more, ever."""

    def cut(self, reason: str) -> None:
        """Hear that nothing more comes, and why."""


class Subscription:
    """What waits for one subscriber who asks for it. When it is full, it is cut off."""

    __slots__ = ("_cut_off", "_limit", "_ready", "_waiting", "area", "called")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.area: str | None = None
        self.called = ""
        self._waiting: deque[Message] = deque()
        self._ready = asyncio.Event()
        self._cut_off: str | None = None

    def offer(self, messages: Sequence[Message], sse: bytes) -> bool:
        """Let messages wait; return False, and cut off, where there is no room for all."""
        room = self._limit - len(self._waiting)
        self._waiting.extend(messages[:room])
        self._ready.set()
        if len(messages) > room:
            self.cut(too_slow(self._limit))
            return False
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


def too_slow(limit: int) -> str:
    """Say why somebody is cut off for whom so many changes wait."""
    return f"{limit} changes wait for you: you read too slowly; resume after your last id"


class Feed:
    """Reads the changes of alerts as they are committed and hands them on.

    A notification only wakes it: what it hands on is read from the table after the last seq that it knows,
    so nothing is lost when notifications are, or while the database is away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parents = CurrentParents(store)
        self._seq: int | None = None
        self._recent: deque[Message] = deque(maxlen=RECENT)
        self._recent_after = 0
        """`_recent` holds every change that is later than this, up to `_seq`."""
        self._subscribers: dict[str | None, set[Subscriber]] = {}
        self._called: dict[str, set[Subscriber]] = {}
        """Those of them who may be called for what is elsewhere, by their account."""
        self._closing: str | None = None
        self.away = True
        """Whether the database can't be reached now."""

    @property
    def subscribers(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._subscribers.values()))

    def within(self, area: str, *, called: str = "") -> "AreaFeed":
        """Return the feed as who sees only this area and all below it.

        `called`: the account of a grid worker, who hears besides of what they were called for.
        """
        return AreaFeed(self, area, called)

    def subscribe(self, *, limit: int = WAITING, area: str | None = None, called: str = "") -> Subscription:
        """Return a subscription to every change from now on, or to those that `within` would tell."""
        subscription = Subscription(limit)
        self.admit(subscription, area=area, called=called)
        return subscription

    def admit(self, subscriber: Subscriber, *, area: str | None = None, called: str = "") -> None:
        """Hand every change from now on to somebody, or those that `within` would tell."""
        subscriber.area, subscriber.called = area, called
        if self._closing is not None:
            subscriber.cut(self._closing)
        self._subscribers.setdefault(area, set()).add(subscriber)
        if called:
            self._called.setdefault(called, set()).add(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        _forget(self._subscribers, subscriber.area, subscriber)
        _forget(self._called, subscriber.called, subscriber)

    def since(self, seq: int, *, area: str | None = None, called: str = "") -> Sequence[Message] | None:
        """Return what was handed on after `seq`, as `within` tells it; None where that must be read anew."""
        if self._seq is None or not self._recent_after <= seq <= self._seq:
            return None
        late = []
        for message in reversed(self._recent):
            if message.seq <= seq:
                break
            if message.is_for(area, called):
                late.append(message)
        return late[::-1]

    def close(self, reason: str) -> None:
        """Cut off every subscriber, and who comes later."""
        self._closing = reason
        for of_area in list(self._subscribers.values()):
            for subscriber in list(of_area):
                subscriber.cut(reason)

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

    async def tell_held_back(self) -> None:
        """Let what was held back become changes when its time has come, until cancelled."""
        while True:
            await asyncio.sleep(HELD_BACK_S)
            with suppress(StoreUnavailable):
                await announce_held_back(self._store)

    async def _follow(self) -> None:
        if self._seq is None:
            self._seq = await self._look_back()
        await self._read(self._seq)
        async with aclosing(self._store.listen(CHANNEL, wait_s=SILENCE_S)) as notifications:
            async for notified in notifications:
                # One reading takes in many changes: their own notifications come when all is done.
                if notified is None or int(notified) > self._seq:
                    await self._read(self._seq)

    async def _look_back(self) -> int:
        """Read what comes before all that is handed on, for who resumes; return its last seq."""
        await self._parents.look()
        self._recent_after = max(0, await last_seq(self._store) - RECENT)
        changes = await changes_after(self._store, self._recent_after, limit=RECENT)
        self._recent.extend(map(self._placed, changes))
        return changes[-1].seq if changes else self._recent_after

    async def _read(self, seq: int) -> None:
        while True:
            changes = await changes_after(self._store, seq, limit=PAGE)
            if await self._parents.look():
                self._recent = deque(map(self._replaced, self._recent), maxlen=RECENT)
            if changes:
                seq = changes[-1].seq
                await self._hand_on([self._placed(change) for change in changes])
            self.away = False
            if len(changes) < PAGE:
                return

    def _placed(self, change: Change) -> Message:
        return self._replaced(encode(change))

    def _replaced(self, message: Message) -> Message:
        return replace(message, areas=self._parents.path(message.alert["area"]))

    async def _hand_on(self, messages: Sequence[Message]) -> None:
        """Hand messages to all whom they are for: to narrow areas first, as their people are the nearest."""
        # Who was called for something elsewhere gets it in its place among what their own area has.
        called = {
            one for message in messages for name in message.called for one in self._called.get(name, ())
        }
        audiences = [
            ([one for one in self._subscribers[area] if one not in called], told, _joined(told))
            for area, told in self._by_area(messages).items()
        ]
        for one in called:
            theirs = [message for message in messages if message.is_for(one.area, one.called)]
            audiences.append(([one], theirs, _joined(theirs)))
        # Who comes after this finds them among the recent ones.
        self._keep(messages)
        audiences.sort(key=lambda audience: len(audience[0]))
        for subscribers, told, sse in audiences:
            for start in range(0, len(subscribers), AT_ONCE):
                for subscriber in subscribers[start : start + AT_ONCE]:
                    if not subscriber.offer(told, sse):
                        self.unsubscribe(subscriber)
                await asyncio.sleep(0)

    def _by_area(self, messages: Iterable[Message]) -> Mapping[str | None, Sequence[Message]]:
        told: dict[str | None, list[Message]] = {}
        for message in messages:
            for area in (None, *message.areas):
                if area in self._subscribers:
                    told.setdefault(area, []).append(message)
        return told

    def _keep(self, messages: Sequence[Message]) -> None:
        too_many = len(self._recent) + len(messages) - RECENT
        if too_many > 0:
            self._recent_after = self._recent[too_many - 1].seq
        self._recent.extend(messages)
        self._seq = messages[-1].seq


def _joined(messages: Sequence[Message]) -> bytes:
    return b"".join(message.sse for message in messages)


def _forget(places: dict[Any, set[Subscriber]], place: Any, subscriber: Subscriber) -> None:
    there = places.get(place, set())
    there.discard(subscriber)
    if not there:
        places.pop(place, None)


class AreaFeed:
    """The feed as who sees only one area and all below it, and what they were called for."""

    def __init__(self, feed: Feed, area: str, called: str = "") -> None:
        self._feed, self._area, self._called = feed, area, called

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

    def within(self, area: str, *, called: str = "") -> "AreaFeed":
        """Return the feed of another area."""
        return AreaFeed(self._feed, area, called)

    def subscribe(self, *, limit: int = WAITING) -> Subscription:
        """Return a subscription to every change in the area from now on."""
        return self._feed.subscribe(limit=limit, area=self._area, called=self._called)

    def admit(self, subscriber: Subscriber) -> None:
        """Hand every change in the area from now on to somebody."""
        self._feed.admit(subscriber, area=self._area, called=self._called)

    def since(self, seq: int) -> Sequence[Message] | None:
        """Return what was handed on in the area after `seq`; None where that must be read anew."""
        return self._feed.since(seq, area=self._area, called=self._called)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        self._feed.unsubscribe(subscriber)
