"""The roster: who answers for what, shifts and leave as files, and what is to be mended."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from html import escape

from nicegui import events, ui

from api.console.doing import do
from api.console.duty_form import DutyForm
from api.console.frame import Visitor
from api.console.person_form import ROUTE, PersonForm
from api.console.tables import table_html
from api.local_time import CHINA
from api.sign_in import Person
from api.texts import Words
from gridwatch.duty.calendar import unknown_years
from gridwatch.duty.files import Table, fit_in, read_table
from gridwatch.store.connection import Row
from gridwatch.store.people import areas_without_anybody, change_people, list_table, roster_gaps

ROWS_SHOWN = 200
LARGEST_FILE = 7 * 2**20


async def show_roster(visitor: Visitor, words: Words) -> None:
    """Build the part."""
    await RosterPanel(visitor, words).show()


class RosterPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._form: PersonForm | None = None
        self._duties: Sequence[DutyForm] = ()
        if visitor.may("POST", ROUTE):
            self._form = PersonForm(visitor, words, take=partial(self._taken, Table.PEOPLE), show=self.show)
            self._duties = [
                DutyForm(visitor, words, table, take=partial(self._taken, table), show=self.show)
                for table in (Table.SHIFTS, Table.LEAVE)
            ]
            with ui.element("section").classes("gw-panel"):
                ui.html(f"<h2>{escape(words('roster.files'))}</h2>", sanitize=False)
                ui.label(words("roster.files_how")).classes("gw-facts")
                for table in Table:
                    self._file(table)
        self._result = ui.element("div").classes("gw-form")

    def _file(self, table: Table) -> None:
        words = self._words
        name = words(f"roster.{table}")
        with ui.element("div").classes("gw-actions-bar gw-line-of"):
            ui.label(name)
            ui.link(words("download"), ROUTE.replace("{table}", table)).classes("gw-anchor")
            show_upload(words, partial(self._imported, table), label=f"{words('upload')} {name}")

    async def show(self) -> None:
        """Show what stands in the roster, and what is to be mended."""
        words, store, now = self._words, self._visitor.office.store, datetime.now(UTC)
        people = await list_table(store, Table.PEOPLE)
        if self._form is not None:
            self._form.offer(people)
        for duty in self._duties:
            duty.offer(people)
        gaps, nobody = await roster_gaps(store, now), await areas_without_anybody(store)
        mend = [words("roster.nobody", area=area) for area in nobody]
        mend += [
            words("roster.gap", area=gap.area, begins=_local(gap.begins), ends=_local(gap.ends))
            for gap in gaps
        ]
        mend += [words("roster.unknown_year", year=year) for year in unknown_years(now)]
        self._result.clear()
        with self._result:
            with ui.element("section").classes("gw-panel"):
                ui.html(f"<h2>{escape(words('roster.mend'))} · {len(mend)}</h2>", sanitize=False)
                for said in mend[:ROWS_SHOWN]:
                    ui.label(f"⚠ {said}")
                if not mend:
                    ui.label(words("roster.all_well")).classes("gw-facts")
            with ui.element("section").classes("gw-panel"):
                ui.html(people_html(people, words), sanitize=False)

    async def _imported(self, table: Table, content: bytes) -> None:
        await self._change(table, content, form="")

    async def _taken(self, table: Table, content: bytes) -> bool:
        """Take in what a form made, which has no lines to speak of."""
        return await self._change(table, content, form="roster" if table is Table.PEOPLE else "duty")

    async def _change(self, table: Table, content: bytes, *, form: str) -> bool:
        words, store = self._words, self._visitor.office.store
        count = 0

        async def take(person: Person) -> None:
            nonlocal count
            reading = await asyncio.to_thread(read_table, content, table)
            count = await change_people(store, table, partial(fit_in, reading), by=person.username)

        done = await do(self._visitor, words, ("POST", ROUTE), take, form=form)
        if done:
            ui.notify(words("saved") if form else words("roster.imported", count=count), type="positive")
            await self.show()
        return done


def show_upload(words: Words, take: Callable[[bytes], Awaitable[None]], *, label: str) -> None:
    """Add a button that sends a file; the browser's own field is hidden, as nobody can read its name."""

    async def uploaded(event: events.UploadEventArguments) -> None:
        content = await event.file.read()
        upload.reset()
        await take(content)

    upload = ui.upload(
        auto_upload=True,
        max_file_size=LARGEST_FILE,
        on_upload=uploaded,
        on_rejected=lambda: ui.notify(words("too_large"), type="warning"),
    )
    upload.classes("gw-upload")
    button = ui.button(words("upload"), icon="upload", color=None)
    button.props(f'unelevated dense no-caps aria-label="{label}"').classes("gw-secondary")
    button.on_click(lambda: upload.run_method("pickFiles"))


def people_html(rows: Sequence[Row], words: Words) -> str:
    """Return who answers for what as a table."""
    heads = ("code", "name", "phone", "duties", "username", "area", "rank")
    cells = [[str(row[head] or "") for head in heads] for row in rows[:ROWS_SHOWN]]
    title = f"<h2>{escape(words('roster.people'))} · {len(rows)}</h2>"
    columns = [words(f"roster.{head}") for head in heads]
    return title + table_html(columns, cells, caption=words("roster.people"))


def _local(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%m-%d %H:%M")
