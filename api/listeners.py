"""Everybody who listens by HTTP: told that the connection stands, and sent away who may listen no more."""

import itertools
from collections.abc import Iterable
from contextlib import suppress

from api.listener import HEARTBEAT, Listener
from api.sign_in import Callers, Person
from gridwatch.errors import StoreUnavailable

LOOK_EVERY_S = 1.0
"""An account that is disabled, or gets another area, hears nothing more after two of these; sooner where
anybody asked for something meanwhile."""

HEARTBEAT_S = 15
"""Shorter than the idle timeout of common proxies (60 s), rare enough for thousands of phones."""

READS_WITHIN_S = 30.0
"""Who takes nothing for longer is gone."""

ENDED = "you are not signed in any more, or see another area now: connect again"


class Listeners:
    """Goes the rounds: a share of the listeners at each look, so that their heartbeats are no storm."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._shares: list[set[Listener]] = [set() for _ in range(HEARTBEAT_S)]
        self._come = itertools.count()
        self._accounts = -1

    def add(self, listener: Listener) -> None:
        """Look after a listener from now on."""
        self._shares[next(self._come) % HEARTBEAT_S].add(listener)

    def remove(self, listener: Listener) -> None:
        """Forget a listener who went."""
        for share in self._shares:
            share.discard(listener)

    async def run(self) -> None:
        """Look until cancelled."""
        for turn in itertools.count():
            await self._callers.wait_for_change(LOOK_EVERY_S)
            share = list(self._shares[turn % HEARTBEAT_S])
            for listener in share:
                if listener.is_stuck(READS_WITHIN_S):
                    listener.drop()
                else:
                    listener.write(HEARTBEAT)
            # Before the first look a database that is away can't be asked who may stay: the next look does.
            with suppress(StoreUnavailable):
                version = await self._callers.version()
                everybody = itertools.chain.from_iterable(map(list, self._shares))
                await self._check(share if version == self._accounts else list(everybody))
                self._accounts = version

    async def _check(self, listeners: Iterable[Listener]) -> None:
        """Send away who may not listen any more; each account is looked at once."""
        may_stay: dict[Person, bool] = {}
        for listener in listeners:
            person = listener.person
            if person not in may_stay:
                now = await self._callers.still(person)
                may_stay[person] = now is not None and now.area == person.area
            if not may_stay[person]:
                listener.cut(ENDED)
