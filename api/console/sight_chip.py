"""In the header: how many cameras see little now, for night or fog, and what that means."""

from collections.abc import Sequence
from contextlib import suppress
from html import escape

from nicegui import ui

from api.office import Office
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.store.sights import CameraSight, sights

LOOK_EVERY_S = 30.0
STATES = ("night", "fog")


def show_sights(office: Office, words: Words, *, to: str) -> None:
    """Add the chips, which lead to the page of cameras, and keep them up to date."""
    chips = ui.html(sanitize=False)

    async def look() -> None:
        # What was shown stays until the database is back: the banner says that it is away.
        with suppress(StoreUnavailable):
            chips.set_content(sights_html(await sights(office.store), words, to=to))

    ui.timer(LOOK_EVERY_S, look)


def sights_html(cameras: Sequence[CameraSight], words: Words, *, to: str) -> str:
    """Return a chip for each state that some camera is in, with what can't be promised then as its title."""
    counted = {state: sum(camera.label == state for camera in cameras) for state in STATES}
    return "".join(
        f'<a class="gw-sight gw-sight-{state}" href="{escape(to)}" title="{escape(words(f"sight.{state}"))}">'
        f"{escape(words(f'label.{state}'))} {count}</a>"
        for state, count in counted.items()
        if count
    )
