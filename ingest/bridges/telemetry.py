"""ThingsBoard's telemetry: its forms become readings of ours, device by device; pure.

Forms: `{"k": v}`, `{"ts": ms, "values": {…}}`, lists of these, and of a gateway `{"Device A": [those], …}`.
Source: ThingsBoard's MQTT device API and gateway API.
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gridwatch.formats import FieldMeaning, as_number, quantities
from gridwatch.model import DEVICE_ID
from gridwatch.wire import topic_of
from ingest.bridges.json_text import read_json
from ingest.bridges.publisher import Outgoing

MOST_IN_ONE = 5000
"""Observations in one of our messages."""

NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:-]+")
MOST_ID_CHARACTERS = 64
DIGEST_CHARACTERS = 8

Fields = Mapping[str, FieldMeaning]


def device_telemetry(device: str, payload: bytes, fields: Fields) -> list[Outgoing]:
    """Return what a device's telemetry becomes; what can't be read stays as it is, for quarantine.

    `fields` say what keys mean; others that are numbers or switches keep their name. Text is left out.
    """
    try:
        return _readings(device, read_json(payload), fields)
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        return [unread(device, payload)]


def gateway_telemetry(
    gateway: str, payload: bytes, fields: Fields, device_of: Callable[[str], str]
) -> list[Outgoing]:
    """Return what a gateway's telemetry becomes: messages of each device that it speaks for."""
    try:
        said = read_json(payload)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return [unread(gateway, payload)]
    messages = []
    for name, telemetry in said.items():
        try:
            messages += _readings(device_of(name), telemetry, fields)
        except (ValueError, TypeError, OverflowError, OSError, RecursionError):
            messages.append(unread(device_of(name), msgspec.json.encode(telemetry)))
    return messages


def unread(device: str, payload: bytes) -> Outgoing:
    """Return a payload as it came: no reading can be made of it, and the collector quarantines it."""
    return Outgoing(topic=topic_of(device, "readings"), payload=payload)


def own_id(gateway: str, name: str) -> str:
    """Return the id of a device behind a gateway: within the gateway's own names, so that it poses as none.

    A name with other characters than ids have gets a digest, so that no two names share an id.
    """
    plain = NOT_IN_IDS.sub("-", name)
    own = f"{gateway}:{plain}"
    if plain == name and name and DEVICE_ID.fullmatch(own):
        return own
    digest = hashlib.sha256(name.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{own[: MOST_ID_CHARACTERS - DIGEST_CHARACTERS - 1].rstrip('-')}-{digest}"


def _readings(device: str, telemetry: object, fields: Fields) -> list[Outgoing]:
    entries = telemetry if isinstance(telemetry, list) else [telemetry]
    bodies = [body for entry in entries if (body := _body(entry, fields)) is not None]
    return [
        Outgoing(
            topic=topic_of(device, "readings"),
            payload=msgspec.json.encode(_alone(bodies[at : at + MOST_IN_ONE])),
        )
        for at in range(0, len(bodies), MOST_IN_ONE)
    ]


def _alone(bodies: Sequence[dict[str, Any]]) -> object:
    return bodies[0] if len(bodies) == 1 else bodies


def _body(entry: object, fields: Fields) -> dict[str, Any] | None:
    """Return one observation, None where it holds nothing for us. Raises ValueError."""
    if not isinstance(entry, dict):
        raise ValueError("telemetry is an object, or a list of objects")
    t, values = time.time(), entry
    if "ts" in entry and isinstance(entry.get("values"), dict):
        ts = entry["ts"]
        if isinstance(ts, bool) or not isinstance(ts, int | float):
            raise ValueError("ts: Unix milliseconds")
        t, values = ts / 1000, entry["values"]
    numbers = quantities({str(key): as_number(value) for key, value in values.items()}, fields, frozenset())
    return {"t": t, "values": numbers} if numbers else None
