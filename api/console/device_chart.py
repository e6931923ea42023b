"""A chart of what a device measured over any time, by intervals that a screen can show."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from nicegui import ui

from api.console.charts import base
from api.console.criteria import quantity_name
from api.console.doing import A_DAY, time_field
from api.console.figures_page import read_span
from api.console.frame import Visitor
from api.local_time import CHINA
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.store.history import EPOCH, Bucket, list_buckets

POINTS = 400
"""Of a chart: a screen has not many more."""

LENGTHS = tuple(
    timedelta(seconds=seconds)
    for seconds in (60, 300, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 7 * 86_400, 28 * 86_400)
)
"""Of buckets, as people count time."""

DECIMALS = 4
"""Of what is drawn: sensors have no more, and the axis would show those of the sums."""

RANGES = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
RANGES |= {"year": timedelta(days=365)}


class DeviceChart:
    """What is drawn, and for which time."""

    def __init__(self, visitor: Visitor, words: Words, device: str, quantities: Sequence[str]) -> None:
        self._visitor, self._words, self._device = visitor, words, device
        self._until = datetime.now(UTC)
        self._since = self._until - RANGES["day"]
        with ui.element("div").classes("gw-actions-bar"):
            named = {one: quantity_name(one, words) for one in quantities}
            self._quantity = ui.select(named, value=quantities[0], label=words("device.quantity"))
            self._quantity.props("dense outlined options-dense").classes("gw-choose")
            ranges = {name: words(f"device.last_{name}") for name in RANGES}
            self._range = ui.toggle(ranges, value="day").props("dense unelevated no-caps")
            self._range.classes("gw-filter")
            self._first = time_field(words("figures.first"), A_DAY)
            self._last = time_field(words("figures.last"), A_DAY)
            show = ui.button(words("figures.show"), color=None, on_click=self._exact)
            show.props("unelevated dense no-caps").classes("gw-secondary")
        self._chart = ui.echart({}, renderer="svg").classes("gw-chart gw-tall")
        self._said = ui.label().classes("gw-facts").props('role="status"')
        self._quantity.on_value_change(self.draw)
        self._range.on_value_change(self._quick)

    async def _quick(self) -> None:
        if self._range.value is not None:
            self._until = datetime.now(UTC)
            self._since = self._until - RANGES[self._range.value]
            await self.draw()

    async def _exact(self) -> None:
        try:
            span = read_span(self._first.value or "", self._last.value or "")
        except ValueError as error:
            ui.notify(self._words(str(error)), type="warning")
            return
        self._range.set_value(None)
        self._since, self._until = span.since, span.until
        await self.draw()

    async def draw(self) -> None:
        """Show the chosen time of the chosen quantity."""
        words, quantity = self._words, self._quantity.value
        name = quantity_name(quantity, words)
        length = bucket_for(self._until - self._since)
        try:
            found = await list_buckets(
                self._visitor.office.store,
                self._device,
                quantity=quantity,
                since=self._since,
                until=self._until,
                bucket=length,
                limit=2 * POINTS,
            )
        except StoreUnavailable:
            ui.notify(words("failed"), type="negative")
            return
        options = chart(name, found, self._since, self._until, length, words, self._visitor.light)
        self._chart.options.clear()
        self._chart.options.update(options)
        self._chart.update()
        said = words(
            "device.drawn", count=sum(one.count for one in found), minutes=length.total_seconds() / 60
        )
        self._said.set_text(said if found else words("device.no_readings"))
        self._chart.props(f'role="img" aria-label="{escape(name)}: {escape(said)}"')


def bucket_for(span: timedelta) -> timedelta:
    """Return the shortest interval of which a time has no more than POINTS."""
    return next((length for length in LENGTHS if span / length <= POINTS), LENGTHS[-1])


def chart(
    quantity: str,
    found: Sequence[Bucket],
    since: datetime,
    until: datetime,
    length: timedelta,
    words: Words,
    light: bool,
) -> dict[str, Any]:
    """Return the mean of each interval between its least and its most; where nothing came there is a gap.

    It begins where the first reading is: of a new device a day would show no more than a dot.
    """
    by_time = {one.bucket_at: one for one in found}
    first = min(by_time, default=EPOCH + (since - EPOCH) // length * length)
    times = [first + n * length for n in range(max(1, -((first - until) // length)))]
    form = "%Y-%m-%d" if length >= timedelta(days=1) else "%m-%d %H:%M"
    rows = [by_time.get(at) for at in times]
    options = base(quantity, light=light)
    options["xAxis"] |= {"type": "category", "data": [at.astimezone(CHINA).strftime(form) for at in times]}
    options["yAxis"] |= {"type": "value", "scale": True}
    options["aria"] = {"enabled": True}
    line = {"type": "line", "symbol": "none" if len(found) > 1 else "circle", "connectNulls": False}
    shown = (("max", "#ef9a9a", "dashed"), ("avg", "#42a5f5", "solid"), ("min", "#80cbc4", "dotted"))
    options["series"] = [
        line
        | {
            "name": words(f"device.{name}"),
            "data": [None if one is None else round(getattr(one, name), DECIMALS) for one in rows],
            "lineStyle": {"type": style, "width": 2 if name == "avg" else 1},
            "itemStyle": {"color": colour},
        }
        for name, colour, style in shown
    ]
    return options
