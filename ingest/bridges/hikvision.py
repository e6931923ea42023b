"""Hikvision: the stream of events of ISAPI (`alertStream`), and the same messages pushed to us by the camera.

An event is EventNotificationAlert in XML or JSON, its pictures are the parts that follow. Heartbeats are
`videoloss` that is inactive. Source: Hikvision's ISAPI guides (Event/notification/alertStream, httpHosts).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gridwatch.errors import UnreadableMessage
from gridwatch.model import check_time
from ingest.bridges.json_text import read_json
from ingest.bridges.judgement import MOST_PICTURES, Box, Judgement
from ingest.bridges.multipart import Part

THOUSAND = 1000.0
"""FireRegion is in thousandths of the picture, TargetRect in fractions of one; both from the upper left."""


DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


class Hikvision:
    """How Hikvision's cameras and recorders are asked."""

    name = "hikvision"
    silence_s = 60.0
    """A heartbeat comes every ten seconds or sooner."""

    stream_path = "/ISAPI/Event/notification/alertStream"

    def snapshot_path(self, channel: str) -> str:
        """Return where a picture of the channel's main stream is."""
        return f"/ISAPI/Streaming/channels/{channel}01/picture"

    def reader(self) -> "AlertReader":
        """Return a reader of one stream."""
        return AlertReader()


class AlertReader:
    """An event and then its pictures, as many as the event says."""

    def __init__(self) -> None:
        self._waiting: Judgement | None = None
        self._missing = 0

    def read(self, part: Part) -> list[Judgement]:
        """Return the events that are whole with this part."""
        if part.is_picture:
            if self._waiting is None:
                return []
            kept = (*self._waiting.pictures, part.body)[:MOST_PICTURES]
            self._waiting = replace(self._waiting, pictures=kept)
            self._missing -= 1
            return [] if self._missing > 0 else self.flush()
        before = self.flush()
        said = _event(part.body)
        if said is None or (judgement := _judgement(said)) is None:
            return before
        self._missing = _count(said.get("detectionPicturesNumber"))
        if self._missing:
            self._waiting = judgement
            return before
        return [*before, judgement]

    def flush(self) -> list[Judgement]:
        """Return the event that waits for pictures, with those that came."""
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else [waiting]


def _event(body: bytes) -> Mapping[str, Any] | None:
    """Return an event's fields by name; None for a part that is no event. Raises UnreadableMessage."""
    text = body.strip()
    if text.startswith(b"{"):
        event = _object(text)
        return event if isinstance(event, dict) else None
    if text.startswith(b"<"):
        root = _root(text)
        return _fields(root) if _name(root) == "EventNotificationAlert" else None
    return None


def _root(text: bytes) -> Element:
    """Read XML; some firmwares write names of channels in GB18030, whatever they declare."""
    try:
        try:
            root: Element = fromstring(text, forbid_dtd=True)
        except (ParseError, ValueError):
            root = fromstring(DECLARATION.sub("", text.decode("gb18030")), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableMessage(f"an event that is not XML: {type(error).__name__}") from error
    return root


def _object(text: bytes) -> object:
    try:
        try:
            return read_json(text)
        except ValueError:
            return read_json(text.decode("gb18030"))
    except ValueError as error:
        raise UnreadableMessage("an event that is not JSON") from error


def _fields(root: Element) -> dict[str, Any]:
    """Return the fields of an event in XML as JSON names them, with what lies deeper that we read."""
    fields: dict[str, Any] = {_name(child): (child.text or "").strip() for child in root if not len(child)}
    for element in root.iter():
        match _name(element):
            case "relationEvent" | "detectionTarget" as name:
                fields.setdefault(name, (element.text or "").strip())
            case "TargetRect" | "FireRegion" as name:
                fields.setdefault(name, {_name(child): child.text for child in element})
    return fields


def _name(element: Element) -> str:
    """Return an element's name without the namespace, which differs between firmwares."""
    return str(element.tag).rpartition("}")[2]


def _judgement(said: Mapping[str, Any]) -> Judgement | None:
    """Return what an event says; None for a heartbeat. Raises UnreadableMessage."""
    kind, active = _text(said.get("eventType")), _text(said.get("eventState")) != "inactive"
    if not kind:
        raise UnreadableMessage("an event without eventType")
    if kind == "duration":
        kind = _text(said.get("relationEvent")) or kind
    if kind.lower() == "heartbeat" or (kind.lower() == "videoloss" and not active):
        return None
    return Judgement(
        kind=kind,
        channel=_text(said.get("channelID")) or _text(said.get("dynChannelID")) or "1",
        active=active,
        at=_moment(_text(said.get("dateTime"))),
        target=_text(said.get("detectionTarget")),
        box=_box(said.get("TargetRect"), 1.0) or _box(said.get("FireRegion"), THOUSAND),
    )


def _text(value: object) -> str:
    return str(value).strip()[:100] if isinstance(value, str | int) else ""


def _count(value: object) -> int:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def _moment(text: str) -> datetime | None:
    """Return the camera's time; None where it says none, or not how far it is from UTC."""
    try:
        return check_time(datetime.fromisoformat(text))
    except ValueError:
        return None


def _box(rect: object, whole: float) -> Box | None:
    if not isinstance(rect, dict):
        return None
    known = {str(name).lower(): value for name, value in rect.items()}
    try:
        x, y, width, height = (float(known[name]) / whole for name in ("x", "y", "width", "height"))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if not (0 <= x < 1 and 0 <= y < 1 and 0 < width <= 1 and 0 < height <= 1):
        return None
    return x, y, min(1.0, x + width), min(1.0, y + height)
