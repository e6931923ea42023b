"""The page of devices: how they fare by area, and one by one, those in trouble first."""

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from nicegui import ui

from api.access import still_here
from api.console.frame import Frame, Visitor
from api.local_time import CHINA
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.store.connection import Row
from gridwatch.store.health import Health, area_health, devices_health

PATH = "/devices"
ROUTE = "/api/v1/health/devices"
DEVICE_PATH = "/devices/one"
CAMERAS = "/cameras"

LOOK_AGAIN_S = 15.0
SHOWN = 200

MARKS = {
    Health.SILENT: "✖",
    Health.OFFLINE: "✖",
    Health.MAINTENANCE: "⚙",
    Health.TEST: "⚙",
    Health.UNHEARD: "○",
    Health.WELL: "✔",
    Health.RETIRED: "–",
}
"""Beside the word, so that nothing is told by colour alone."""

SUB_PAGES = (
    ("devices.all", PATH, "GET", ROUTE),
    ("cameras", CAMERAS, "GET", "/api/v1/devices/{device}/view"),
    ("knocking", "/knocking", "POST", "/api/v1/registry/adopt"),
    ("quarantine", "/quarantine", "GET", "/api/v1/quarantine"),
)


def show_sub_pages(visitor: Visitor, words: Words, *, here: str) -> None:
    """Show what belongs to the devices: calibration, strangers and quarantine."""
    with ui.element("nav").classes("gw-actions-bar").props(f'aria-label="{words("devices")}"'):
        for name, path, method, route in SUB_PAGES:
            if visitor.may(method, route):
                link = ui.link(words(name), path).classes("gw-anchor")
                if path == here:
                    link.classes("gw-current").props('aria-current="page"')


def path_of(device: str) -> str:
    """Return the address of a device's page."""
    return f"{DEVICE_PATH}?device={quote(device)}"


async def show_devices(visitor: Visitor, words: Words, *, area: str | None) -> None:
    """Build the page; `area` is the one whose parts are shown."""
    back = PATH if area is None else f"{PATH}?area={quote(area)}"
    Frame(visitor, words, here=PATH, back=back)
    page = DevicesPage(visitor, words, area)
    await page.look()
    ui.timer(LOOK_AGAIN_S, page.look)


class DevicesPage:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words, area: str | None) -> None:
        self._visitor, self._words, self._area = visitor, words, area
        with ui.element("div").classes("gw-page"):
            show_sub_pages(visitor, words, here=PATH)
            with ui.element("div").classes("gw-devices"):
                with ui.element("section").classes("gw-panel"):
                    self._areas = ui.html(sanitize=False)
                with ui.element("section").classes("gw-panel"):
                    with ui.element("div").classes("gw-actions-bar"):
                        self._search = ui.input(words("devices.search")).props("dense outlined clearable")
                        states = {"": words("all")} | {one: words(f"health.{one}") for one in Health}
                        self._health = ui.select(states, value="", label=words("devices.health"))
                        self._health.props("dense outlined options-dense").classes("gw-choose")
                    self._list = ui.html(sanitize=False)
        self._search.props("debounce=300").on_value_change(self.look)
        self._health.on_value_change(self.look)

    async def look(self) -> None:
        """Show how the devices fare now."""
        visitor = self._visitor
        if await still_here(visitor.office, visitor.token, "GET", ROUTE) is None:
            ui.navigate.to("/login")
            return
        store = visitor.office.store
        health = Health(self._health.value) if self._health.value else None
        try:
            areas = await area_health(store, under=self._area)
            devices = await devices_health(
                store, area=self._area, search=self._search.value, health=health, limit=SHOWN
            )
            tree = await visitor.office.tree.get()
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
            return
        path = [] if self._area is None else tree.path(self._area)
        self._areas.set_content(areas_html(areas, [(one.code, one.name) for one in path], self._words))
        self._list.set_content(devices_html(devices, self._words))


def areas_html(areas: Sequence[Row], path: Sequence[tuple[str, str]], words: Words) -> str:
    """Return the areas with how their devices fare, and the way up from them."""
    ways = [(PATH, words("devices.everywhere"))]
    ways += [(f"{PATH}?area={quote(code)}", name) for code, name in path]
    crumbs = " › ".join(_link(where, name) for where, name in ways)
    heads = ("devices.area", "devices.count", "health.trouble", "health.aside", "health.well")
    head = "".join(f'<th scope="col">{escape(words(one))}</th>' for one in heads)
    rows = "".join(_area_row(one) for one in areas)
    body = f"<tbody>{rows}</tbody>" if rows else ""
    title = escape(words("devices.by_area"))
    return (
        f"<h2>{title}</h2><p>{crumbs}</p>"
        f'<table class="gw-table"><caption class="gw-unseen">{title}</caption><thead><tr>{head}</tr></thead>'
        f"{body}</table>"
    )


def _area_row(one: Row) -> str:
    count = one["health"].get
    trouble = sum(count(state, 0) for state in (Health.SILENT, Health.OFFLINE))
    aside = sum(count(state, 0) for state in (Health.MAINTENANCE, Health.TEST, Health.RETIRED))
    well = sum(count(state, 0) for state in (Health.WELL, Health.UNHEARD))
    name = _link(f"{PATH}?area={quote(one['code'])}", one["name"])
    marked = f"<b>✖ {trouble}</b>" if trouble else "0"
    cells = (name, one["devices"], marked, aside, well)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def devices_html(devices: Sequence[Row], words: Words) -> str:
    """Return devices with how they fare as a table."""
    if not devices:
        return f'<p class="gw-empty">{escape(words("devices.none"))}</p>'
    heads = ("devices.health", "column.device", "devices.area", "scene", "kind", "devices.seen")
    head = "".join(f'<th scope="col">{escape(words(one))}</th>' for one in heads)
    rows = "".join(_device_row(one, words) for one in devices)
    more = ""
    if len(devices) == SHOWN:
        more = f'<p class="gw-facts">{escape(words("devices.more", count=SHOWN))}</p>'
    title = escape(words("devices"))
    return (
        f'<table class="gw-table"><caption class="gw-unseen">{title}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{more}"
    )


def _device_row(one: Row, words: Words) -> str:
    health = Health(one["health"])
    simulated = f" · {words('simulated')}" if one["simulated"] else ""
    cells = (
        f'<span class="gw-health-{health}">{MARKS[health]} {escape(words(f"health.{health}"))}</span>',
        _link(path_of(one["id"]), one["name"] or one["id"])
        + f'<span class="gw-facts">{escape(one["id"] + simulated)}</span>',
        escape(one["area_name"] or one["area"] or words("unplaced")),
        escape(words.scene(one["scene"])),
        escape(words(f"kind.{one['kind']}")),
        escape(seen(one["seen_at"], words)),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def seen(moment: Any, words: Words) -> str:
    """Return when something was heard last, with its day."""
    return words("devices.never") if moment is None else moment.astimezone(CHINA).strftime("%m-%d %H:%M:%S")


def _link(where: str, name: str) -> str:
    return f'<a class="gw-anchor" href="{escape(where)}">{escape(name)}</a>'
