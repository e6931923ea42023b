"""Areas, what is kept for how long, and the services and programs that the installation works with."""

import asyncio
from collections import Counter
from functools import partial
from html import escape

from nicegui import ui

from api.console.doing import do
from api.console.frame import Visitor
from api.console.roster_panel import show_upload
from api.console.tables import table_html
from api.console.webhooks_panel import show_webhooks
from api.local_time import CHINA
from api.routes.installation import kept_days
from api.sign_in import Person
from api.texts import Words
from gridwatch.areas.checking import fit_in
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.areas.tree import AreaTree
from gridwatch.coordinates import Crs
from gridwatch.store.areas import change_areas
from gridwatch.store.channels import list_services
from gridwatch.store.condition import fills

AREAS = "/api/v1/areas"
AREAS_SHOWN = 300


async def show_areas(visitor: Visitor, words: Words) -> None:
    """Build the part of areas: how many of each level, the tree, and its import."""
    if visitor.may("POST", AREAS):
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('areas.files'))}</h2>", sanitize=False)
            ui.label(words("areas.files_how")).classes("gw-facts")
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                ui.link(words("areas.download"), AREAS).classes("gw-anchor").props("download=areas.geojson")
                show_upload(words, partial(_import_areas, visitor, words), label=words("areas.upload"))
    tree = await visitor.office.tree.get()
    with ui.element("section").classes("gw-panel"):
        ui.html(areas_html(tree, words), sanitize=False)


async def _import_areas(visitor: Visitor, words: Words, content: bytes) -> None:
    form = FileFormat.GEOJSON if content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" else FileFormat.CSV
    told = ""

    async def take(_: Person) -> None:
        nonlocal told
        reading = await asyncio.to_thread(read_areas, content, form, Crs.WGS84)
        done = await change_areas(visitor.office.store, partial(fit_in, reading))
        told = words("areas.imported", new=done.new, changed=done.changed, unchanged=done.unchanged)

    if await do(visitor, words, ("POST", AREAS), take):
        ui.notify(told, type="positive")


def areas_html(tree: AreaTree, words: Words) -> str:
    """Return how many areas there are of each level, and the first of them."""
    counts = Counter(words(f"level.{area.level}") for area in tree.areas)
    said = " · ".join(f"{level} {count}" for level, count in counts.items())
    found = sorted(tree.areas, key=lambda area: [one.code for one in tree.path(area.code)])
    rows = [
        [
            "　" * (len(tree.path(area.code)) - 1) + area.name,
            area.code,
            words(f"level.{area.level}"),
            words("yes" if area.boundary is not None else "no"),
        ]
        for area in found[:AREAS_SHOWN]
    ]
    heads = [words(f"areas.{name}") for name in ("name", "code", "level", "boundary")]
    more = ""
    if len(found) > AREAS_SHOWN:
        more = f'<p class="gw-facts">{escape(words("handover.more", count=len(found) - AREAS_SHOWN))}</p>'
    title = f"<h2>{escape(words('admin.areas'))} · {len(found)}</h2>"
    facts = f'<p class="gw-facts">{escape(said)}</p>'
    return title + facts + table_html(heads, rows, caption=words("admin.areas")) + more


async def show_keeping(visitor: Visitor, words: Words) -> None:
    """Build the part of what is kept for how long."""
    settings = visitor.office.settings
    days = [
        [words(f"keeping.{name}"), f"{value:g}", _variable(name)]
        for name, value in kept_days(settings).items()
    ]
    full = [
        [
            words(f"fill.{name.replace(' ', '_')}"),
            str(fill.count),
            f"{fill.bytes / 1e9:.2f}",
            f"{fill.share:.0%}",
            fill.measured_at.astimezone(CHINA).strftime("%m-%d %H:%M"),
        ]
        for name, fill in (await fills(visitor.office.store)).items()
    ]
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('admin.keeping'))}</h2>", sanitize=False)
        ui.label(words("keeping.how")).classes("gw-facts")
        heads = [words(f"keeping.{name}") for name in ("what", "days", "setting")]
        ui.html(
            table_html(heads, days, caption=words("admin.keeping"), numbers=frozenset({1})), sanitize=False
        )
    with ui.element("section").classes("gw-panel"):
        ui.html(f"<h2>{escape(words('fill'))}</h2>", sanitize=False)
        heads = [words(f"fill.{name}") for name in ("what", "count", "gb", "share", "measured")]
        if full:
            ui.html(
                table_html(heads, full, caption=words("fill"), numbers=frozenset({1, 2, 3})), sanitize=False
            )
        else:
            ui.label(words("fill.none")).classes("gw-facts")


def _variable(name: str) -> str:
    return f"GRIDWATCH_{name.partition('.')[0].upper()}"


async def show_integrations(visitor: Visitor, words: Words) -> None:
    """Build the part of services: how those are doing by which people are called."""
    services = await list_services(visitor.office.store)
    rows = []
    for one in services:
        state = words("service.well")
        if one.failing_since is not None:
            since = one.failing_since.astimezone(CHINA).strftime("%m-%d %H:%M")
            state = words("service.fails", time=since, why=one.last_error)
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
