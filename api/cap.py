"""An alert as a message of the Common Alerting Protocol, version 1.2 (OASIS Standard, July 2010).

Every change that others need to know of is a message of its own, which updates or cancels those before it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from api.dispatch.letter import title_of
from api.dispatch.summons import todo_of
from api.local_time import CHINA
from api.places import Places, device_of
from api.texts import TEXTS, Words
from gridwatch.areas.area import Area
from gridwatch.model import AlertState, Severity
from gridwatch.settings import Settings
from gridwatch.store.changes import Told

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"

RESTRICTION = "for the grid and the services that work with it"

CATEGORIES: Mapping[str, str] = {"fire": "Fire", "elevator": "Safety", "throwing": "Safety"}
OTHER_CATEGORY = "Other"
SEVERITIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "Extreme",
    Severity.MAJOR: "Severe",
    Severity.MINOR: "Minor",
}
URGENCIES: Mapping[Severity, str] = {
    Severity.CRITICAL: "Immediate",
    Severity.MAJOR: "Expected",
    Severity.MINOR: "Future",
}
"""Act now; within the hour; some time."""

VALID_FOR: Mapping[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(days=1),
    Severity.MAJOR: timedelta(days=3),
    Severity.MINOR: timedelta(days=7),
}
"""So long a message holds unless another follows; what is over is news for a day."""
OVER_FOR = timedelta(days=1)

SEEN_BY_PEOPLE = frozenset({AlertState.HANDLING, AlertState.RESOLVED, AlertState.VERIFIED, AlertState.CLOSED})
NOTHING_TO_IT = frozenset({AlertState.FALSE_ALARM, AlertState.DUPLICATE})
LIKELY = 0.5
"""What is likelier than this the standard calls likely, and possible what is not."""

NOT_IN_IDENTIFIERS = re.compile(r"[\s,<&]+")
NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who sends: a name that is single in the world, and where links lead."""

    name: str
    installation: str
    link_base: str

    @classmethod
    def of(cls, settings: Settings) -> "Sender":
        """Return an installation as its settings name it."""
        host = urlsplit(settings.link_base).hostname or "localhost"
        name = NOT_IN_IDENTIFIERS.sub("-", f"{settings.installation}@{host}")
        return cls(name=name, installation=settings.installation, link_base=settings.link_base)


def cap_message(messages: Sequence[Told], path: Sequence[Area], sender: Sender) -> bytes:
    """Return the last of an alert's messages as XML; those before it are referred to.

    `path`: the areas that the alert's own lies in, the widest first and its own last; empty: in none.
    """
    *earlier, last = messages
    alert = last.alert
    document = Element("alert", xmlns=NAMESPACE)
    _add(document, "identifier", _identifier(last))
    _add(document, "sender", sender.name)
    _add(document, "sent", _time(last.changed_at))
    _add(document, "status", _status(alert))
    _add(document, "msgType", _message_type(alert, is_first=not earlier))
    _add(document, "scope", "Restricted")
    _add(document, "restriction", RESTRICTION)
    if earlier:
        _add(document, "references", " ".join(_reference(one, sender) for one in earlier))
    _add(document, "incidents", f"alert-{alert['id']}")
    for language in TEXTS:
        _add_info(document, last, path, sender, Words(language))
    written: bytes = tostring(document, encoding="utf-8", xml_declaration=True)
    return written


def seen_from(path: Sequence[Area], area: str | None) -> Sequence[Area]:
    """Return the part of a path that begins with an area; what lies above it is not for whom it binds."""
    codes = [one.code for one in path]
    return path[codes.index(area) :] if area in codes else path


def _add_info(document: Element, told: Told, path: Sequence[Area], sender: Sender, words: Words) -> None:
    alert = told.alert
    severity, is_over = Severity(alert["severity"]), bool(alert["ended"])
    places = Places(path)
    place = places.of(alert) or words("unplaced")
    info = SubElement(document, "info")
    _add(info, "language", words.language)
    _add(info, "category", CATEGORIES.get(alert["scene"], OTHER_CATEGORY))
    _add(info, "event", words.label(alert["label"]))
    _add(info, "responseType", "AllClear" if is_over else "Assess")
    _add(info, "urgency", "Past" if is_over else URGENCIES[severity])
    _add(info, "severity", SEVERITIES[severity])
    _add(info, "certainty", _certainty(alert))
    _add(info, "onset", _time(datetime.fromisoformat(alert["observed_at"])))
    _add(info, "expires", _time(told.changed_at + (OVER_FOR if is_over else VALID_FOR[severity])))
    _add(info, "senderName", sender.installation)
    _add(info, "headline", title_of(alert, words, place))
    said = (device_of(alert), words.outage(alert), words.origin(alert), words(f"state.{alert['state']}"))
    _add(info, "description", " · ".join(filter(None, said)))
    if not is_over:
        _add(info, "instruction", todo_of(alert, words))
    _add(info, "web", f"{sender.link_base}/?alert={alert['id']}")
    for name in ("scene", "label", "state", "device", "events"):
        _add_pair(info, "parameter", f"gridwatch.{name}", str(alert[name]))
    for one in alert["evidence"]:
        url = one["url"]
        resource = SubElement(info, "resource")
        _add(resource, "resourceDesc", words("evidence"))
        _add(resource, "mimeType", one["media_type"])
        _add(resource, "uri", f"{sender.link_base}{url}" if url.startswith("/") else url)
    _add_area(info, alert, path, place)


def _add_area(info: Element, alert: Mapping[str, Any], path: Sequence[Area], place: str) -> None:
    """Say where: a point where it is known, else the boundary of the area."""
    area = SubElement(info, "area")
    _add(area, "areaDesc", place)
    point = alert["location"]
    boundary = path[-1].boundary if path else None
    if point is None and boundary is not None:
        for ring in _outer_rings(boundary):
            _add(area, "polygon", " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat, *_ in ring))
    if point is not None:
        _add(area, "circle", f"{point['lat']:.6f},{point['lon']:.6f} 0")
    for one in path:
        _add_pair(area, "geocode", "area", one.code)


def _outer_rings(boundary: Mapping[str, Any]) -> Sequence[Sequence[Sequence[float]]]:
    """Return the outlines of a GeoJSON Polygon or MultiPolygon; holes have no place in this protocol."""
    match boundary["type"]:
        case "Polygon":
            return [boundary["coordinates"][0]]
        case "MultiPolygon":
            return [polygon[0] for polygon in boundary["coordinates"]]
        case _:
            return []


def _identifier(told: Told) -> str:
    return f"{told.alert['id']}-{told.seq}"


def _reference(told: Told, sender: Sender) -> str:
    return f"{sender.name},{_identifier(told)},{_time(told.changed_at)}"


def _status(alert: Mapping[str, Any]) -> str:
    if alert["simulated"]:
        return "Test"
    return "Exercise" if alert["drill"] else "Actual"


def _message_type(alert: Mapping[str, Any], *, is_first: bool) -> str:
    if is_first:
        return "Alert"
    return "Cancel" if AlertState(alert["state"]) in NOTHING_TO_IT else "Update"


def _certainty(alert: Mapping[str, Any]) -> str:
    state = AlertState(alert["state"])
    if state in NOTHING_TO_IT:
        return "Unlikely"
    if state in SEEN_BY_PEOPLE:
        return "Observed"
    return "Likely" if alert["confidence"] > LIKELY else "Possible"


def _time(moment: datetime) -> str:
    """Return a time as the protocol writes it: whole seconds, and an offset that is never Z."""
    return moment.astimezone(CHINA).isoformat(timespec="seconds")


def _add_pair(parent: Element, tag: str, name: str, value: str) -> None:
    pair = SubElement(parent, tag)
    _add(pair, "valueName", name)
    _add(pair, "value", value)


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = NOT_IN_XML.sub("\ufffd", text)
