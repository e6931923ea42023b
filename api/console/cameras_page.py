"""The page of cameras: how far those for fire see now, and how well those of façades are calibrated."""

from datetime import UTC, datetime

from nicegui import ui

from api.console.camera_page import CALIBRATED, path_of
from api.console.devices_page import CAMERAS as PATH
from api.console.devices_page import PATH as DEVICES
from api.console.devices_page import path_of as page_of
from api.console.devices_page import show_sub_pages
from api.console.direction_page import DirectionPage
from api.console.frame import Frame, Visitor
from api.console.view_page import ViewPage
from api.local_time import local_time
from api.texts import Words
from gridwatch.errors import NotFound, StoreUnavailable
from gridwatch.facade import FacadeView
from gridwatch.model import DeviceKind
from gridwatch.store.devices import Wanted, get_device, list_devices
from gridwatch.store.sights import CameraSight, sights

SCENE, FIRE = "throwing", "fire"


async def show_cameras(visitor: Visitor, words: Words) -> None:
    """Build the page."""
    Frame(visitor, words, here=DEVICES, back=PATH)
    show_sub_pages(visitor, words, here=PATH)
    office = visitor.office
    try:
        cameras = await list_devices(office.store, Wanted(scene=SCENE, kind=DeviceKind.CAMERA))
        for_fire = await sights(office.store)
    except StoreUnavailable:
        ui.label(words("failed")).classes("gw-banner").props('role="alert"')
        return
    if not cameras and not for_fire:
        ui.label(words("view.no_cameras")).classes("gw-empty")
    with ui.element("main").classes("gw-knocks"):
        if for_fire:
            ui.label(words("fire_cameras")).classes("gw-label")
        for camera in for_fire:
            with ui.element("article").classes("gw-knock"):
                with ui.element("div").classes("gw-text"):
                    ui.label(camera.name or camera.device).classes("gw-label")
                    ui.label(f"{camera.device} · {_sight(camera, words)}").classes("gw-facts")
                ui.link(words("view.open"), path_of(camera.device)).classes("gw-anchor")
        if cameras and for_fire:
            ui.label(words("facade_cameras")).classes("gw-label")
        for known in cameras:
            with ui.element("article").classes("gw-knock"):
                with ui.element("div").classes("gw-text"):
                    ui.label(known.device.name or known.device.id).classes("gw-label")
                    ui.label(f"{known.device.id} · {_state(known.view, words)}").classes("gw-facts")
                ui.link(words("view.open"), path_of(known.device.id)).classes("gw-anchor")


async def show_camera(visitor: Visitor, words: Words, device: str) -> None:
    """Build the page of one camera: what it has to be told depends on what it looks for."""
    Frame(visitor, words, here=DEVICES, back=path_of(device))
    show_sub_pages(visitor, words, here=PATH)
    try:
        known = await get_device(visitor.office.store, device)
        if known.device.scene not in CALIBRATED:
            ui.label(words("view.needless")).classes("gw-empty")
            ui.link(known.device.name or device, page_of(device)).classes("gw-anchor gw-alone")
            return
        page = DirectionPage if known.device.scene == FIRE else ViewPage
        await page(visitor.office, visitor.token, words, known).load(known)
    except (NotFound, StoreUnavailable) as error:
        said = words("failed") if isinstance(error, StoreUnavailable) else str(error)
        ui.label(said).classes("gw-banner").props('role="alert"')


def _sight(camera: CameraSight, words: Words) -> str:
    said = words(f"sight.{camera.label}")
    if not camera.has_view:
        said += f" · {words('view.state.none')}"
    if camera.is_clear or camera.since is None:
        return said
    since = words("sight.since", time=local_time(camera.since, now=datetime.now(UTC)))
    return f"{said} · {since}"


def _state(view: FacadeView | None, words: Words) -> str:
    if view is None:
        return words("view.state.none")
    if view.calibration is None:
        return words("view.state.drawn")
    return words("view.state.calibrated", m=view.calibration.residual_m)
