"""The words of the system as types that cannot be wrong.

Every time is aware and UTC. Three clocks are never mixed: `observed_at` (device), `received_at`
(collector), `recorded_at` (database). Lengths of time are `timedelta`, pixels are floats in the
picture's own coordinates (x to the right, y down).
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, Self, TypeAlias
from urllib.parse import urlsplit

import msgspec
import numpy as np
from numpy.typing import NDArray

from gridwatch.coordinates import Crs, to_wgs84
from gridwatch.quality import Limits

Pixels: TypeAlias = NDArray[np.uint8]
"""A picture as OpenCV holds it: height × width × 3, blue-green-red, 8 bits."""

BoxXyxy: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

RESERVED_ID = "areas"
"""Its topics are those of areas: a device of this name could publish alerts."""

DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""What a device id looks like: it is one level of an MQTT topic and part of file names."""

LABEL = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What a label, a scene or a quantity looks like."""

SOURCE = re.compile(r"[!-~\u00a1-\U0010ffff]{1,200}")
"""What a device may be called in a foreign system."""

DEVICE_LABEL = re.compile(r"[^\s;；,\x00-\x1f](?:[^;；,\x00-\x1f]{0,38}[^\s;；,\x00-\x1f])?")
"""What people sort devices by: any words; lists of them are separated by semicolons."""

MAX_UNIT = 20
MOST_ORIGINS = 100
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.001, 366 * 86_400.0
PLAYBACK_SCHEMES = frozenset({"http", "https", "rtsp", "rtsps"})

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Observation times outside this range are a broken clock, not a time."""


class DeviceKind(StrEnum):
    """What a device is."""

    SENSOR = "sensor"
    CAMERA = "camera"
    GATEWAY = "gateway"


class DeviceState(StrEnum):
    """Whether a device is in use. Test and maintenance end by themselves, and the device is active again."""

    NEW = "new"
    """Registered, and not heard yet."""
    ACTIVE = "active"
    TEST = "test"
    """Its alerts are drills."""
    MAINTENANCE = "maintenance"
    RETIRED = "retired"
    """Its history is kept; what it sends goes to quarantine."""


PASSING_STATES = frozenset({DeviceState.TEST, DeviceState.MAINTENANCE})
"""They have an end."""


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
    """Where an alert stands; gridwatch/workflow.py says who may do what in which state."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody saw it."""
    ACCEPTED = "accepted"
    """Somebody is on the way."""
    HANDLING = "handling"
    """Somebody is there, or at work on it."""
    RESOLVED = "resolved"
    VERIFIED = "verified"
    """Somebody looked whether it is."""
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
    """Another alert is of the same incident."""


LIVE_STATES = frozenset({AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.ACCEPTED, AlertState.HANDLING})
"""In all others nobody need act any more: they take no further events."""


class Role(StrEnum):
    """What an account may do."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    """Sits in a control room."""
    GRID_WORKER = "grid_worker"
    """Goes there."""
    INTEGRATION = "integration"
    """A program of somebody else."""


def check_device_id(device: str) -> str:
    """Return `device`, or raise ValueError when it can't be a device id."""
    if DEVICE_ID.fullmatch(device) is None:
        raise ValueError(
            f"device id {device[:80]!r}: use 1-64 letters, digits and . _ : - after a letter or digit"
        )
    if device == RESERVED_ID:
        raise ValueError(f"device id {device!r}: the topics of areas begin with it, choose another")
    return device


def check_label(label: str) -> str:
    """Return `label`, or raise ValueError when it can't be a label, scene or quantity."""
    if LABEL.fullmatch(label) is None:
        raise ValueError(f"{label[:80]!r}: use 1-64 small letters, digits and _ after a letter")
    return label


def check_device_label(label: str) -> str:
    """Return `label`, or raise ValueError when devices can't be labelled with it."""
    if DEVICE_LABEL.fullmatch(label) is None:
        raise ValueError(f"label {label[:80]!r}: use 1-40 characters without commas and semicolons")
    return label


def check_playback_url(url: str) -> str:
    """Return `url`; raise ValueError where it is no link to video, or holds a password."""
    parts = urlsplit(url)
    if parts.scheme not in PLAYBACK_SCHEMES or not parts.hostname or len(url) > 1000:
        raise ValueError(f"playback_url: write {', '.join(sorted(PLAYBACK_SCHEMES))}://host/…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("playback_url: leave user and password out: everybody who sees the device sees it")
    return url


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
class Stated:
    """Coordinates in degrees as somebody stated them, in a system other than WGS-84."""

    crs: Crs
    lon: float
    lat: float

    def __post_init__(self) -> None:
        Location(lon=self.lon, lat=self.lat)
        if self.crs is Crs.WGS84:
            raise ValueError("what is stated in WGS-84 is the location itself")

    def location(self) -> Location:
        """Return the same place in WGS-84."""
        lon, lat = to_wgs84(self.crs, self.lon, self.lat)
        return Location(lon=lon, lat=lat)


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """One quantity that a device measures.

    `unit` is for people; `interval_s` is how often it should be heard, without which nobody misses it;
    `quality` holds the limits that its readings are tested by.
    """

    quantity: str
    unit: str = ""
    interval_s: float | None = None
    quality: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_label(self.quantity)
        if len(self.unit) > MAX_UNIT:
            raise ValueError(f"unit {self.unit[:80]!r}: at most {MAX_UNIT} characters")
        if self.interval_s is not None and not MIN_INTERVAL_S <= self.interval_s <= MAX_INTERVAL_S:
            raise ValueError(f"interval_s {self.interval_s}: from {MIN_INTERVAL_S} s to {MAX_INTERVAL_S} s")
        Limits.from_json(self.quality)

    @classmethod
    def from_json(cls, given: Mapping[str, object]) -> Self:
        """Make it from what the database keeps."""
        return cls(**given)  # type: ignore[arg-type]

    def as_json(self) -> dict[str, object]:
        """Return it as the database keeps it: without what is not said."""
        said: dict[str, object] = {"quantity": self.quantity}
        if self.unit:
            said["unit"] = self.unit
        if self.interval_s is not None:
            said["interval_s"] = self.interval_s
        if self.quality:
            said["quality"] = dict(self.quality)
        return said


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A sensor, camera or gateway with an identity, a kind, and a place.

    `model` is its maker's name for it, `source` its name in the system that speaks for it
    (`chirpstack:70b3d5…`). `stated` is where it stands as somebody said it, where that was not WGS-84;
    `location` is always WGS-84. `address` and `telephone` are those of an estate or household, for whoever
    answers an alert. It speaks through `gateway`. A camera looks into `lift`; `cameras` see the device, the
    nearest first.
    `playback_url` shows the recorder's video; `{start}` and `{end}` in it stand for Unix seconds.
    `state_by` is who put it into its state: in a test, whom its alerts are told.
    """

    id: str
    scene: str
    kind: DeviceKind
    name: str = ""
    model: str = ""
    source: str | None = None
    area: str | None = None
    location: Location | None = None
    stated: Stated | None = None
    channels: tuple[Channel, ...] = ()
    labels: tuple[str, ...] = ()
    address: str = field(default="", repr=False)
    telephone: str = field(default="", repr=False)
    gateway: str | None = None
    lift: str | None = None
    cameras: tuple[str, ...] = ()
    playback_url: str | None = None
    state: DeviceState = DeviceState.NEW
    state_until: datetime | None = None
    state_by: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        check_device_id(self.id)
        check_label(self.scene)
        if self.source is not None and SOURCE.fullmatch(self.source) is None:
            raise ValueError(f"source {self.source[:80]!r}: 1-200 characters without blanks")
        quantities = [channel.quantity for channel in self.channels]
        if twice := {name for name in quantities if quantities.count(name) > 1}:
            raise ValueError(f"channels name {', '.join(sorted(twice))} twice")
        for label in self.labels:
            check_device_label(label)
        for other in filter(None, (self.gateway, self.lift, *self.cameras)):
            check_device_id(other)
            if other == self.id:
                raise ValueError("a device can't be its own gateway, lift or camera")
        if self.playback_url is not None:
            check_playback_url(self.playback_url)
        if (self.state in PASSING_STATES) != (self.state_until is not None):
            raise ValueError("state_until is for the states test and maintenance, which need it")


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
class Origin:
    """A place that a thing may have come from, and how probably: a window of a floor, or none of them."""

    p: float
    floor: int | None = None
    window: int | None = None
    """Counted from the left as the camera sees them; None where only the floor is known."""
    place: Literal["window", "roof", "elsewhere"] = "window"

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"where: probability {self.p} outside 0..1")
        if not all(n is None or -999 <= n <= 999 for n in (self.floor, self.window)):
            raise ValueError("where: floors and windows lie in -999..999")
        if (self.place == "window") != (self.floor is not None):
            raise ValueError("where: a window has a floor; roof and elsewhere have none")
        if self.floor is None and self.window is not None:
            raise ValueError("where: a window needs its floor")

    def as_json(self) -> dict[str, object]:
        """Return it as messages, database and API have it: without what is not said."""
        said: dict[str, object] = {"p": self.p}
        if self.place != "window":
            return said | {"place": self.place}
        return said | {"floor": self.floor} | ({} if self.window is None else {"window": self.window})


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a detector concluded.

    `observed_at` is the moment it stands for; `started_at` and `ended_at` bound it where it lasts.
    `where` it came from, the likeliest first. `criteria` says why: names to numbers. `severity` asks for
    more than the label's own. `id` ties updates of one event together; without it the collector derives one
    from device, time, label and box.
    """

    label: str
    confidence: float
    observed_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    box_xyxy: BoxXyxy | None = None
    track: tuple[TrackPoint, ...] = ()
    where: tuple[Origin, ...] = ()
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
        if len(self.where) > MOST_ORIGINS or sum(origin.p for origin in self.where) > 1.001:
            raise ValueError(f"where: at most {MOST_ORIGINS} places whose probabilities sum to at most 1")


def latest(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in the order of their first appearance; of those with one id, the last."""
    kept: dict[str | int, Finding] = {}
    for number, finding in enumerate(findings):
        kept[number if finding.id is None else finding.id] = finding
    return list(kept.values())


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
    """One decoded picture, the moment it was taken, and the preset that a turning camera names with it."""

    pixels: Pixels
    at: datetime
    preset: str = ""

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])
