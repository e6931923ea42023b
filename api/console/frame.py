"""What stands above the pages: where one is, where one may go, language, light or dark, and the way out."""

from dataclasses import dataclass
from urllib.parse import quote

from nicegui import ui

from api.access import rule_of
from api.console.sign_in_page import language_link
from api.office import Office
from api.sign_in import Person
from api.texts import Words

THEME_COOKIE = "gridwatch_theme"
LIGHT, DARK = "light", "dark"

PRIMARY = "#2f6ea5"
"""White letters on it have a contrast of 5.4, which the framework's own blue has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Who opened a page, the office as they may see it, and how they want to see the page."""

    person: Person
    token: str
    office: Office
    light: bool = False

    def may(self, method: str, path: str) -> bool:
        """Say whether they may call a route: a page is for those who may do what it does."""
        return rule_of(method, path).allows(self.person)


PAGES = {
    "/": ("alerts", "GET", "/api/v1/alerts"),
    "/handover": ("handover", "GET", "/api/v1/handovers"),
    "/devices": ("devices", "GET", "/api/v1/health/devices"),
    "/figures": ("figures", "GET", "/api/v1/figures"),
    "/administration": ("administration", "GET", "/api/v1/roster"),
}
"""Where one may go: the page's name, and the route that it shows; who may not call that does not see it."""


def show_frame(visitor: Visitor, words: Words, *, here: str, back: str | None = None) -> None:
    """Add the frame of the page `here`; `back` is its whole address, where that is more."""
    ui.query("body").classes("gw-body")
    ui.colors(primary=PRIMARY)
    with ui.element("header").classes("gw-header"):
        ui.label(words("product")).classes("gw-product")
        with ui.element("nav").classes("gw-nav").props(f'aria-label="{words("pages")}"'):
            for path, (name, method, route) in PAGES.items():
                if visitor.may(method, route):
                    link = ui.link(words(name), path).classes("gw-link")
                    if path == here:
                        link.classes("gw-current").props('aria-current="page"')
        ui.space()
        ui.label(visitor.person.username).classes("gw-facts")
        other = DARK if visitor.light else LIGHT
        ui.link(words(f"theme.{other}"), f"/theme/{other}?back={quote(back or here)}").classes("gw-link")
        language_link(words, back=back or here)
        with ui.element("form").props('method="post" action="/logout"'):
            ui.button(words("sign_out"), color=None).props("type=submit flat dense no-caps").classes(
                "gw-link"
            )
