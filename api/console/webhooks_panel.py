"""Receivers of other systems: how they are doing, what was put aside for them, and a test."""

from collections.abc import Awaitable, Callable
from html import escape

from nicegui import ui
from pydantic import ValidationError

from api.console.alert_parts import change_name
from api.console.doing import choice, do, really, show_once
from api.console.frame import Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.routes.webhooks import Tried, WebhookBody, keep_webhook, try_out
from api.sign_in import Person
from api.texts import Words
from gridwatch.store.webhooks import (
    Form,
    WebhookState,
    dead_messages,
    delete_webhook,
    discard_dead,
    list_webhooks,
    replay_dead,
)

ROUTE = "/api/v1/webhooks"
ONE = f"{ROUTE}/{{webhook}}"
DEAD_SHOWN = 50


async def show_webhooks(visitor: Visitor, words: Words) -> None:
    """Build the panels for who may see them."""
    if visitor.may("GET", ROUTE):
        await WebhooksPanel(visitor, words).show()


class WebhooksPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words, self._store = visitor, words, visitor.office.store
        self._list = ui.element("section").classes("gw-panel")
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('webhooks.new'))}</h2>", sanitize=False)
            with ui.element("div").classes("gw-fields"):
                self._name, self._url = self._input("name"), self._input("url")
                forms = {one.value: words(f"webhooks.form.{one}") for one in Form}
                self._form = choice(forms, value=Form.CLOUDEVENTS.value, label=words("webhooks.form"))
                self._area, self._secret = self._input("area"), self._input("secret")
                self._secret.props("type=password autocomplete=off")
                self._drills = ui.checkbox(words("webhooks.drills"))
                save = ui.button(words("webhooks.save"), color=None, on_click=self._save)
                save.props("unelevated no-caps").classes("gw-primary")
            self._wrong = ui.label().classes("gw-failed").props('role="alert"')

    def _input(self, name: str) -> ui.input:
        return ui.input(self._words(f"webhooks.{name}")).props("dense outlined")

    async def show(self) -> None:
        """Show the receivers as they are now."""
        words, known = self._words, await list_webhooks(self._store)
        self._list.clear()
        with self._list:
            ui.html(f"<h2>{escape(words('webhooks'))} · {len(known)}</h2>", sanitize=False)
            ui.label(words("webhooks.how")).classes("gw-facts")
            if not known:
                ui.label(words("webhooks.none"))
            for one in known:
                self._show_one(one)

    def _show_one(self, one: WebhookState) -> None:
        words = self._words
        state = words("webhooks.well")
        if one.failing_since is not None:
            since = one.failing_since.astimezone(CHINA).strftime("%m-%d %H:%M")
            state = words("webhooks.fails", time=since, why=words.why(one.last_error))
        facts = [one.shown, words(f"webhooks.form.{one.form}"), one.area or words("webhooks.everything")]
        facts += [words("webhooks.with_drills")] if one.drills else []
        facts += [words("webhooks.waiting", count=one.waiting), words("webhooks.dead", count=one.dead)]
        with ui.element("div").classes("gw-message"):
            with ui.element("div"):
                ui.label(f"{one.name} · {state}")
                ui.label(" · ".join(facts)).classes("gw-facts")
            with ui.element("div"):
                self._button("test", one.name, self._test)
                if one.dead:
                    self._button("show_dead", one.name, self._show_dead)
                    self._button("replay", one.name, self._replay)
                    self._button("discard", one.name, self._discard)
                self._button("delete", one.name, self._delete)

    def _button(self, key: str, name: str, work: Callable[[str], Awaitable[None]]) -> None:
        said = self._words(f"webhooks.{key}")
        button = ui.button(said, color=None, on_click=lambda: work(name))
        button.props("flat dense no-caps").props(f'aria-label="{said} {name}"')

    async def _do(self, method: str, path: str, work: Callable[[Person], Awaitable[object]]) -> bool:
        return await do(self._visitor, self._words, (method, path), work)

    async def _save(self) -> None:
        words = self._words
        given = {"name": self._name.value, "url": self._url.value, "form": self._form.value}
        given |= {"area": self._area.value or None, "secret": self._secret.value or None}
        self._wrong.set_text("")
        try:
            body = WebhookBody.model_validate(given | {"drills": self._drills.value})
        except ValidationError as error:
            first = error.errors()[0]
            field = words(f"webhooks.{first['loc'][0]}")
            why = words.wrong(first["type"], first.get("ctx") or {}, first["msg"])
            self._wrong.set_text(words("webhooks.wrong", field=field, why=why))
            return
        secret = ""

        async def keep(person: Person) -> None:
            nonlocal secret
            secret = await keep_webhook(self._visitor.office, body, by=person.username)

        if await self._do("POST", ROUTE, keep):
            self._secret.set_value("")
            show_once(words, body.name, secret)
            await self.show()

    async def _test(self, name: str) -> None:
        tried: Tried | None = None

        async def test(_: Person) -> None:
            nonlocal tried
            tried = await try_out(self._visitor.office, name)

        if await self._do("POST", f"{ONE}/test", test) and tried is not None:
            said = self._words(
                "webhooks.taken" if tried.taken else "webhooks.not_taken",
                name=name,
                why=self._words.why(tried.why),
            )
            ui.notify(said, type="positive" if tried.taken else "warning")

    async def _show_dead(self, name: str) -> None:
        words = self._words
        rows = [
            [
                str(one["alert"]),
                change_name(one["change"], words),
                one["changed_at"].astimezone(CHINA).strftime("%m-%d %H:%M:%S"),
                str(one["attempts"]),
                words.why(one["why"]),
            ]
            for one in (await dead_messages(self._store, name))[:DEAD_SHOWN]
        ]
        heads = [words(f"webhooks.{one}") for one in ("alert", "change", "at", "attempts", "why")]
        with ui.dialog() as dialog, ui.card().classes("gw-dialog"):
            ui.label(f"{name} · {words('webhooks.dead', count=len(rows))}").classes("gw-label")
            ui.html(table_html(heads, rows, caption=words("webhooks.show_dead")), sanitize=False)
            ui.button(words("close"), on_click=dialog.close).props("flat no-caps")
        dialog.open()

    async def _replay(self, name: str) -> None:
        count = 0

        async def replay(_: Person) -> None:
            nonlocal count
            count = await replay_dead(self._store, name)

        if await self._do("POST", f"{ONE}/replay", replay):
            ui.notify(self._words("webhooks.replayed", name=name, count=count), type="positive")
            await self.show()

    async def _discard(self, name: str) -> None:
        question = self._words("webhooks.really_discard", name=name)
        if await really(question, self._words, yes="webhooks.discard") and await self._do(
            "DELETE", f"{ONE}/dead", lambda _: discard_dead(self._store, name)
        ):
            await self.show()

    async def _delete(self, name: str) -> None:
        question = self._words("webhooks.really", name=name)
        if await really(question, self._words, yes="webhooks.delete") and await self._do(
            "DELETE", ONE, lambda person: delete_webhook(self._store, name, by=person.username)
        ):
            await self.show()
