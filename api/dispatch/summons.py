"""What one person is told: place, distance, picture, what to do, and how to answer, in their language."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from shapely.geometry import shape

from api.channels.sending import Button, Message
from api.dispatch.letter import marked, title_of
from api.local_time import CHINA
from api.places import Places, device_of
from api.texts import DEFAULT_LANGUAGE, Words

EARTH_RADIUS_M = 6_371_000.0
NEAR_M = 1000.0
MOST_FOLDED = 8
"""Alerts that one message tells of by name; the link leads to the rest."""
SHORTEST_WORDS = 20
"""Characters that a variable of a text message may have at most."""


def compose_for(
    alert: Mapping[str, Any],
    places: Places,
    *,
    words: Words,
    number: str,
    step: str,
    round: int,
    areas: Sequence[tuple[str, Mapping[str, Any]]],
    link_base: str,
    answer_link: str,
    also: Sequence[str] = (),
) -> Message:
    """Compose what a person is told of an alert; `areas` are theirs by name and boundary.

    `also`: titles of other alerts that the message must tell of too; it then has no buttons.
    """
    place = places.of(alert) or words("unplaced")
    title = title_of(alert, words, place)
    if round:
        title = f"{title} {words('call.again', round=round + 1)}"
    observed_at = datetime.fromisoformat(alert["observed_at"]).astimezone(CHINA)
    lines = [
        _why(step, words),
        words("call.place", place=place),
        words("call.todo", todo=todo_of(alert, words)),
        _distance(alert, areas, words),
        words("call.time", time=observed_at.strftime("%Y-%m-%d %H:%M:%S")),
        words("call.device", device=" · ".join(filter(None, (device_of(alert), words.origin(alert))))),
        *_folded(also, words),
        _picture(alert, words, link_base),
    ]
    return Message(
        number=number,
        title=title,
        body="\n".join(filter(None, lines)),
        link=f"{link_base}/" if also else answer_link,
        short={
            "what": marked(words.label(alert["label"]), alert, words)[:SHORTEST_WORDS],
            "place": place[-SHORTEST_WORDS:],
            "time": observed_at.strftime("%H:%M"),
            "number": str(alert["id"]),
            "link": answer_link,
        },
        buttons=() if also else tuple(Button(text=words(f"call.{one}"), action=one) for one in BUTTONS),
    )


def trial_message(link_base: str) -> Message:
    """Return what somebody gets who only tries a service."""
    words = Words(DEFAULT_LANGUAGE)
    text = words("call.test")
    short = {"what": text, "place": text, "time": "00:00", "number": "0", "link": link_base}
    return Message(number=f"test-{uuid4().hex}", title=text, body=text, link=f"{link_base}/", short=short)


BUTTONS = ("accept", "acknowledge")
"""Actions that can be answered with: going there, and having seen it."""


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return how far apart two places are on a sphere (haversine)."""
    first, second = math.radians(lat), math.radians(other_lat)
    across = math.sin((second - first) / 2) ** 2
    along = math.cos(first) * math.cos(second) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(across + along))


def bearing_deg(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Return in which direction the other place lies: 0 is north, 90 east."""
    first, second = math.radians(lat), math.radians(other_lat)
    apart = math.radians(other_lon - lon)
    east = math.sin(apart) * math.cos(second)
    north = math.cos(first) * math.sin(second) - math.sin(first) * math.cos(second) * math.cos(apart)
    return math.degrees(math.atan2(east, north)) % 360


def _why(step: str, words: Words) -> str:
    kind = step.replace(":", " ").split(" ", 1)[0]
    return words(f"step.{kind}") if kind in {"now", "escalated", "remind"} else ""


def _distance(alert: Mapping[str, Any], areas: Sequence[tuple[str, Mapping[str, Any]]], words: Words) -> str:
    """Say how far it is from the middle of the nearest area of the person; nothing where that is unknown."""
    there = alert["location"]
    if there is None or not areas:
        return ""
    middles = [(name, shape(dict(boundary)).centroid) for name, boundary in areas]
    ways = [(distance_m(c.x, c.y, there["lon"], there["lat"]), name, c) for name, c in middles]
    far_m, name, middle = min(ways, key=lambda one: one[0])
    bearing = bearing_deg(middle.x, middle.y, there["lon"], there["lat"])
    directions = words("direction").split(",")
    direction = directions[round(bearing / 45) % 8]
    said = f"{round(far_m, -1):.0f} m" if far_m < NEAR_M else f"{far_m / 1000:.1f} km"
    return words("call.distance", area=name, distance=said, direction=direction)


def _picture(alert: Mapping[str, Any], words: Words, link_base: str) -> str:
    pictures = [one["url"] for one in alert["evidence"]]
    if not pictures:
        return ""
    url = pictures[0]
    return words("call.picture", url=f"{link_base}{url}" if url.startswith("/") else url)


def todo_of(alert: Mapping[str, Any], words: Words) -> str:
    """Return what the person who is called should do."""
    if alert.get("outage"):
        return words("todo.outage")
    scene = alert["scene"] if alert["scene"] in {"fire", "elevator", "throwing"} else "other"
    return words(f"todo.{scene}")


def _folded(also: Sequence[str], words: Words) -> list[str]:
    if not also:
        return []
    more = [words("call.more", count=len(also))] if len(also) > MOST_FOLDED else []
    return [words("call.folded", count=len(also)), *also[:MOST_FOLDED], *more]
