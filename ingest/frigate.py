"""Frigate: what it saw (`frigate/events`, `frigate/reviews`), and whether it and its cameras are there.

Messages of one id are one event of ours: `new` begins it, `update` changes it, `end` ends it. A review has no
score; it says that Frigate is sure.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec

from gridwatch.formats import Frigate, own_name
from gridwatch.model import BoxXyxy, DeviceFinding, Evidence, Finding, Status, check_time
from ingest.adapter import Heard

ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
CAMERA_STATUS = re.compile(r"([^/]+)/status/detect")

THERE: Mapping[bytes, bool | None] = {
    b"online": True,
    b"offline": False,
    b"stopped": False,
    b"disabled": False,
    b"": None,
}
"""An empty payload takes a retained one back: nobody knows."""

NOTHING_NAMED = "activity"
"""The label of a review that names no object and no sound."""


class _Snapshot(msgspec.Struct):
    box: BoxXyxy | None = None


class _Object(msgspec.Struct):
    id: str
    camera: str
    label: str
    frame_time: float
    start_time: float
    end_time: float | None = None
    sub_label: Any = None
    top_score: float | None = None
    score: float | None = None
    box: BoxXyxy | None = None
    snapshot: _Snapshot | None = None
    has_snapshot: bool = False


class _ReviewData(msgspec.Struct):
    detections: list[str] = []
    objects: list[str] = []
    audio: list[str] = []


class _Review(msgspec.Struct):
    id: str
    camera: str
    start_time: float
    severity: Literal["detection", "alert"]
    end_time: float | None = None
    data: _ReviewData = msgspec.field(default_factory=_ReviewData)


Change: TypeAlias = Literal["new", "update", "end", "genai"]
"""`genai` is a review that a language model described afterwards."""


class _ObjectChange(msgspec.Struct):
    type: Change
    after: _Object


class _ReviewChange(msgspec.Struct):
    type: Change
    after: _Review


class FrigateAdapter:
    """The messages of one Frigate; all of them have one sender, for its events say in their payload whose."""

    name = "frigate/1"

    def __init__(self, settings: Frigate) -> None:
        self._settings = settings
        self._before = f"{settings.prefix}/"
        self._readers: Mapping[str, Callable[[bytes], Heard]] = {
            "events": self._event,
            "reviews": self._review,
            "available": partial(self._status, settings.source),
        }
        self.readings = [f"{self._before}available", f"{self._before}+/status/detect"]
        self.media = [f"{self._before}events", f"{self._before}reviews"]

    def sender(self, topic: str) -> str | None:
        """Return the Frigate."""
        return self._settings.source if topic.startswith(self._before) else None

    def read(self, topic: str, payload: bytes, received_at: datetime) -> Sequence[Heard]:
        """Return what a message says of one camera, or of the Frigate itself."""
        rest = topic.removeprefix(self._before)
        if (camera := CAMERA_STATUS.fullmatch(rest)) is not None:
            return (self._status(self._source(camera[1]), payload, through=(self._settings.source,)),)
        if rest not in self._readers:
            raise ValueError(f"topic {topic[:120]!r}: nothing is expected there")
        return (self._readers[rest](payload),)

    def _source(self, camera: str) -> str:
        return f"{self._settings.source}:{camera}"

    def _status(self, source: str, payload: bytes, *, through: Sequence[str] = ()) -> Heard:
        if payload not in THERE:
            raise ValueError(f"{payload[:40]!r} is none of online, offline, stopped and disabled")
        return Heard(
            source=source,
            message=lambda device: Status(device=device.id, online=THERE[payload]),
            gateways=through,
        )

    def _event(self, payload: bytes) -> Heard:
        seen = msgspec.json.decode(payload, type=_ObjectChange).after
        label, is_mapped = self._label([_sub_label(seen.sub_label), seen.label])
        snapshot = seen.id if is_mapped and seen.has_snapshot else None
        finding = Finding(
            label=label,
            confidence=max(seen.top_score or 0.0, seen.score or 0.0),
            observed_at=_time(seen.frame_time),
            started_at=_time(seen.start_time),
            ended_at=None if seen.end_time is None else _time(seen.end_time),
            box_xyxy=(seen.snapshot and seen.snapshot.box) or seen.box,
            detector=self.name,
            id=f"event {seen.id}",
            evidence=self._evidence(snapshot),
        )
        return self._heard(seen.camera, finding)

    def _review(self, payload: bytes) -> Heard:
        seen = msgspec.json.decode(payload, type=_ReviewChange).after
        label, is_mapped = self._label([*sorted(seen.data.audio), *sorted(seen.data.objects)])
        snapshot = seen.data.detections[0] if is_mapped and seen.data.detections else None
        finding = Finding(
            label=label,
            confidence=1.0,
            observed_at=_time(seen.start_time),
            started_at=_time(seen.start_time),
            ended_at=None if seen.end_time is None else _time(seen.end_time),
            criteria={"alert": float(seen.severity == "alert")},
            detector=self.name,
            id=f"review {seen.id}",
            evidence=self._evidence(snapshot),
        )
        return self._heard(seen.camera, finding)

    def _heard(self, camera: str, finding: Finding) -> Heard:
        return Heard(
            source=self._source(camera),
            message=lambda device: DeviceFinding(device=device.id, finding=finding),
            gateways=(self._settings.source,),
        )

    def _label(self, names: Iterable[str | None]) -> tuple[str, bool]:
        """Return our label: the first of the mapping that is named, else the last name itself."""
        named = [name.removesuffix("-verified") for name in names if name]
        for theirs, ours in self._settings.labels.items():
            if theirs in named:
                return ours, True
        return own_name(named[-1]) if named else NOTHING_NAMED, False

    def _evidence(self, event: str | None) -> tuple[Evidence, ...]:
        """Return where the snapshot of one of Frigate's events is, as the camera saw it: nothing drawn in."""
        if event is None or self._settings.api is None:
            return ()
        if ID.fullmatch(event) is None:
            raise ValueError(f"id {event[:80]!r}: use letters, digits, . and -")
        url = f"{self._settings.api}/api/events/{event}/snapshot.jpg?bbox=0&timestamp=0&crop=0"
        return (Evidence(media_type="image/jpeg", url=url),)


def _sub_label(value: object) -> str | None:
    """Return the name of a sub label, which comes alone or with its score."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else None


def _time(seconds: float) -> datetime:
    return check_time(datetime.fromtimestamp(seconds, UTC))
