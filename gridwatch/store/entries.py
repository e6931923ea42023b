"""What a collector hands over to be written: messages taken in, turned away or passed over."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from gridwatch.evidence import StoredEvidence
from gridwatch.model import Finding, Message
from gridwatch.store.devices import KnownDevice

UNREGISTERED = ""
"""The book of all devices that are not registered: their names are a stranger's to choose."""


class Disposition(StrEnum):
    """What became of a message; each is a column of the books."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A message of a registered device, and what detectors concluded from it."""

    known: KnownDevice
    message: Message
    received_at: datetime
    concluded: tuple[Concluded, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """A message that could not be read, or that nobody may send; `device` is empty for a stranger."""

    topic: str
    payload: bytes
    reason: str
    decoder: str
    received_at: datetime
    device: str = UNREGISTERED


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """Frames that came faster than they could be looked at."""

    device: str
    count: int = 1


Entry: TypeAlias = Accepted | Rejected | Skipped
