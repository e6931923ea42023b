"""The page to sign in: a plain form, so that passwords never pass through a script."""

from collections.abc import Sequence
from urllib.parse import quote

from nicegui import ui

from api.routes.wecom_sign_in import PATH as WECOM
from api.texts import Words


def show_sign_in(words: Words, failed: str | None, alert: int | None, wecom: Sequence[str]) -> None:
    """Build the page; `failed` says why the last attempt did not work, `alert` is to be shown afterwards.

    `wecom`: the services that let somebody in too.
    """
    ui.query("body").classes("gw-body")
    form = ui.element("form").props('method="post" action="/login"').classes("gw-sign-in")
    with form:
        ui.label(words("product")).classes("gw-product")
        if failed is not None:
            reason = "failed.wait" if failed == "wait" else "failed.wrong"
            ui.label(words(reason)).classes("gw-failed").props('role="alert"')
        ui.input(words("username")).props("name=username autocomplete=username autofocus outlined dense")
        ui.input(words("password"), password=True).props(
            "name=password autocomplete=current-password outlined dense"
        )
        if alert is not None:
            ui.element("input").props(f'type="hidden" name="alert" value="{alert}"')
        ui.button(words("sign_in")).props("type=submit unelevated no-caps color=primary")
        for name in wecom:
            ui.link(words("sign_in.wecom"), f"{WECOM}{quote(name)}").classes("gw-link")
        language_link(words, back="/login")


def language_link(words: Words, *, back: str) -> None:
    """Show the link to the other language."""
    other = "en" if words.language != "en" else "zh-CN"
    ui.link(words("other_language"), f"/language/{other}?back={quote(back)}").classes("gw-link")
