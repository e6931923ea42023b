"""What a collector hands over to be written: messages taken in, turned away or passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

from gridwatch.evidence import StoredEvidence
from gridwatch.model import Finding, Message
from gridwatch.store.devices import KnownDevice
from gridwatch.wire import DECODER


class Disposition(StrEnum):
    """What became of a message; each is a column of the books."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


def not_registered(name: str) -> str:
    """Return why a stranger's message waits in quarantine; adopting looks for these words."""
    return f"device {name!r} is not registered, or retired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One piece of evidence as it is kept: a file, or a link."""

    media_type: str
    file: StoredEvidence | None = None
    url: str | None = None
    masked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Concluded:
    """A finding and the evidence kept for it."""

    finding: Finding
    evidence: tuple[Shown, ...] = ()


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message of a registered device, what detectors concluded from it, and the raw message itself.

    A struct, for it is made thousands of times a second.
    """

    known: KnownDevice
    message: Message
    received_at: datetime
    topic: str = ""
    payload: bytes = b""
    concluded: tuple[Concluded, ...] = ()
    scores: Mapping[str, float] = {}
    """Of a frame: how surely each label is seen in it now, whether or not that is a finding."""
    flags: tuple[int, ...] = ()
    """Of each observation in the message; empty where none has any."""

    def rejected(self, reason: str) -> "Rejected":
        """Return the same message on its way to quarantine."""
        return Rejected(
            known=self.known,
            topic=self.topic,
            payload=self.payload,
            reason=reason,
            received_at=self.received_at,
            named=self.known.device.id,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A message that could not be read, or that nobody may send; `known` is None for a stranger."""

    known: KnownDevice | None
    topic: str
    payload: bytes
    reason: str
    received_at: datetime
    decoder: str = DECODER
    named: str | None = None
    """The device: its id where it is registered, else what its own system calls it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A frame that came faster than it could be looked at."""

    known: KnownDevice | None


Entry: TypeAlias = Accepted | Rejected | Skipped
