"""The page where a camera is told which façade it sees: landmarks clicked, floors and windows named."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
from nicegui import events, ui

from api.access import still_here
from api.console.devices_page import CAMERAS, show_sub_pages
from api.console.devices_page import PATH as DEVICES
from api.console.frame import Frame, Visitor
from api.console.view_draft import GRID_FIELDS, WHOLE_NUMBERS, Draft, Mark, number, overlay_svg
from api.local_time import local_time
from api.office import Office
from api.texts import Words
from gridwatch.errors import EvidenceError, NotAllowed, NotFound, StoreUnavailable, UnreadableMedia
from gridwatch.facade import CalibrationError, Corner, FacadeView, Landmark
from gridwatch.media import encode_jpeg, read_picture
from gridwatch.model import Pixels
from gridwatch.store.devices import get_device
from gridwatch.store.facades import LastPicture, last_picture, set_view, view_changes
from gridwatch.store.history import note_view

PATH = "/cameras/view"

LARGEST_SHOWN = 1920
"""Longer side of the picture as it is sent to the browser; clicks are as exact as the screen anyway."""

LARGEST_UPLOAD = 7 * 2**20
"""Bytes: below what one request may bring."""


def path_of(device: str) -> str:
    """Return the address of a camera's page."""
    return f"{PATH}?device={quote(device)}"


async def show_view(visitor: Visitor, words: Words, device: str) -> None:
    """Build the page of one camera."""
    Frame(visitor, words, here=DEVICES, back=path_of(device))
    show_sub_pages(visitor, words, here=CAMERAS)
    page = ViewPage(visitor.office, visitor.token, words, device)
    await page.load()


class ViewPage:
    """What one browser window shows."""

    def __init__(self, office: Office, token: str, words: Words, device: str) -> None:
        self._office, self._token, self._words, self._device = office, token, words, device
        self._draft = Draft()
        self._view: FacadeView | None = None
        self._scale = 1.0
        self._is_shown = False
        self._inputs: dict[str, ui.number] = {}
        self._rows: list[int] = []
        self._build()

    def _build(self) -> None:
        words = self._words
        with ui.element("main").classes("gw-view"):
            with ui.element("section").classes("gw-view-picture"):
                self._empty = ui.label(words("view.no_picture")).classes("gw-empty")
                self._image = ui.interactive_image(
                    on_mouse=self._click, events=["click"], cross="#ffd54f", sanitize=False
                )
                self._image.set_visibility(False)
            with ui.element("aside").classes("gw-view-side"):
                self._name = ui.label(self._device).classes("gw-here")
                self._build_tools()
                self._build_grid()
                self._marks = ui.element("div").classes("gw-marks")
                self._result = ui.label().classes("gw-result").props('role="status"')
                with ui.element("div").classes("gw-bar"):
                    self._save = ui.button(words("view.save"), icon="done", color=None, on_click=self._keep)
                    self._save.props("unelevated dense no-caps").classes("gw-acknowledge")
                    self._forget = ui.button(words("view.delete"), color=None, on_click=self._delete)
                    self._forget.props("flat dense no-caps").classes("gw-link")
                self._by = ui.label().classes("gw-facts")

    def _build_tools(self) -> None:
        words = self._words
        upload = ui.upload(
            auto_upload=True,
            max_file_size=LARGEST_UPLOAD,
            on_upload=self._uploaded,
            on_rejected=lambda: ui.notify(words("view.too_large"), type="warning"),
        )
        upload.props('accept="image/jpeg,image/png"').classes("gw-upload")
        with ui.element("div").classes("gw-bar"):
            button = ui.button(words("view.upload"), icon="upload", color=None)
            button.on_click(lambda: upload.run_method("pickFiles"))
            last = ui.button(words("view.last"), icon="photo_camera", color=None, on_click=self._show_last)
            for one in (button, last):
                one.props("unelevated dense no-caps").classes("gw-resolve")
            zoom = (
                ui.slider(min=100, max=400, value=100)
                .classes("gw-zoom")
                .props(f'label="{words("view.zoom")}"')
            )
            zoom.on_value_change(lambda: self._image.style(f"width: {zoom.value}%"))
        modes = {mode: words(f"view.mode.{mode}") for mode in ("landmark", "polygon", "mask")}
        with ui.element("div").classes("gw-bar"):
            self._mode = ui.toggle(modes, value="landmark").props("unelevated dense no-caps")
            self._mode.classes("gw-filter")
            undo = ui.button(words("view.undo"), icon="undo", color=None, on_click=self._undo)
            undo.props("flat dense no-caps").classes("gw-link")
            more = ui.button(words("view.next_mask"), color=None, on_click=self._next_mask)
            more.props("flat dense no-caps").classes("gw-link").bind_visibility_from(
                self._mode, "value", value="mask"
            )

    def _build_grid(self) -> None:
        with ui.element("div").classes("gw-grid"):
            for name in (*GRID_FIELDS, "fov_deg"):
                step = 1 if name in WHOLE_NUMBERS else 0.1
                field = ui.number(self._words(f"view.{name}"), step=step, on_change=self._numbers)
                self._inputs[name] = field.props("dense outlined").classes(f"gw-{name}")

    async def load(self) -> None:
        """Show what is known of the camera."""
        try:
            known = await get_device(self._office.store, self._device)
            changes = await view_changes(self._office.store, self._device)
            last = await last_picture(self._office.store, self._device)
        except (NotFound, StoreUnavailable) as error:
            self._result.set_text(
                self._words("failed") if isinstance(error, StoreUnavailable) else str(error)
            )
            self._save.disable()
            return
        self._name.set_text(known.device.name or self._device)
        if known.view is not None:
            self._draft.take(known.view)
        if changes:
            when = local_time(changes[0].changed_at, now=datetime.now(UTC))
            self._by.set_text(self._words("view.by", name=changes[0].actor, time=when))
        self._forget.set_visibility(known.view is not None)
        self._show_numbers()
        self._work_out()
        if last is not None and last.masked and not self._is_shown:
            await self._show_kept(last)

    def _show_numbers(self) -> None:
        said: dict[str, float | None] = {**self._draft.grid, "fov_deg": self._draft.fov_deg}
        for name, field in self._inputs.items():
            field.set_value(said[name])

    def _numbers(self) -> None:
        given = {name: number(field.value) for name, field in self._inputs.items()}
        self._draft.fov_deg = given.pop("fov_deg", None)
        for name, value in given.items():
            if value is not None:
                self._draft.grid[name] = int(value) if name in WHOLE_NUMBERS else value
        self._work_out()

    def _click(self, event: events.MouseEventArguments) -> None:
        x, y = event.image_x / self._scale, event.image_y / self._scale
        match self._mode.value:
            case "polygon":
                self._draft.polygon.append((x, y))
            case "mask":
                if not self._draft.masks:
                    self._draft.masks.append([])
                self._draft.masks[-1].append((x, y))
            case _:
                self._draft.add_mark(x, y)
        self._work_out()

    def _undo(self) -> None:
        """Take back the last click of this kind."""
        draft = self._draft
        points: list[Any] = draft.polygon if self._mode.value == "polygon" else draft.marks
        if self._mode.value == "mask":
            points = draft.masks[-1] if draft.masks else []
        if points:
            points.pop()
        if draft.masks and not draft.masks[-1]:
            draft.masks.pop()
        self._work_out()

    def _next_mask(self) -> None:
        if self._draft.masks and self._draft.masks[-1]:
            self._draft.masks.append([])

    def _work_out(self) -> None:
        """Show what the draft makes, or why it makes nothing."""
        words = self._words
        try:
            self._view = self._draft.view() if self._draft.size_wh != (0, 0) else None
            said = self._said()
        except CalibrationError as error:
            self._view, said = None, words(f"calibration.{error.reason}", **error.values)
        except (ValueError, TypeError) as error:
            self._view, said = None, str(error)
        self._result.set_text(said)
        self._result.classes(remove="gw-failed") if self._view else self._result.classes(add="gw-failed")
        self._save.set_enabled(self._view is not None)
        self._image.set_content(overlay_svg(self._draft, self._view, self._scale))
        self._show_marks()

    def _said(self) -> str:
        made = self._view.calibration if self._view else None
        if made is None:
            return self._words("view.uncalibrated")
        key = "view.residual" if len(made.landmarks) > 4 else "view.residual_of_four"
        return self._words(
            key,
            px=made.residual_px,
            m=made.residual_m,
            error=made.error_m,
            away=made.camera_away_m,
            height=made.camera_z_m,
        )

    def _show_marks(self) -> None:
        """Show a row for each landmark; those that a file named by metres can only be taken away."""
        measured, marks = self._draft.by_metres, self._draft.marks
        rows = [*map(id, measured), *map(id, marks)]
        if rows == self._rows:
            # Built anew, the field that somebody types into would lose its focus.
            return
        self._rows = rows
        self._marks.clear()
        with self._marks:
            for place, one in enumerate(measured, 1):
                self._show_measured(place, one)
            for place, mark in enumerate(marks, 1 + len(measured)):
                self._show_mark(place, mark)

    def _show_measured(self, place: int, mark: Landmark) -> None:
        with ui.element("div").classes("gw-mark-row"):
            ui.label(str(place))
            ui.label(f"x {mark.x_m} m")
            ui.label(f"z {mark.z_m} m")
            ui.label()
            drop = ui.button(icon="close", color=None).props("flat dense round")
        drop.on_click(lambda: self._drop(self._draft.by_metres, mark))

    def _show_mark(self, place: int, mark: Mark) -> None:
        corners = {corner: self._words(f"view.corner.{corner}") for corner in Corner}
        with ui.element("div").classes("gw-mark-row"):
            ui.label(str(place))
            floor = ui.number(self._words("view.floor"), value=mark.floor, step=1)
            window = ui.number(self._words("view.window"), value=mark.window, step=1, min=1)
            corner = ui.select(corners, value=mark.corner)
            for one in (floor, window, corner):
                one.props("dense outlined options-dense")
            drop = ui.button(icon="close", color=None).props("flat dense round")
        drop.on_click(lambda: self._drop(self._draft.marks, mark))
        floor.on_value_change(lambda event: self._name_mark(mark, "floor", event.value))
        window.on_value_change(lambda event: self._name_mark(mark, "window", event.value))
        corner.on_value_change(lambda event: self._name_mark(mark, "corner", event.value))

    def _name_mark(self, mark: Mark, name: str, value: Any) -> None:
        if value is None:
            return
        setattr(mark, name, Corner(value) if name == "corner" else int(value))
        self._work_out()

    def _drop(self, among: list[Any], mark: Mark | Landmark) -> None:
        among.remove(mark)
        self._work_out()

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        await self._show(await event.file.read())

    async def _show_last(self) -> None:
        """Show the newest picture of this camera that is kept; a look at an unmasked one is written down."""
        person = await still_here(self._office, self._token, "PUT", "/api/v1/devices/{device}/view")
        if person is None:
            ui.navigate.to("/login")
            return
        try:
            last = await last_picture(self._office.store, self._device)
            if last is not None and not last.masked:
                await note_view(self._office.store, last.event, last.position, person.username)
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
            return
        if last is None:
            ui.notify(self._words("view.no_last"), type="warning")
        else:
            await self._show_kept(last)

    async def _show_kept(self, last: LastPicture) -> None:
        try:
            path = self._office.evidence.path_of(last.sha256, last.media_type)
            content = await asyncio.to_thread(path.read_bytes)
        except (OSError, EvidenceError):
            ui.notify(self._words("evidence_gone"), type="warning")
            return
        await self._show(content)

    async def _show(self, content: bytes) -> None:
        try:
            pixels = await asyncio.to_thread(read_picture, content)
        except UnreadableMedia as error:
            ui.notify(str(error), type="warning")
            return
        self._fit(pixels)
        shown = await asyncio.to_thread(_shown, pixels)
        self._image.set_source(shown)
        self._is_shown = True
        self._image.set_visibility(True)
        self._empty.set_visibility(False)
        self._work_out()

    def _fit(self, pixels: Pixels) -> None:
        """Carry what is drawn over to a picture of this size; begin anew where it shows another crop."""
        size_wh = (int(pixels.shape[1]), int(pixels.shape[0]))
        self._scale = min(1.0, LARGEST_SHOWN / max(size_wh))
        if self._draft.size_wh in ((0, 0), size_wh):
            self._draft.size_wh = size_wh
            return
        fitted = self._view.fitted(size_wh) if self._view else None
        if fitted is not None:
            self._draft.take(fitted)
            return
        ui.notify(self._words("view.other_size"), type="warning")
        grid, fov_deg = self._draft.grid, self._draft.fov_deg
        self._draft = Draft(size_wh=size_wh, grid=grid, fov_deg=fov_deg)

    async def _keep(self) -> None:
        if self._view is not None:
            await self._change(self._view, "view.saved")

    async def _delete(self) -> None:
        await self._change(None, "view.deleted")

    async def _change(self, view: FacadeView | None, said: str) -> None:
        person = await still_here(self._office, self._token, "PUT", "/api/v1/devices/{device}/view")
        if person is None:
            ui.navigate.to("/login")
            return
        try:
            await set_view(self._office.store, self._device, view, by=person.username)
        except (NotAllowed, NotFound) as error:
            ui.notify(str(error), type="warning")
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")
        else:
            ui.notify(self._words(said), type="positive")
            if view is None:
                self._draft = Draft(size_wh=self._draft.size_wh)
            await self.load()


def _shown(pixels: Pixels) -> str:
    """Return a picture as the browser takes it within a message."""
    scale = min(1.0, LARGEST_SHOWN / max(pixels.shape))
    if scale < 1:
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(small, dtype=np.uint8)
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(pixels)).decode()
