"""Doing something for whoever has a page open, and saying why where it did not work."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from api.access import still_here
from api.console.frame import Visitor
from api.sign_in import Person
from api.texts import Words
from gridwatch.errors import NotAllowed, NotFound, NotPermitted, StoreUnavailable
from gridwatch.lines import WrongLines

LINES_SHOWN = 50


async def do(
    visitor: Visitor,
    words: Words,
    route: tuple[str, str],
    work: Callable[[Person], Awaitable[object]],
) -> bool:
    """Do `work` for a visitor who may call a route now, and tell whether it was done.

    Who may not is sent to sign in. What a file has wrong is shown line by line.
    """
    person = await still_here(visitor.office, visitor.token, *route)
    if person is None:
        ui.navigate.to("/login")
        return False
    try:
        await work(person)
    except StoreUnavailable:
        ui.notify(words("failed"), type="negative")
    except WrongLines as error:
        _show_lines(error, words)
    except (NotAllowed, NotFound, NotPermitted) as error:
        ui.notify(str(error), type="warning")
    else:
        return True
    return False


def _show_lines(error: WrongLines, words: Words) -> None:
    with ui.dialog() as dialog, ui.card().classes("gw-dialog"):
        ui.label(words("wrong_lines", count=len(error.lines))).classes("gw-label")
        for one in error.lines[:LINES_SHOWN]:
            ui.label(words("wrong_line", line=one.line, field=one.field, why=one.why))
        if len(error.lines) > LINES_SHOWN:
            ui.label(words("handover.more", count=len(error.lines) - LINES_SHOWN)).classes("gw-facts")
        ui.button(words("close"), on_click=dialog.close).props("flat no-caps")
    dialog.open()


def show_once(words: Words, *lines: str) -> None:
    """Show a secret that nobody can see again: not stored, and gone with the dialog."""
    with ui.dialog().props("persistent") as dialog, ui.card().classes("gw-dialog"):
        ui.label(words("shown_once"))
        for line in lines:
            ui.label(line).classes("gw-payload gw-secret")

        def gone() -> None:
            dialog.close()
            dialog.clear()

        ui.button(words("close"), on_click=gone).props("flat no-caps")
    dialog.open()


async def really(question: str, words: Words, *, yes: str) -> bool:
    """Ask before something that can't be taken back; `yes` is the key of what the button says."""
    with ui.dialog() as dialog, ui.card().classes("gw-dialog"):
        ui.label(question)
        with ui.element("div").classes("gw-actions-bar"):
            for key, answer in ((yes, True), ("cancel", False)):
                button = ui.button(words(key), color=None).props("flat no-caps")
                button.on_click(lambda answer=answer: dialog.submit(answer))
    return bool(await dialog)


def choice(options: list[str] | dict[Any, str], **given: Any) -> ui.select:
    """Return a compact select."""
    made = ui.select(options, **given)
    made.props("dense outlined options-dense").classes("gw-choose")
    return made
