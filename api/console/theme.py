"""Light or dark: chosen by a button, kept in a cookie."""

from nicegui import ui

from api.texts import Words

THEME_COOKIE = "gridwatch_theme"
LIGHT, DARK = "light", "dark"

YEAR_S = 365 * 24 * 3600

SWITCH = """
document.documentElement.dataset.theme = %r;
document.cookie = "%s=%s; path=/; max-age=%d; samesite=lax";
"""
RELOAD = "location.reload();"


def begin_theme(theme: str, language: str) -> ui.dark_mode:
    """Let a page begin in its theme and language before anything is drawn; return what switches it."""
    ui.add_head_html(
        f"<script>document.documentElement.dataset.theme={theme!r};document.documentElement.lang={language!r}"
        "</script>"
    )
    # Quasar writes its own language there once it is loaded.
    ui.run_javascript(f"document.documentElement.lang = {language!r}")
    return ui.dark_mode(theme == DARK)


class ThemeSwitch:
    """The button in the header; `reload`: the page is loaded anew, as some of it is drawn in its colours."""

    def __init__(self, words: Words, mode: ui.dark_mode, *, reload: bool) -> None:
        self._mode, self._reload = mode, reload
        button = ui.button(icon="contrast", color=None, on_click=self._switch)
        button.props(f'flat dense round aria-label="{words("now.theme")}"').classes("gw-link gw-theme")
        button.tooltip(words("now.theme"))

    @property
    def is_dark(self) -> bool:
        """Return whether it is dark now."""
        return bool(self._mode.value)

    def _switch(self) -> None:
        self._mode.toggle()
        theme = DARK if self.is_dark else LIGHT
        script = SWITCH % (theme, THEME_COOKIE, theme, YEAR_S)
        ui.run_javascript(script + (RELOAD if self._reload else ""))
