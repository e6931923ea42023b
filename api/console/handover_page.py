"""The page of handovers: what stands, notes for who comes, both signatures, and the handovers so far."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from html import escape
from typing import Any

from nicegui import ui

from api.access import still_here
from api.console.frame import Frame, Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.signing import HANDOVERS
from api.texts import Words
from gridwatch.errors import NotFound, StoreUnavailable
from gridwatch.store.connection import Row
from gridwatch.store.handovers import (
    LONGEST_NOTE,
    get_handover,
    list_handovers,
    standing,
    write_note,
)

PATH = "/handover"

LOOK_AGAIN_S = 5.0

ROWS_SHOWN = 200
"""Alerts on the page: who hands over more than that reads them on the page of alerts."""

FAILURES = frozenset({"wrong", "self", "may_not", "area", "late", "wait"})


async def show_handover(visitor: Visitor, words: Words, *, shown: int | None, failed: str | None) -> None:
    """Build the page: what stands now, or the handover that is asked for."""
    Frame(visitor, words, here=PATH, back=PATH if shown is None else f"{PATH}?shown={shown}")
    page = HandoverPage(visitor, words)
    if shown is None:
        await page.show_now(failed if failed in FAILURES else None)
    else:
        await page.show_past(shown)


class HandoverPage:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._html = ""

    async def show_past(self, number: int) -> None:
        """Show one handover as it stood, to be read or printed."""
        words = self._words
        with ui.element("div").classes("gw-page gw-sheet"):
            try:
                row = await get_handover(self._visitor.office.store, number)
            except (NotFound, StoreUnavailable) as error:
                missing = isinstance(error, NotFound)
                ui.label(words("handover.unknown" if missing else "failed")).classes("gw-empty")
                return
            with ui.element("div").classes("gw-actions-bar"):
                ui.link(words("handover.back"), PATH).classes("gw-button")
                # The browser prints what it shows; there is no round trip to us.
                printing = ui.button(words("handover.print"), icon="print", color=None)
                printing.props("unelevated dense no-caps").classes("gw-primary")
                printing.on("click", js_handler="() => window.print()")
            ui.html(past_html(row, words), sanitize=False)

    async def show_now(self, failed: str | None) -> None:
        """Show what stands now, and keep it up to date."""
        words = self._words
        with ui.element("div").classes("gw-page gw-two"):
            with ui.element("section").classes("gw-panel"):
                self._stands = ui.html(sanitize=False)
                with ui.element("div").classes("gw-note"):
                    self._note = ui.textarea(words("handover.write")).props("dense outlined autogrow rows=2")
                    add = ui.button(words("handover.add"), color=None, on_click=self._write)
                    add.props("unelevated no-caps").classes("gw-secondary")
            with ui.element("aside").classes("gw-side"):
                with ui.element("section").classes("gw-panel"):
                    self._sign(failed)
                with ui.element("section").classes("gw-panel"):
                    ui.html(f"<h2>{escape(words('handover.past'))}</h2>", sanitize=False)
                    await self._past()
        await self._look()
        ui.timer(LOOK_AGAIN_S, self._look)

    def _sign(self, failed: str | None) -> None:
        words = self._words
        ui.html(f"<h2>{escape(words('handover.sign'))}</h2>", sanitize=False)
        ui.label(words("handover.leaves", name=self._visitor.person.username))
        ui.label(words("handover.how")).classes("gw-facts")
        if failed is not None:
            ui.label(words(f"handover.failed.{failed}")).classes("gw-failed").props('role="alert"')
        with ui.element("form").props(f'method="post" action="{PATH}"').classes("gw-form"):
            ui.input(words("handover.comes")).props("name=username autocomplete=off outlined dense")
            password = ui.input(words("handover.password"), password=True)
            password.props("name=password autocomplete=off outlined dense")
            self._after = ui.element("input").props('type="hidden" name="after" value="0"')
            take = ui.button(words("handover.take"), icon="draw", color=None)
            take.props("type=submit unelevated no-caps").classes("gw-primary")

    async def _past(self) -> None:
        words = self._words
        rows: list[Row] = []
        with suppress(StoreUnavailable):
            rows = list(await list_handovers(self._visitor.office.store, limit=30))
        if not rows:
            ui.label(words("handover.no_past")).classes("gw-facts")
        for row in rows:
            with ui.element("div").classes("gw-past"):
                ui.link(_moment(row["signed_at"]), f"{PATH}?shown={row['id']}").classes("gw-anchor")
                ui.label(f"{row['left_by']} → {row['taken_by']}")
                counts = words("handover.counts", alerts=row["alerts"], notes=row["notes"])
                ui.label(counts).classes("gw-facts")

    async def _look(self) -> None:
        visitor = self._visitor
        if await still_here(visitor.office, visitor.token, "GET", HANDOVERS) is None:
            ui.navigate.to("/login")
            return
        try:
            stood = await standing(visitor.office.store, visitor.office.area)
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
            return
        html = stood_html(stood, self._words, most=ROWS_SHOWN)
        self._after.props(f"value={stood['after']}")
        if html != self._html:
            self._html = html
            title = f"<h1>{escape(self._words('handover.now'))}</h1>"
            self._stands.set_content(title + html)

    async def _write(self) -> None:
        visitor, words = self._visitor, self._words
        text = (self._note.value or "").strip()
        if not text or len(text) > LONGEST_NOTE:
            key = "handover.long_note" if text else "handover.empty_note"
            ui.notify(words(key, most=LONGEST_NOTE), type="warning")
            return
        person = await still_here(visitor.office, visitor.token, "POST", f"{HANDOVERS}/notes")
        if person is None:
            ui.navigate.to("/login")
            return
        try:
            await write_note(visitor.office.store, visitor.office.area, text, by=person.username)
        except StoreUnavailable:
            ui.notify(words("failed"), type="negative")
            return
        self._note.set_value("")
        ui.notify(words("handover.written"), type="positive")
        await self._look()


def past_html(row: Row, words: Words) -> str:
    """Return a whole handover with its signatures as HTML."""
    signed = words(
        "handover.signed",
        number=row["id"],
        left=row["left_by"],
        taken=row["taken_by"],
        time=_moment(row["signed_at"]),
    )
    return f"<h1>{escape(signed)}</h1>{stood_html(row['stood'], words)}"


def stood_html(stood: Mapping[str, Any], words: Words, *, most: int | None = None) -> str:
    """Return what stands, or stood, as HTML; `most` rows of each table."""
    since = words("handover.first")
    if stood["since"] is not None:
        since = words("handover.since", time=_moment(stood["since"]), number=stood["after"])
    counted = words("handover.raised", count=stood["raised"], false=stood["false_alarms"])
    facts = [since] if stood["since"] is None else [since, counted]
    parts = [f'<p class="gw-facts">{escape(" · ".join(facts))}</p>']
    for name, heads, row in SECTIONS:
        entries = stood[name]
        title = f"{words(f'handover.{name}')} · {len(entries)}"
        parts.append(f"<h2>{escape(title)}</h2>")
        if not entries:
            parts.append(f'<p class="gw-facts">{escape(words("handover.none"))}</p>')
            continue
        columns = [words(f"column.{head}") for head in heads]
        rows = [row(one, words) for one in entries[:most]]
        parts.append(table_html(columns, rows, caption=words(f"handover.{name}")))
        if most is not None and len(entries) > most:
            more = words("handover.more", count=len(entries) - most)
            parts.append(f'<p class="gw-facts">{escape(more)}</p>')
    return "".join(parts)


def _alert(one: Mapping[str, Any], words: Words) -> list[str]:
    marks = [words("drills")] if one["drill"] else []
    marks += [words("simulated")] if one["simulated"] else []
    what = f"{words.label(one['label'])} #{one['id']}"
    return [
        words(f"severity.{one['severity']}"),
        " · ".join([what, *marks]),
        " · ".join(filter(None, (one["place"] or one["area"], one["name"] or one["device"]))),
        words(f"state.{one['state']}"),
        _moment(one["raised_at"]),
        one["assignee"] or one["acknowledged_by"] or words("nobody"),
    ]


def _mute(one: Mapping[str, Any], words: Words) -> list[str]:
    scene = words.scene(one["scene"]) if one["scene"] else None
    of = " · ".join(filter(None, (one["place"] or one["area"], one["device"], scene)))
    until = f"{_moment(one['starts_at'])} – {_moment(one['ends_at'])}"
    return [words(f"handover.kind.{one['kind']}"), of, one["reason"], until, one["by"]]


def _device(one: Mapping[str, Any], words: Words) -> list[str]:
    of = " · ".join(filter(None, (one["place"], one["name"] or one["device"])))
    return [words(f"device_state.{one['state']}"), of, _moment(one["until"]), one["by"]]


def _note(one: Mapping[str, Any], _: Words) -> list[str]:
    return [_moment(one["at"]), one["text"], one["by"]]


SECTIONS = (
    ("alerts", ("severity", "what", "where", "state", "since", "who"), _alert),
    ("mutes", ("kind", "of", "reason", "until", "by"), _mute),
    ("devices", ("state", "device", "until", "by"), _device),
    ("notes", ("time", "note", "by"), _note),
)


def _moment(moment: str | datetime | None) -> str:
    """Return a time with its date: a handover is read on other days too."""
    if moment is None:
        return ""
    there = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return there.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
