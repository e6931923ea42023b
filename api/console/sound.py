"""The sound of a console: a browser lets a page be heard only after somebody pressed something on it.

While it is on and the window open, the installation knows that alerts can be heard here.
"""

from uuid import uuid4

from nicegui import Client, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from api.gate import person_behind
from api.office import Office
from api.texts import Words
from gridwatch.errors import StoreError
from gridwatch.store.faults import note_armed, note_disarmed

SAY_EVERY_S = 30.0
"""As often as the watch of the installation looks."""


class Sound(Element, component="sound.js"):
    """The button that switches it and says whether it is armed; feed.js tells it what rings."""

    def __init__(self, office: Office, token: str, words: Words, client: Client) -> None:
        super().__init__()
        self._office, self._token = office, token
        self._console = uuid4()
        self._armed = False
        self._props["words"] = {name: words(f"sound.{name}") for name in ("on", "off", "lost", "hint")}
        self.on("armed", self._switched)
        self.on("silenced", lambda: ui.notify(words("sound.silenced"), type="info"))
        ui.timer(SAY_EVERY_S, self._say)
        client.on_delete(self._gone)

    async def _switched(self, event: GenericEventArguments) -> None:
        self._armed = bool(event.args)
        await (self._say() if self._armed else self._gone())

    async def _say(self) -> None:
        person = await person_behind(self._office, self._token) if self._armed else None
        if person is not None:
            await note_armed(self._office.store, self._console, person.username)

    async def _gone(self) -> None:
        try:
            await note_disarmed(self._office.store, self._console)
        except StoreError:
            # It is not heard of any more, and counts as silent in two minutes.
            return
