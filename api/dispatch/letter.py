"""What a notification says: Chinese first, then English."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.local_time import CHINA
from api.places import Places, device_of
from api.texts import TEXTS, Words


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A title and a body of plain text."""

    title: str
    body: str


def compose(alert: Mapping[str, Any], places: Places, *, link_base: str) -> Letter:
    """Say what happened, how bad it is, where and when, and where to see more."""
    languages = [Words(language) for language in TEXTS]
    place = places.of(alert)
    titles = [title_of(alert, words, place or words("unplaced")) for words in languages]
    body = {
        "time": datetime.fromisoformat(alert["observed_at"]).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
        "link": f"{link_base}/?alert={alert['id']}",
    }
    bodies = [
        words(
            "notification.body",
            place=place or words("unplaced"),
            device=" · ".join(filter(None, (device_of(alert), words.outage(alert), words.origin(alert)))),
            **body,
        )
        for words in languages
    ]
    return Letter(title=titles[0], body="\n\n".join([bodies[0], titles[1], bodies[1]]))


def title_of(alert: Mapping[str, Any], words: Words, place: str) -> str:
    """Return how bad it is, what it is and where, in one line; a drill says so first."""
    severity, label = words("severity." + alert["severity"]), words.label(alert["label"])
    return marked(words("notification.title", severity=severity, label=label, place=place), alert, words)


def marked(text: str, alert: Mapping[str, Any], words: Words) -> str:
    """Return what is said of an alert; of a drill, that it is one comes first."""
    return f"{words('notification.drill')} {text}" if alert["drill"] else text
