"""Who changed what in the installation, the newest first."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nicegui import ui

from api.console.frame import Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.texts import Words
from gridwatch.store.connection import Row
from gridwatch.store.trail import list_trail

AT_ONCE = 100
LONGEST = 400
"""Letters of what a change was about; the API tells all of it."""


async def show_trail(visitor: Visitor, words: Words) -> None:
    """Build the part of changes."""
    panel = TrailPanel(visitor, words)
    await panel.more()


class TrailPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._rows: list[Row] = []
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('admin.trail'))}</h2>", sanitize=False)
            ui.label(words("trail.how")).classes("gw-facts")
            self._table = ui.html(sanitize=False).classes("gw-lines")
            self._older = ui.button(words("trail.older"), color=None, on_click=self.more)
            self._older.props("unelevated no-caps").classes("gw-secondary")

    async def more(self) -> None:
        """Show the next older ones."""
        before = self._rows[-1]["id"] if self._rows else None
        found = await list_trail(self._visitor.office.store, before=before, limit=AT_ONCE)
        self._rows += found
        self._older.set_visibility(len(found) == AT_ONCE)
        self._table.set_content(trail_html(self._rows, self._words))


def trail_html(rows: Sequence[Row], words: Words) -> str:
    """Return changes as a table."""
    if not rows:
        return f'<p class="gw-facts">{escape(words("trail.none"))}</p>'
    heads = [words(f"trail.{name}") for name in ("at", "by", "what", "subject", "detail")]
    cells = [
        [
            row["at"].astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            row["by"],
            words(f"trail.what.{row['what']}"),
            row["subject"],
            _change(row["detail"], words),
        ]
        for row in rows
    ]
    return table_html(heads, cells, caption=words("admin.trail"))


def _change(detail: Mapping[str, Any], words: Words) -> str:
    """Return what a thing was and what it is: of two tables, only the fields that differ."""
    if not detail:
        return ""
    before, after = detail.get("before"), detail.get("after")
    if isinstance(before, dict) and isinstance(after, dict):
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        before = {name: before.get(name) for name in changed}
        after = {name: after.get(name) for name in changed}
    said = f"{_said(before, words)} → {_said(after, words)}"
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def _said(value: Any, words: Words) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return words("yes" if value else "no")
        case list() | dict() if not value:
            return "—"
        case dict():
            told = {name: one for name, one in value.items() if one not in (None, "", [])}
            return ", ".join(_field(name, one, words) for name, one in told.items())
        case list():
            return "; ".join(_said(one, words) for one in value)
        case _:
            return str(value)


def _field(name: str, value: Any, words: Words) -> str:
    said = words.field("role", value) if name == "role" else _said(value, words)
    return f"{words.field('trail.field', name)} {said}"
