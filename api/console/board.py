"""What all pages of one part of the tree show: kept once in a process, however many have it open."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from api.feed import CutOff
from api.local_time import CHINA
from api.office import Office
from api.places import Places
from gridwatch.areas.tree import AreaTree
from gridwatch.errors import StoreUnavailable
from gridwatch.model import AlertState, Severity
from gridwatch.store.board import (
    DeviceMark,
    HeldLift,
    device_marks,
    ended_alerts,
    gone_alerts,
    held_lifts,
    live_alerts,
)

Alert = Mapping[str, Any]
Made = TypeVar("Made")

LIVE_KEPT, ENDED_KEPT = 5000, 200
"""Alerts in memory, some 3 kB each; beyond, what matters least is left out and stays in the database."""

SILENCE_S = 1.0
GATHER_S = 0.3
"""Changes are taken in together this often: in a storm the page stays readable, and what all pages of a kind
show alike is made once."""
LIFTS_EVERY = timedelta(seconds=2)
DEVICES_EVERY = timedelta(seconds=15)
DEVICES_SHOWN = 2000
"""Marks that one map bears; those in trouble come first."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def urgency(alert: Alert) -> tuple[int, int, float, int]:
    """Return what puts live alerts in order: the severest, what waits, fires by spread, the newest."""
    waits = alert["state"] == AlertState.OPEN
    spread = (alert.get("spread") or 0.0) if waits else 0.0
    return Severity(alert["severity"]).rank, int(waits), spread, alert["id"]


class Board:
    """Alerts, lifts and devices as they are now; `version` counts what changed of the alerts."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.alerts: dict[int, Alert] = {}
        self.places = Places()
        self.lifts: dict[str, HeldLift] = {}
        """By the lift's id, and by the id of each camera in it."""
        self.devices: list[DeviceMark] = []
        self.devices_version = 0
        self.version = 0
        self.away_since: datetime | None = None
        """Since when the database can't be reached."""
        self.areas_version = 0
        self.pages = 0
        self.loaded = asyncio.Event()
        self._tree: AreaTree | None = None
        self._ordered: tuple[int, list[Alert], list[Alert]] = (-1, [], [])
        self._rows: dict[Any, tuple[Any, str]] = {}
        self._alike: tuple[int, dict[Any, Any]] = (-1, {})
        self._day = datetime.now(CHINA).date()
        self._looked: dict[str, datetime] = {}
        self._following = asyncio.create_task(self._follow(), name="board follows the feed")

    @property
    def has_ended(self) -> bool:
        """Return whether nothing more comes: a page must not look live then."""
        return self._following.done()

    def end(self) -> None:
        """Follow no more."""
        self._following.cancel()

    def ordered(self) -> tuple[list[Alert], list[Alert]]:
        """Return the live alerts, the most urgent first, and those that ended, the newest first."""
        if self._ordered[0] != self.version:
            alerts = self.alerts.values()
            live = sorted((one for one in alerts if not one["ended"]), key=urgency, reverse=True)
            ended = sorted((one for one in alerts if one["ended"]), key=lambda one: one["id"], reverse=True)
            self._ordered = (self.version, live, ended)
        return self._ordered[1], self._ordered[2]

    def held(self, alert: Alert) -> HeldLift | None:
        """Return the lift that an alert is about, if its door is held now."""
        return self.lifts.get(alert["device"])

    def text_of(self, alert: Alert, language: str, make: Callable[[Alert], str]) -> str:
        """Return the text of a row, made once for all pages of a language as long as nothing changes."""
        stands = (alert["seq"], self.held(alert))
        known = self._rows.get((alert["id"], language))
        if known is None or known[0] != stands:
            known = self._rows[alert["id"], language] = (stands, make(alert))
        return known[1]

    def alike(self, key: object, make: Callable[[], Made]) -> Made:
        """Return what is the same for all pages that ask by a key, made once until an alert changes."""
        if self._alike[0] != self.version:
            self._alike = (self.version, {})
        known = self._alike[1]
        if key not in known:
            known[key] = make()
        made: Made = known[key]
        return made

    def take(self, alerts: Mapping[int, Alert]) -> None:
        """Take in alerts that are newer than what is known."""
        for alert_id, alert in alerts.items():
            known = self.alerts.get(alert_id)
            if known is None or alert["seq"] > known["seq"]:
                self.alerts[alert_id] = alert
        self.version += 1
        self._leave_out()

    def drop(self, alert_id: int) -> None:
        """Forget an alert that is no more: its device was deleted."""
        if self.alerts.pop(alert_id, None) is not None:
            self.version += 1

    async def drop_gone(self) -> None:
        """Forget alerts that are no more; what is away now is looked at later."""
        with suppress(StoreUnavailable):
            for alert_id in await gone_alerts(self._office.store, list(self.alerts)):
                self.drop(alert_id)

    async def _follow(self) -> None:
        """Load what there is and take in each change, until cancelled."""
        while True:
            subscription = self._office.feed.subscribe()
            try:
                await self._load()
                while True:
                    messages = await subscription.take(SILENCE_S)
                    if messages:
                        # Only the last of each alert is worth showing.
                        self.take({message.alert["id"]: message.alert for message in messages})
                        await asyncio.sleep(GATHER_S)
                    await self._look()
            except (StoreUnavailable, CutOff):
                # Away, too slow, or the server stops: load anew what there is then.
                self._note_away()
                await asyncio.sleep(SILENCE_S)
            finally:
                self._office.feed.unsubscribe(subscription)

    async def _load(self) -> None:
        store = self._office.store
        await self._look_at_areas()
        live = await live_alerts(store, limit=LIVE_KEPT)
        ended = await ended_alerts(store, limit=ENDED_KEPT)
        self.alerts = {alert["id"]: alert for alert in (*live, *ended)}
        self._rows.clear()
        self.version += 1
        await self._look()
        self.loaded.set()

    async def _look(self) -> None:
        """Look again at what no feed tells of: lifts, devices, areas, and whether the feed is up to date."""
        self._note_away()
        if self.away_since is not None:
            return
        store = self._office.store
        if self._is_due("lifts", LIFTS_EVERY):
            held = await held_lifts(store)
            lifts = {name: lift for lift in held for name in (lift.id, *lift.cameras)}
            if lifts != self.lifts:
                self.lifts = lifts
                self.version += 1
        if self._is_due("devices", DEVICES_EVERY):
            devices = await device_marks(store, limit=DEVICES_SHOWN)
            if devices != self.devices:
                self.devices = devices
                self.devices_version += 1
            await self._look_at_areas()
            await self.drop_gone()

    async def _look_at_areas(self) -> None:
        """Take in the tree of areas where it changed, and the day; the texts of rows say both."""
        tree, day = await self._office.tree.get(), datetime.now(CHINA).date()
        if tree is not self._tree:
            self.places, self._tree = Places(tree.areas), tree
            self.areas_version += 1
        elif day == self._day:
            return
        self._day = day
        self._rows.clear()
        self.version += 1

    def _is_due(self, what: str, every: timedelta) -> bool:
        now = datetime.now(UTC)
        if now - self._looked.get(what, LONG_AGO) < every:
            return False
        self._looked[what] = now
        return True

    def _note_away(self) -> None:
        if not self._office.feed.away:
            self.away_since = None
        elif self.away_since is None:
            self.away_since = datetime.now(UTC)

    def _leave_out(self) -> None:
        if len(self.alerts) > LIVE_KEPT + 2 * ENDED_KEPT:
            live, ended = self.ordered()
            kept = (*live[:LIVE_KEPT], *ended[:ENDED_KEPT])
            self.alerts = {alert["id"]: alert for alert in kept}
            self._rows = {key: row for key, row in self._rows.items() if key[0] in self.alerts}
            self.version += 1


class Boards:
    """The boards of one server, by the area that is seen; one lives as long as a page shows it."""

    def __init__(self) -> None:
        self._boards: dict[str | None, Board] = {}

    def enter(self, office: Office) -> Board:
        """Return the board of an office; `leave` it when the page is closed."""
        board = self._boards.get(office.area)
        if board is None or board.has_ended:
            board = self._boards[office.area] = Board(office)
        board.pages += 1
        return board

    def leave(self, office: Office, board: Board) -> None:
        """Let a board go that no page shows any more."""
        board.pages -= 1
        if not board.pages:
            board.end()
            if self._boards.get(office.area) is board:
                del self._boards[office.area]
