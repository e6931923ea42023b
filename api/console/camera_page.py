"""What the pages of cameras share: a picture that is clicked on, and what that makes, kept or taken away."""

import asyncio
import base64
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from urllib.parse import quote

import cv2
import numpy as np
from nicegui import events, ui

from api.access import still_here
from api.console.outlines import Outlines
from api.local_time import local_time
from api.office import Office
from api.texts import Words
from gridwatch.errors import EvidenceError, NotAllowed, NotFound, StoreUnavailable, UnreadableMedia
from gridwatch.facade import CalibrationError, FacadeView
from gridwatch.media import encode_jpeg, read_picture
from gridwatch.model import Pixels
from gridwatch.picture_format import read_preset
from gridwatch.store.devices import KnownDevice, get_device
from gridwatch.store.facades import LastPicture, last_picture, set_view, view_changes
from gridwatch.store.history import note_view

PATH = "/cameras/view"
WRITING = ("PUT", "/api/v1/devices/{device}/view")

CALIBRATED = frozenset({"fire", "throwing"})
"""Scenes whose detectors go by what is said of a camera's view; a lift's learns its door by itself."""

LARGEST_SHOWN = 1920
"""Longer side of the picture as it is sent to the browser; clicks are as exact as the screen anyway."""

LARGEST_UPLOAD = 7 * 2**20
"""Bytes: below what one request may bring."""


def path_of(device: str) -> str:
    """Return the address of a camera's page."""
    return f"{PATH}?device={quote(device)}"


class CameraPage(ABC):
    """What one browser window shows of one camera."""

    modes: tuple[str, ...]
    """What a click can mean, the first at once."""

    def __init__(self, office: Office, token: str, words: Words, known: KnownDevice) -> None:
        self._office, self._token, self._words = office, token, words
        self._device = known.device.id
        self._view: FacadeView | None = None
        self._scale = 1.0
        self._is_shown = False
        self._build(known.device.name or known.device.id)

    @property
    @abstractmethod
    def size_wh(self) -> tuple[int, int]:
        """Return the size of the pictures that is drawn on; 0, 0 before the first."""

    @property
    @abstractmethod
    def outlines(self) -> Outlines:
        """Return what is drawn at now."""

    @abstractmethod
    def build_fields(self) -> None:
        """Add what this page has beside the picture."""

    @abstractmethod
    def take(self, view: FacadeView | None) -> None:
        """Go on from what is known, or from nothing."""

    @abstractmethod
    def make(self) -> FacadeView:
        """Return what the page makes; raises CalibrationError, or ValueError that names the field."""

    @abstractmethod
    def say(self, view: FacadeView) -> str:
        """Return what that is, in words."""

    @abstractmethod
    def overlay(self, view: FacadeView | None, scale: float) -> str:
        """Return it as SVG over a picture that is `scale` times as large as the camera's."""

    @abstractmethod
    def begin_with(self, size_wh: tuple[int, int]) -> None:
        """Begin anew on pictures of another size."""

    @abstractmethod
    def look_at(self, preset: str) -> None:
        """Take in which of its directions a picture names."""

    def _build(self, name: str) -> None:
        words = self._words
        with ui.element("main").classes("gw-view"):
            with ui.element("section").classes("gw-view-picture"):
                self._empty = ui.label(words("view.no_picture")).classes("gw-empty")
                self._image = ui.interactive_image(
                    on_mouse=self._clicked, events=["click"], cross="#ffd54f", sanitize=False
                )
                self._image.set_visibility(False)
            with ui.element("aside").classes("gw-view-side"):
                ui.label(name).classes("gw-here")
                self._build_tools()
                self.build_fields()
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
                one.props("unelevated dense no-caps").classes("gw-plain-button")
            zoom = (
                ui.slider(min=100, max=400, value=100)
                .classes("gw-zoom")
                .props(f'label="{words("view.zoom")}"')
            )
            zoom.on_value_change(lambda: self._image.style(f"width: {zoom.value}%"))
        modes = {mode: words(f"view.mode.{mode}") for mode in self.modes}
        with ui.element("div").classes("gw-bar"):
            self._mode = ui.toggle(modes, value=self.modes[0]).props("unelevated dense no-caps")
            self._mode.classes("gw-filter")
            undo = ui.button(words("view.undo"), icon="undo", color=None, on_click=self._undo)
            undo.props("flat dense no-caps").classes("gw-link")
            more = ui.button(words("view.next_mask"), color=None, on_click=self._next_mask)
            more.props("flat dense no-caps").classes("gw-link").bind_visibility_from(
                self._mode, "value", value="mask"
            )

    async def load(self, known: KnownDevice) -> None:
        """Show what is known of the camera; raises StoreUnavailable."""
        changes = await view_changes(self._office.store, self._device)
        last = await last_picture(self._office.store, self._device)
        self.take(known.view)
        if changes:
            when = local_time(changes[0].changed_at, now=datetime.now(UTC))
            self._by.set_text(self._words("view.by", name=changes[0].actor, time=when))
        self._forget.set_visibility(known.view is not None)
        self.work_out()
        if last is not None and last.masked and not self._is_shown:
            await self._show_kept(last)

    def work_out(self) -> None:
        """Show what the page makes, or why it makes nothing."""
        words = self._words
        self._view = None
        try:
            if self.size_wh == (0, 0):
                said = words("view.no_picture")
            elif self.outlines.is_unfinished:
                said = words("view.unfinished")
            else:
                self._view = self.make()
                said = self.say(self._view)
        except CalibrationError as error:
            said = words(f"calibration.{error.reason}", **error.values)
        except (ValueError, TypeError) as error:
            said = str(error)
        self._result.set_text(said)
        self._result.classes(remove="gw-failed") if self._view else self._result.classes(add="gw-failed")
        self._save.set_enabled(self._view is not None)
        self._image.set_content(self.overlay(self._view, self._scale))

    def _clicked(self, event: events.MouseEventArguments) -> None:
        x, y = event.image_x / self._scale, event.image_y / self._scale
        self.outlines.click(self._mode.value, x, y)
        self.work_out()

    def _undo(self) -> None:
        self.outlines.undo(self._mode.value)
        self.work_out()

    def _next_mask(self) -> None:
        self.outlines.next_mask()

    async def _uploaded(self, event: events.UploadEventArguments) -> None:
        await self._show_picture(await event.file.read())

    async def _show_last(self) -> None:
        """Show the newest picture of this camera that is kept; a look at an unmasked one is written down."""
        person = await still_here(self._office, self._token, *WRITING)
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
        await self._show_picture(content)

    async def _show_picture(self, content: bytes) -> None:
        try:
            preset = read_preset(content)
            pixels = await asyncio.to_thread(read_picture, content)
        except UnreadableMedia as error:
            ui.notify(str(error), type="warning")
            return
        self._fit(pixels)
        self.look_at(preset)
        shown = await asyncio.to_thread(_shown, pixels)
        self._image.set_source(shown)
        self._is_shown = True
        self._image.set_visibility(True)
        self._empty.set_visibility(False)
        self.work_out()

    def _fit(self, pixels: Pixels) -> None:
        """Carry what is drawn over to a picture of this size; begin anew where it shows another crop."""
        size_wh = (int(pixels.shape[1]), int(pixels.shape[0]))
        self._scale = min(1.0, LARGEST_SHOWN / max(size_wh))
        if self.size_wh == size_wh:
            return
        fitted = self._view.fitted(size_wh) if self._view else None
        if fitted is not None:
            self.take(fitted)
            return
        if self.size_wh != (0, 0):
            ui.notify(self._words("view.other_size"), type="warning")
        self.begin_with(size_wh)

    async def _keep(self) -> None:
        if self._view is not None:
            await self._change(self._view, "view.saved")

    async def _delete(self) -> None:
        await self._change(None, "view.deleted")

    async def _change(self, view: FacadeView | None, said: str) -> None:
        person = await still_here(self._office, self._token, *WRITING)
        if person is None:
            ui.navigate.to("/login")
            return
        store = self._office.store
        try:
            await set_view(store, self._device, view, by=person.username)
            ui.notify(self._words(said), type="positive")
            await self.load(await get_device(store, self._device))
        except (NotAllowed, NotFound) as error:
            ui.notify(str(error), type="warning")
        except StoreUnavailable:
            ui.notify(self._words("failed"), type="negative")


def _shown(pixels: Pixels) -> str:
    """Return a picture as the browser takes it within a message."""
    scale = min(1.0, LARGEST_SHOWN / max(pixels.shape))
    if scale < 1:
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(small, dtype=np.uint8)
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(pixels)).decode()
