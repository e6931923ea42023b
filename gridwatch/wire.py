"""The wire format `gw/v1/…`: topics and payloads become messages that cannot be wrong.

Everything that can't be read raises UnreadableMessage with the reason; nothing is guessed.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from gridwatch.areas.area import AREA_CODE
from gridwatch.errors import UnreadableMessage
from gridwatch.model import (
    EARLIEST,
    LATEST,
    RESERVED_ID,
    Clip,
    CommandResult,
    DeviceFinding,
    Evidence,
    Finding,
    Frame,
    LiftState,
    Message,
    Observation,
    Observations,
    Origin,
    Status,
    TrackPoint,
    check_device_id,
    check_label,
    check_time,
)
from gridwatch.senml import looks_like_senml, read_senml

ROOT = "gw/v1"
AREA_TOPIC = re.compile(rf"{ROOT}/{RESERVED_ID}/{AREA_CODE.pattern}/alerts")
DECODER = "gw/v1-1"
"""Kept beside every quarantined message: which decoder could not read it."""

MAX_OBSERVATIONS = 10_000
"""In one message: a gateway that was away for a week sends about as many."""
MAX_QUANTITIES = 256
"""In one observation; more is a mistake, and each name becomes a row of its own."""
MAX_SEQ = 2**63 - 1
"""What the database's bigint holds."""

MAX_CRITERIA = 64
"""Numbers that say why a finding was made; our own detectors give six."""

MAX_TEXT = 1000
"""Characters of any text that a device sends."""

Moment = float | str

EARLIEST_S, LATEST_S = EARLIEST.timestamp(), LATEST.timestamp()


class _Readings(msgspec.Struct, gc=False):
    t: Moment
    values: dict[str, float]
    seq: int | None = None


class _Switches(msgspec.Struct, gc=False):
    """Readings of which some are true or false."""

    t: Moment
    values: dict[str, float | bool]
    seq: int | None = None


class _EvidenceItem(msgspec.Struct, omit_defaults=True):
    type: str
    base64: str | None = None
    url: str | None = None
    masked: bool = False


class _Origin(msgspec.Struct, omit_defaults=True):
    p: float
    floor: int | None = None
    window: int | None = None
    place: Literal["window", "roof", "elsewhere"] = "window"


class _Finding(msgspec.Struct, omit_defaults=True):
    t: Moment
    label: str
    confidence: float
    id: str | int | None = None
    t_start: Moment | None = None
    t_end: Moment | None = None
    box_xyxy: tuple[float, float, float, float] | None = None
    track: list[tuple[Moment, float, float]] = []
    where: list[_Origin] = []
    criteria: dict[str, float] = {}
    evidence: list[_EvidenceItem] = []
    detector: str = ""


class _LiftState(msgspec.Struct):
    t: Moment
    door: Literal["open", "closing", "closed", "opening"] | None = None
    moving: bool | None = None
    door_zone: bool | None = None
    mode: Literal["normal", "fire", "inspection", "rescue"] | None = None


class _CommandResult(msgspec.Struct):
    id: str | int
    ok: bool
    detail: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is asked to do; it obeys whichever limit, ttl_s or expires_at, ends first."""

    id: str
    seq: int
    action: str
    ttl_s: float
    expires_at: float
    params: Mapping[str, Any]

    def encoded(self) -> bytes:
        """Return it as the device reads it."""
        return msgspec.json.encode(self)


_readings = msgspec.json.Decoder(_Readings)
_many_readings = msgspec.json.Decoder(list[_Readings])
_switches = msgspec.json.Decoder(_Switches)
_many_switches = msgspec.json.Decoder(list[_Switches])
_finding = msgspec.json.Decoder(_Finding)
_lift_state = msgspec.json.Decoder(_LiftState)
_command_result = msgspec.json.Decoder(_CommandResult)

EVIDENCE_TYPES = frozenset({"image/jpeg", "image/png", "video/mp4"})


def topic_of(device: str, kind: str) -> str:
    """Return the topic of a device: `kind` is `readings`, `frame/{t_ms}`, `status`, …"""
    return f"{ROOT}/{device}/{kind}"


def area_topic(code: str) -> str:
    """Return the topic of an area's alerts; no device is called `areas`."""
    return f"{ROOT}/{RESERVED_ID}/{code}/alerts"


def is_area_topic(topic: str) -> bool:
    """Say whether this is the topic of one area's alerts."""
    return AREA_TOPIC.fullmatch(topic) is not None


def route_of(topic: str) -> tuple[str, str]:
    """Return the device that a topic names and what follows; raise UnreadableMessage where it names none."""
    route = _known_routes.get(topic)
    if route is None:
        route = _route(topic)
        if len(_known_routes) == MAX_KNOWN_TOPICS:
            _known_routes.clear()
        if len(topic) <= MAX_KNOWN_TOPIC:
            _known_routes[topic] = route
    return route


def sender_of(topic: str) -> str:
    """Return the device that a topic of our own names, or nothing where it names none."""
    try:
        return route_of(topic)[0]
    except UnreadableMessage:
        return ""


def _route(topic: str) -> tuple[str, str]:
    parts = topic.split("/", 3)
    if len(parts) < 4 or parts[:2] != ["gw", "v1"]:
        raise UnreadableMessage(f"topic {topic[:120]!r} is not gw/v1/{{device}}/…")
    try:
        return check_device_id(parts[2]), parts[3]
    except ValueError as error:
        raise UnreadableMessage(str(error)) from error


MAX_KNOWN_TOPIC, MAX_KNOWN_TOPICS = 128, 131_072
"""Topics that are not taken apart again: each device sends its readings on the same one."""

_known_routes: dict[str, tuple[str, str]] = {}
"""A plain dictionary: an LRU cache touches two neighbours more for each look."""


def decode(topic: str, payload: bytes, *, received_at: datetime) -> Message:
    """Decode one message; `received_at` anchors the relative times that SenML allows."""
    device, what = route_of(topic)
    try:
        if what == "readings":
            return _observations(device, payload, received_at)
        kind, _, rest = what.partition("/")
        if kind in _TIMED and rest:
            return _TIMED[kind](device, payload, rest)
        reader = _PLAIN.get(what)
        if reader is None:
            raise UnreadableMessage(f"topic {topic[:120]!r}: nothing is expected there")
        return reader(device, payload)
    except (msgspec.DecodeError, ValueError, OverflowError, OSError, RecursionError) as error:
        raise UnreadableMessage(str(error)) from error


def encode_observation(observation: Observation) -> bytes:
    """Return the JSON payload of one observation."""
    body: dict[str, Any] = {"t": observation.observed_at.timestamp(), "values": dict(observation.values)}
    if observation.seq is not None:
        body["seq"] = observation.seq
    return msgspec.json.encode(body)


def encode_finding(finding: Finding) -> bytes:
    """Return the JSON payload of a finding, with its evidence in it."""
    body = _Finding(
        t=finding.observed_at.timestamp(),
        label=finding.label,
        confidence=finding.confidence,
        id=finding.id,
        t_start=None if finding.started_at is None else finding.started_at.timestamp(),
        t_end=None if finding.ended_at is None else finding.ended_at.timestamp(),
        box_xyxy=finding.box_xyxy,
        track=[(point.at.timestamp(), point.x, point.y) for point in finding.track],
        where=[_Origin(**one.as_json()) for one in finding.where],  # type: ignore[arg-type]
        criteria=dict(finding.criteria),
        evidence=[_item(evidence) for evidence in finding.evidence],
        detector=finding.detector,
    )
    # Detectors count in NumPy, whose numbers are no floats to the encoder.
    return msgspec.json.encode(body, enc_hook=float)


def _item(evidence: Evidence) -> _EvidenceItem:
    content = None if evidence.url else base64.b64encode(evidence.content).decode()
    return _EvidenceItem(type=evidence.media_type, base64=content, url=evidence.url, masked=evidence.masked)


def _observations(device: str, payload: bytes, received_at: datetime) -> Observations:
    if payload[:1] == b"{":
        return Observations(device=device, items=(_observation(device, _one(payload)),))
    if looks_like_senml(payload):
        items = read_senml(device, payload, received_at=received_at)
    elif payload.lstrip()[:1] == b"[":
        items = tuple(_observation(device, body) for body in _many(payload))
    else:
        items = (_observation(device, _one(payload)),)
    if not 0 < len(items) <= MAX_OBSERVATIONS:
        raise ValueError(f"{len(items)} observations in one message: 1 to {MAX_OBSERVATIONS} are taken")
    return Observations(device=device, items=items)


def _one(payload: bytes) -> _Readings | _Switches:
    """Decode one object; nearly none holds a switch, so that is tried second."""
    try:
        return _readings.decode(payload)
    except msgspec.ValidationError:
        return _switches.decode(payload)


def _many(payload: bytes) -> Sequence[_Readings | _Switches]:
    try:
        return _many_readings.decode(payload)
    except msgspec.ValidationError:
        return _many_switches.decode(payload)


def _observation(device: str, body: _Readings | _Switches) -> Observation:
    values, seq = body.values, body.seq
    if not 0 < len(values) <= MAX_QUANTITIES:
        raise ValueError(f"values: {len(values)} quantities; 1 to {MAX_QUANTITIES} are taken")
    if seq is not None and not 0 <= seq <= MAX_SEQ:
        raise ValueError(f"seq: {seq} lies outside 0..{MAX_SEQ}")
    if tuple(values) not in _names_seen or type(body) is _Switches or not math.isfinite(sum(values.values())):
        values = _quantities(values)
    return Observation(device=device, observed_at=_moment(body.t, "t"), values=values, seq=seq)


_names_seen: set[tuple[str, ...]] = set()
MAX_NAMES_SEEN = 4096
"""Names of quantities, as they come together in a message, that were checked: they come again and again."""


def _quantities(values: Mapping[str, float]) -> dict[str, float]:
    checked = {}
    for name, value in values.items():
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"values.{name}: not a finite number")
        checked[check_label(name)] = number
    if len(_names_seen) < MAX_NAMES_SEEN:
        _names_seen.add(tuple(checked))
    return checked


def _moment(value: Moment, field: str) -> datetime:
    try:
        if isinstance(value, str):
            return check_time(datetime.fromisoformat(value))
        if EARLIEST_S <= value < LATEST_S:
            return datetime.fromtimestamp(value, UTC)
        return check_time(datetime.fromtimestamp(value, UTC))
    except (ValueError, OverflowError, OSError) as error:
        hint = " (milliseconds? send seconds)" if isinstance(value, float) and value > 1e11 else ""
        raise ValueError(
            f"{field}: {str(value)[:40]} is no time between 2000 and 2099: {error}{hint}"
        ) from error


def _milliseconds(text: str) -> datetime:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ValueError(f"topic: {text[:40]!r} is no time in milliseconds since 1970")
    return check_time(datetime.fromtimestamp(int(text) / 1000, UTC))


def _text(value: str, field: str) -> str:
    if len(value) > MAX_TEXT or "\x00" in value:
        raise ValueError(f"{field}: longer than {MAX_TEXT} characters, or with a zero byte in it")
    return value


def _frame(device: str, payload: bytes, t_ms: str) -> Frame:
    return Frame(device=device, observed_at=_milliseconds(t_ms), image=_not_empty(payload))


def _clip(device: str, payload: bytes, t_ms: str) -> Clip:
    return Clip(device=device, observed_at=_milliseconds(t_ms), video=_not_empty(payload))


def _not_empty(payload: bytes) -> bytes:
    if not payload:
        raise ValueError("the payload is empty")
    return payload


def _device_finding(device: str, payload: bytes) -> DeviceFinding:
    body = _finding.decode(payload)
    finding = Finding(
        label=body.label,
        confidence=body.confidence,
        observed_at=_moment(body.t, "t"),
        started_at=None if body.t_start is None else _moment(body.t_start, "t_start"),
        ended_at=None if body.t_end is None else _moment(body.t_end, "t_end"),
        box_xyxy=body.box_xyxy,
        track=tuple(TrackPoint(at=_moment(t, "track"), x=x, y=y) for t, x, y in body.track),
        where=tuple(
            Origin(p=one.p, floor=one.floor, window=one.window, place=one.place) for one in body.where
        ),
        criteria=_criteria(body.criteria),
        detector=_text(body.detector, "detector"),
        id=None if body.id is None else _text(str(body.id), "id"),
        evidence=tuple(_evidence(item) for item in body.evidence),
    )
    return DeviceFinding(device=device, finding=finding)


def _evidence(item: _EvidenceItem) -> Evidence:
    if item.type not in EVIDENCE_TYPES:
        raise ValueError(f"evidence: type {item.type[:40]!r} is none of {', '.join(sorted(EVIDENCE_TYPES))}")
    if (item.base64 is None) == (item.url is None):
        raise ValueError("evidence: give either base64 or url")
    if item.url is not None:
        if not item.url.startswith(("http://", "https://")):
            raise ValueError("evidence: url must begin with http:// or https://")
        return Evidence(media_type=item.type, url=_text(item.url, "evidence.url"), masked=item.masked)
    try:
        content = base64.b64decode(item.base64 or "", validate=True)
    except binascii.Error as error:
        raise ValueError(f"evidence: base64: {error}") from error
    return Evidence(media_type=item.type, content=_not_empty(content), masked=item.masked)


def _criteria(given: Mapping[str, float]) -> Mapping[str, float]:
    if len(given) > MAX_CRITERIA:
        raise ValueError(f"criteria: {len(given)} numbers; at most {MAX_CRITERIA} are taken")
    for name, value in given.items():
        check_label(name)
        if not math.isfinite(value):
            raise ValueError(f"criteria.{name}: not a finite number")
    return given


STATUS: Mapping[bytes, bool | None] = {b"online": True, b"offline": False, b"": None}
"""An empty payload is how a retained status is taken back: nobody knows."""


def _status(device: str, payload: bytes) -> Status:
    if payload not in STATUS:
        raise ValueError(f"status {payload[:40]!r} is neither online nor offline")
    return Status(device=device, online=STATUS[payload])


def _state(device: str, payload: bytes) -> LiftState:
    body = _lift_state.decode(payload)
    return LiftState(
        device=device,
        observed_at=_moment(body.t, "t"),
        door=body.door,
        moving=body.moving,
        door_zone=body.door_zone,
        mode=body.mode,
    )


def _result(device: str, payload: bytes) -> CommandResult:
    body = _command_result.decode(payload)
    return CommandResult(
        device=device, id=_text(str(body.id), "id"), ok=body.ok, detail=_text(body.detail, "detail")
    )


_TIMED: Mapping[str, Callable[[str, bytes, str], Message]] = {"frame": _frame, "clip": _clip}
_PLAIN: Mapping[str, Callable[[str, bytes], Message]] = {
    "finding": _device_finding,
    "status": _status,
    "state": _state,
    "command/result": _result,
}

PAYLOADS: Mapping[str, Any] = {
    "readings": _Switches | list[_Switches],
    "finding": _Finding,
    "state": _LiftState,
    "command": Command,
    "command/result": _CommandResult,
}
"""The types of the JSON payloads by topic, for the description of the contract."""
