"""The list of alerts: the server says which rows in which order, feed.js draws them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nicegui.element import Element

from api.console.alert_card import classes_of, name_of, rings, row_html
from api.console.board import Alert, Board
from api.texts import Words
from gridwatch.model import AlertState, Role, Severity
from gridwatch.workflow import allowed_actions

SHOWN = 60
"""Rows on the page at first, and more at each press of "more": nobody reads as many, and each costs."""

ROW_ACTIONS = {"acknowledge": "done", "assign": "person_add", "release": "elevator"}
"""What a row offers, with its icon; all else stands beside the list when the alert is open."""

PICK_ACTIONS = ("acknowledge", "assign", "resolve", "false_alarm")
"""What many alerts at once may be given."""

SAID = ("more", "fresh", "arrived", "pick", "picked", "selection", "meanwhile", "minutes", "hours", "now")


def action_name(words: Words, action: str) -> str:
    """Return what an action is called."""
    return words("close_alert" if action == "close" else action)


class FeedList(Element, component="feed.js"):
    """Rows of alerts; sends to the browser only what it does not have yet."""

    def __init__(self, board: Board, words: Words, role: Role, *, release: bool) -> None:
        super().__init__()
        self._board, self._words, self._role, self._release = board, words, role, release
        self._sent: dict[int, Any] = {}
        self._version = -1
        self._shown, self._with_ended = SHOWN, False
        self.classes("gw-feed-list")
        said = {name: words(f"now.{name}") for name in SAID}
        said |= {"pickAll": words("now.pick_all"), "pickNone": words("now.pick_none")}
        said |= {"empty": words("now.no_live"), "alerts": words("alerts")}
        faces = {
            action: {"name": action_name(words, action), "icon": icon} for action, icon in ROW_ACTIONS.items()
        }
        self._props["words"] = said | {"actions": faces}
        picks = [one for one in PICK_ACTIONS if one in self._allowed_ever()]
        self._props["picks"] = [{"action": one, "name": action_name(words, one)} for one in picks]
        self._props["initial"] = self._next() if board.loaded.is_set() else None

    def show(self) -> bool:
        """Send what has changed since the last time; say whether anything had."""
        if self._board.version == self._version:
            return False
        self.run_method("take", self._next())
        return True

    def show_more(self) -> None:
        """Show more rows from now on."""
        self._shown += SHOWN
        self._again()

    def with_ended(self, wanted: bool) -> None:
        """Show also alerts on which nobody need act any more, or not."""
        self._with_ended, self._shown = wanted, SHOWN
        self._again()

    def _again(self) -> None:
        self._version = -1
        self.show()

    def _next(self) -> dict[str, Any]:
        board = self._board
        # What was sent follows from the version and from how much is shown: pages alike get the same.
        if self._version == -1:
            said, sent = self._made()
        else:
            alike = ("rows", self._version, self._shown, self._with_ended, self._words.language, self._role)
            said, sent = board.alike((*alike, self._release), self._made)
        self._sent, self._version = sent, board.version
        return said

    def _made(self) -> tuple[dict[str, Any], dict[int, Any]]:
        """Return what the browser does not have yet, and what it then has."""
        board = self._board
        live, ended = board.ordered()
        wanted = [*live, *ended] if self._with_ended else live
        shown = wanted[: self._shown]
        now = datetime.now(UTC)
        rows, sent = {}, {}
        for alert in shown:
            stands = sent[alert["id"]] = (alert["seq"], board.held(alert) is not None)
            if self._sent.get(alert["id"]) != stands:
                rows[alert["id"]] = self._row(alert, now)
        language = self._words.language
        said = {
            "order": [alert["id"] for alert in shown],
            "rows": rows,
            "more": len(wanted) - len(shown),
            "counts": board.alike(("counts", language), lambda: counts_html(live, self._words)),
        }
        return said, sent

    def _row(self, alert: Alert, now: datetime) -> dict[str, Any]:
        board, words = self._board, self._words
        held = board.held(alert) is not None

        def made(one: Alert) -> str:
            return row_html(one, words, board.places, now=now, held=held)

        return {
            "html": board.text_of(alert, words.language, made),
            "name": name_of(alert, words, board.places),
            "classes": classes_of(alert),
            "actions": [one for one in ROW_ACTIONS if self._may(one, alert, held)],
            "ended": alert["ended"],
            "rings": rings(alert),
        }

    def _may(self, action: str, alert: Alert, held: bool) -> bool:
        if action == "release":
            return held and self._release
        return action in allowed_actions(AlertState(alert["state"]), self._role)

    def _allowed_ever(self) -> set[str]:
        return {action for state in AlertState for action in allowed_actions(state, self._role)}


def counts_html(live: Sequence[Alert], words: Words) -> str:
    """Return how many alerts wait, by severity; drills apart."""
    waiting = [alert for alert in live if alert["state"] == AlertState.OPEN]
    drills = sum(bool(alert.get("drill")) for alert in waiting)
    severities = [alert["severity"] for alert in waiting if not alert.get("drill")]
    parts = [
        f'<span class="gw-count gw-is-{one}">{words("severity." + one)} <b>{severities.count(one)}</b></span>'
        for one in reversed(Severity)
    ]
    if drills:
        parts.append(f'<span class="gw-count">{words("drills")} <b>{drills}</b></span>')
    return "".join(parts)
