"""A form for one table of the roster: the shifts or the leave of one person, line by line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Any

from nicegui import ui

from api.console.doing import A_CLOCK, A_DAY, A_MOMENT, choice, do, time_field
from api.console.frame import Visitor
from api.console.person_form import ROUTE
from api.texts import Words
from gridwatch.duty.files import COLUMNS, Table, cell, write_table
from gridwatch.duty.roster import ShiftKind
from gridwatch.store.connection import Row
from gridwatch.store.people import clear_table, list_table

DELETE_ROUTE = f"{ROUTE}/{{worker}}"

SHAPES: Mapping[Table, Mapping[str, str]] = {
    Table.SHIFTS: {"starts": A_CLOCK, "ends": A_CLOCK, "valid_from": A_DAY, "valid_to": A_DAY},
    Table.LEAVE: {"starts": A_MOMENT, "ends": A_MOMENT},
}
"""How a column of times is written; else it is text."""


class DutyForm:
    """What one browser window fills in; `take` is given the file that it makes."""

    def __init__(
        self,
        visitor: Visitor,
        words: Words,
        table: Table,
        *,
        take: Callable[[bytes], Awaitable[bool]],
        show: Callable[[], Awaitable[None]],
    ) -> None:
        self._visitor, self._words, self._table = visitor, words, table
        self._take, self._show = take, show
        self._names: dict[str, str] = {}
        self._fields: dict[str, Any] = {}
        with ui.element("section").classes("gw-panel").props(f'aria-label="{words(f"roster.{table}")}"'):
            ui.html(f"<h2>{escape(words(f'roster.{table}'))}</h2>", sanitize=False)
            ui.label(words(f"duty.{table}_how")).classes("gw-facts")
            with ui.element("div").classes("gw-fields"):
                self._who = choice(
                    {}, label=words(f"duty.{table}_who"), on_change=self._list, with_input=True
                )
            self._lines = ui.element("div").props(f'role="list" aria-label="{words(f"roster.{table}")}"')
            with ui.element("div").classes("gw-fields"):
                for name in COLUMNS[table][1:]:
                    self._fields[name] = self._field(name)
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                save = ui.button(words(f"duty.{table}_add"), color=None, on_click=self._add)
                save.props("unelevated no-caps").classes("gw-primary")

    def _field(self, name: str) -> Any:
        words = self._words
        label = words(f"duty.{name}")
        if name == "kind":
            kinds = {kind.value: words(f"duty.kind.{kind}") for kind in ShiftKind}
            return choice(kinds, value=ShiftKind.EVERY.value, label=label)
        if name == "stand_in":
            return choice({}, label=label, with_input=True, clearable=True)
        shape = SHAPES[self._table].get(name)
        return time_field(label, shape) if shape else ui.input(label).props("dense outlined stack-label")

    def offer(self, people: Sequence[Row]) -> None:
        """Offer the people that there are."""
        self._names = {row["code"]: f"{row['code']} {row['name']}" for row in people}
        chosen = self._who.value if self._who.value in self._names else None
        self._who.set_options(self._names, value=chosen)
        if "stand_in" in self._fields:
            self._fields["stand_in"].set_options(self._names, value=None)

    async def _rows(self) -> list[Row]:
        rows = await list_table(self._visitor.office.store, self._table)
        return [row for row in rows if row["code"] == self._who.value]

    async def _list(self) -> None:
        """Show the lines of whoever is chosen, each with a button that deletes it."""
        words = self._words
        rows = await self._rows() if self._who.value else []
        self._lines.clear()
        with self._lines:
            for row in rows:
                said = self.said(row)
                with ui.element("div").classes("gw-actions-bar").props('role="listitem"'):
                    ui.label(said)
                    button = ui.button(words("duty.delete"), color=None)
                    button.props(
                        f'unelevated dense no-caps aria-label="{words("duty.delete")} {escape(said)}"'
                    )
                    button.classes("gw-secondary").on_click(lambda _, row=row: self._delete(row))
            if self._who.value and not rows:
                ui.label(words(f"duty.{self._table}_none")).classes("gw-quiet")

    def said(self, row: Row) -> str:
        """Return a line in words."""
        words = self._words
        if self._table is Table.LEAVE:
            stand_in = self._names.get(row["stand_in"], row["stand_in"])
            who = words("duty.with", name=stand_in) if stand_in else words("duty.without")
            return " · ".join(
                filter(None, (f"{cell(row['starts'])} – {cell(row['ends'])}", who, row["reason"]))
            )
        days = words("list").join(words(f"duty.day.{day}") for day in row["days"])
        valid = f"{cell(row['valid_from'])} – {cell(row['valid_to'])}"
        parts = [f"{cell(row['starts'])}–{cell(row['ends'])}", days, words(f"duty.kind.{row['kind']}")]
        parts += [row["area"] or "", valid if valid != " – " else ""]
        return " · ".join(filter(None, parts))

    async def _add(self) -> None:
        if not self._who.value:
            ui.notify(self._words("duty.nobody"), type="warning")
            return
        given = {name: (field.value or "").strip() for name, field in self._fields.items()}
        if await self._take(self._file([*await self._rows(), {"code": self._who.value} | given])):
            for name, field in self._fields.items():
                if name != "kind":
                    field.set_value(None if name == "stand_in" else "")
            await self._list()

    async def _delete(self, row: Row) -> None:
        rows = await self._rows()
        left = [one for one in rows if one != row]
        if left:
            done = await self._take(self._file(left))
        else:
            store, code = self._visitor.office.store, self._who.value
            done = await do(
                self._visitor,
                self._words,
                ("DELETE", DELETE_ROUTE),
                lambda person: clear_table(store, self._table, code, by=person.username),
            )
            await self._show()
        if done:
            await self._list()

    def _file(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return write_table(rows, self._table).encode()
