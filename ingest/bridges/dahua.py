"""Dahua: the stream of events of the HTTP API (`eventManager.cgi`), pictures from `snapshot.cgi`.

An event is `Code=…;action=Start|Stop|Pulse;index=0;data={…}`; the index counts channels from 0, all else from
1. Source: Dahua's HTTP API for IPC and NVR, "Attach event".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gridwatch.model import check_time
from ingest.bridges.json_text import read_json
from ingest.bridges.judgement import Box, Judgement
from ingest.bridges.multipart import Part

HEARTBEAT_S = 5
GRID = 8192.0
"""Coordinates of events lie on a grid of so many steps across the picture, in both directions."""

EVENT = re.compile(
    r"^Code=([A-Za-z0-9_]+)[ ]*;[ ]*action=([A-Za-z]+)[ ]*;[ ]*index=(-?\d{1,5})", re.MULTILINE
)
DATA = re.compile(r"[ ]*;[ ]*data=")


class Dahua:
    """How Dahua's cameras and recorders are asked."""

    name = "dahua"
    silence_s = 4.0 * HEARTBEAT_S

    stream_path = f"/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat={HEARTBEAT_S}"
    """All codes: some firmwares refuse a list with one that they don't know."""

    def snapshot_path(self, channel: str) -> str:
        """Return where a picture of a channel is."""
        return f"/cgi-bin/snapshot.cgi?channel={channel}"

    def reader(self) -> "EventReader":
        """Return a reader of one stream."""
        return EventReader()


class EventReader:
    """Events are whole in themselves; heartbeats and what else is no event are passed over."""

    def read(self, part: Part) -> list[Judgement]:
        """Return the events of a part: most have one, some firmwares put several into one."""
        text = part.body.decode("utf-8", "replace")
        found = list(EVENT.finditer(text))
        ends = [event.start() for event in found] + [len(text)]
        return [
            _judgement(event, text[event.end() : end]) for event, end in zip(found, ends[1:], strict=True)
        ]

    def flush(self) -> list[Judgement]:
        """Return nothing: no event waits for pictures."""
        return []


def _judgement(event: re.Match[str], rest: str) -> Judgement:
    code, action, index = event.groups()
    data = _data(rest)
    thing = _thing(data)
    return Judgement(
        kind=code,
        channel=str(int(index) + 1),
        active=action != "Stop",
        momentary=action == "Pulse",
        at=_moment(data),
        target=str(thing.get("ObjectType") or "")[:100],
        box=_box(thing.get("BoundingBox", thing.get("Rect"))),
    )


def _thing(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was seen: one thing, the first of several, or of a model that says it without either."""
    seen = next((data[name] for name in ("Object", "Objects", "object") if data.get(name)), data)
    first = seen[0] if isinstance(seen, list) else seen
    return first if isinstance(first, dict) else {}


def _data(rest: str) -> Mapping[str, Any]:
    """Return an event's data; nothing where it has none, or none that is JSON: the event stands without."""
    begin = DATA.match(rest)
    if begin is None:
        return {}
    try:
        data = read_json(rest[begin.end() :].strip())
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _moment(data: Mapping[str, Any]) -> datetime | None:
    try:
        seconds = float(data["UTC"]) + float(data.get("UTCMS") or 0) / 1000
        return check_time(datetime.fromtimestamp(seconds, UTC))
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _box(corners: object) -> Box | None:
    if not (isinstance(corners, list) and len(corners) == 4):
        return None
    try:
        left, top, right, bottom = (min(1.0, max(0.0, float(corner) / GRID)) for corner in corners)
    except (TypeError, ValueError, OverflowError):
        return None
    return (left, top, right, bottom) if left < right and top < bottom else None
