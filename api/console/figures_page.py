"""The page of figures: alerts by scene, hour and area, how soon people answer, and which devices cry wolf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from urllib.parse import urlencode

from nicegui import ui

from api.access import still_here
from api.console.charts import bars, colour_of
from api.console.doing import A_DAY, time_field
from api.console.frame import Frame, Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.false_alarms import FEWEST_JUDGED, Verdict, by_chance, verdicts
from gridwatch.store.alarms import AlarmsBy, alarm_counts, alarms_of_devices
from gridwatch.store.answering import By, answering_figures
from gridwatch.store.connection import Row

PATH = "/figures"
ROUTE = "/api/v1/figures"

RANGES = (7, 30, 90, 365)
USUAL_DAYS = 30
LONGEST = timedelta(days=3660)

WILL_BE = ("counts", "answers", "devices")
"""What the page will show once there are alerts, and from when."""

AREAS_SHOWN, DEVICES_SHOWN, PEOPLE_SHOWN = 15, 20, 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Whole days of China, both included."""

    first: date
    last: date

    @classmethod
    def of_days(cls, days: int) -> "Span":
        """Return so many days, today included."""
        today = datetime.now(CHINA).date()
        return cls(first=today - timedelta(days=days - 1), last=today)

    @property
    def since(self) -> datetime:
        """Return when it begins."""
        return _midnight(self.first)

    @property
    def until(self) -> datetime:
        """Return when it is over."""
        return _midnight(self.last + timedelta(days=1))

    @property
    def days(self) -> list[str]:
        """Return its days as the figures name them."""
        return [str(self.first + timedelta(days=n)) for n in range((self.last - self.first).days + 1)]


def read_span(first: str, last: str) -> Span:
    """Return the days that two fields of a page name.

    Raises ValueError with a key of the texts: figures.wrong_first, wrong_last or wrong_order.
    """
    read = []
    for name, said in (("first", first), ("last", last)):
        try:
            read.append(date.fromisoformat((said or "").strip()))
        except ValueError:
            raise ValueError(f"figures.wrong_{name}") from None
    if not timedelta(0) <= read[1] - read[0] <= LONGEST:
        raise ValueError("figures.wrong_order")
    return Span(first=read[0], last=read[1])


async def show_figures(visitor: Visitor, words: Words) -> None:
    """Build the page."""
    Frame(visitor, words, here=PATH)
    await FiguresPage(visitor, words).load()


class FiguresPage:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words) -> None:
        self._visitor, self._words = visitor, words
        self._span = Span.of_days(USUAL_DAYS)
        self._simulated = False
        with ui.element("div").classes("gw-page"):
            with ui.element("div").classes("gw-actions-bar"):
                self._choose_span()
            self._result = ui.element("div").classes("gw-figures")

    def _choose_span(self) -> None:
        words = self._words
        options = {days: words("figures.days", days=days) for days in RANGES}
        toggle = ui.toggle(options, value=USUAL_DAYS).props("dense unelevated no-caps").classes("gw-filter")
        first = time_field(words("figures.first"), A_DAY, value=str(self._span.first))
        last = time_field(words("figures.last"), A_DAY, value=str(self._span.last))

        async def quick() -> None:
            if toggle.value is None:
                return
            self._span = Span.of_days(int(toggle.value))
            first.set_value(str(self._span.first))
            last.set_value(str(self._span.last))
            await self.load()

        async def exact() -> None:
            try:
                span = read_span(first.value, last.value)
            except ValueError as error:
                ui.notify(words(str(error)), type="warning")
                return
            if span != self._span:
                self._span = span
                toggle.set_value(None)
                await self.load()

        toggle.on_value_change(quick)
        show = ui.button(words("figures.show"), color=None, on_click=exact)
        show.props("unelevated dense no-caps").classes("gw-secondary")

    async def load(self) -> None:
        """Show the figures of the chosen days."""
        visitor, words = self._visitor, self._words
        if await still_here(visitor.office, visitor.token, "GET", ROUTE) is None:
            ui.navigate.to("/login")
            return
        store = visitor.office.store
        since, until = self._span.since, self._span.until
        try:
            # A system that is tried out has no real alerts: its simulated ones show what will be here.
            real = await alarm_counts(store, AlarmsBy.DAY, since=since, until=until)
            simulated = self._simulated = not real
            days, hours, areas = [
                await alarm_counts(store, by, since=since, until=until, simulated=simulated)
                for by in (AlarmsBy.DAY, AlarmsBy.HOUR, AlarmsBy.COMMUNITY)
            ]
            devices = await alarms_of_devices(store, since=since, until=until, simulated=simulated)
            answers = {
                by: await answering_figures(store, by, since=since, until=until, simulated=simulated)
                for by in By
            }
        except StoreUnavailable:
            ui.notify(words("failed"), type="negative")
            return
        self._result.clear()
        with self._result:
            if not days:
                with ui.element("section").classes("gw-panel gw-wide"):
                    ui.html(f"<h2>{escape(words('figures.empty'))}</h2>", sanitize=False)
                    for name in WILL_BE:
                        ui.label(words(f"figures.will_be.{name}", fewest=FEWEST_JUDGED))
                return
            if simulated:
                ui.label(words("figures.simulated")).classes("gw-note-line gw-wide").props('role="status"')
            hours_named = [f"{hour:02d}" for hour in range(24)]
            self._chart("day", days, self._span.days, AlarmsBy.DAY)
            self._chart("hour", hours, hours_named, AlarmsBy.HOUR)
            self._chart("area", areas, _largest(areas), AlarmsBy.COMMUNITY, lying=True)
            self._answers(answers)
            self._false_alarms(verdicts(devices), by_chance(devices))

    def _chart(
        self, name: str, rows: Sequence[Row], keys: Sequence[str], by: AlarmsBy, *, lying: bool = False
    ) -> None:
        words = self._words
        scenes = sorted({row["scene"] for row in rows})
        counts = {(row["key"], row["scene"]): row["alerts"] for row in rows}
        names = {row["key"]: row["name"] or row["key"] or words("unplaced") for row in rows}
        series = {
            words.scene(scene): (colour_of(scene, place), [counts.get((key, scene), 0) for key in keys])
            for place, scene in enumerate(scenes)
        }
        title = words(f"figures.by_{name}")
        with ui.element("section").classes("gw-panel"):
            shown = [names.get(key, key) for key in keys]
            options = bars(title, shown, series, light=self._visitor.light, lying=lying)
            chart = ui.echart(options, renderer="svg").classes("gw-chart")
            total = sum(row["alerts"] for row in rows)
            chart.props(f'role="img" aria-label="{escape(title)}: {total}"')
            self._csv(f"{ROUTE}/alerts.csv", by=by)

    def _answers(self, answers: Mapping[By, Sequence[Row]]) -> None:
        words = self._words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('figures.answers'))}</h2>", sanitize=False)
            options = {by: words(f"figures.answers_by_{by}") for by in By}
            toggle = ui.toggle(options, value=By.COMMUNITY).props("dense unelevated no-caps")
            toggle.classes("gw-filter")
            table = ui.html(sanitize=False).classes("gw-scroll")
            links = ui.element("div")

            def show() -> None:
                by = By(toggle.value)
                table.set_content(_answers_html(answers[by], words))
                links.clear()
                with links:
                    self._csv(f"{ROUTE}.csv", by=by)

            toggle.on_value_change(show)
            show()

    def _false_alarms(self, found: Sequence[Verdict], expected: float) -> None:
        words = self._words
        with ui.element("section").classes("gw-panel gw-wide"):
            ui.html(f"<h2>{escape(words('figures.false'))}</h2>", sanitize=False)
            mend = [one for one in found if one.mend]
            said = words("figures.mend", count=len(mend), fewest=FEWEST_JUDGED, chance=expected)
            ui.label(said).classes("gw-facts")
            ui.html(false_alarms_html(found[:DEVICES_SHOWN], words), sanitize=False).classes("gw-scroll")
            self._csv(f"{ROUTE}/devices.csv")

    def _csv(self, route: str, **query: str) -> None:
        since, until = (moment.astimezone(UTC) for moment in (self._span.since, self._span.until))
        asked = {**query, "from": since.isoformat(), "to": until.isoformat()}
        asked |= {"simulated": "true"} if self._simulated else {}
        ui.link("CSV", f"{route}?{urlencode(asked)}").classes("gw-anchor gw-csv")


def false_alarms_html(found: Sequence[Verdict], words: Words) -> str:
    """Return what is to be thought of devices' false alarms as a table."""
    heads = ("advice", "device", "where", "scene", "judged", "false", "share", "others", "why")
    rows = [
        [
            words("figures.to_mend" if one.mend else "figures.stays"),
            one.judged.name or one.judged.device,
            one.judged.area_name,
            words.scene(one.judged.scene),
            str(one.judged.judged),
            str(one.judged.false_alarms),
            "—" if one.share is None else f"{one.share:.0%}",
            "—" if one.others is None else f"{one.others:.0%}",
            why(one, words),
        ]
        for one in found
    ]
    columns = [words(f"column.{head}") for head in heads]
    return table_html(columns, rows, caption=words("figures.false"), numbers=frozenset({4, 5, 6, 7}))


def why(one: Verdict, words: Words) -> str:
    """Say why a device is proposed, and what to look at; or why it is not."""
    judged = one.judged
    if one.mend and one.others is not None:
        said = words("figures.why", least=one.least, others=one.others, times=judged.false_alarms)
        return f"{said} {words(f'figures.look.{judged.kind}')}"
    if judged.judged < FEWEST_JUDGED:
        return words("figures.too_few", count=judged.judged, fewest=FEWEST_JUDGED)
    if one.others is None:
        return words("figures.no_others")
    return words("figures.not_worse", least=one.least, others=one.others)


def _answers_html(rows: Sequence[Row], words: Words) -> str:
    heads = ("who_where", "alerts", "taken", "response_p50", "response_p90", "handling_p50", "false")
    cells: list[list[str]] = []
    for row in [one for one in rows if not one["drill"]][:PEOPLE_SHOWN]:
        times = [
            _minutes(row[name], words) for name in ("response_p50_s", "response_p90_s", "handling_p50_s")
        ]
        counts = [str(row["alerts"]), str(row["taken"])]
        cells.append([row["name"] or row["code"], *counts, *times, str(row["false_alarms"])])
    if not cells:
        return f'<p class="gw-facts">{escape(words("handover.none"))}</p>'
    columns = [words(f"column.{head}") for head in heads]
    return table_html(
        columns, cells, caption=words("figures.answers"), numbers=frozenset(range(1, len(heads)))
    )


def _minutes(seconds: float | None, words: Words) -> str:
    return "—" if seconds is None else words("figures.minutes", minutes=seconds / 60)


def _largest(rows: Sequence[Row]) -> list[str]:
    """Return the keys with most alerts."""
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["key"]] = totals.get(row["key"], 0) + row["alerts"]
    return sorted(totals, key=lambda key: (-totals[key], key))[:AREAS_SHOWN]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CHINA)
