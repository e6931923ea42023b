"""The page of one device: what it measures, with a chart over any time, its picture, lift and credentials."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from nicegui import ui

from api.access import LIFT, still_here
from api.console.camera_page import CALIBRATED
from api.console.camera_page import path_of as calibration_of
from api.console.criteria import quantity_name
from api.console.device_chart import DeviceChart
from api.console.devices_page import PATH as DEVICES
from api.console.devices_page import path_of, seen
from api.console.frame import Frame, Visitor
from api.console.tables import table_html
from api.local_time import CHINA
from api.places import Places
from api.texts import Words
from gridwatch.errors import NotAllowed, NotFound, StoreUnavailable
from gridwatch.lifts import Reason, in_words
from gridwatch.model import PASSING_STATES, DeviceKind, DeviceState
from gridwatch.registration.state import check_end
from gridwatch.store.connection import Row
from gridwatch.store.credentials import list_credentials, revoke_credentials, rotate_secret
from gridwatch.store.devices import KnownDevice, get_device, set_state
from gridwatch.store.health import device_channels, newest_picture
from gridwatch.store.lifts import Lift, cameras_of, get_lift, release

DEVICE_ROUTE = "/api/v1/devices/{device}"
CREDENTIALS = f"{DEVICE_ROUTE}/credentials"

LIFT_LOOK_S = 2.0

BATTERY = "battery_pct"
"""Nobody opens a device's page for this first."""


async def show_device(visitor: Visitor, words: Words, device: str) -> None:
    """Build the page of one device."""
    Frame(visitor, words, here=DEVICES, back=path_of(device))
    with ui.element("div").classes("gw-page"):
        try:
            known = await get_device(visitor.office.store, device)
        except (NotFound, StoreUnavailable) as error:
            missing = isinstance(error, NotFound)
            ui.label(words("device.unknown" if missing else "failed")).classes("gw-empty")
            return
        page = DevicePage(visitor, words, known)
        await page.build()


class DevicePage:
    """What one browser window shows."""

    def __init__(self, visitor: Visitor, words: Words, known: KnownDevice) -> None:
        self._visitor, self._words, self._known = visitor, words, known
        self._device = known.device
        self._store = visitor.office.store

    async def build(self) -> None:
        """Show all that there is of the device."""
        device, words = self._device, self._words
        with ui.element("div").classes("gw-actions-bar"):
            ui.link(words("devices"), DEVICES).classes("gw-anchor")
            ui.html(f"<h1>{escape(device.name or device.id)}</h1>", sanitize=False)
            facts = (device.id, words(f"kind.{device.kind}"), words.scene(device.scene), device.model or "")
            area = Places((await self._visitor.office.tree.get()).areas).name(device.area)
            ui.label(" · ".join(filter(None, (*facts, area, device.address)))).classes("gw-facts")
        with ui.element("div").classes("gw-two"):
            with ui.element("div").classes("gw-side"):
                await self._lift()
                if device.kind is DeviceKind.CAMERA:
                    await self._camera()
                await self._channels()
            with ui.element("div").classes("gw-side"):
                self._state()
                await self._credentials()

    async def _channels(self) -> None:
        words = self._words
        rows = await device_channels(self._store, self._device.id)
        if not rows and self._device.kind is not DeviceKind.SENSOR:
            return
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('device.channels'))}</h2>", sanitize=False)
            if not rows:
                ui.label(words("device.no_channels")).classes("gw-facts")
                return
            cells = [
                [
                    quantity_name(row["quantity"], words),
                    "" if row["value"] is None else f"{row['value']:g}",
                    seen(row["seen_at"], words),
                    "—" if row["interval_s"] is None else words("device.every", s=row["interval_s"]),
                    _channel_state(row, words),
                ]
                for row in rows
            ]
            heads = [words(f"device.{name}") for name in ("quantity", "value", "seen", "interval", "health")]
            ui.html(table_html(heads, cells, caption=words("device.channels")), sanitize=False)
        with ui.element("section").classes("gw-panel"):
            heard = sorted(rows, key=lambda row: (row["seen_at"] is None, row["quantity"] == BATTERY))
            chart = DeviceChart(
                self._visitor, self._words, self._device.id, [row["quantity"] for row in heard]
            )
            await chart.draw()

    async def _camera(self) -> None:
        words, device = self._words, self._device
        picture = await newest_picture(self._store, device.id)
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('device.picture'))}</h2>", sanitize=False)
            if picture is None:
                ui.label(words("device.no_picture")).classes("gw-facts")
            else:
                url = f"/api/v1/events/{picture['event']}/evidence"
                name = f"{words.label(picture['label'])} · {seen(picture['observed_at'], words)}"
                shown = f"{url}?position={picture['position']}"
                ui.html(
                    f'<img class="gw-last" src="{escape(shown)}" alt="{escape(name)}">'
                    f'<p class="gw-facts">{escape(name)}</p>',
                    sanitize=False,
                )
                ui.label(words("device.masked")).classes("gw-facts")
                if picture["has_original"]:
                    ui.link(words("device.original"), f"{url}?original=true", new_tab=True).classes(
                        "gw-anchor"
                    )
            with ui.element("div").classes("gw-actions-bar"):
                if self._visitor.may("PUT", f"{DEVICE_ROUTE}/view") and device.scene in CALIBRATED:
                    ui.link(words("device.calibrate"), calibration_of(device.id)).classes("gw-anchor")
                if device.lift is not None:
                    ui.link(words("device.to_lift"), path_of(device.lift)).classes("gw-anchor")

    async def _lift(self) -> None:
        # A camera that names its lift only looks into it; a link leads there.
        if self._device.lift is not None or not await cameras_of(self._store, self._device.id):
            return
        words = self._words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('lift'))}</h2>", sanitize=False)
            self._lift_state = ui.label().props('role="status"')
            self._lift_facts = ui.label().classes("gw-facts")
            if self._visitor.may("POST", f"{LIFT}/release"):
                reasons = {reason: words(f"lift.reason.{reason}") for reason in Reason}
                reason = ui.select(reasons, label=words("lift.reason")).props("dense outlined")
                note = ui.input(words("lift.note")).props("dense outlined")
                button = ui.button(words("lift.release"), icon="lock_open", color=None)
                button.props("unelevated no-caps").classes("gw-primary gw-broad")
                button.on_click(lambda: self._release(reason, note.value or ""))
        await self._look_at_lift()
        ui.timer(LIFT_LOOK_S, self._look_at_lift)

    async def _look_at_lift(self) -> None:
        with suppress(StoreUnavailable, NotFound):
            lift = await get_lift(self._store, self._device.id)
            self._lift_state.set_text(self._words(f"lift.state.{lift.state}"))
            self._lift_facts.set_text(_lift_facts(lift, self._words))

    async def _release(self, reason: ui.select, note: str) -> None:
        words = self._words
        if reason.value is None:
            ui.notify(words("lift.say_why"), type="warning")
            return
        person = await still_here(self._visitor.office, self._visitor.token, "POST", f"{LIFT}/release")
        if person is None:
            ui.navigate.to("/login")
            return
        why = Reason(reason.value)

        async def let_go() -> None:
            lift = await get_lift(self._store, self._device.id)
            said, is_false = in_words(why, note), why is Reason.FALSE_ALARM
            await release(self._store, lift, actor=person.username, reason=said, is_false=is_false)

        if await self._tried(let_go):
            ui.notify(words("lift.released"), type="positive")
            await self._look_at_lift()

    def _state(self) -> None:
        if not self._visitor.may("POST", f"{DEVICE_ROUTE}/state"):
            return
        words, device = self._words, self._device
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('device.state'))}</h2>", sanitize=False)
            now = ui.label(_state_said(device.state, device.state_until, words))
            states = {state: words(f"device_state.{state}") for state in DeviceState}
            states.pop(DeviceState.NEW)
            state = ui.select(states, label=words("device.new_state")).props("dense outlined")
            hours = ui.number(words("device.hours"), min=0, step=1).props("dense outlined")
            hours.bind_visibility_from(state, "value", backward=lambda value: value in PASSING_STATES)
            button = ui.button(words("device.set_state"), color=None)
            button.props("unelevated no-caps").classes("gw-secondary gw-broad")

            async def put() -> None:
                await self._put_state(state.value, hours.value, now)

            button.on_click(put)

    async def _put_state(self, wanted: str | None, hours: float | None, label: ui.label) -> None:
        words = self._words
        if wanted is None:
            ui.notify(words("device.choose_state"), type="warning")
            return
        state, now = DeviceState(wanted), datetime.now(UTC)
        passes = state in PASSING_STATES
        until = now + timedelta(hours=hours) if passes and hours else None
        try:
            check_end(state, until, now=now)
        except (ValueError, OverflowError):
            ui.notify(words("device.wrong_hours"), type="warning")
            return
        route = f"{DEVICE_ROUTE}/state"
        person = await still_here(self._visitor.office, self._visitor.token, "POST", route)
        if person is None:
            ui.navigate.to("/login")
            return
        if await self._tried(
            lambda: set_state(self._store, [self._device.id], state, until=until, by=person.username)
        ):
            label.set_text(_state_said(state, until, words))
            ui.notify(words("device.state_set"), type="positive")

    async def _credentials(self) -> None:
        if not self._visitor.may("GET", CREDENTIALS):
            return
        words = self._words
        with ui.element("section").classes("gw-panel"):
            ui.html(f"<h2>{escape(words('credentials'))}</h2>", sanitize=False)
            self._credential_rows = ui.element("div")
            rotate = ui.button(words("credentials.new"), icon="key", color=None, on_click=self._rotate)
            rotate.props("unelevated no-caps").classes("gw-secondary gw-broad")
        await self._show_credentials()

    async def _show_credentials(self) -> None:
        words = self._words
        found = await list_credentials(self._store, self._device.id)
        self._credential_rows.clear()
        with self._credential_rows:
            if not found:
                ui.label(words("credentials.none")).classes("gw-facts")
            for one in found:
                with ui.element("div").classes("gw-past"):
                    ui.label(one.username)
                    ends = "" if one.ends_at is None else words("credentials.ends", time=_day(one.ends_at))
                    kind = words("credentials.certificate" if one.certificate else "credentials.password")
                    ui.label(" · ".join(filter(None, (kind, ends)))).classes("gw-facts")
                    take = ui.button(words("credentials.revoke"), color=None)
                    take.props(
                        f'flat dense no-caps aria-label="{words("credentials.revoke")} {one.username}"'
                    )
                    take.on_click(lambda username=one.username: self._revoke(username))

    async def _rotate(self) -> None:
        words = self._words
        person = await still_here(self._visitor.office, self._visitor.token, "POST", CREDENTIALS)
        if person is None:
            ui.navigate.to("/login")
            return
        made: list[Any] = []

        async def rotate() -> None:
            made.append(await rotate_secret(self._store, self._device.id, actor=person.username))

        if await self._tried(rotate):
            with ui.dialog() as dialog, ui.card():
                ui.label(words("credentials.once"))
                ui.label(made[0].username).classes("gw-payload")
                ui.label(made[0].secret).classes("gw-payload")
                ui.button(words("close"), on_click=dialog.close).props("flat no-caps")
            dialog.on_value_change(lambda event: None if event.value else dialog.delete())
            dialog.open()
            await self._show_credentials()

    async def _revoke(self, username: str) -> None:
        person = await still_here(self._visitor.office, self._visitor.token, "DELETE", CREDENTIALS)
        if person is None:
            ui.navigate.to("/login")
            return
        if await self._tried(
            lambda: revoke_credentials(self._store, self._device.id, actor=person.username, username=username)
        ):
            ui.notify(self._words("credentials.revoked", name=username), type="positive")
            await self._show_credentials()

    async def _tried(self, work: Callable[[], Awaitable[object]]) -> bool:
        """Do something; say why where it did not work."""
        try:
            await work()
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
        except (NotAllowed, NotFound) as error:
            ui.notify(str(error), type="warning")
        else:
            return True
        return False


def _channel_state(row: Row, words: Words) -> str:
    if row["silent_since"] is not None:
        return words("device.silent", time=seen(row["silent_since"], words))
    return words("health.unheard" if row["seen_at"] is None else "device.ok")


def _lift_facts(lift: Lift, words: Words) -> str:
    word = lift.word if lift.state_is_known else None
    door = words("lift.unknown") if word is None or word.door is None else words(f"lift.door.{word.door}")
    said = [lift.why, door]
    if lift.cool_down_s > 0:
        said.append(words("lift.left_alone", s=lift.cool_down_s))
    return " · ".join(filter(None, said))


def _state_said(state: DeviceState, until: datetime | None, words: Words) -> str:
    said = words(f"device_state.{state}")
    return said if until is None else f"{said} · {words('device.until', time=_day(until))}"


def _day(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
