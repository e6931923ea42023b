"""A form for one person of the roster: what a file of people says of them, a line for each of their areas."""

from collections.abc import Awaitable, Callable, Sequence
from html import escape
from typing import Any

from nicegui import ui

from api.console.doing import choice, do, really
from api.console.frame import Visitor
from api.texts import Words
from gridwatch.duty.files import COLUMNS, Table, write_table
from gridwatch.store.connection import Row
from gridwatch.store.people import clear_table

ROUTE = "/api/v1/roster/{table}"
PERSONAL = ("code", "name", "phone", "duties", "username")
BETWEEN = ";"


class PersonForm:
    """What one browser window fills in; `take` is given the file that it makes."""

    def __init__(
        self,
        visitor: Visitor,
        words: Words,
        *,
        take: Callable[[bytes], Awaitable[bool]],
        show: Callable[[], Awaitable[None]],
    ) -> None:
        self._visitor, self._words, self._take, self._show = visitor, words, take, show
        self._rows: Sequence[Row] = ()
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('person.edit'))}</h2>", sanitize=False)
            ui.label(words("person.how")).classes("gw-facts")
            with ui.element("div").classes("gw-fields"):
                self._who = choice({}, label=words("person.who"), on_change=self._choose)
                self._fields = {name: self._input(f"roster.{name}") for name in PERSONAL}
                self._areas = self._input("person.areas")
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                save = ui.button(words("person.save"), color=None, on_click=self._save)
                save.props("unelevated no-caps").classes("gw-primary")
                self._drop = ui.button(words("person.delete"), color=None, on_click=self._delete)
                self._drop.props("unelevated no-caps").classes("gw-secondary")
                self._drop.set_visibility(False)

    def _input(self, key: str) -> ui.input:
        return ui.input(self._words(key)).props("dense outlined")

    def offer(self, rows: Sequence[Row]) -> None:
        """Offer the people that there are, to be changed."""
        self._rows = rows
        names = {row["code"]: f"{row['code']} {row['name']}" for row in rows}
        self._who.set_options({"": self._words("person.new")} | names, value="")

    def _lines(self, code: str) -> list[Row]:
        return [row for row in self._rows if row["code"] == code]

    def _choose(self) -> None:
        lines = self._lines(self._who.value or "")
        for name, field in self._fields.items():
            field.set_value((lines[0][name] or "") if lines else "")
        self._fields["code"].set_enabled(not lines)
        self._areas.set_value(
            f"{BETWEEN} ".join(f"{row['area']} {row['rank']}" for row in lines if row["area"])
        )
        self._drop.set_visibility(bool(lines))

    def _file(self) -> bytes:
        """Return the person as a file of people; what the form does not show stays as it is."""
        said = {name: (field.value or "").strip() for name, field in self._fields.items()}
        known = self._lines(said["code"])
        said["language"] = known[0]["language"] if known else ""
        scenes = {row["area"]: row["scenes"] for row in known}
        rows: list[dict[str, Any]] = []
        for part in (self._areas.value or "").replace("；", BETWEEN).split(BETWEEN):
            area, _, rank = part.strip().partition(" ")
            if area or not rows:
                row = said | {"area": area, "rank": rank.strip(), "scenes": scenes.get(area)}
                rows.append({name: row[name] for name in COLUMNS[Table.PEOPLE]})
        return write_table(rows, Table.PEOPLE).encode()

    async def _save(self) -> None:
        await self._take(self._file())

    async def _delete(self) -> None:
        code, words = self._who.value, self._words
        if await really(words("person.really", name=code), words, yes="person.delete") and await do(
            self._visitor,
            words,
            ("DELETE", f"{ROUTE}/{{worker}}"),
            lambda person: clear_table(self._visitor.office.store, Table.PEOPLE, code, by=person.username),
        ):
            await self._show()
