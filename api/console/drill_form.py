"""A drill raised from the console: whom it would call is shown before anybody is called."""

from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any

from nicegui import ui

from api.console.doing import choice, do, really
from api.console.frame import Visitor
from api.sign_in import Person
from api.texts import Words
from gridwatch.errors import NotFound, StoreUnavailable
from gridwatch.store.drills import LABELS, USUAL_LABEL, Foreseen, drill_area, drill_device, foresee_drill

ROUTES: Mapping[str, str] = {"device": "/api/v1/devices/{device}/drill", "area": "/api/v1/areas/{code}/drill"}
DRILLS = {"device": drill_device, "area": drill_area}

NAMES_SHOWN = 12


class DrillForm:
    """What one browser window fills in."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('drill.title'))}</h2>", sanitize=False)
            ui.label(words("drill.how")).classes("gw-facts")
            with ui.element("div").classes("gw-fields"):
                self._where = ui.input(words("drill.where")).props("dense outlined maxlength=100")
                labels = {label: words.label(label) for label in LABELS}
                self._label = choice(labels, value=USUAL_LABEL, label=words("drill.of"))
                self._why = ui.input(words("drill.why")).props("dense outlined maxlength=200")
                ask = ui.button(words("drill.raise"), color=None, on_click=self._raise)
                ask.props("unelevated no-caps").classes("gw-primary")
            self._said = ui.label().classes("gw-failed").props('role="alert"')
            self._raised = ui.element("div").props('role="status"')

    async def _raise(self) -> None:
        words, where, why = self._words, (self._where.value or "").strip(), (self._why.value or "").strip()
        missing = [words(key) for key, given in (("drill.where", where), ("drill.why", why)) if not given]
        self._said.set_text("\n".join(words("drill.needed", field=field) for field in missing))
        if missing:
            return
        label = str(self._label.value)
        try:
            kind, foreseen = await self._foresee(where, label)
        except NotFound:
            self._said.set_text(words("drill.unknown", where=where))
            return
        except StoreUnavailable:
            self._said.set_text(words("failed"))
            return
        if await really(foreseen_in_words(foreseen, where, words), words, yes="drill.raise"):
            await self._do(kind, where, label, why)

    async def _foresee(self, where: str, label: str) -> tuple[str, Foreseen]:
        """Return what the place is, a device first, and whom a drill there would call; raise NotFound."""
        foresee = partial(foresee_drill, self._visitor.office.store, label=label)
        try:
            return "device", await foresee("device", where)
        except NotFound:
            return "area", await foresee("area", where)

    async def _do(self, kind: str, where: str, label: str, why: str) -> None:
        words, store = self._words, self._visitor.office.store
        raised: dict[str, Any] = {}

        async def drill(person: Person) -> None:
            raised.update(await DRILLS[kind](store, where, label=label, by=person.username, why=why))

        if await do(self._visitor, words, ("POST", ROUTES[kind]), drill):
            ui.notify(words("drill.raised", id=raised["id"]), type="positive")
            self._raised.clear()
            with self._raised:
                link = ui.link(words("drill.open", id=raised["id"]), f"/?alert={raised['id']}")
                link.classes("gw-anchor")


def foreseen_in_words(foreseen: Foreseen, where: str, words: Words) -> str:
    """Return the question that is asked before a drill: it says whom it calls, or that it calls nobody."""
    if foreseen.simulated:
        return words("drill.simulated", where=where)
    if not foreseen.people:
        return words("drill.nobody")
    chinese = words.language == "zh-CN"
    called = [
        f"{one.name}（{one.why_zh}）" if chinese else f"{one.name} ({one.why})" for one in foreseen.people
    ]
    more = [words("handover.more", count=len(called) - NAMES_SHOWN)] if len(called) > NAMES_SHOWN else []
    return words("drill.really", where=where, called=words("list").join([*called[:NAMES_SHOWN], *more]))
