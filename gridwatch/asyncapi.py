"""The contract over MQTT as an AsyncAPI 3.0.0 document, made from the types that decode the messages.

Its schemas are those of `gridwatch.wire`, so the document can't say anything else than the code does.
Operations are seen from here: `receive` is what devices publish, `send` is what they and other systems get.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID

import msgspec

from gridwatch import wire
from gridwatch.model import DEVICE_ID, AlertState, Severity

REF = "#/components/schemas/{name}"


class _SenmlRecord(msgspec.Struct):
    """A record of a SenML pack (RFC 8428); names and units become our quantities."""

    n: str | None = None
    u: str | None = None
    v: float | None = None
    vb: bool | None = None
    t: float | None = None
    bn: str | None = None
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bver: int | None = None


class _Place(msgspec.Struct):
    """A point, WGS-84."""

    lon: float
    lat: float


class _Shown(msgspec.Struct):
    """A picture or clip of an alert."""

    event: UUID
    position: int
    media_type: str
    url: str


class _Alert(msgspec.Struct):
    """An alert as it is after a change; it has more fields than these, as the API describes them."""

    id: int
    seq: int
    scene: str
    label: str
    severity: Severity
    state: AlertState
    confidence: float
    area: str | None
    device: str
    observed_at: datetime
    raised_at: datetime
    location: _Place | None
    evidence: list[_Shown]
    events: int
    assignee: str | None
    level: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Body:
    """One form of a payload: a type of ours, a schema, or bytes of a content type alone."""

    content_type: str = "application/json"
    type: Any = None
    schema: Mapping[str, Any] | None = None
    example: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Topic:
    """A topic: its address, and the forms of its payload by name."""

    address: str
    summary: str
    bodies: Mapping[str, _Body]
    qos: int = 1
    retain: bool = False
    action: str = "receive"


T = 1760000000.123

ALERT: Mapping[str, Any] = {
    "id": 4711,
    "seq": 90210,
    "scene": "fire",
    "label": "smoke",
    "severity": "major",
    "state": "open",
    "confidence": 0.9,
    "area": "510116001001",
    "device": "smoke-1",
    "observed_at": "2025-10-09T08:53:20.123Z",
    "raised_at": "2025-10-09T08:53:20.200Z",
    "location": {"lon": 104.06, "lat": 30.58},
    "evidence": [],
    "events": 1,
    "assignee": None,
    "level": None,
}

TOPICS: Mapping[str, _Topic] = {
    "readings": _Topic(
        address=wire.topic_of("{device}", "readings"),
        summary="What a device measured.",
        bodies={
            "readings": _Body(
                type=wire.PAYLOADS["readings"],
                example={"t": T, "seq": 17, "values": {"temperature_c": 24.1, "smoke_alarm": False}},
            ),
            "senml": _Body(
                content_type="application/senml+json",
                type=list[_SenmlRecord],
                example=[{"bn": "urn:dev:mac:0024befffe804ff1:", "n": "temperature", "u": "Cel", "v": 24.1}],
            ),
            "senmlCbor": _Body(content_type="application/senml+cbor"),
        },
    ),
    "frame": _Topic(
        address=wire.topic_of("{device}", "frame/{t_ms}"),
        summary="One picture, taken at t_ms.",
        bodies={"jpeg": _Body(content_type="image/jpeg"), "png": _Body(content_type="image/png")},
    ),
    "clip": _Topic(
        address=wire.topic_of("{device}", "clip/{t_ms}"),
        summary="A few seconds of video that starts at t_ms.",
        bodies={
            "mp4": _Body(content_type="video/mp4"),
            "mkv": _Body(content_type="video/x-matroska"),
            "avi": _Body(content_type="video/x-msvideo"),
        },
    ),
    "finding": _Topic(
        address=wire.topic_of("{device}", "finding"),
        summary="What a device concluded itself; the same id again is an update of the same event.",
        bodies={
            "finding": _Body(
                type=wire.PAYLOADS["finding"],
                example={"t": T, "label": "ebike", "confidence": 0.9, "box_xyxy": [412, 80, 690, 655]},
            )
        },
    ),
    "status": _Topic(
        address=wire.topic_of("{device}", "status"),
        summary="Whether the device is there: retained, `offline` as its Last Will.",
        retain=True,
        bodies={
            "status": _Body(
                content_type="text/plain",
                schema={"type": "string", "enum": [said.decode() for said in wire.STATUS]},
                example="online",
            )
        },
    ),
    "state": _Topic(
        address=wire.topic_of("{device}", "state"),
        summary="What a lift's controller says of the lift; what is missing is unknown.",
        bodies={
            "state": _Body(
                type=wire.PAYLOADS["state"],
                example={"t": T, "door": "open", "moving": False, "door_zone": True, "mode": "normal"},
            )
        },
    ),
    "command": _Topic(
        address=wire.topic_of("{device}", "command"),
        summary="What a device is asked to do; `hold_open` goes with QoS 0. Never retained.",
        action="send",
        bodies={
            "command": _Body(
                type=wire.PAYLOADS["command"],
                example={"id": "c-1", "seq": 4, "action": "speak", "ttl_s": 60, "params": {"text": "您好"}}
                | {"expires_at": T + 60},
            )
        },
    ),
    "commandResult": _Topic(
        address=wire.topic_of("{device}", "command/result"),
        summary="What a device answers to a command.",
        bodies={
            "commandResult": _Body(
                type=wire.PAYLOADS["command/result"], example={"id": "c-1", "ok": True, "detail": ""}
            )
        },
    ),
    "areaAlerts": _Topic(
        address=wire.area_topic("{code}"),
        summary="Each change of an alert in an area or below it, in the order of commits; never retained."
        " What is simulated, drills and what is among our own people are left out.",
        action="send",
        bodies={"alert": _Body(type=_Alert, example=ALERT)},
    ),
}

PARAMETERS: Mapping[str, str] = {
    "code": "Code of an area.",
    "device": f"Id of a registered device: {DEVICE_ID.pattern}",
    "t_ms": "Unix milliseconds, UTC.",
}


FIELDS: Mapping[str, Mapping[str, str]] = {
    "Readings": {
        "t": "When it was measured: Unix seconds, or RFC 3339 text with an offset.",
        "values": "Quantities, named with their unit, to finite numbers; 0/1 or false/true for contacts.",
        "seq": "Counts up by one per message: tells a gap, and two messages of one instant apart.",
    },
    "Finding": {
        "t": "The moment that it stands for.",
        "label": "Small letters, digits and _; docs/mqtt.md lists those that raise alerts.",
        "confidence": "From 0 to 1.",
        "id": "The same id again is an update of the same event.",
        "box_xyxy": "Left, top, right, bottom in pixels.",
        "track": "Time, x and y in pixels of each place where it was.",
        "where": "Which windows it may have come from, the likeliest first; the probabilities sum to 1.",
        "criteria": "Why it was concluded: names to numbers.",
        "detector": "Name and version.",
    },
    "Origin": {
        "p": "Probability, from 0 to 1.",
        "floor": "As the house counts; there is no floor 0.",
        "window": "Counted from the left as the camera sees them; left out where only the floor is known.",
        "place": "roof or elsewhere where it is no window.",
    },
    "EvidenceItem": {
        "type": ", ".join(sorted(wire.EVIDENCE_TYPES)),
        "base64": "The file itself; either this or url.",
        "url": "A link that begins with http:// or https://.",
        "masked": "Whether all but the finding was made unrecognisable in it already.",
    },
    "Alert": {
        "seq": "Of the change, in the order of commits; a change may come twice with the same.",
        "area": "Code of its own area, which the topic's is or lies above.",
        "events": "How many findings are in it.",
        "assignee": "Who took it or was given it.",
        "level": "How far up the ladder people were called.",
    },
    "LiftState": {"door_zone": "Whether the cabin stands where its doors may open."},
    "Command": {
        "id": "The same id again is the same command, sent again: obey it once, answer it again.",
        "seq": "Counts up by one per command of a device.",
        "action": "hold_open, release, speak, or one that the device knows.",
        "ttl_s": "Seconds that are left when it is sent: for so long after its arrival it is valid.",
        "expires_at": "It is not valid afterwards, Unix seconds.",
    },
}
"""What the fields of the schemas are, for people."""

PLAIN_NAMES: Mapping[str, str] = {"_Switches": "Readings"}


def document() -> dict[str, Any]:
    """Return the document."""
    bodies = {form: body for topic in TOPICS.values() for form, body in topic.bodies.items()}
    typed = {form: body.type for form, body in bodies.items() if body.type is not None}
    schemas, components = msgspec.json.schema_components(typed.values(), ref_template=REF)
    payloads = dict(zip(typed, schemas, strict=True)) | {
        form: body.schema for form, body in bodies.items() if body.schema is not None
    }
    made: dict[str, Any] = _plain(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "Gridwatch over MQTT",
                "version": version("gridwatch"),
                "description": "MQTT 5 or 3.1.1; what people should know of it stands in docs/mqtt.md.",
                "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            },
            "defaultContentType": "application/json",
            "servers": {
                "broker": {"host": "127.0.0.1:1883", "protocol": "mqtt", "description": "As `up` starts it."}
            },
            "channels": {name: _channel(topic) for name, topic in TOPICS.items()},
            "operations": {name: _operation(name, topic) for name, topic in TOPICS.items()},
            "components": {
                "messages": {form: _message(form, body, payloads.get(form)) for form, body in bodies.items()},
                "schemas": components,
            },
        }
    )
    for name, fields in FIELDS.items():
        for field, description in fields.items():
            made["components"]["schemas"][name]["properties"][field]["description"] = description
    return made


def _channel(topic: _Topic) -> dict[str, Any]:
    given = re.findall(r"\{(\w+)\}", topic.address)
    return {
        "address": topic.address,
        "description": topic.summary,
        "parameters": {name: {"description": PARAMETERS[name]} for name in given},
        "messages": {form: {"$ref": f"#/components/messages/{form}"} for form in topic.bodies},
    }


def _operation(name: str, topic: _Topic) -> dict[str, Any]:
    return {
        "action": topic.action,
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": topic.summary,
        "bindings": {"mqtt": {"qos": topic.qos, "retain": topic.retain, "bindingVersion": "0.2.0"}},
        "messages": [{"$ref": f"#/channels/{name}/messages/{form}"} for form in topic.bodies],
    }


def _message(form: str, body: _Body, payload: Mapping[str, Any] | None) -> dict[str, Any]:
    message: dict[str, Any] = {"name": form, "contentType": body.content_type}
    if payload is not None:
        message["payload"] = payload
    if body.example is not None:
        message["examples"] = [{"payload": body.example}]
    return message


def _plain(node: Any) -> Any:
    """Return a part of the document as AsyncAPI has it.

    Our private types get plain names, and a tuple is written as draft 7 of JSON Schema writes it.
    """
    if isinstance(node, dict):
        if "prefixItems" in node:
            node = dict(node)
            node |= {"items": node.pop("prefixItems"), "additionalItems": False}
        return {_plain_name(name): _plain(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return _plain_name(node) if isinstance(node, str) else node


def _plain_name(text: str) -> str:
    before, slash, name = text.rpartition("/")
    return f"{before}{slash}{PLAIN_NAMES.get(name, name.removeprefix('_'))}"
