"""What the keys do, and a switch for who does not want single letters to act."""

from nicegui import ui

from api.texts import Words

KEYS = ("j", "k", "enter", "escape", "a", "p", "s", "m", "l", "x", "n")
SHOWN = {"enter": "Enter", "escape": "Esc"}

SETTING = "gridwatch_keys"
"""In the browser: whoever speaks to it, or leans on the keyboard, acts on nothing by accident."""


class KeysDialog:
    """Opened by its button, or by `?`."""

    def __init__(self, words: Words) -> None:
        button = ui.button(icon="keyboard", color=None, on_click=self.open)
        button.props(f'flat dense round aria-label="{words("now.keys")}"').classes("gw-link gw-keys-button")
        button.tooltip(words("now.keys") + " ?")
        self._dialog = ui.dialog().props(f'aria-label="{words("now.keys")}"')
        with self._dialog, ui.card().classes("gw-dialog"):
            ui.label(words("now.keys")).classes("gw-title").props('role="heading" aria-level="2"')
            rows = "".join(
                f"<dt><kbd>{SHOWN.get(key, key.upper())}</kbd></dt><dd>{words(f'keys.{key}')}</dd>"
                for key in KEYS
            )
            ui.html(
                f"<dl class='gw-keys'>{rows}<dt><kbd>?</kbd></dt><dd>{words('keys.help')}</dd></dl>",
                sanitize=False,
            )
            self._switch = ui.switch(words("keys.on"), value=True)
            self._switch.on_value_change(self._keep)
            ui.button(words("close"), color=None, on_click=self._dialog.close).props("flat no-caps")

    async def open(self) -> None:
        """Show it, with the switch as this browser has it."""
        self._dialog.open()
        kept = await ui.run_javascript(f"localStorage.getItem({SETTING!r})")
        self._switch.set_value(kept != "off")

    def _keep(self) -> None:
        value = "on" if self._switch.value else "off"
        ui.run_javascript(f"localStorage.setItem({SETTING!r}, {value!r})")
