"""The page of administration: a part for each thing that is looked after, each for who may look after it."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from api.console.accounts_panel import show_accounts
from api.console.areas_panel import show_areas
from api.console.escalation_panel import show_escalation, show_whom
from api.console.frame import Frame, Visitor
from api.console.installation_panel import show_integrations
from api.console.keeping_panel import show_keeping
from api.console.roster_panel import show_roster
from api.console.trail_panel import show_trail
from api.texts import Words

PATH = "/administration"

Part = Callable[[Visitor, Words], Awaitable[None]]

PARTS: dict[str, tuple[str, Part]] = {
    "whom": ("/api/v1/whom", show_whom),
    "roster": ("/api/v1/roster", show_roster),
    "areas": ("/api/v1/areas", show_areas),
    "escalation": ("/api/v1/escalation", show_escalation),
    "accounts": ("/api/v1/users", show_accounts),
    "integrations": ("/api/v1/services", show_integrations),
    "keeping": ("/api/v1/keeping", show_keeping),
    "trail": ("/api/v1/trail", show_trail),
}
"""By name: the route that says who may see it, and what shows it."""


async def show_administration(visitor: Visitor, words: Words, *, part: str | None) -> None:
    """Build the page with one of its parts."""
    allowed = [name for name, (route, _) in PARTS.items() if visitor.may("GET", route)]
    chosen = part if part in allowed else allowed[0]
    Frame(visitor, words, here=PATH, back=f"{PATH}?part={chosen}")
    with ui.element("div").classes("gw-page"):
        with ui.element("nav").classes("gw-actions-bar").props(f'aria-label="{words("administration")}"'):
            for name in allowed:
                link = ui.link(words(f"admin.{name}"), f"{PATH}?part={name}").classes("gw-anchor")
                if name == chosen:
                    link.classes("gw-current").props('aria-current="page"')
        await PARTS[chosen][1](visitor, words)
