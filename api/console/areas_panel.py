"""Areas, shown and changed: one by one, or many by a file."""

import asyncio
import json
from collections import Counter
from functools import partial
from html import escape
from typing import Any

from nicegui import ui

from api.console.doing import choice, do, really
from api.console.frame import Visitor
from api.console.roster_panel import show_upload
from api.console.tables import table_html
from api.sign_in import Person
from api.texts import Words
from gridwatch.areas.area import Area, AreaLevel, GridKind, feature
from gridwatch.areas.checking import fit_in
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.areas.tree import AreaTree
from gridwatch.coordinates import Crs
from gridwatch.errors import NotFound, StoreUnavailable
from gridwatch.store.area_tree import place_all
from gridwatch.store.areas import Changed, change_areas, delete_area, get_area, list_areas

ROUTE = "/api/v1/areas"
AREA_ROUTE = f"{ROUTE}/{{code}}"
PLACE_ROUTE = f"{ROUTE}/place"
AREAS_SHOWN = 300


async def show_areas(visitor: Visitor, words: Words) -> None:
    """Build the part of areas."""
    await AreasPanel(visitor, words).show()


class AreasPanel:
    """What one browser window shows: how many of each level, the tree, a form for one, and files."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        if visitor.may("POST", ROUTE):
            self._build_form()
            self._build_files()
        with ui.element("section").classes("gw-panel"):
            self._tree = ui.html(sanitize=False)

    def _build_form(self) -> None:
        words = self._words
        levels = {level.value: words(f"level.{level}") for level in AreaLevel}
        grids = {"": words("grid.none")} | {kind.value: words(f"grid.{kind}") for kind in GridKind}
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('area.edit'))}</h2>", sanitize=False)
            ui.label(words("area.how")).classes("gw-facts")
            with ui.element("div").classes("gw-fields"):
                self._code = ui.input(words("area.code")).props("dense outlined maxlength=64")
                self._code.on("keydown.enter", self._find)
                find = ui.button(words("area.find"), color=None, on_click=self._find)
                find.props("unelevated no-caps").classes("gw-secondary")
                self._name = ui.input(words("area.name")).props("dense outlined")
                self._level = choice(levels, value=AreaLevel.BUILDING.value, label=words("area.level"))
                self._grid = choice(grids, value="", label=words("area.grid"))
                self._parent = ui.input(words("area.parent")).props("dense outlined maxlength=64")
            self._said = ui.label().classes("gw-facts").props('role="status"')
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                save = ui.button(words("area.save"), color=None, on_click=self._save)
                save.props("unelevated no-caps").classes("gw-primary")
                drop = ui.button(words("area.delete"), color=None, on_click=self._delete)
                drop.props("unelevated no-caps").classes("gw-secondary")

    def _build_files(self) -> None:
        words = self._words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('areas.files'))}</h2>", sanitize=False)
            ui.label(words("areas.files_how")).classes("gw-facts")
            with ui.element("div").classes("gw-actions-bar gw-line-of"):
                systems = {crs.value: words(f"crs.{crs.name.lower()}") for crs in Crs}
                self._crs = choice(systems, value=Crs.WGS84.value, label=words("area.crs"))
                ui.link(words("areas.download"), ROUTE).classes("gw-anchor").props("download=areas.geojson")
                show_upload(words, self._upload, label=words("areas.upload"))
                place = ui.button(words("areas.place"), color=None, on_click=self._place)
                place.props("unelevated dense no-caps").classes("gw-secondary")

    async def show(self) -> None:
        """Show the tree as it is now."""
        tree = await self._visitor.office.tree.get()
        if self._visitor.person.area is None:
            # The tree in memory may be a moment old: who changed it sees the change.
            tree = await asyncio.to_thread(AreaTree, await list_areas(self._visitor.office.store))
        self._tree.set_content(areas_html(tree, self._words))

    def _typed_code(self) -> str:
        return (self._code.value or "").strip()

    async def _known(self) -> Area | None:
        try:
            return await get_area(self._visitor.office.store, self._typed_code())
        except (NotFound, StoreUnavailable):
            return None

    async def _find(self) -> None:
        """Fill in the area of the code that was typed, if there is one."""
        area = await self._known()
        if area is None:
            self._said.set_text(self._words("area.none", code=self._typed_code()))
            return
        self._said.set_text(self._words("area.found", name=area.name))
        self._name.set_value(area.name)
        self._level.set_value(area.level.value)
        self._grid.set_value(area.grid.value if area.grid else "")
        self._parent.set_value(area.parent or "")

    async def _save(self) -> None:
        """Save what was typed as a file of one area, with the boundary that the area has."""
        known = await self._known()
        properties: dict[str, Any] = {
            "name": (self._name.value or "").strip(),
            "level": self._level.value,
            "grid": self._grid.value or None,
            "parent": (self._parent.value or "").strip() or None,
        }
        one = {
            "type": "Feature",
            "id": self._typed_code(),
            "geometry": feature(known)["geometry"] if known else None,
            "properties": properties,
        }
        file = json.dumps({"type": "FeatureCollection", "features": [one]}).encode()
        await self._change(file, Crs.WGS84, form="area")

    async def _upload(self, content: bytes) -> None:
        await self._change(content, Crs(self._crs.value), form="")

    async def _place(self) -> None:
        """Put devices into the areas that they stand in."""
        done: list[tuple[int, int]] = []

        async def place(_: Person) -> None:
            done.append(await place_all(self._visitor.office.store))

        if await do(self._visitor, self._words, ("POST", PLACE_ROUTE), place):
            ((placed, outside),) = done
            ui.notify(self._words("areas.placed", placed=placed, outside=outside), type="positive")

    async def _change(self, content: bytes, crs: Crs, *, form: str) -> None:
        starts = content.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
        kind = FileFormat.GEOJSON if starts == b"{" else FileFormat.CSV
        done: list[Changed] = []

        async def take(person: Person) -> None:
            reading = await asyncio.to_thread(read_areas, content, kind, crs)
            store, by = self._visitor.office.store, person.username
            done.append(await change_areas(store, partial(fit_in, reading), by=by))

        if await do(self._visitor, self._words, ("POST", ROUTE), take, form=form):
            (told,) = done
            said = self._words("areas.imported", new=told.new, changed=told.changed, unchanged=told.unchanged)
            ui.notify(said, type="positive")
            await self.show()

    async def _delete(self) -> None:
        words, store, code = self._words, self._visitor.office.store, self._typed_code()
        below = await list_areas(store, under=code)
        if not below:
            self._said.set_text(words("area.none", code=code))
            return
        name = next(area.name for area in below if area.code == code)
        if await really(
            words("area.really", name=name, count=len(below)), words, yes="area.delete"
        ) and await do(
            self._visitor,
            words,
            ("DELETE", AREA_ROUTE),
            lambda person: delete_area(store, code, by=person.username),
        ):
            ui.notify(words("area.deleted", count=len(below)), type="positive")
            await self.show()


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
