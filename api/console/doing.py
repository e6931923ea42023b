"""Doing something for whoever has a page open, and saying why where it did not work."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui

from api.access import still_here
from api.console.frame import Visitor
from api.sign_in import Person
from api.texts import Words
from gridwatch.errors import NotAllowed, NotFound, NotPermitted, SettingsError, StoreUnavailable
from gridwatch.fields import WrongField, WrongFields
from gridwatch.lines import WrongLine, WrongLines

LINES_SHOWN = 50

A_DAY, A_CLOCK, A_MOMENT = "2026-11-23", "08:30", "2026-11-23 08:30"
"""How dates and times are written, in both languages."""


async def do(
    visitor: Visitor,
    words: Words,
    route: tuple[str, str],
    work: Callable[[Person], Awaitable[object]],
    *,
    form: str = "",
) -> bool:
    """Do `work` for a visitor who may call a route now, and tell whether it was done.

    Who may not is sent to sign in. What a file has wrong is shown line by line; a form, field by field:
    `form` is the group of texts that names them.
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
        title = words("wrong_fields" if form else "wrong_lines", count=len(error.lines))
        _show_wrong([line_in_words(one, words, form) for one in error.lines], title, words)
    except WrongFields as error:
        title = words("wrong_fields", count=len(error.fields))
        _show_wrong([field_in_words(one, words, form) for one in error.fields], title, words)
    except (NotAllowed, NotFound, NotPermitted, SettingsError) as error:
        ui.notify(words.why(str(error)), type="warning")
    else:
        return True
    return False


def line_in_words(one: WrongLine, words: Words, form: str) -> str:
    """Return what is wrong in a line; a form's own line has no number that would help."""
    why = words.why(one.why)
    if form:
        return words("wrong_field", field=words.field(form, one.field), why=why)
    return words("wrong_line", line=one.line, field=one.field, why=why)


def field_in_words(one: WrongField, words: Words, form: str) -> str:
    """Return what is wrong in a field."""
    why = words.wrong(one.kind, one.limits, one.why)
    return words("wrong_field", field=words.field(form, one.field), why=why) if one.field else why


def _show_wrong(wrong: Sequence[str], title: str, words: Words) -> None:
    with ui.dialog() as dialog, ui.card().classes("gw-dialog"):
        ui.label(title).classes("gw-label")
        for said in wrong[:LINES_SHOWN]:
            ui.label(said)
        if len(wrong) > LINES_SHOWN:
            ui.label(words("handover.more", count=len(wrong) - LINES_SHOWN)).classes("gw-facts")
        ui.button(words("close"), on_click=dialog.close).props("flat no-caps")
    dialog.open()


def show_once(words: Words, *lines: str) -> None:
    """Show a secret that nobody can see again: not stored, and gone with the dialog."""
    with ui.dialog().props("persistent") as dialog, ui.card().classes("gw-dialog"):
        ui.label(words("shown_once"))
        for line in lines:
            ui.label(line).classes("gw-payload gw-secret")
        ui.button(words("close"), on_click=dialog.close).props("flat no-caps")
    # Once it has faded: what is emptied while it fades stays in the page as it was, secret and all.
    dialog.on("hide", dialog.delete)
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


def time_field(label: str, shape: str, **given: Any) -> ui.input:
    """Return a field for a date or time, written as `shape` is.

    The browser's own fields show dates in the order of the browser's language: 11/12 may be two days.
    """
    return ui.input(label, placeholder=shape, **given).props(
        f"dense outlined stack-label maxlength={len(A_MOMENT) + 3}"
    )


def choice(options: list[str] | dict[Any, str], **given: Any) -> ui.select:
    """Return a compact select."""
    made = ui.select(options, **given)
    made.props("dense outlined options-dense").classes("gw-choose")
    return made
