"""The services and programs that the installation works with."""

from html import escape

from nicegui import ui

from api.console.doing import choice, do
from api.console.frame import Visitor
from api.console.tables import table_html
from api.console.webhooks_panel import show_webhooks
from api.local_time import CHINA
from api.sign_in import Person
from api.texts import Words
from api.trying import Trial, try_service
from gridwatch.store.channels import list_services

TEST = "/api/v1/services/{service}/test"


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
