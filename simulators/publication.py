"""What a device publishes: one message and the moment it is due."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from gridwatch.wire import topic_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One MQTT message of `device`; `kind` is the last word of its topic's fixed part."""

    device: str
    kind: Literal["readings", "frame", "clip", "status"]
    topic: str
    payload: bytes
    at: datetime
    """When a real device would send it."""
    qos: Literal[0, 1] = 1
    retain: bool = False


def milliseconds(moment: datetime) -> int:
    """Return Unix milliseconds, as topics carry them."""
    return round((moment - EPOCH) / timedelta(milliseconds=1))


def frame_publication(device: str, image: bytes, taken_at: datetime) -> Publication:
    """Make a frame's message: sent when it is taken."""
    topic = topic_of(device, f"frame/{milliseconds(taken_at)}")
    return Publication(device=device, kind="frame", topic=topic, payload=image, at=taken_at)


def clip_publication(device: str, video: bytes, started_at: datetime, duration: timedelta) -> Publication:
    """Make a clip's message: a camera sends a clip when it has ended."""
    topic = topic_of(device, f"clip/{milliseconds(started_at)}")
    return Publication(device=device, kind="clip", topic=topic, payload=video, at=started_at + duration)


def status_publication(device: str, at: datetime, *, online: bool) -> Publication:
    """Make a retained status message."""
    payload = b"online" if online else b"offline"
    topic = topic_of(device, "status")
    return Publication(device=device, kind="status", topic=topic, payload=payload, at=at, retain=True)
