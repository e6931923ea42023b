"""Names who may come in and does what is not his, and says who is to be put out for it."""

import logging
import time
from collections import Counter, deque
from collections.abc import Mapping
from datetime import UTC, datetime

from gridwatch.model import Severity
from gridwatch.store import Store
from gridwatch.store.broker import What, misuse, write_incident
from gridwatch.store.credentials import BrokerUser, received_by_device
from gridwatch.store.misuse import raise_misuse
from ingest.misuse import Floods

log = logging.getLogger(__name__)

TRESPASSES = 20
"""After so many a device is put out: each costs the broker work with every message."""

TURNS, TURNS_WITHIN_S = 3, 600.0
"""So often in so long a connection is taken over where two use the same credential."""


class Watchman:
    """Writes down what users of the broker do, and raises alerts of it."""

    def __init__(self, store: Store, *, most_per_s: float, extra_alarms: Mapping[str, Severity]) -> None:
        self._store = store
        self._extra_alarms = extra_alarms
        self._floods = Floods(most_per_s)
        self._taken = (0, time.monotonic())
        self._trespasses: Counter[str] = Counter()
        self._taken_over: dict[str, deque[float]] = {}

    async def sees_taken_over(self, user: BrokerUser) -> None:
        """Name whose connection another one ended: over and over, two share the credential."""
        times = self._taken_over.setdefault(user.username, deque(maxlen=TURNS))
        times.append(time.monotonic())
        is_shared = len(times) == TURNS and times[-1] - times[0] < TURNS_WITHIN_S
        await self._name(What.TAKEN_OVER, user, is_alert=is_shared)

    async def sees_trespass(self, user: BrokerUser) -> bool:
        """Name who asks for what others say; tell whether it was so often that he is to be put out."""
        await self._name(What.TRESPASSED, user)
        self._trespasses[user.username] += 1
        if self._trespasses[user.username] < TRESPASSES:
            return False
        del self._trespasses[user.username]
        return True

    async def sees_taken_in(self, taken: int, users: Mapping[str, BrokerUser]) -> list[str]:
        """Look who floods, now that the broker has taken in `taken` messages; return who is to be put out."""
        (before, at), now = self._taken, time.monotonic()
        self._taken = taken, now
        if taken - before < self._floods.most_per_s * (now - at):
            self._floods.calm()
            return []
        received = await received_by_device(self._store)
        counts = {key: count for key, (_, count) in received.items()}
        floods = self._floods.count(counts, taken=taken - before, seconds=now - at)
        flooding = [user for key in floods for user in _speakers(received[key][0], users)]
        for user in flooding:
            await self._name(What.FLOODED, user)
        return [user.username for user in flooding]

    async def _name(self, what: What, user: BrokerUser, *, is_alert: bool = True) -> None:
        log.warning("%s: %s", user.username, what)
        now = datetime.now(UTC)
        await write_incident(self._store, misuse(now, what, user.username))
        if is_alert:
            await raise_misuse(self._store, what, user.device, self._extra_alarms, now=now)


def _speakers(device: str, users: Mapping[str, BrokerUser]) -> list[BrokerUser]:
    """Return who sends what comes as a device's: itself, or else the gateways that speak for it."""
    own = [user for user in users.values() if user.device == device]
    return own or [user for user in users.values() if device in user.others]
