"""What an adapter of a foreign format is: one file that says which topics are its own, and reads a message.

A device of a foreign format is an ordinary device; it is found by its `source`, the name that it has in its
own system (`chirpstack:70b3d5…`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gridwatch.model import Device, Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What one message says of one device; `message` makes it ours and raises ValueError where it can't.

    `gateways`: the sources of those that it may speak through, the likeliest first.
    """

    source: str
    message: Callable[[Device], Message]
    gateways: Sequence[str] = ()


class Adapter(Protocol):
    """One foreign format."""

    @property
    def name(self) -> str:
        """Name and version, kept beside every message that it could not read."""
        ...

    @property
    def readings(self) -> Sequence[str]:
        """Topic filters whose messages are readings, states, or findings without pictures."""
        ...

    @property
    def media(self) -> Sequence[str]:
        """Topic filters whose messages are findings with pictures; each message speaks for one device."""
        ...

    def sender(self, topic: str) -> str | None:
        """Return the source that a topic names: a device, or the gateway that speaks for several.

        None where the topic is of another format. The work is divided by senders, so all messages of one
        device have the same.
        """
        ...

    def read(self, topic: str, payload: bytes, received_at: datetime) -> Sequence[Heard]:
        """Return what a message says, one entry for each device and at least one.

        Raises ValueError or UnreadableMessage with the reason.
        """
        ...
