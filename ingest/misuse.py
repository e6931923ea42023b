"""Who of those that may connect does what is not theirs: read from the broker's log, and from the books."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gridwatch.store.credentials import BrokerUser

STRETCH_S = 10.0
"""A device may send at its most for so long at a stretch, as one does that was cut off and catches up."""

SLACK = 1.2
"""The broker's count and the books are read at different moments."""

SUBSCRIBED = re.compile(r"(?:^|: )(?P<name>[^ ]+) [012] (?P<topic>.+)$")
TAKEN_OVER = re.compile(r"Client (?P<name>[^ ]+) already connected, closing old connection\.$")


def taken_over(line: str) -> str | None:
    """Return whose connection another one with the same name ended, if the broker says that."""
    found = TAKEN_OVER.search(line)
    return found["name"] if found else None


def subscribed(line: str) -> tuple[str, str] | None:
    """Return who subscribed and to what, if the broker says that."""
    found = SUBSCRIBED.search(line)
    return (found["name"], found["topic"]) if found else None


def may_read(user: BrokerUser, topic: str) -> bool:
    """Say whether a subscription asks for nothing but what a user may read."""
    own = {f"gw/v1/{device}/command" for device in (user.device, *user.others)}
    return topic in own or any(_covers(allowed, topic) for allowed in user.topics)


def _covers(allowed: str, topic: str) -> bool:
    """Say whether a topic filter holds all that another one does."""
    wide, narrow = allowed.split("/"), topic.split("/")
    for position, level in enumerate(wide):
        if level == "#":
            return True
        if position >= len(narrow) or narrow[position] == "#" or level not in ("+", narrow[position]):
            return False
    return len(wide) == len(narrow)


@dataclass(slots=True)
class Floods:
    """Finds devices that send more than `most_per_s` for longer than a stretch.

    What the books gain can be old messages that had waited: while they gain more than the broker takes in,
    nobody is accused.
    """

    most_per_s: float
    _before: Mapping[int, int] = field(default_factory=dict)
    _levels: Counter[int] = field(default_factory=Counter)
    _booked: int = 0
    _taken: int = 0

    def calm(self) -> None:
        """Forget what was counted: the broker takes in less than one device may send."""
        self._before = {}
        self._levels.clear()
        self._booked = self._taken = 0

    def count(self, received: Mapping[int, int], *, taken: int, seconds: float) -> Sequence[int]:
        """Count what each device's book holds by now; return the keys of those that flood.

        `taken` is what the broker took in during the `seconds` since the last count.
        """
        before, self._before = self._before, received
        if not before:
            return ()
        gained = {key: now - before[key] for key, now in received.items() if now > before.get(key, now)}
        self._booked += sum(gained.values())
        self._taken += taken
        if self._booked > SLACK * self._taken + self.most_per_s:
            return ()
        allowed = self.most_per_s * seconds
        for key in self._levels.keys() | gained.keys():
            self._levels[key] = max(0, self._levels[key] + gained.get(key, 0) - int(allowed))
        floods = [key for key, level in self._levels.items() if level > self.most_per_s * STRETCH_S]
        for key in floods:
            del self._levels[key]
        return floods
