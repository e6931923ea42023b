"""The sound of a console: a browser lets a page be heard only after somebody pressed something on it.

While it is on and the window open, the installation knows that alerts can be heard here.
"""

from uuid import uuid4

from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from api.gate import person_behind
from api.office import Office
from api.texts import Words
from gridwatch.errors import StoreError
from gridwatch.store.faults import note_armed, note_disarmed

SAY_EVERY_S = 30.0
"""As often as the watch of the installation looks."""

DEFINE = """
window.gwBeep = () => {
  if (!window.gwArmed) return;
  window.gwBeeps = (window.gwBeeps || 0) + 1;
  [0, 0.3, 0.6].forEach((at) => {
    const tone = gwAudio.createOscillator(), loud = gwAudio.createGain();
    tone.type = 'square'; tone.frequency.value = 880; loud.gain.value = 0.2;
    tone.connect(loud); loud.connect(gwAudio.destination);
    tone.start(gwAudio.currentTime + at); tone.stop(gwAudio.currentTime + at + 0.15);
  });
};
"""

PRESSED = """() => {
  window.gwAudio = window.gwAudio || new AudioContext();
  window.gwArmed = !window.gwArmed;
  gwAudio.resume();
  gwBeep();
  emit(window.gwArmed);
}"""


class Sound:
    """The button that switches it, and the beep of an alert."""

    def __init__(self, office: Office, token: str, words: Words, client: Client) -> None:
        self._office, self._token, self._words, self._client = office, token, words, client
        self._id = uuid4()
        self._armed = False
        ui.run_javascript(DEFINE)
        self._button = ui.button(words("sound.off"), icon="volume_off", color=None)
        self._button.props("flat dense no-caps").classes("gw-link gw-sound")
        self._button.on("click", self._switched, js_handler=PRESSED)
        ui.timer(SAY_EVERY_S, self._say)
        client.on_delete(self._gone)

    def beep(self) -> None:
        """Let an alert be heard where the sound is on."""
        if self._armed:
            self._client.run_javascript("gwBeep()")

    async def _switched(self, event: GenericEventArguments) -> None:
        self._armed = bool(event.args)
        self._button.set_text(self._words("sound.on" if self._armed else "sound.off"))
        self._button.props(f"icon={'volume_up' if self._armed else 'volume_off'}")
        await (self._say() if self._armed else self._gone())

    async def _say(self) -> None:
        person = await person_behind(self._office, self._token) if self._armed else None
        if person is not None:
            await note_armed(self._office.store, self._id, person.username)

    async def _gone(self) -> None:
        try:
            await note_disarmed(self._office.store, self._id)
        except StoreError:
            # It is not heard of any more, and counts as silent in two minutes.
            return
