"""The page of quarantine: messages that could not be read, why, and taking them in again."""

from html import escape

from nicegui import ui

from api.access import still_here
from api.console.devices_page import seen, show_sub_pages
from api.console.frame import Frame, Visitor
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.store.connection import Row
from gridwatch.store.knocks import first_words
from gridwatch.store.quarantine import newest_quarantined, want_replay

PATH = "/quarantine"
ROUTE = "/api/v1/quarantine"
SHOWN = 100
LOOK_AGAIN_S = 5.0


async def show_quarantine(visitor: Visitor, words: Words) -> None:
    """Build the page."""
    Frame(visitor, words, here="/devices", back=PATH)
    page = QuarantinePage(visitor, words)
    await page.look()
    ui.timer(LOOK_AGAIN_S, page.look)


class QuarantinePage:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._shown: list[int] = []
        with ui.element("div").classes("gw-page"):
            show_sub_pages(visitor, words, here=PATH)
            with ui.element("section").classes("gw-panel"):
                ui.html(f"<h1>{escape(words('quarantine'))}</h1>", sanitize=False)
                ui.label(words("quarantine.what")).classes("gw-facts")
                self._all = ui.button(words("quarantine.replay_all"), icon="replay", color=None)
                self._all.props("unelevated dense no-caps").classes("gw-secondary")
                self._rows = ui.element("div").classes("gw-form")
        self._all.on_click(lambda: self._replay(self._shown))

    async def look(self) -> None:
        """Show what waits now."""
        visitor, words = self._visitor, self._words
        if await still_here(visitor.office, visitor.token, "GET", ROUTE) is None:
            ui.navigate.to("/login")
            return
        try:
            rows = await newest_quarantined(visitor.office.store, limit=SHOWN)
        except StoreUnavailable:
            ui.notify(words("failed"), type="negative")
            return
        waiting = [row["id"] for row in rows]
        self._all.set_enabled(any(not row["replay_wanted"] for row in rows))
        if waiting == self._shown and waiting:
            # Built anew, the button that somebody is about to press would lose its focus.
            return
        self._shown = waiting
        self._rows.clear()
        with self._rows:
            if not rows:
                ui.label(words("quarantine.none")).classes("gw-empty")
            for row in rows:
                self._show(row)

    def _show(self, row: Row) -> None:
        words = self._words
        with ui.element("article").classes("gw-message"):
            with ui.element("div"):
                ui.label(f"{row['named'] or row['topic']} · {seen(row['received_at'], words)}")
                ui.label(words("quarantine.why", reason=row["reason"]))
                size = words("quarantine.size", topic=row["topic"], size=row["size"], decoder=row["decoder"])
                ui.label(size).classes("gw-facts")
                ui.label(first_words(bytes(row["payload"]))).classes("gw-payload")
            button = ui.button(words("quarantine.replay"), icon="replay", color=None)
            button.props("unelevated dense no-caps").classes("gw-secondary")
            button.set_enabled(not row["replay_wanted"])
            button.on_click(lambda: self._replay([row["id"]], button))

    async def _replay(self, messages: list[int], button: ui.button | None = None) -> None:
        visitor, words = self._visitor, self._words
        if await still_here(visitor.office, visitor.token, "POST", f"{ROUTE}/replay") is None:
            ui.navigate.to("/login")
            return
        try:
            wanted = await want_replay(visitor.office.store, messages)
        except StoreUnavailable:
            ui.notify(words("failed"), type="negative")
            return
        ui.notify(words("quarantine.replaying", count=len(wanted)), type="positive")
        if button is not None:
            button.disable()
        await self.look()
