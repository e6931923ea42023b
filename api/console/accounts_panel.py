"""Accounts of people and programs: added and changed, new passwords and tokens shown once."""

import secrets
from datetime import UTC, datetime, timedelta
from html import escape

from nicegui import ui

from api.console.doing import choice, do, really, show_once
from api.console.frame import Visitor
from api.local_time import CHINA
from api.sign_in import Person
from api.texts import Words
from gridwatch.account_files import USERNAME
from gridwatch.model import Role
from gridwatch.store.accounts import (
    Account,
    delete_account,
    issue_token,
    list_accounts,
    list_tokens,
    put_accounts,
    revoke_token,
)

USERS, TOKENS = "/api/v1/users", "/api/v1/tokens"
PASSWORD_BYTES = 12


async def show_accounts(visitor: Visitor, words: Words) -> None:
    """Build the part."""
    await AccountsPanel(visitor, words).show()


class AccountsPanel:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._store = visitor.office.store
        roles = {role: words(f"role.{role}") for role in Role}
        with ui.element("div").classes("gw-two"):
            self._list = ui.element("div").classes("gw-side")
            with ui.element("div").classes("gw-side"):
                with ui.element("section").classes("gw-panel gw-form"):
                    ui.html(f"<h2>{escape(words('accounts.change'))}</h2>", sanitize=False)
                    ui.label(words("accounts.how")).classes("gw-facts")
                    self._username = ui.input(words("username")).props("dense outlined")
                    self._role = choice(roles, value=Role.OPERATOR, label=words("accounts.role"))
                    self._area = ui.input(words("accounts.area")).props("dense outlined")
                    self._disabled = ui.checkbox(words("accounts.disabled"))
                    self._new = ui.checkbox(words("accounts.new_password"), value=True)
                    save = ui.button(words("save"), color=None, on_click=self._save)
                    save.props("unelevated no-caps").classes("gw-primary")
                with ui.element("section").classes("gw-panel gw-form"):
                    ui.html(f"<h2>{escape(words('tokens.new'))}</h2>", sanitize=False)
                    ui.label(words("tokens.how")).classes("gw-facts")
                    self._token = ui.input(words("tokens.name")).props("dense outlined")
                    self._program = ui.input(words("tokens.account")).props("dense outlined")
                    self._days = ui.number(words("tokens.days"), min=1, max=3660).props("dense outlined")
                    issue = ui.button(words("tokens.issue"), color=None, on_click=self._issue)
                    issue.props("unelevated no-caps").classes("gw-secondary")

    async def show(self) -> None:
        """Show who has an account, and which tokens there are."""
        words = self._words
        accounts, tokens = await list_accounts(self._store), await list_tokens(self._store)
        self._list.clear()
        with self._list:
            with ui.element("section").classes("gw-panel"):
                ui.html(f"<h2>{escape(words('admin.accounts'))} · {len(accounts)}</h2>", sanitize=False)
                for one in accounts:
                    self._show_account(one)
            with ui.element("section").classes("gw-panel"):
                ui.html(f"<h2>{escape(words('tokens'))} · {len(tokens)}</h2>", sanitize=False)
                for token in tokens:
                    ends = words("tokens.for_ever") if token.ends_at is None else _day(token.ends_at)
                    with ui.element("div").classes("gw-past"):
                        ui.label(token.name)
                        ui.label(f"{token.username} · {ends}").classes("gw-facts")
                        self._button("credentials.revoke", token.name, self._revoke)

    def _show_account(self, one: Account) -> None:
        words = self._words
        marks = [words(f"role.{one.role}"), one.area or words("accounts.everything")]
        marks += [words("accounts.is_disabled")] if one.disabled else []
        with ui.element("div").classes("gw-past"):
            ui.label(one.username)
            ui.label(" · ".join(marks)).classes("gw-facts")
            with ui.element("div"):
                self._button("accounts.edit", one.username, lambda _: self._edit(one))
                self._button("accounts.delete", one.username, self._delete)

    def _button(self, key: str, name: str, work: object) -> None:
        said = self._words(key)
        button = ui.button(said, color=None).props("flat dense no-caps").props(f'aria-label="{said} {name}"')
        button.on_click(lambda: work(name))  # type: ignore[operator]

    def _edit(self, one: Account) -> None:
        self._username.set_value(one.username)
        self._role.set_value(one.role)
        self._area.set_value(one.area or "")
        self._disabled.set_value(one.disabled)
        self._new.set_value(False)

    async def _save(self) -> None:
        words, username = self._words, (self._username.value or "").strip()
        if USERNAME.fullmatch(username) is None:
            ui.notify(words("accounts.wrong_name"), type="warning")
            return
        password = secrets.token_urlsafe(PASSWORD_BYTES) if self._new.value else None

        async def put(person: Person) -> None:
            kept = None
            if password is not None:
                kept = await self._visitor.office.passwords.hash(password)
            account = Account(
                username=username,
                password_hash=kept,
                role=Role(self._role.value),
                area=(self._area.value or "").strip() or None,
                disabled=bool(self._disabled.value),
            )
            await put_accounts(self._store, [account], by=person.username)

        if await do(self._visitor, words, ("POST", USERS), put):
            if password is not None:
                show_once(words, username, password)
            ui.notify(words("saved"), type="positive")
            await self.show()

    async def _delete(self, username: str) -> None:
        question = self._words("accounts.really", name=username)
        if await really(question, self._words, yes="accounts.delete") and await do(
            self._visitor,
            self._words,
            ("DELETE", f"{USERS}/{{username}}"),
            lambda person: delete_account(self._store, username, by=person.username),
        ):
            await self.show()

    async def _issue(self) -> None:
        words, days = self._words, self._days.value
        ends_at = datetime.now(UTC) + timedelta(days=days) if days else None
        name, account = (self._token.value or "").strip(), (self._program.value or "").strip()
        if not name or not account:
            ui.notify(words("tokens.incomplete"), type="warning")
            return
        made = ""

        async def issue(person: Person) -> None:
            nonlocal made
            made = await issue_token(self._store, name, account, by=person.username, ends_at=ends_at)

        if await do(self._visitor, words, ("POST", TOKENS), issue):
            show_once(words, name, made)
            await self.show()

    async def _revoke(self, name: str) -> None:
        if await do(
            self._visitor,
            self._words,
            ("DELETE", f"{TOKENS}/{{token}}"),
            lambda person: revoke_token(self._store, name, by=person.username),
        ):
            ui.notify(self._words("credentials.revoked", name=name), type="positive")
            await self.show()


def _day(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d")
