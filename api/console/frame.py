"""What stands above the pages: where one is, where one may go, language, light or dark, and the way out."""

from dataclasses import dataclass
from pathlib import Path

from nicegui import ui

from api.access import rule_of
from api.console.sign_in_page import language_link
from api.console.theme import DARK, LIGHT, ThemeSwitch, begin_theme
from api.office import Office
from api.sign_in import Person
from api.texts import Words

STYLE, PAGES_STYLE = Path(__file__).parent / "style.css", Path(__file__).parent / "pages.css"


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


NOW = "/"

PAGES = {
    NOW: ("alerts", "GET", "/api/v1/alerts"),
    "/handover": ("handover", "GET", "/api/v1/handovers"),
    "/devices": ("devices", "GET", "/api/v1/health/devices"),
    "/figures": ("figures", "GET", "/api/v1/figures"),
    "/administration": ("administration", "GET", "/api/v1/roster"),
}
"""Where one may go: the page's name, and the route that it shows; who may not call that does not see it."""


class Frame:
    """The header of every page: where one is and may go stands left, what a page adds stays beside it."""

    def __init__(self, visitor: Visitor, words: Words, *, here: str, back: str | None = None) -> None:
        """Begin the page `here`; `back` is its whole address, where that is more."""
        ui.query("body").classes("gw-body")
        ui.add_css(STYLE)
        if here != NOW:
            ui.add_css(PAGES_STYLE)
        mode = begin_theme(LIGHT if visitor.light else DARK, words.language)
        with ui.element("header").classes("gw-header"):
            ui.label(words("product")).classes("gw-product")
            with ui.element("nav").classes("gw-nav").props(f'aria-label="{words("pages")}"'):
                for path, (name, method, route) in PAGES.items():
                    if visitor.may(method, route):
                        link = ui.link(words(name), path).classes("gw-link")
                        if path == here:
                            link.classes("gw-current").props('aria-current="page"')
            self.state = ui.element("div").classes("gw-slot")
            ui.space()
            self.tools = ui.element("div").classes("gw-slot")
            # Charts are drawn in the page's colours. Now draws its own anew: a reload would cost its sound.
            self.theme = ThemeSwitch(words, mode, reload=here != NOW)
            language_link(words, back=back or here)
            with ui.element("form").props('method="post" action="/logout"'):
                leave = ui.button(words("sign_out"), color=None).props("type=submit flat dense no-caps")
                leave.classes("gw-link").tooltip(visitor.person.username)
