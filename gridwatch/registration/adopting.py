"""What a device that knocks may be, by its first message."""

import re
from collections.abc import Mapping
from typing import Any

from gridwatch.errors import UnreadableMessage
from gridwatch.model import DEVICE_ID, Device, DeviceKind
from gridwatch.registration.body import DeviceBody
from gridwatch.wire import route_of

CAMERA_MESSAGES = frozenset({"frame", "clip", "finding"})
CAMERA_SYSTEMS = ("frigate:", "hikvision:", "dahua:")
EDGE_NODE = re.compile(r"sparkplug:[^/]+/[^/]+")
NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:-]+")


def suggested(name: str, topic: str) -> dict[str, Any]:
    """Return id, scene, kind and source for who knocks; a person may know better.

    `name`: the id that its messages give, or its name in a foreign system.
    """
    try:
        id_, message = route_of(topic)
    except UnreadableMessage:
        own = NOT_IN_IDS.sub("-", name.partition(":")[2])
        fits = DEVICE_ID.fullmatch(own) is not None
        return {"id": own if fits else name, "scene": "fire", "kind": _kind(name), "source": name}
    what = message.partition("/")[0]
    if what == "state":
        return {"id": id_, "scene": "elevator", "kind": DeviceKind.GATEWAY}
    kind = DeviceKind.CAMERA if what in CAMERA_MESSAGES else DeviceKind.SENSOR
    return {"id": id_, "scene": "fire", "kind": kind}


def _kind(source: str) -> DeviceKind:
    """Return what speaks: a foreign system itself, an edge node, a camera, or else a sensor."""
    if ":" not in source or EDGE_NODE.fullmatch(source):
        return DeviceKind.GATEWAY
    return DeviceKind.CAMERA if source.startswith(CAMERA_SYSTEMS) else DeviceKind.SENSOR


def adopted(name: str, topic: str, said: Mapping[str, Any]) -> Device:
    """Return the device that who knocks becomes: as suggested where a person said nothing else.

    Raises pydantic's ValidationError.
    """
    return DeviceBody.model_validate(suggested(name, topic) | dict(said)).device()
