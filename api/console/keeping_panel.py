"""What is kept for how long, shown and changed, and how full the stores are."""

from collections.abc import Mapping
from html import escape

from nicegui import ui

from api.console.doing import choice, do, really
from api.console.frame import Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.sign_in import Person
from api.texts import Words
from gridwatch.kept import EVIDENCE, NAMES, checked
from gridwatch.store.condition import fills
from gridwatch.store.kept import changed_kept, drop_kept, kept_now, put_kept

ROUTE = "/api/v1/keeping/{name}"


async def show_keeping(visitor: Visitor, words: Words) -> None:
    """Build the part of what is kept for how long."""
    await KeepingPanel(visitor, words).show()
    full = [
        [
            words(f"fill.{name.replace(' ', '_')}"),
            str(fill.count),
            f"{fill.bytes / 1e9:.2f}",
            f"{fill.share:.0%}",
            fill.measured_at.astimezone(CHINA).strftime("%m-%d %H:%M"),
        ]
        for name, fill in (await fills(visitor.office.store)).items()
    ]
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('fill'))}</h2>", sanitize=False)
        heads = [words(f"fill.{name}") for name in ("what", "count", "gb", "share", "measured")]
        if full:
            ui.html(
                table_html(heads, full, caption=words("fill"), numbers=frozenset({1, 2, 3})), sanitize=False
            )
        else:
            ui.label(words("fill.none")).classes("gw-facts")


class KeepingPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._kept: Mapping[str, float] = {}
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('admin.keeping'))}</h2>", sanitize=False)
            ui.label(words("kept.how")).classes("gw-facts")
            self._table = ui.html(sanitize=False)
        with ui.element("section").classes("gw-panel gw-form"):
            ui.html(f"<h2>{escape(words('kept.change'))}</h2>", sanitize=False)
            with ui.element("div").classes("gw-fields"):
                names = {name: words(f"keeping.{name}") for name in NAMES}
                self._name = choice(names, value=NAMES[0], label=words("kept.what"))
                self._value = ui.number(words("kept.value"), min=0).props("dense outlined")
            self._name.on_value_change(self._fill)
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                save = ui.button(words("save"), color=None, on_click=self._save)
                save.props("unelevated no-caps").classes("gw-primary")
                drop = ui.button(words("kept.drop"), color=None, on_click=self._drop)
                drop.props("unelevated no-caps").classes("gw-secondary")

    async def show(self) -> None:
        """Show what counts now."""
        words, office = self._words, self._visitor.office
        self._kept = await kept_now(office.store, office.settings)
        by = {row["name"]: row["changed_by"] for row in await changed_kept(office.store)}
        rows = [
            [words(f"keeping.{name}"), f"{self._kept[name]:g}", by.get(name, "—"), _variable(name)]
            for name in NAMES
        ]
        heads = [words(f"keeping.{name}") for name in ("what", "days", "by", "setting")]
        caption = words("admin.keeping")
        self._table.set_content(table_html(heads, rows, caption=caption, numbers=frozenset({1})))
        self._fill()

    def _fill(self) -> None:
        self._value.set_value(self._kept[self._name.value])

    async def _save(self) -> None:
        name, value, words = str(self._name.value), self._value.value, self._words
        before = self._kept[name]
        if value is not None and value < before:
            question = words("kept.really", what=words(f"keeping.{name}"), before=before, after=value)
            if not await really(question, words, yes="save"):
                return

        async def put(person: Person) -> None:
            await put_kept(self._visitor.office.store, name, checked(name, value), by=person.username)

        if await do(self._visitor, words, ("PUT", ROUTE), put, form="kept"):
            ui.notify(words("saved"), type="positive")
            await self.show()

    async def _drop(self) -> None:
        name, store = str(self._name.value), self._visitor.office.store
        if await do(
            self._visitor,
            self._words,
            ("DELETE", ROUTE),
            lambda person: drop_kept(store, name, by=person.username),
        ):
            ui.notify(self._words("saved"), type="positive")
            await self.show()


def _variable(name: str) -> str:
    return f"GRIDWATCH_{'KEEP_EVIDENCE' if name.startswith(EVIDENCE) else name.upper()}"
