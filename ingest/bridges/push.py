"""What platforms push over HTTP: JSON becomes readings, findings and statuses by a table of paths; pure.

Written for the platforms of carriers (NB-IoT): China Telecom's AIoT platform (CTWing), China Mobile's OneNET.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from gridwatch.formats import FieldMeaning, Meaning, as_number, at_path
from gridwatch.model import check_device_id, check_label
from gridwatch.wire import topic_of
from ingest.bridges.json_text import read_json
from ingest.bridges.publisher import Outgoing, status_of

MOST_MESSAGES = 1000
"""Of one body."""

PATH = re.compile(r"([^.\[\]]+)(\.[^.\[\]]+|\[\d{1,4}\])*")

ONLINE = {"1": True, "true": True, "online": True, "0": False, "false": False, "offline": False}

SECONDS_OF = {"s": 1.0, "ms": 0.001}


class Unmatched(ValueError):
    """No `[[message]]` is written for this body."""


def _path(value: str) -> str:
    if PATH.fullmatch(value) is None:
        raise ValueError(f"{value[:60]!r} is no path: write names with dots, and [0] for a place in a list")
    return value


Path = Annotated[str, BeforeValidator(_path)]
Scalar = str | int | float | bool
Conditions = Mapping[Path, Scalar | list[Scalar]]


class MessageRule(BaseModel):
    """A `[[message]]`: which bodies it is for, and what their fields mean. All paths begin at the body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: Conditions = {}
    each: Path | None = None
    device: Path
    prefix: str = ""
    time: Path | None = None
    time_unit: Literal["ms", "s", "text"] = "ms"
    fields: Mapping[Path, Meaning] = {}
    label: str | None = None
    confidence: float = Field(0.8, ge=0, le=1)
    picture: Path | None = None
    online: Path | None = None

    @field_validator("label")
    @classmethod
    def _label(cls, value: str | None) -> str | None:
        return None if value is None else check_label(value)

    @model_validator(mode="after")
    def _means_something(self) -> "MessageRule":
        if not (self.fields or self.label or self.online):
            raise ValueError("give `fields`, `label` or `online`: what the message means")
        if self.picture is not None and self.label is None:
            raise ValueError("a `picture` shows a finding: give its `label`")
        return self


def read_push(payload: bytes, rules: Sequence[MessageRule], name: str) -> list[Outgoing]:
    """Return what a pushed body becomes: what every rule that fits makes of it.

    `name` marks findings. Raises Unmatched where no rule fits, ValueError where one can't be read.
    """
    body = read_json(payload)
    found: list[Outgoing] = []
    fitted = False
    for rule in rules:
        for one in _each(body, rule.each):
            if fits(one, rule.when):
                fitted = True
                found += _messages(one, rule, name)
    if not fitted:
        raise Unmatched("no [[message]] is written for it")
    if len(found) > MOST_MESSAGES:
        raise ValueError(f"{len(found)} messages in one body: at most {MOST_MESSAGES} are taken")
    return found


def fits(body: object, conditions: Conditions) -> bool:
    """Say whether a body is what conditions describe."""
    return all(_is(at_path(body, path), wanted) for path, wanted in conditions.items())


def _messages(body: object, rule: MessageRule, name: str) -> Iterator[Outgoing]:
    device = _device(body, rule)
    t = _time(body, rule)
    if rule.online is not None:
        yield status_of(device, online=_online(at_path(body, rule.online)))
    if rule.fields:
        yield _message(device, "readings", {"t": t, "values": _values(body, rule.fields)})
    if rule.label is not None:
        finding = {"t": t, "label": rule.label, "confidence": rule.confidence, "detector": f"vendor:{name}"}
        picture = _picture(at_path(body, rule.picture) if rule.picture else None)
        yield _message(device, "finding", finding | picture)


def _message(device: str, kind: str, body: Mapping[str, Any]) -> Outgoing:
    return Outgoing(topic=topic_of(device, kind), payload=msgspec.json.encode(body))


def _each(body: object, path: str | None) -> list[object]:
    """Return the parts of a body that are messages by themselves: a list's elements, or what is there."""
    part = body if path is None else at_path(body, path)
    if isinstance(part, list):
        return part
    return [] if part is None else [part]


def _is(value: object, wanted: Scalar | list[Scalar]) -> bool:
    """Say whether a value is the one wanted, or one of them; platforms send 1 and "1" for the same."""
    choices = wanted if isinstance(wanted, list) else [wanted]
    return value is not None and _word(value) in {_word(choice) for choice in choices}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, str | bool) else f"{value}"


def _device(body: object, rule: MessageRule) -> str:
    found = at_path(body, rule.device)
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError(f"{rule.device}: no device is named")
    return check_device_id(f"{rule.prefix}{found}")


def _time(body: object, rule: MessageRule) -> float:
    """Return Unix seconds; the arrival where the platform gives no time."""
    if rule.time is None:
        return datetime.now(UTC).timestamp()
    found = at_path(body, rule.time)
    try:
        if rule.time_unit == "text":
            moment = datetime.fromisoformat(str(found))
            if moment.tzinfo is None:
                raise ValueError("a time needs its offset from UTC")
            return moment.timestamp()
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise ValueError("it is not there")
        return float(found) * SECONDS_OF[rule.time_unit]
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{rule.time}: no time: {error}") from error


def _values(body: object, fields: Mapping[str, FieldMeaning]) -> dict[str, float]:
    values = {}
    for path, meaning in fields.items():
        found = as_number(at_path(body, path))
        try:
            number = meaning.absent if found is None else meaning.read(found)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{path}: {error}") from error
        if number is not None:
            values[meaning.quantity] = number
    if not values:
        raise ValueError("fields: none of them is there")
    return values


def _online(value: object) -> bool:
    if (known := ONLINE.get(_word(value))) is None:
        raise ValueError(f"online: {str(value)[:40]!r} is none of {', '.join(ONLINE)}")
    return known


def _picture(value: object) -> dict[str, Any]:
    """Return a picture in base64, or a link to one, as evidence; nothing where there is none."""
    if not isinstance(value, str) or not value:
        return {}
    if value.startswith(("http://", "https://")):
        return {"evidence": [{"type": "image/jpeg", "url": value}]}
    content = value.partition(",")[2] if value.startswith("data:") else value
    try:
        base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError(f"picture: {error}") from error
    return {"evidence": [{"type": "image/jpeg", "base64": content}]}
