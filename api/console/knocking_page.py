"""The page of devices that knock: who sends and is not registered, and one click to adopt it."""

from datetime import UTC, datetime
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from api.access import still_here
from api.console.devices_page import PATH as DEVICES
from api.console.devices_page import show_sub_pages
from api.console.frame import Frame, Visitor
from api.local_time import local_time
from api.office import Office
from api.texts import Words
from gridwatch.errors import NotAllowed, NotFound, StoreUnavailable
from gridwatch.model import DeviceKind
from gridwatch.registration.adopting import adopted, suggested
from gridwatch.scenes import SCENES
from gridwatch.store.knocks import Knock, adopt, first_words, list_knocks

SHOWN = 50
"""The newest: who sends nonsense under many names does not fill the page for ever."""

LOOK_AGAIN_S = 3.0

PATH = "/knocking"


async def show_knocking(visitor: Visitor, words: Words) -> None:
    """Build the page and keep it up to date as long as somebody has it open."""
    Frame(visitor, words, here=DEVICES, back=PATH)
    show_sub_pages(visitor, words, here=PATH)
    page = KnockingPage(visitor.office, visitor.token, words)
    await page.look()
    ui.timer(LOOK_AGAIN_S, page.look)


class KnockingPage:
    """What one browser window shows."""

    def __init__(self, office: Office, token: str, words: Words) -> None:
        self._office, self._token, self._words = office, token, words
        self._rows: dict[str, KnockRow] = {}
        self._banner = ui.label(words("failed")).classes("gw-banner").props('role="alert"')
        self._banner.set_visibility(False)
        self._list = ui.element("main").classes("gw-knocks")
        self._empty = ui.label(words("nobody_knocks")).classes("gw-empty")

    async def look(self) -> None:
        """Show who knocks now; send away whose token has run out."""
        if await still_here(self._office, self._token, "POST", "/api/v1/registry/adopt") is None:
            ui.navigate.to("/login")
            return
        try:
            knocks = await list_knocks(self._office.store, limit=SHOWN)
        except StoreUnavailable:
            self._banner.set_visibility(True)
            return
        self._banner.set_visibility(False)
        self._show({knock.name: knock for knock in knocks})

    def _show(self, knocks: dict[str, Knock]) -> None:
        for name in self._rows.keys() - knocks.keys():
            self._rows.pop(name).element.delete()
        for place, (name, knock) in enumerate(knocks.items()):
            if name not in self._rows:
                with self._list:
                    row = self._rows[name] = KnockRow(knock, self._words, self)
                row.element.move(self._list, place)
            self._rows[name].update(knock)
        self._empty.set_visibility(not knocks)

    async def adopt(self, knock: Knock, said: dict[str, Any]) -> None:
        """Register who knocks, as the person in front of the page says."""
        if await still_here(self._office, self._token, "POST", "/api/v1/registry/adopt") is None:
            ui.navigate.to("/login")
            return
        try:
            device = adopted(knock.name, knock.topic, said)
            messages = await adopt(self._office.store, knock, device)
        except ValidationError as error:
            ui.notify("; ".join(str(one["msg"]) for one in error.errors()), type="warning")
        except (NotAllowed, NotFound) as error:
            ui.notify(str(error), type="warning")
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
        else:
            name = knock.retired or device.id
            ui.notify(self._words("adopted", name=name, count=messages), type="positive")
        await self.look()


class KnockRow:
    """Who knocks, its first message, and what it may become."""

    def __init__(self, knock: Knock, words: Words, page: KnockingPage) -> None:
        self._words = words
        guess = suggested(knock.name, knock.topic)
        scenes = {scene: words.scene(scene) for scene in SCENES}
        kinds = {kind: words(f"kind.{kind}") for kind in DeviceKind}
        with ui.element("article").classes("gw-knock").props(f"data-knock={knock.first_id}") as self.element:
            with ui.element("div").classes("gw-text"):
                ui.label(knock.name).classes("gw-label")
                self._facts = ui.label().classes("gw-facts")
                ui.label(f"{knock.topic} · {knock.reason}").classes("gw-facts")
                ui.label(first_words(knock.payload)).classes("gw-payload")
            with ui.element("div").classes("gw-adopt"):
                if knock.retired is None:
                    id_ = ui.input(words("device_id"), value=guess["id"]).props("dense outlined")
                    name = ui.input(words("device_name")).props("dense outlined")
                    scene = ui.select(scenes, value=guess["scene"], label=words("scene"))
                    kind = ui.select(kinds, value=guess["kind"], label=words("kind"))
                    for choice in (scene, kind):
                        choice.props("dense outlined options-dense")

                    def said() -> dict[str, Any]:
                        given = {"id": id_.value, "scene": scene.value, "kind": kind.value}
                        return given | {"name": name.value or ""}
                else:
                    ui.label(words("is_retired", name=knock.retired)).classes("gw-facts")

                    def said() -> dict[str, Any]:
                        return {}

                word = "adopt" if knock.retired is None else "readopt"
                adopting = ui.button(words(word), icon="person_add", color=None)
                adopting.props("unelevated dense no-caps").classes("gw-acknowledge")
                adopting.on_click(lambda: page.adopt(knock, said()))

    def update(self, knock: Knock) -> None:
        """Show how often it knocked by now."""
        now = datetime.now(UTC)
        since, last = local_time(knock.first_at, now=now), local_time(knock.last_at, now=now)
        self._facts.set_text(self._words("knocked", count=knock.messages, since=since, last=last))
