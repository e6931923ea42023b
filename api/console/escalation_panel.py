"""Times of escalation, shown and changed, and the answer to: who would be called if … now?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from nicegui import ui

from api.console.doing import A_MOMENT, choice, do, field_in_words, time_field
from api.console.drill_form import ROUTES as DRILL_ROUTES
from api.console.drill_form import DrillForm
from api.console.frame import Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.texts import Words
from gridwatch.errors import NotFound, StoreUnavailable
from gridwatch.escalation.times import Times, made_times, read_times
from gridwatch.fields import WrongFields
from gridwatch.model import Severity
from gridwatch.scenes import SCENES
from gridwatch.store.escalation import changed_times, drop_times, put_times
from gridwatch.store.whom import whom

ROUTE = "/api/v1/escalation/{name}"

FIELDS = tuple(name for name in Times.model_fields if name.endswith("_min"))


async def show_escalation(visitor: Visitor, words: Words) -> None:
    """Build the table of times."""
    await EscalationPanel(visitor, words).show()


class EscalationPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._times: dict[str, Times] = {}
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('admin.escalation'))}</h2>", sanitize=False)
            ui.label(words("escalation.how")).classes("gw-facts")
            self._table = ui.html(sanitize=False)
        if visitor.may("PUT", ROUTE):
            with ui.element("section").classes("gw-panel gw-form"):
                self._build_form()

    def _build_form(self) -> None:
        words = self._words
        ui.html(f"<h2>{escape(words('escalation.change'))}</h2>", sanitize=False)
        names = {
            f"{scene}{severity}": kind_of(f"{scene}{severity}", words)
            for scene in ("", *(f"{one}." for one in SCENES))
            for severity in Severity
        }
        with ui.element("div").classes("gw-fields"):
            self._name = choice(names, value=Severity.CRITICAL.value, label=words("escalation.kind"))
            self._fields = {
                field: ui.number(words(f"escalation.{field}"), min=0).props("dense outlined")
                for field in (*FIELDS, "at_once")
            }
            self._working = ui.checkbox(words("escalation.working"))
        self._name.on_value_change(self._fill)
        self._wrong = ui.label().classes("gw-failed").props('role="alert"')
        with ui.element("div").classes("gw-actions-bar"):
            save = ui.button(words("save"), color=None, on_click=self._save)
            save.props("unelevated no-caps").classes("gw-primary")
            drop = ui.button(words("escalation.drop"), color=None, on_click=self._drop)
            drop.props("unelevated no-caps").classes("gw-secondary")

    async def show(self) -> None:
        """Show the times that count now."""
        visitor = self._visitor
        changed = {row["name"]: row for row in await changed_times(visitor.office.store)}
        self._times = dict(read_times(visitor.office.settings.escalation))
        self._times |= {name: Times(**row["times"]) for name, row in changed.items()}
        by = {name: row["changed_by"] for name, row in changed.items()}
        self._table.set_content(times_html(self._times, by, self._words))
        if visitor.may("PUT", ROUTE):
            self._fill()

    def _fill(self) -> None:
        name = self._name.value
        severity = name.rpartition(".")[2]
        times = self._times.get(name) or self._times[severity]
        for field, number in self._fields.items():
            number.set_value(getattr(times, field))
        self._working.set_value(times.working)
        self._wrong.set_text("")

    async def _save(self) -> None:
        words, name = self._words, self._name.value
        given: dict[str, Any] = {field: number.value for field, number in self._fields.items()}
        missing = [words(f"escalation.{field}") for field, value in given.items() if value is None]
        if missing:
            self._wrong.set_text(words("escalation.missing", fields=words("list").join(missing)))
            return
        try:
            made = made_times(name, given | {"working": bool(self._working.value)})
        except WrongFields as error:
            self._wrong.set_text("\n".join(field_in_words(one, words, "escalation") for one in error.fields))
            return
        if await do(
            self._visitor,
            words,
            ("PUT", ROUTE),
            lambda person: put_times(self._visitor.office.store, name, made, by=person.username),
        ):
            ui.notify(words("saved"), type="positive")
            await self.show()

    async def _drop(self) -> None:
        store, name = self._visitor.office.store, self._name.value
        if await do(
            self._visitor,
            self._words,
            ("DELETE", ROUTE),
            lambda person: drop_times(store, name, by=person.username),
        ):
            ui.notify(self._words("saved"), type="positive")
            await self.show()


def times_html(times: Mapping[str, Times], changed_by: Mapping[str, str], words: Words) -> str:
    """Return times as a table, in minutes."""
    names = sorted(times, key=lambda name: (-Severity(name.rpartition(".")[2]).rank, name))
    heads = [words("escalation.kind"), *(words(f"escalation.{field}") for field in FIELDS)]
    heads += [words("escalation.at_once"), words("escalation.clock"), words("escalation.by")]
    rows = []
    for name in names:
        one = times[name]
        clock = words("escalation.working" if one.working else "escalation.always")
        minutes = [f"{getattr(one, field):g}" for field in FIELDS]
        rows.append([kind_of(name, words), *minutes, str(one.at_once), clock, changed_by.get(name, "—")])
    numbers = frozenset(range(1, len(FIELDS) + 2))
    return table_html(heads, rows, caption=words("admin.escalation"), numbers=numbers)


def kind_of(name: str, words: Words) -> str:
    """Return a kind of alert in words."""
    scene, _, severity = name.rpartition(".")
    said = words(f"severity.{severity}")
    return f"{said} · {words.scene(scene)}" if scene else said


async def show_whom(visitor: Visitor, words: Words) -> None:
    """Build the dry run."""
    labels = {label: words.label(label) for scene in SCENES.values() for label in scene.alarms}
    severities = {"": words("whom.usual")} | {one: words(f"severity.{one}") for one in Severity}
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('whom.title'))}</h2>", sanitize=False)
        ui.label(words("whom.how")).classes("gw-facts")
        with ui.element("div").classes("gw-fields"):
            device = ui.input(words("device_id")).props("dense outlined")
            label = choice({"": words("whom.worst"), **labels}, value="", label=words("whom.label"))
            severity = choice(severities, value="", label=words("column.severity"))
            at = time_field(words("whom.at"), A_MOMENT)
            ask = ui.button(words("whom.ask"), color=None).props("unelevated no-caps").classes("gw-primary")
        answer = ui.html(sanitize=False).props('role="status"')

    async def look() -> None:
        try:
            moment = _moment(at.value)
        except ValueError:
            answer.set_content(_failed(words("whom.wrong_at")))
            return
        if not (device.value or "").strip():
            answer.set_content(_failed(words("whom.no_device")))
            return
        try:
            said = await whom(
                visitor.office.store,
                device.value.strip(),
                moment,
                times=read_times(visitor.office.settings.escalation),
                label=label.value or None,
                severity=Severity(severity.value) if severity.value else None,
            )
        except NotFound:
            answer.set_content(_failed(words("whom.unknown", device=device.value)))
        except StoreUnavailable:
            answer.set_content(_failed(words("failed")))
        else:
            answer.set_content(whom_html(said, words))

    ask.on_click(look)
    device.on("keydown.enter", look)
    if visitor.may("POST", DRILL_ROUTES["area"]):
        DrillForm(visitor, words)


def whom_html(said: Mapping[str, Any], words: Words) -> str:
    """Return whom an alert would call, step by step, as a table."""
    chinese = words.language == "zh-CN"
    rows = []
    for number, step in enumerate(said["steps"], 1):
        because = step["because_zh"] if chinese else step["because"]
        called = [
            # Without a code: the channels of the installation, which say so themselves.
            (f"{one['name']} ({one['code']}) — " if one.get("code") else "")
            + (one["why_zh"] if chinese else one["why"])
            for one in step["called"]
        ]
        rows.append([str(number), _clock(step["at"]), "\n".join(called) or words("nobody"), because])
    heads = [words(name) for name in ("whom.step", "column.time", "whom.called", "column.why")]
    kind = " · ".join(
        (words(f"severity.{said['severity']}"), words.label(said["label"] or ""), said["area"] or "")
    )
    drill = f"<p>{escape(words('whom.drill'))}</p>" if said["drill"] else ""
    table = table_html(heads, rows, caption=words("whom.title"))
    return f'<p class="gw-facts">{escape(kind)}</p>{drill}<div class="gw-lines">{table}</div>'


def _failed(text: str) -> str:
    return f'<p class="gw-failed">{escape(text)}</p>'


def _moment(text: str | None) -> datetime:
    if not text:
        return datetime.now(UTC)
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


def _clock(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(CHINA).strftime("%m-%d %H:%M:%S")
