"""One alert beside the list: evidence first, then why, who was told, where, and what may be done."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from api.console.alert_card import classes_of, name_of, playback_link
from api.console.alert_details import Details, gather
from api.console.alert_parts import (
    cameras_html,
    chart_options,
    evidence_html,
    head_html,
    people_html,
    place_html,
    timeline_html,
    told_html,
    weather_html,
    why_html,
)
from api.console.board import Board
from api.console.feed_list import action_name
from api.console.now_map import NowMap, placed
from api.office import Office
from api.sign_in import Person
from api.texts import Words
from gridwatch.errors import NotFound, StoreUnavailable
from gridwatch.model import AlertState
from gridwatch.workflow import allowed_actions

ICONS = {
    "acknowledge": "done",
    "assign": "person_add",
    "accept": "directions_run",
    "arrive": "place",
    "handle": "build",
    "resolve": "done_all",
    "verify": "fact_check",
    "close": "inventory_2",
    "return": "undo",
    "false_alarm": "block",
    "duplicate": "content_copy",
    "reopen": "restart_alt",
    "escalate": "trending_up",
    "comment": "comment",
    "call_119": "call",
    "mute": "notifications_off",
    "release": "elevator",
}

NEXT = ("release", "acknowledge", "assign", "verify", "close", "reopen")
"""What is most likely wanted next: the first of them that is allowed stands out."""

LEAST_BETWEEN = timedelta(seconds=2)
"""Between two looks at an alert to which more and more is added."""

CHART_TOP_PX, CHART_PX = 40, 104

Act = Callable[[Sequence[int], str], Awaitable[None]]
Open = Callable[[int | None], Awaitable[None]]


class AlertPane:
    """Shows one alert; it is made anew when the alert changes."""

    def __init__(
        self,
        office: Office,
        board: Board,
        words: Words,
        person: Person,
        *,
        may: frozenset[str],
        act: Act,
        open: Open,
    ) -> None:
        self._office, self._board, self._words, self._person = office, board, words, person
        self._may, self._act, self._open = may, act, open
        self.alert_id: int | None = None
        self._seen: Any = None
        self._gathered_at = datetime.now(UTC)
        self._parts: dict[str, ui.html] = {}
        self._allowed: list[str] = []
        with ui.element("section").classes("gw-pane").props('tabindex="-1"') as self.element:
            self.element.props(f'aria-label="{words("alerts")}"')
        self.element.set_visibility(False)

    async def show(self, alert_id: int, *, is_dark: bool) -> bool:
        """Show an alert; say whether there is one."""
        details = await self._gather(alert_id)
        if details is None:
            return False
        self.alert_id = alert_id
        self.element.clear()
        self._parts, self._allowed = {}, []
        with self.element:
            self._build(details, is_dark)
        self._fill(details)
        self.element.set_visibility(True)
        self.element.run_method("focus", {"preventScroll": True})
        return True

    def hide(self) -> None:
        """Show nothing."""
        self.alert_id = None
        self.element.set_visibility(False)
        self.element.clear()

    async def look(self) -> None:
        """Show what has changed of the alert, and leave all else as it is: a clip plays on."""
        known = None if self.alert_id is None else self._board.alerts.get(self.alert_id)
        if known is None or self._stands(known) == self._seen:
            return
        if datetime.now(UTC) - self._gathered_at < LEAST_BETWEEN:
            return
        details = await self._gather(known["id"])
        if details is not None and details.alert["id"] == self.alert_id:
            self._fill(details)

    async def _gather(self, alert_id: int) -> Details | None:
        self._gathered_at = datetime.now(UTC)
        try:
            return await gather(self._office, alert_id)
        except NotFound:
            ui.notify(self._words("alert.gone"), type="warning")
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
        return None

    def _stands(self, alert: Mapping[str, Any]) -> Any:
        return alert["seq"], self._board.held(alert) is not None

    def _build(self, details: Details, is_dark: bool) -> None:
        alert, words = details.alert, self._words
        with ui.element("header") as self._head:
            with ui.element("div").classes("gw-pane-title"):
                self._html("head")
                back = ui.button(icon="close", color=None, on_click=lambda: self._open(None))
                back.props(f'flat dense round aria-label="{words("alert.back")}"').classes("gw-close")
            self._actions = ui.element("div").classes("gw-pane-actions").props('role="toolbar"')
        with ui.element("div").classes("gw-pane-body"):
            with ui.element("div").classes("gw-column"):
                self._part("alert.evidence", "evidence")
                if details.charts:
                    with self._part("alert.charts"):
                        options = chart_options(details, words, dark=is_dark)
                        height = CHART_TOP_PX + CHART_PX * len(details.charts)
                        ui.echart(options).style(f"height: {height}px").classes("gw-chart")
                self._part("alert.why", "why")
                if alert["scene"] == "fire":
                    self._part("alert.weather", "weather")
                self._part("alert.cameras", "cameras").classes("gw-stills")
            with ui.element("div").classes("gw-column"):
                self._part("alert.told", "told")
                with self._part("alert.place", "place"):
                    if alert["location"] is not None:
                        self._map(details)
                    self._html("people")
                self._part("alert.timeline", "timeline")
                with self._part("alert.related"):
                    self._related(details.related)

    def _fill(self, details: Details) -> None:
        """Say everything as it is now; what says the same as before is not sent again."""
        alert, words, now = details.alert, self._words, datetime.now(UTC)
        places, device = self._board.places, details.device.device
        self._seen = self._stands(alert)
        held = self._board.held(alert) is not None
        self._head.classes(replace=f"gw-pane-head {classes_of(alert)}")
        self._offer(alert, held)
        links = {one["id"]: link for one in details.cameras if (link := _recorder(one, alert))}
        said = {
            "head": head_html(alert, words, places, held=held, now=now),
            "evidence": evidence_html(alert, words),
            "why": why_html(details.events, alert["events"], words, now=now),
            "weather": weather_html(details.fire_day, details.wind, words, now=now),
            "cameras": cameras_html(details.cameras, details.stills, links, words, now=now),
            "told": told_html(details.told, words, now=now),
            "place": place_html(alert, places.name(alert["area"]), device.address, device.telephone, words),
            "people": f"<h3>{words('alert.nearest')}</h3>{people_html(details.people, words)}",
            "timeline": timeline_html(details.timeline, words, now=now),
        }
        for name, element in self._parts.items():
            element.set_content(said[name])

    def _offer(self, alert: Mapping[str, Any], held: bool) -> None:
        """Show the actions that the state allows."""
        person, words = self._person, self._words
        allowed = allowed_actions(AlertState(alert["state"]), person.role)
        if held and "release" in self._may:
            allowed = ["release", *allowed]
        if "mute" in self._may and not alert["ended"]:
            allowed.append("mute")
        if allowed == self._allowed:
            return
        self._allowed = allowed
        first = next((one for one in NEXT if one in allowed), None)
        self._actions.clear()
        with self._actions:
            for action in allowed:
                button = ui.button(action_name(words, action), icon=ICONS[action], color=None)
                button.props("unelevated dense no-caps").classes(f"gw-action-{action}")
                button.classes("gw-primary" if action == first else "gw-plain-button")
                button.on_click(lambda _, action=action: self._act([alert["id"]], action))

    def _map(self, details: Details) -> None:
        settings, alert = self._office.settings, details.alert
        shown = NowMap(
            self._words, tiles=settings.map_tiles, attribution=settings.map_attribution, is_small=True
        ).classes("gw-small-map")
        shown.show_areas(self._board.places)
        shown.show_alerts(placed([alert, *details.related]))
        people = [one for one in details.people if one.lon is not None]
        shown.show_people(
            [{"name": one.in_words(self._words), "lon": one.lon, "lat": one.lat} for one in people]
        )
        shown.look_at(alert["location"]["lon"], alert["location"]["lat"])

    def _related(self, related: Sequence[Mapping[str, Any]]) -> None:
        if not related:
            ui.label(self._words("alert.no_related")).classes("gw-quiet")
        for one in related:
            said = name_of(one, self._words, self._board.places)
            name = f"{said} · {self._words('state.' + one['state'])}"
            button = ui.button(name, color=None).props("flat dense no-caps align=left").classes("gw-choice")
            button.on_click(lambda _, one=one: self._open(one["id"]))

    def _part(self, title: str, name: str | None = None) -> ui.element:
        part = ui.element("section").classes("gw-part")
        with part:
            ui.html(f"<h2>{self._words(title)}</h2>", sanitize=False)
            if name is not None:
                self._html(name)
        return part

    def _html(self, name: str) -> None:
        self._parts[name] = ui.html(sanitize=False).classes(f"gw-said-{name}")


def _recorder(camera: Mapping[str, Any], alert: Mapping[str, Any]) -> str | None:
    """Return where a camera's recorder shows the time of an alert."""
    return playback_link({**alert, "playback_url": camera["playback_url"]})
