"""One alert in the list: what, where, when, how bad, who has it, and what it looks like."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from api.local_time import local_time
from api.places import Places
from api.texts import Words
from gridwatch.model import AlertState

SEVERITY_ICONS = {"critical": "error", "major": "warning", "minor": "info"}
SCENE_ICONS = {"fire": "local_fire_department", "elevator": "electric_moped", "throwing": "south"}

SHOWN_NAMES = {
    "acknowledged": "acknowledged_by",
    "accepted": "assignee",
    "handling": "assignee",
    "resolved": "resolved_by",
    "verified": "verified_by",
    "closed": "closed_by",
    "false_alarm": "resolved_by",
    "duplicate": "resolved_by",
}
"""Who stands behind a state."""

PLAYBACK_BEFORE, PLAYBACK_AFTER = timedelta(seconds=30), timedelta(seconds=60)
"""Of video around an alert's events."""

OWN_FILES = "/api/v1/"


def rings(alert: Mapping[str, Any]) -> bool:
    """Say whether somebody must hear of it: life is in danger, it waits, and is not made up."""
    return alert["severity"] == "critical" and alert["state"] == AlertState.OPEN and not alert["simulated"]


def name_of(alert: Mapping[str, Any], words: Words, places: Places) -> str:
    """Return an alert in one line, for who hears it read."""
    parts = (words("severity." + alert["severity"]), words.label(alert["label"]), places.with_device(alert))
    return " · ".join(filter(None, parts))


def row_html(
    alert: Mapping[str, Any], words: Words, places: Places, *, now: datetime, held: bool = False
) -> str:
    """Return picture and text of a row; everything that came from outside is escaped."""
    text = card_html(alert, words, places, now=now, held=held)
    clips = [one["url"] for one in own_evidence(alert) if one["media_type"].startswith("video/")]
    clip = f' data-clip="{escape(clips[0])}"' if clips else ""
    shown = thumbnail_html(alert, words)
    return f'<div class="gw-thumbnail"{clip}>{shown}</div><div class="gw-text">{text}</div>'


def card_html(
    alert: Mapping[str, Any], words: Words, places: Places, *, now: datetime, held: bool = False
) -> str:
    """Return the text of a row."""
    events = words("events", count=alert["events"]) if alert["events"] > 1 else ""
    facts = [
        f'{local_time(alert["observed_at"], now=now)} <span data-since="{alert["observed_at"]}"></span>',
        events,
        escape(words.outage(alert)) or f"{words('confidence')} {alert['confidence']:.0%}",
    ]
    if alert.get("spread") is not None:
        facts.append(words("spread", spread=f"{alert['spread']:.1f}"))
    where = places.with_device(alert)
    origin = words.origin(alert)
    from_where = f'<div class="gw-origin">{escape(origin)}</div>' if origin else ""
    return (
        f'<div class="gw-line">{severity_html(alert, words)}'
        f'<span class="gw-label">{escape(words.label(alert["label"]))}</span>{marks_html(alert, words, held)}'
        f'</div><div class="gw-where" title="{escape(alert["device"])}">{escape(where)}</div>{from_where}'
        f'<div class="gw-who">{who_html(alert, words, now=now)}</div>'
        f'<div class="gw-facts">{" · ".join(filter(None, facts))}</div>'
    )


def severity_html(alert: Mapping[str, Any], words: Words) -> str:
    """Return how bad it is: a sign, a word and a colour."""
    severity = alert["severity"]
    icon = _icon(SEVERITY_ICONS.get(severity, "info"))
    return f'<span class="gw-severity">{icon}{words("severity." + severity)}</span>'


def marks_html(alert: Mapping[str, Any], words: Words, held: bool) -> str:
    """Return what makes an alert another than most: simulated, a drill, its lift's door held now."""
    marks = [words("simulated")] if alert["simulated"] else []
    marks += [words("drill", tester=alert["tester"])] if alert.get("drill") else []
    marked = "".join(f'<span class="gw-mark">{escape(one.strip())}</span>' for one in marks)
    held_mark = (
        f'<span class="gw-mark gw-held">{_icon("elevator")}{words("lifts.mark")}</span>' if held else ""
    )
    return marked + held_mark


def who_html(alert: Mapping[str, Any], words: Words, *, now: datetime) -> str:
    """Return the state, who has the alert, and when somebody is called next."""
    state = alert["state"]
    said = who_has(alert, words)
    due = ""
    if alert.get("due_at") and not alert["ended"]:
        time = local_time(alert["due_at"], now=now)
        due = f'<span class="gw-due">{words("due.next", time=time)}</span>'
    icon = _icon("person" if alert.get("assignee") else "person_off") if not alert["ended"] else ""
    return f'<span class="gw-state">{words("state." + state)}</span> <b>{icon} {escape(said)}</b> {due}'


def who_has(alert: Mapping[str, Any], words: Words) -> str:
    """Say who has an alert."""
    state = alert["state"]
    name = alert.get(SHOWN_NAMES.get(state, "")) or ""
    if alert["ended"]:
        return words("who.ended", name=name)
    if state in ("accepted", "handling"):
        return words(f"who.{state}", name=name)
    if alert.get("assignee"):
        return words("who.assigned", name=alert["assignee"])
    return words("who.seen", name=name) if name else words("who.nobody")


def thumbnail_html(alert: Mapping[str, Any], words: Words) -> str:
    """Return the first picture of an alert, else a sign for a clip or for its scene."""
    own = own_evidence(alert)
    for one in own:
        if one["media_type"].startswith("image/"):
            return picture_html(one["url"], words)
    sign = "play_circle" if own else SCENE_ICONS.get(alert["scene"], "sensors")
    absent = "evidence_deleted" if alert.get("evidence_deleted_at") else "no_evidence"
    return f'{_icon(sign)}<span class="gw-caption">{words("evidence" if own else absent)}</span>'


def own_evidence(alert: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the evidence that is kept here: nothing is loaded from elsewhere."""
    return [one for one in alert["evidence"] if one["url"].startswith(OWN_FILES)]


def picture_html(url: str, words: Words) -> str:
    """Return a picture that gives way to a plain sentence where it can't be shown."""
    return (
        f'<img src="{escape(url)}" alt="{words("evidence")}" loading="lazy"'
        f' data-gone="{escape(words("evidence_gone"))}" onerror="this.replaceWith(this.dataset.gone)">'
    )


def playback_link(alert: Mapping[str, Any]) -> str | None:
    """Return where the recorder shows what happened, where a browser can open it."""
    url = str(alert.get("playback_url") or "")
    if not url.startswith(("http://", "https://")):
        return None
    start = datetime.fromisoformat(alert["observed_at"]) - PLAYBACK_BEFORE
    end = datetime.fromisoformat(alert["last_observed_at"]) + PLAYBACK_AFTER
    for name, moment in {"{start}": start, "{end}": end}.items():
        url = url.replace(name, str(int(moment.timestamp())))
    return url


def classes_of(alert: Mapping[str, Any]) -> str:
    """Return the classes that colour whatever shows an alert; the first is its severity."""
    ended = " gw-is-ended" if alert["ended"] else ""
    return f"gw-is-{alert['severity']} gw-is-{alert['state']}{ended}"


def _icon(name: str) -> str:
    return f'<i class="material-icons" aria-hidden="true">{name}</i>'
