"""The words of the system as types that cannot be wrong.

Every time is aware and UTC. Three clocks are never mixed: `observed_at` (device), `received_at`
(collector), `recorded_at` (database). Lengths of time are `timedelta`, pixels are floats in the
picture's own coordinates (x to the right, y down).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""A picture as OpenCV holds it: height × width × 3, blue-green-red, 8 bits."""

BoxXyxy: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""What a device id looks like: it is one level of an MQTT topic and part of file names."""

LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What a label, a scene or a quantity looks like."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Observation times outside this range are a broken clock, not a time."""


class DeviceKind(StrEnum):
    """What a device is."""

    SENSOR = "sensor"
    CAMERA = "camera"
    GATEWAY = "gateway"


class Severity(StrEnum):
    """How urgent an alert is; `rank` orders them."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Severity).index(self)


class AlertState(StrEnum):
    """Where an alert stands. The full workflow comes with dispatch."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


def check_device_id(device: str) -> str:
    """Return `device`, or raise ValueError when it can't be a device id."""
    if DEVICE_ID.fullmatch(device) is None:
        raise ValueError(
            f"device id {device[:80]!r}: use 1-64 letters, digits and . _ : - after a letter or digit"
        )
    return device


def check_label(label: str) -> str:
    """Return `label`, or raise ValueError when it can't be a label, scene or quantity."""
    if LABEL.fullmatch(label) is None:
        raise ValueError(f"{label[:80]!r}: use 1-64 small letters, digits and _ after a letter")
    return label


def check_time(moment: datetime) -> datetime:
    """Return `moment` in UTC; raise ValueError when it is naive or no plausible time."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"{moment.isoformat()} lies outside the years 2000 to 2099")
    return moment.astimezone(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A place on the earth in degrees, WGS-84."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            raise ValueError(f"lon {self.lon}, lat {self.lat}: outside -180..180, -90..90 degrees")


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A sensor, camera or gateway with an identity, a kind, and a place."""

    id: str
    scene: str
    kind: DeviceKind
    name: str = ""
    area: str | None = None
    location: Location | None = None
    channels: tuple[Mapping[str, object], ...] = ()
    simulated: bool = False

    def __post_init__(self) -> None:
        check_device_id(self.id)
        check_label(self.scene)


class Observation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All quantities that a device measured at one instant: quantity (with its unit in the name) to value.

    A struct, for it is made thousands of times a second.
    """

    device: str
    observed_at: datetime
    values: Mapping[str, float]
    seq: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One encoded picture (JPEG or PNG)."""

    device: str
    observed_at: datetime
    image: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A few seconds of encoded video (MP4, MKV or AVI) that starts at `observed_at`."""

    device: str
    observed_at: datetime
    video: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackPoint:
    """Where something was, in pixels, at a time."""

    at: datetime
    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One encoded picture or video that shows a finding, or a link to one."""

    media_type: str
    content: bytes = b""
    url: str | None = None
    masked: bool = False
    """Whether everything but the finding was made unrecognisable."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a detector concluded.

    `observed_at` is the moment it stands for; `started_at` and `ended_at` bound it where it lasts.
    `criteria` says why: names to numbers. `severity` asks for more than the label's
    own. `id` ties updates of one event together; without it the collector derives one from device, time,
    label and box.
    """

    label: str
    confidence: float
    observed_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    box_xyxy: BoxXyxy | None = None
    track: tuple[TrackPoint, ...] = ()
    criteria: Mapping[str, float] = field(default_factory=dict)
    severity: Severity | None = None
    detector: str = ""
    id: str | None = None
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        check_label(self.label)
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence {self.confidence}: outside 0..1")
        if self.box_xyxy is not None and not all(map(math.isfinite, self.box_xyxy)):
            raise ValueError("box_xyxy holds a number that is not finite")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFinding:
    """A finding that a device sent by itself."""

    device: str
    finding: Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A device said that it is there, or its Last Will said that it is not; None: nobody knows."""

    device: str
    online: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftState:
    """What a lift controller says of itself; None is unknown."""

    device: str
    observed_at: datetime
    door: Literal["open", "closing", "closed", "opening"] | None = None
    moving: bool | None = None
    door_zone: bool | None = None
    mode: Literal["normal", "fire", "inspection", "rescue"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandResult:
    """What a device answered to a command."""

    device: str
    id: str
    ok: bool
    detail: str = ""


class Observations(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The observations of one message, in the order sent."""

    device: str
    items: tuple[Observation, ...]


Message: TypeAlias = Observations | Frame | Clip | DeviceFinding | Status | LiftState | CommandResult
"""What a message on a `gw/v1/…` topic becomes once it is decoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One decoded picture and the moment it was taken."""

    pixels: Pixels
    at: datetime

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])
