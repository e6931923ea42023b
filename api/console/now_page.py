"""The page Now: the live list by severity, beside it the map or the alert that was opened."""

import asyncio
from typing import Any

from nicegui import Client, ui

from api.access import still_here
from api.console.acting import MUTING, RELEASING, Acting
from api.console.alert_pane import AlertPane
from api.console.board import Board, Boards
from api.console.connection import Connection
from api.console.danger_chip import show_danger
from api.console.devices_page import CAMERAS
from api.console.feed_list import FeedList
from api.console.frame import NOW, Frame, Visitor
from api.console.keys_dialog import KeysDialog
from api.console.lift_chip import LiftChip
from api.console.now_map import NowMap, placed
from api.console.sight_chip import show_sights
from api.console.sound import Sound
from api.texts import Words

SHOW_S = 0.1
"""How often a page looks whether there is anything to show."""

LOOK_AGAIN_S = 1.0

LOAD_WITHIN_S = 2.0
"""The first view waits so long for the first board of a part; then it comes when it comes."""

RELOAD_AFTER_MS = 5000
"""A page that fails again and again must not ask without a pause."""

LOOKING = ("GET", "/api/v1/alerts")


async def show_now(boards: Boards, visitor: Visitor, words: Words, *, chosen: int | None) -> None:
    """Build the page and keep it up to date as long as somebody has it open."""
    client, office = ui.context.client, visitor.office
    board = boards.enter(office)
    client.on_delete(lambda: boards.leave(office, board))
    try:
        async with asyncio.timeout(LOAD_WITHIN_S):
            await board.loaded.wait()
            await board.drop_gone()
    except TimeoutError:
        # The banner says that the database is away.
        pass
    page = NowPage(visitor, board, words, client)
    ui.timer(SHOW_S, page.show)
    ui.timer(LOOK_AGAIN_S, page.look)
    if chosen is not None:
        ui.timer(0, lambda: page.open(chosen), once=True)


class NowPage:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, board: Board, words: Words, client: Client) -> None:
        office, token, person = visitor.office, visitor.token, visitor.person
        self._office, self._board, self._token, self._words = office, board, token, words
        self._client = client
        self._areas_version = self._devices_version = self._map_version = -1
        self._away = False
        self._has_ended = False
        acting = Acting(office, board, token, words)
        may = frozenset(
            name for name, route in {"mute": MUTING, "release": RELEASING}.items() if visitor.may(*route)
        )
        self._connection = Connection(words)
        frame = Frame(visitor, words, here=NOW)
        self._theme = frame.theme
        with frame.state:
            ui.html("", sanitize=False, tag="div").classes("gw-counts").props('role="status"')
            self._lifts = LiftChip(board, words, acting, may_release="release" in may)
        with frame.tools:
            show_danger(office, words)
            show_sights(office, words, to=CAMERAS)
            Sound(office, token, words, client)
            ui.label(words("live")).classes("gw-live")
            keys = KeysDialog(words)
        with ui.element("main").classes("gw-main") as self._main:
            with ui.element("section").classes("gw-feed").props(f'aria-label="{words("alerts")}"'):
                with ui.element("div").classes("gw-bar"):
                    options = {"live": words("now.filter.live"), "all": words("now.filter.all")}
                    ui.toggle(options, value="live", on_change=self._filter).props(
                        "dense unelevated no-caps"
                    ).classes("gw-filter")
                    whole = ui.button(words("whole_map"), icon="zoom_out_map", color=None)
                    whole.props("flat dense no-caps").classes("gw-link gw-whole")
                self._feed = FeedList(board, words, person.role, release="release" in may)
            with ui.element("section").classes("gw-beside"):
                settings = office.settings
                self._map = NowMap(words, tiles=settings.map_tiles, attribution=settings.map_attribution)
                self._pane = AlertPane(office, board, words, person, may=may, act=acting.act, open=self.open)
        whole.on_click(self._look_at_everything)
        self._map.on("open", lambda event: self.open(event.args))
        self._feed.on("open", lambda event: self.open(event.args, is_history=True))
        self._feed.on("act", lambda event: acting.act(event.args["alerts"], event.args["action"]))
        self._feed.on("more", self._feed.show_more)
        self._feed.on("help", keys.open)
        self._connection.on("back", lambda event: self._feed.run_method("markAllAfter", event.args))

    async def show(self) -> None:
        """Show what has changed since the last time."""
        board = self._board
        self._feed.show()
        if board.areas_version != self._areas_version:
            self._areas_version = board.areas_version
            self._map.show_areas(board.places)
        if board.devices_version != self._devices_version:
            self._devices_version = board.devices_version
            self._map.show_devices(board.devices)
        if board.version != self._map_version:
            self._map_version = board.version
            self._map.show_alerts(board.alike("placed", lambda: placed(board.ordered()[0])))
            self._lifts.show()
        await self._pane.look()

    async def look(self) -> None:
        """Show whether the feed is up to date; send away whose token has run out."""
        away = self._board.away_since is not None
        if away != self._away:
            self._away = away
            self._connection.tell_database(away)
        if self._board.has_ended and not self._has_ended:
            # Load the page anew when the feed failed: one that stands still must not look live.
            self._has_ended = True
            self._client.run_javascript(f"setTimeout(() => location.reload(), {RELOAD_AFTER_MS})")
        if await still_here(self._office, self._token, *LOOKING) is None:
            ui.navigate.to("/login")

    async def open(self, alert_id: int | None, *, is_history: bool = False) -> None:
        """Show an alert beside the list, or the map where there is none."""
        if alert_id is None or not await self._pane.show(alert_id, is_dark=self._theme.is_dark):
            alert_id = None
            self._pane.hide()
        self._map.set_visibility(alert_id is None)
        self._main.classes(**{"remove" if alert_id is None else "add": "gw-has-alert"})
        self._feed.run_method("setOpened", alert_id, False)

    async def _look_at_everything(self) -> None:
        await self.open(None)
        self._map.look_at_everything()

    def _filter(self, event: Any) -> None:
        self._feed.with_ended(event.value == "all")
