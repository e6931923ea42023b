"""The services and programs that the installation works with."""

from html import escape

from nicegui import ui

from api.console.doing import choice, do, really, show_once
from api.console.frame import Visitor
from api.console.roster_panel import show_upload
from api.console.tables import table_html
from api.console.webhooks_panel import show_webhooks
from api.local_time import CHINA
from api.routes.installation import KeptService, WaysImported, keep_service, take_ways
from api.sign_in import Person
from api.texts import Words
from api.trying import Trial, try_service
from gridwatch.services import KINDS, OPEN_FIELDS, fields_of
from gridwatch.store.channels import delete_service, list_services

ONE = "/api/v1/services/{service}"
TEST = f"{ONE}/test"
WAYS = "/api/v1/ways"


async def show_integrations(visitor: Visitor, words: Words) -> None:
    """Build the part of services: how those are doing by which people are called, and a test of each."""
    await ServicesPanel(visitor, words).show()
    await show_webhooks(visitor, words)
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('service.programs'))}</h2>", sanitize=False)
        ui.label(words("service.programs_how")).classes("gw-facts")
        ui.link(words("service.to_tokens"), "/administration?part=accounts").classes("gw-anchor")


class ServicesPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._list = ui.element("section").classes("gw-panel")
        self._fields: dict[str, ui.input] = {}
        if visitor.may("PUT", ONE):
            self._build_form()
        if visitor.may("POST", WAYS):
            self._build_ways()

    def _build_form(self) -> None:
        words = self._words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('service.new'))}</h2>", sanitize=False)
            ui.label(words("service.new_how")).classes("gw-facts")
            with ui.element("div").classes("gw-fields"):
                self._name = ui.input(words("service.named")).props("dense outlined maxlength=64")
                kinds = {kind: words(f"service.kind.{kind}") for kind in KINDS}
                self._kind = choice(
                    kinds, value="wecom", label=words("service.kind"), on_change=self._show_fields
                )
            self._of_kind = ui.element("div").classes("gw-fields")
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                save = ui.button(words("service.save"), color=None, on_click=self._save)
                save.props("unelevated no-caps").classes("gw-primary")
        self._show_fields()

    def _show_fields(self) -> None:
        """Show what a kind of service has; what is secret is hidden while it is typed."""
        self._of_kind.clear()
        self._fields = {}
        with self._of_kind:
            for name, needed in fields_of(self._kind.value).items():
                label = self._words.field("service.field", name)
                made = ui.input(label if needed else self._words("service.optional", field=label))
                hidden = "" if name in OPEN_FIELDS else " type=password"
                self._fields[name] = made.props(f"dense outlined autocomplete=off{hidden}")

    def _build_ways(self) -> None:
        words = self._words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('ways'))}</h2>", sanitize=False)
            ui.label(words("ways.how")).classes("gw-facts")
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                ui.link(words("download"), WAYS).classes("gw-anchor").props("download=ways.csv")
                show_upload(words, self._take_ways, label=words("ways.upload"))

    async def _save(self) -> None:
        words, name = self._words, (self._name.value or "").strip()
        if not name or "/" in name:
            ui.notify(words("service.wrong_name"), type="warning")
            return
        typed = {field: (one.value or "").strip() for field, one in self._fields.items()}
        given = {"kind": self._kind.value} | {field: text for field, text in typed.items() if text}
        kept: list[KeptService] = []

        async def keep(person: Person) -> None:
            kept.append(await keep_service(self._visitor.office, name, given, by=person.username))

        if await do(self._visitor, words, ("PUT", ONE), keep, form="service.field"):
            self._show_fields()
            if kept[0].callback:
                show_once(words, words("service.callback"), kept[0].callback)
            ui.notify(words("saved"), type="positive")
            await self.show()

    async def _take_ways(self, content: bytes) -> None:
        done: list[WaysImported] = []

        async def take(person: Person) -> None:
            done.append(await take_ways(self._visitor.office, content, by=person.username))

        if await do(self._visitor, self._words, ("POST", WAYS), take):
            ui.notify(self._words("ways.imported", new=done[0].new, total=done[0].total), type="positive")

    async def _forget(self, name: str) -> None:
        words, store = self._words, self._visitor.office.store
        if await really(words("service.really", name=name), words, yes="service.forget") and await do(
            self._visitor,
            words,
            ("DELETE", ONE),
            lambda person: delete_service(store, name, by=person.username),
        ):
            await self.show()

    async def show(self) -> None:
        """Show the services as they are now."""
        words, services = self._words, await list_services(self._visitor.office.store)
        rows = []
        for one in services:
            state = words("service.well")
            if one.failing_since is not None:
                since = one.failing_since.astimezone(CHINA).strftime("%m-%d %H:%M")
                state = words("service.fails", time=since, why=words.why(one.last_error))
            if one.bad_credential:
                state = f"{words('service.bad_credential')} · {state}"
            rows.append([one.name, one.kind, state, one.changed_at.astimezone(CHINA).strftime("%Y-%m-%d")])
        self._list.clear()
        with self._list:
            ui.html(f"<h2>{escape(words('service'))} · {len(rows)}</h2>", sanitize=False)
            ui.label(words("service.how")).classes("gw-facts")
            if not rows:
                ui.label(words("service.none"))
                return
            heads = [words(f"service.{name}") for name in ("name", "kind", "state", "changed")]
            ui.html(table_html(heads, rows, caption=words("service")), sanitize=False)
            if self._visitor.may("POST", TEST):
                self._test_form([one.name for one in services])

    def _test_form(self, names: list[str]) -> None:
        words = self._words
        with ui.element("div").classes("gw-fields"):
            name = choice(names, value=names[0], label=words("service.which"))
            address = ui.input(words("service.address")).props("dense outlined maxlength=500")
            test = ui.button(words("service.test"), color=None)
            test.props("unelevated no-caps").classes("gw-primary")
            forget = ui.button(words("service.forget"), color=None)
            forget.props("unelevated no-caps").classes("gw-secondary")
        forget.on_click(lambda: self._forget(str(name.value)))
        test.on_click(lambda: self._try(str(name.value), (address.value or "").strip()))

    async def _try(self, name: str, address: str) -> None:
        words = self._words
        trials: list[Trial] = []

        async def send(_: Person) -> None:
            trials.append(await try_service(self._visitor.office, name, address))

        if await do(self._visitor, words, ("POST", TEST), send):
            (trial,) = trials
            if trial.taken:
                ui.notify(words("service.taken", name=name), type="positive")
            else:
                ui.notify(words("service.not_taken", name=name, why=words.why(trial.said)), type="warning")
            await self.show()
