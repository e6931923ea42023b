"""Small dialogs that ask for what an action needs; each returns what was given, or None where it was left."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from html import escape
from typing import Any

from nicegui import ui

from api.local_time import CHINA
from api.office import Office
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.lifts import Reason
from gridwatch.store.board import find_people

PEOPLE_SHOWN = 12

MUTE_FOR = {
    "minutes": (15, 30),
    "hours": (1, 2, 8, 24),
    "days": (3, 7),
}

LIFT_REASONS = (Reason.TAKEN_OUT, Reason.FALSE_ALARM, Reason.EMERGENCY, Reason.OTHER)


async def ask_text(words: Words, title: str, label: str) -> str | None:
    """Ask for one text that must be given."""
    with _dialog(title) as dialog:
        field = ui.textarea(label).props("outlined dense autofocus rows=3 maxlength=2000").classes("gw-wide")

        def given() -> None:
            if field.value.strip():
                dialog.submit(field.value.strip())
            else:
                _complain(field, words("ask.needed", name=label))

        _buttons(words, dialog, given)
    answer: str | None = await _answer(dialog)
    return answer


async def ask_sure(words: Words, title: str) -> bool:
    """Ask whether something is really meant."""
    with _dialog(title) as dialog:
        _buttons(words, dialog, lambda: dialog.submit(True))
    return bool(await _answer(dialog))


async def ask_other(words: Words, title: str, near: Mapping[int, str]) -> int | None:
    """Ask for another alert: one of those `near`, by id, or any by its number."""
    with _dialog(title) as dialog:
        choice = ui.select(dict(near), label=words("alert.related")).props("outlined dense options-dense")
        choice.classes("gw-wide").set_visibility(bool(near))
        number = ui.input(words("ask.of")).props("outlined dense inputmode=numeric").classes("gw-wide")

        def given() -> None:
            chosen = number.value.strip() or str(choice.value or "")
            if chosen.isdecimal():
                dialog.submit(int(chosen))
            else:
                _complain(number, words("ask.needed", name=words("ask.of")))

        _buttons(words, dialog, given)
    answer: int | None = await _answer(dialog)
    return answer


async def ask_call(words: Words, caller: str) -> Mapping[str, Any] | None:
    """Ask who called the fire brigade, when, and under which number."""
    now = datetime.now(CHINA)
    with _dialog(words("call_119")) as dialog:
        who = ui.input(words("ask.caller"), value=caller).props("outlined dense maxlength=64")
        when = ui.input(words("ask.called_at"), value=now.strftime("%H:%M")).props("outlined dense")
        number = ui.input(words("ask.reference")).props("outlined dense maxlength=64 autofocus")
        for field in (who, when, number):
            field.classes("gw-wide")

        def given() -> None:
            called_at = _today(when.value, now)
            if called_at is None:
                _complain(when, words("ask.time_wrong"))
            elif not who.value.strip():
                _complain(who, words("ask.needed", name=words("ask.caller")))
            else:
                said = {"caller": who.value.strip(), "reference": number.value.strip()}
                dialog.submit(said | {"called_at": called_at})

        _buttons(words, dialog, given)
    answer: Mapping[str, Any] | None = await _answer(dialog)
    return answer


async def ask_person(office: Office, words: Words, near: Sequence[tuple[str, str]]) -> str | None:
    """Ask for a person by their number at work: those `near` (number, what to show) first, or by search."""
    with _dialog(words("assign")) as dialog:
        field = (
            ui.input(words("assign.search")).props("outlined dense clearable autofocus").classes("gw-wide")
        )
        found = ui.element("div").classes("gw-choices").props('role="list"')

        def show(people: Sequence[tuple[str, str]]) -> None:
            found.clear()
            with found:
                if not people:
                    ui.label(words("assign.none")).classes("gw-quiet")
                for code, name in people:
                    button = ui.button(name, icon="person_add", color=None).props("flat no-caps align=left")
                    button.classes("gw-choice").on_click(lambda _, code=code: dialog.submit(code))

        async def look() -> None:
            typed = (field.value or "").strip()
            if not typed:
                show(near)
                return
            try:
                rows = await find_people(office.store, typed, limit=PEOPLE_SHOWN)
            except StoreUnavailable:
                return
            show([(row["code"], _person(row)) for row in rows])

        field.on_value_change(look)
        await look()
        _buttons(words, dialog, None)
    answer: str | None = await _answer(dialog)
    return answer


async def ask_mute(words: Words, whats: Mapping[str, str]) -> tuple[str, str, datetime] | None:
    """Ask what is muted (a key of `whats`), why, and until when."""
    lengths = {
        f"{unit}:{count}": words(f"mute.{unit}", count=count)
        for unit, counts in MUTE_FOR.items()
        for count in counts
    }
    with _dialog(words("mute")) as dialog:
        ui.label(words("mute.vital")).classes("gw-quiet")
        what = ui.radio(dict(whats), value=next(iter(whats)))
        length = ui.select(lengths, value="hours:1", label=words("mute.for")).props("outlined dense")
        why = ui.input(words("ask.reason")).props("outlined dense autofocus maxlength=500")
        for field in (length, why):
            field.classes("gw-wide")

        def given() -> None:
            if not why.value.strip():
                _complain(why, words("ask.needed", name=words("ask.reason")))
                return
            unit, _, count = str(length.value).partition(":")
            until = datetime.now(UTC) + timedelta(**{unit: int(count)})
            dialog.submit((str(what.value), why.value.strip(), until))

        _buttons(words, dialog, given)
    answer: tuple[str, str, datetime] | None = await _answer(dialog)
    return answer


async def ask_release(words: Words, name: str) -> tuple[Reason, str] | None:
    """Ask why a lift is let go."""
    with _dialog(words("release")) as dialog:
        ui.label(words("lifts.ask", name=name))
        reasons = {one.value: words(f"lifts.reason.{one.value}") for one in LIFT_REASONS}
        reason = ui.radio(reasons, value=Reason.TAKEN_OUT.value)
        note = ui.input(words("lifts.note")).props("outlined dense maxlength=200").classes("gw-wide")
        _buttons(words, dialog, lambda: dialog.submit((Reason(reason.value), note.value.strip())))
    answer: tuple[Reason, str] | None = await _answer(dialog)
    return answer


def _person(row: Mapping[str, Any]) -> str:
    return " · ".join(filter(None, (row["name"], row["duties"], *row["areas"], row["code"])))


def _today(text: str, now: datetime) -> datetime | None:
    """Return the last time at which a clock showed what was typed."""
    try:
        typed = time.fromisoformat(text.strip().replace("：", ":"))
    except ValueError:
        return None
    there = datetime.combine(now.date(), typed, CHINA)
    return there if there <= now else there - timedelta(days=1)


@contextmanager
def _dialog(title: str) -> Iterator[ui.dialog]:
    """Make a dialog with a title; what is made inside stands in it.

    It belongs to the page: what is typed outlives the row or pane whose button asked, when those change.
    """
    with (
        ui.context.client.content,
        ui.dialog().props(f'aria-label="{escape(title)}"') as dialog,
        ui.card().classes("gw-dialog"),
    ):
        ui.label(title).classes("gw-title").props('role="heading" aria-level="2"')
        yield dialog


def _buttons(words: Words, dialog: ui.dialog, given: Any) -> None:
    with ui.element("div").classes("gw-dialog-buttons"):
        ui.button(words("ask.cancel"), color=None, on_click=lambda: dialog.submit(None)).props("flat no-caps")
        if given is not None:
            ui.button(words("ask.ok"), color=None, on_click=given).props("unelevated no-caps").classes(
                "gw-primary"
            )


def _complain(field: Any, text: str) -> None:
    field.props(f'error error-message="{text}"')


async def _answer(dialog: ui.dialog) -> Any:
    answer = await dialog
    dialog.delete()
    return answer
