"""The alert page: the live list, newest first, and the map beside it."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nicegui import Client, background_tasks, ui

from api.access import still_here
from api.console.alert_card import OWN_FILES, AlertCard, picture_html, playback_link, urgency
from api.console.alert_map import AlertMap
from api.console.cameras_page import PATH as CAMERAS
from api.console.danger_chip import show_danger
from api.console.knocking_page import PATH as KNOCKING
from api.console.sight_chip import show_sights
from api.console.sign_in_page import language_link
from api.console.sound import Sound
from api.feed import CutOff, Subscription
from api.office import Office
from api.places import Places
from api.texts import Words
from gridwatch.errors import NotAllowed, NotFound, StoreUnavailable
from gridwatch.model import LIVE_STATES, AlertState, Role, Severity
from gridwatch.store.alerts import act, list_alerts
from gridwatch.store.devices import get_device
from gridwatch.store.people import contact_card

SHOWN = 60
"""Cards on the page: more would not be read, and each costs the browser."""

GATHER_S = 0.15
"""Changes are shown together this often: in a storm the page stays readable and the network free."""

LOOK_AGAIN_S = 1.0

RELOAD_AFTER_MS = 5000
"""A page that fails again and again must not ask without a pause."""


def show_alerts(office: Office, token: str, role: Role, words: Words, *, chosen: int | None) -> None:
    """Build the page and keep it up to date as long as somebody has it open."""
    ui.query("body").classes("gw-body")
    ui.run_javascript(f"document.documentElement.lang = {words.language!r}")
    page = AlertPage(office, token, role, words, ui.context.client, chosen)
    following = background_tasks.create(page.follow(), name="alert page follows the feed")
    following.add_done_callback(page.ended)
    ui.context.client.on_delete(following.cancel)


class AlertPage:
    """What one browser window shows."""

    def __init__(
        self, office: Office, token: str, role: Role, words: Words, client: Client, chosen: int | None
    ) -> None:
        self._office, self._token, self._words, self._client = office, token, words, client
        self._chosen = chosen
        self._role = role
        self._places = Places()
        self._cards: dict[int, AlertCard] = {}
        self._order: list[int] = []
        """Ids of the cards as they are shown."""
        self._build()

    def _build(self) -> None:
        words = self._words
        with ui.element("header").classes("gw-header"):
            ui.label(words("product")).classes("gw-product")
            self._counts = ui.html(sanitize=False).classes("gw-counts")
            ui.space()
            show_danger(self._office, words)
            show_sights(self._office, words, to=CAMERAS)
            self._sound = Sound(self._office, self._token, words, self._client)
            self._live = ui.label(words("live")).classes("gw-live")
            ui.link(words("cameras"), CAMERAS).classes("gw-link")
            ui.link(words("knocking"), KNOCKING).classes("gw-link")
            language_link(words, back="/")
            with ui.element("form").props('method="post" action="/logout"'):
                ui.button(words("sign_out"), color=None).props("type=submit flat dense no-caps").classes(
                    "gw-link"
                )
        self._banner = ui.label(words("away")).classes("gw-banner").props('role="alert"')
        self._banner.set_visibility(False)
        with ui.element("main").classes("gw-main"):
            with ui.element("section").classes("gw-feed"):
                options = {"unresolved": words("unresolved"), "all": words("all")}
                with ui.element("div").classes("gw-bar"):
                    ui.toggle(options, value="unresolved", on_change=self._filter).props(
                        "dense unelevated no-caps"
                    ).classes("gw-filter")
                    self._whole = ui.button(words("whole_map"), icon="zoom_out_map", color=None)
                    self._whole.props("flat dense no-caps").classes("gw-link")
                self._list = ui.element("div").classes("gw-list gw-unresolved")
                self._empty = ui.label(words("empty")).classes("gw-empty")
            self._map = AlertMap()
        self._whole.on_click(self._map.look_at_everything)
        with ui.dialog() as self._dialog, ui.card().classes("gw-evidence"):
            self._evidence = ui.element("div")
            ui.button(words("close"), on_click=self._dialog.close).props("flat no-caps")
        ui.timer(LOOK_AGAIN_S, self._look)

    async def follow(self) -> None:
        """Load what is there and show each change, until the page is closed."""
        with self._client:
            while True:
                subscription = self._office.feed.subscribe()
                try:
                    await self._load()
                    await self._show_changes(subscription)
                except StoreUnavailable:
                    await asyncio.sleep(LOOK_AGAIN_S)
                except CutOff:
                    # Too slow, or the server stops: load anew what there is then.
                    await asyncio.sleep(LOOK_AGAIN_S)
                finally:
                    self._office.feed.unsubscribe(subscription)

    def ended(self, following: "asyncio.Task[Any]") -> None:
        """Load the page anew when it failed: one that stands still must not look live."""
        if not following.cancelled() and following.exception() is not None:
            self._client.run_javascript(f"setTimeout(() => location.reload(), {RELOAD_AFTER_MS})")

    async def _load(self) -> None:
        store = self._office.store
        self._places = Places((await self._office.tree.get()).areas)
        states = (*sorted(LIVE_STATES), None)
        pages = [await list_alerts(store, state=state, limit=SHOWN) for state in states]
        self._take({alert["id"]: alert for page in pages for alert in page})
        await self._client.connected()
        await self._map.show_areas(self._places)
        if self._chosen in self._cards:
            await self._open(self._cards[self._chosen].alert)

    async def _show_changes(self, subscription: Subscription) -> None:
        while True:
            messages = await subscription.take(LOOK_AGAIN_S)
            if messages:
                if any(self._is_new(message.alert) for message in messages):
                    self._sound.beep()
                # Only the last of each alert is worth drawing.
                self._take({message.alert["id"]: message.alert for message in messages})
                await asyncio.sleep(GATHER_S)

    def _is_new(self, alert: Mapping[str, Any]) -> bool:
        """Say whether somebody must hear of it: it waits, is not shown yet, and is not made up."""
        waits = alert["state"] == AlertState.OPEN and not alert["simulated"]
        return waits and alert["id"] not in self._cards

    def _take(self, alerts: Mapping[int, Mapping[str, Any]]) -> None:
        for alert_id in sorted(alerts):
            if alert_id in self._cards:
                self._cards[alert_id].update(alerts[alert_id])
            else:
                self._add(alerts[alert_id])
            self._put_in_order(alert_id)
        self._drop_oldest()
        self._show_counts()
        self._map.show_alerts([card.alert for card in self._cards.values()])

    def _add(self, alert: Mapping[str, Any]) -> None:
        with self._list:
            card = AlertCard(alert, self._words, self._places, self._role, act=self._act, show=self._open)
        card.element.on("click", lambda: self._map.look_at(card.alert))
        self._cards[alert["id"]] = card

    def _put_in_order(self, alert_id: int) -> None:
        """Move a card behind those that are more urgent, if it is not there yet."""
        before = [one for one in self._order if one in self._cards]
        self._order = sorted(self._cards, key=lambda one: urgency(self._cards[one].alert), reverse=True)
        if self._order != before:
            self._cards[alert_id].element.move(self._list, self._order.index(alert_id))

    def _drop_oldest(self) -> None:
        """Keep as many cards as are read: what is resolved goes first, then the oldest."""
        by_worth = sorted(self._cards, key=lambda one: (not self._cards[one].alert["ended"], one))
        for alert_id in by_worth[: max(0, len(self._cards) - SHOWN)]:
            self._cards.pop(alert_id).element.delete()

    def _remove(self, alert: int) -> None:
        """Take away the card of an alert that is no more: its device was deleted."""
        if alert in self._cards:
            self._cards.pop(alert).element.delete()
        self._take({})

    def _show_counts(self) -> None:
        alerts = [card.alert for card in self._cards.values()]
        waiting = [alert for alert in alerts if alert["state"] == AlertState.OPEN]
        drills = sum(bool(alert.get("drill")) for alert in waiting)
        severities = [alert["severity"] for alert in waiting if not alert.get("drill")]
        parts = [
            f'<span class="gw-count gw-is-{severity}">{self._words("severity." + severity)} '
            f"<b>{severities.count(severity)}</b></span>"
            for severity in reversed(Severity)
        ]
        if drills:
            parts.append(f'<span class="gw-count">{self._words("drills")} <b>{drills}</b></span>')
        self._counts.set_content("".join(parts))
        unresolved = any(not alert["ended"] for alert in alerts)
        self._empty.set_visibility(not unresolved)

    def _filter(self, event: Any) -> None:
        if event.value == "all":
            self._list.classes(remove="gw-unresolved")
        else:
            self._list.classes(add="gw-unresolved")

    async def _look(self) -> None:
        """Show whether the feed is up to date; send away whose token has run out."""
        self._banner.set_visibility(self._office.feed.away)
        self._live.set_visibility(not self._office.feed.away)
        if await still_here(self._office, self._token, "GET", "/api/v1/alerts") is None:
            ui.navigate.to("/login")

    async def _act(self, alert: int, action: str) -> None:
        person = await still_here(self._office, self._token, "POST", "/api/v1/alerts/{alert}/{action}")
        if person is None:
            ui.navigate.to("/login")
            return
        try:
            changed = await act(self._office.store, alert, action, actor=person.username, role=person.role)
        except NotFound:
            ui.notify(self._words("gone"), type="warning")
            self._remove(alert)
        except NotAllowed:
            state = self._cards[alert].alert["state"] if alert in self._cards else "resolved"
            ui.notify(self._words("refused", state=self._words("state." + state)), type="warning")
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
        else:
            self._take({alert: changed})

    async def _open(self, alert: Mapping[str, Any]) -> None:
        """Show all evidence of an alert, large, and whom to call."""
        self._map.look_at(alert)
        contacts = await self._contacts(alert)
        if not (alert["evidence"] or alert.get("evidence_deleted_at") or playback_link(alert) or contacts):
            return
        self._evidence.clear()
        with self._evidence:
            ui.label(f"{self._words.label(alert['label'])} · {self._places.of(alert)}").classes("gw-label")
            for contact in contacts:
                ui.label(contact).classes("gw-contact")
            for one in alert["evidence"]:
                _show_evidence(one, self._words)
            if alert.get("evidence_deleted_at"):
                ui.label(self._words("evidence_deleted"))
            if link := playback_link(alert):
                ui.link(self._words("playback"), link, new_tab=True)
        self._dialog.open()

    async def _contacts(self, alert: Mapping[str, Any]) -> list[str]:
        """Return the address and telephone where an alert is, then the people of its area's contact card.

        Who answers it needs them, lists do not.
        """
        store = self._office.store
        try:
            device = (await get_device(store, alert["device"])).device
            card = await contact_card(store, alert["area"] or "", datetime.now(UTC))
        except (NotFound, StoreUnavailable):
            return []
        there = {one.code for one in card.on_duty}
        people = [
            (one.name, one.duties, one.phone, self._words("on_duty") if one.code in there else None)
            for one in card.contacts
        ]
        lines = (" · ".join(filter(None, line)) for line in [(device.address, device.telephone), *people])
        return [line for line in lines if line]


def _show_evidence(one: Mapping[str, Any], words: Words) -> None:
    url = one["url"]
    if url.startswith(OWN_FILES) and one["media_type"].startswith("video/"):
        gone = f"(event) => event.target.replaceWith({json.dumps(words('evidence_gone'))})"
        with ui.element("div"):
            ui.video(url, autoplay=True, muted=True, loop=True).on("error", js_handler=gone)
    elif url.startswith(OWN_FILES):
        ui.html(picture_html(url, words), sanitize=False)
    elif url.startswith(("http://", "https://")):
        ui.link(words("link"), url, new_tab=True)
