"""A device as one row of a table, and back."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gridwatch.registration.body import ChannelBody, DeviceBody, StatedPlace

PLACE = ("lon", "lat", "crs")
LISTS = frozenset({"labels", "cameras"})
NO_VALUE = frozenset({"source", "area", "gateway", "lift", "playback_url", "state_until"})
"""Where an empty cell means that there is none."""

SAYS_NOTHING = frozenset({"scene", "kind", "state", "simulated"})
"""Where an empty cell leaves things as they are."""

SEPARATOR = re.compile(r"[;；]")
CHANNEL = re.compile(r"(?P<quantity>[^\[\]@]+)(?:\[(?P<unit>[^\[\]]*)\])?(?:@(?P<interval_s>[^@]+))?")


def fields_of_row(row: Mapping[str, str]) -> dict[str, Any]:
    """Return what a row says, as a DeviceBody takes it; raise ValueError for channels that can't be read."""
    fields: dict[str, Any] = {}
    for name, cell in row.items():
        if name in LISTS:
            fields[name] = [part.strip() for part in SEPARATOR.split(cell) if part.strip()]
        elif name == "channels":
            fields[name] = read_channels(cell)
        elif name in NO_VALUE:
            fields[name] = cell or None
        elif name not in PLACE and (cell or name not in SAYS_NOTHING):
            fields[name] = cell
    if "lon" in row or "lat" in row:
        place = {name: row[name] for name in PLACE if row.get(name)}
        fields["location"] = place if place.keys() & {"lon", "lat"} else None
    return fields


def row_of_body(body: DeviceBody) -> dict[str, str]:
    """Return what `fields_of_row` reads as the same device."""
    place: StatedPlace | None = body.location
    return {
        "id": body.id,
        "scene": body.scene,
        "kind": body.kind.value,
        "name": body.name,
        "model": body.model,
        "source": body.source or "",
        "area": body.area or "",
        "lon": _number(place.lon) if place else "",
        "lat": _number(place.lat) if place else "",
        "crs": place.crs.value if place else "",
        "channels": write_channels(body.channels),
        "labels": ";".join(body.labels),
        "address": body.address,
        "telephone": body.telephone,
        "gateway": body.gateway or "",
        "lift": body.lift or "",
        "cameras": ";".join(body.cameras),
        "playback_url": body.playback_url or "",
        "state": body.state.value,
        "state_until": body.state_until.isoformat() if body.state_until else "",
        "state_by": body.state_by,
        "simulated": str(body.simulated).lower(),
    }


def read_channels(cell: str) -> list[Any]:
    """Read `temperature_c[°C]@60; co_ppm`, or JSON; raise ValueError that says which part can't be read."""
    if cell.startswith("["):
        given = json.loads(cell)
        if not isinstance(given, list):
            raise ValueError("channels in JSON are a list")
        return given
    channels = []
    for part in filter(None, (piece.strip() for piece in SEPARATOR.split(cell))):
        found = CHANNEL.fullmatch(part)
        if found is None:
            raise ValueError(f"{part[:80]!r}: write quantity[unit]@seconds, as in temperature_c[°C]@60")
        said = {name: value.strip() for name, value in found.groupdict().items() if value}
        channels.append(said)
    return channels


def write_channels(channels: Sequence[ChannelBody]) -> str:
    """Write channels so that people can read them, or as JSON where that would not say all."""
    plain = [_written(channel) for channel in channels]
    if None in plain:
        said = [channel.channel().as_json() for channel in channels]
        return json.dumps(said, ensure_ascii=False)
    return "; ".join(filter(None, plain))


def _written(channel: ChannelBody) -> str | None:
    if channel.quality or SEPARATOR.search(channel.unit) or set("[]@") & set(channel.unit):
        return None
    unit = f"[{channel.unit}]" if channel.unit else ""
    return f"{channel.quantity}{unit}" + (f"@{_number(channel.interval_s)}" if channel.interval_s else "")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
