"""The level of fire danger in the header: its name in words, never its colour alone."""

from contextlib import suppress
from datetime import UTC, datetime
from html import escape

from nicegui import ui

from api.office import Office
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.fire_danger import MEANINGS, DangerLevel
from gridwatch.store.fire_weather import fire_weather_now, level_of

LOOK_EVERY_S = 300.0
"""The level changes once a day, and when readings come late."""


def show_danger(office: Office, words: Words) -> None:
    """Add the level of now, and keep it up to date; nothing where no station has one."""
    chip = ui.html(sanitize=False)

    async def look() -> None:
        # What was shown stays until the database is back: the banner says that it is away.
        with suppress(StoreUnavailable):
            level = level_of(await fire_weather_now(office.store, datetime.now(UTC)))
            chip.set_content("" if level is None else danger_html(level, words))

    ui.timer(LOOK_EVERY_S, look)


def danger_html(level: DangerLevel, words: Words) -> str:
    """Return a level in words, with the advice for patrols as its title."""
    meaning = MEANINGS[level]
    chinese = words.language == "zh-CN"
    name, advice = (meaning.name_zh, meaning.advice_zh) if chinese else (meaning.name, meaning.advice)
    text = words("fire_danger", name=name, number=int(level))
    return (
        f'<span class="gw-danger gw-danger-{meaning.colour}" title="{escape(advice)}">{escape(text)}</span>'
    )
