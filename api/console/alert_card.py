"""One alert in the list: what, where, when, how bad, what it looks like, and what to do."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from nicegui import ui

from api.local_time import local_time
from api.places import Places
from api.texts import Words
from gridwatch.model import AlertState, Role
from gridwatch.workflow import allowed_actions

SEVERITY_ICONS = {"critical": "error", "major": "warning", "minor": "info"}
SCENE_ICONS = {"fire": "local_fire_department", "elevator": "electric_moped", "throwing": "south"}
BUTTONS = {"acknowledge": "done", "accept": "directions_run", "arrive": "place", "resolve": "done_all"}

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

Act = Callable[[int, str], Awaitable[None]]
Show = Callable[[Mapping[str, Any]], Awaitable[None]]


def urgency(alert: Mapping[str, Any]) -> tuple[float, int]:
    """Return what puts alerts in order: open fires by how fast they spread, before the newest of all else."""
    is_open = alert["state"] == AlertState.OPEN
    return (alert.get("spread") or 0.0) if is_open else 0.0, alert["id"]


def card_html(alert: Mapping[str, Any], words: Words, places: Places, *, now: datetime) -> str:
    """Return the text of a card; everything that came from outside is escaped."""
    severity, state = alert["severity"], alert["state"]
    marks = [words("simulated")] if alert["simulated"] else []
    marks += [words("drill", tester=alert["tester"])] if alert.get("drill") else []
    mark = "".join(f'<span class="gw-simulated">{escape(one.strip())}</span>' for one in marks)
    events = words("events", count=alert["events"]) if alert["events"] > 1 else ""
    facts = [
        local_time(alert["observed_at"], now=now),
        events,
        escape(words.outage(alert)) or f"{words('confidence')} {alert['confidence']:.0%}",
    ]
    if alert.get("spread") is not None:
        facts.append(words("spread", spread=f"{alert['spread']:.1f}"))
    where = places.with_device(alert)
    origin = words.origin(alert)
    from_where = f'<div class="gw-origin">{escape(origin)}</div>' if origin else ""
    return (
        f'<div class="gw-line"><span class="gw-severity">{_icon(SEVERITY_ICONS.get(severity, "info"))}'
        f"{words('severity.' + severity)}</span>"
        f'<span class="gw-label">{escape(words.label(alert["label"]))}</span>{mark}</div>'
        f'<div class="gw-where" title="{escape(alert["device"])}">{escape(where)}</div>{from_where}'
        f'<div class="gw-facts"><span class="gw-state">{words("state." + state)}</span>'
        f"{escape(_who(alert, words))} {' · '.join(filter(None, facts))}</div>"
    )


def thumbnail_html(alert: Mapping[str, Any], words: Words) -> str:
    """Return the first picture of an alert, else a sign for a clip or for its scene."""
    own = [one for one in alert["evidence"] if one["url"].startswith(OWN_FILES)]
    for one in own:
        if one["media_type"].startswith("image/"):
            return picture_html(one["url"], words)
    sign = "play_circle" if own else SCENE_ICONS.get(alert["scene"], "sensors")
    absent = "evidence_deleted" if alert.get("evidence_deleted_at") else "no_evidence"
    return f'{_icon(sign)}<span class="gw-caption">{words("evidence" if own else absent)}</span>'


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


def _who(alert: Mapping[str, Any], words: Words) -> str:
    column = SHOWN_NAMES.get(alert["state"])
    return words("by", name=alert[column]) + " ·" if column and alert[column] else ""


def _icon(name: str) -> str:
    return f'<i class="material-icons" aria-hidden="true">{name}</i>'


class AlertCard:
    """A card that shows the newest it was given."""

    def __init__(
        self, alert: Mapping[str, Any], words: Words, places: Places, role: Role, *, act: Act, show: Show
    ) -> None:
        self._words, self._places, self._role = words, places, role
        self.alert = alert
        with ui.element("article").classes("gw-card").props(f'data-alert="{alert["id"]}"') as self.element:
            with ui.element("div").classes("gw-thumbnail") as picture:
                self._thumbnail = ui.html(sanitize=False)
            picture.on("click", lambda: show(self.alert))
            self._text = ui.html(sanitize=False).classes("gw-text")
            actions = ui.element("div").classes("gw-actions")
            actions.on("click", js_handler="(event) => event.stopPropagation()")
            with actions:
                self._buttons = {
                    action: ui.button(
                        words(action), icon=icon, color=None, on_click=_bound(act, alert["id"], action)
                    )
                    .props("unelevated dense no-caps")
                    .classes(f"gw-{action}")
                    for action, icon in BUTTONS.items()
                }
        self._show()

    def update(self, alert: Mapping[str, Any]) -> None:
        """Show a change, unless a newer one is shown already."""
        if alert["seq"] > self.alert["seq"]:
            self.alert = alert
            self._show()

    def _show(self) -> None:
        alert = self.alert
        self._text.set_content(card_html(alert, self._words, self._places, now=datetime.now(UTC)))
        self._thumbnail.set_content(thumbnail_html(alert, self._words))
        allowed = allowed_actions(AlertState(alert["state"]), self._role)
        for action, button in self._buttons.items():
            button.set_visibility(action in allowed)
        classes = f"gw-card gw-is-{alert['severity']} gw-is-{alert['state']}"
        if alert["ended"]:
            classes += " gw-is-ended"
        self.element.classes(replace=classes)


def _bound(act: Act, alert: int, action: str) -> Callable[[], Awaitable[None]]:
    return lambda: act(alert, action)
