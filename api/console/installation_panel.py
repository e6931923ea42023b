"""The services and programs that the installation works with."""

from html import escape

from nicegui import ui

from api.console.frame import Visitor
from api.console.tables import table_html
from api.console.webhooks_panel import show_webhooks
from api.local_time import CHINA
from api.texts import Words
from gridwatch.store.channels import list_services


async def show_integrations(visitor: Visitor, words: Words) -> None:
    """Build the part of services: how those are doing by which people are called."""
    services = await list_services(visitor.office.store)
    rows = []
    for one in services:
        state = words("service.well")
        if one.failing_since is not None:
            since = one.failing_since.astimezone(CHINA).strftime("%m-%d %H:%M")
            state = words("service.fails", time=since, why=words.why(one.last_error))
        if one.bad_credential:
            state = f"{words('service.bad_credential')} · {state}"
        changed = one.changed_at.astimezone(CHINA).strftime("%Y-%m-%d")
        rows.append([one.name, one.kind, state, changed])
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('service'))} · {len(rows)}</h2>", sanitize=False)
        ui.label(words("service.how")).classes("gw-facts")
        if rows:
            heads = [words(f"service.{name}") for name in ("name", "kind", "state", "changed")]
            ui.html(table_html(heads, rows, caption=words("service")), sanitize=False)
        else:
            ui.label(words("service.none"))
    await show_webhooks(visitor, words)
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('service.programs'))}</h2>", sanitize=False)
        ui.label(words("service.programs_how")).classes("gw-facts")
        ui.link(words("service.to_tokens"), "/administration?part=accounts").classes("gw-anchor")
