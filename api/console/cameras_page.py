"""The page of the cameras that watch façades: which are calibrated, and how well."""

from nicegui import ui

from api.console.sign_in_page import language_link
from api.console.view_page import path_of
from api.office import Office
from api.texts import Words
from gridwatch.errors import StoreUnavailable
from gridwatch.facade import FacadeView
from gridwatch.model import DeviceKind
from gridwatch.store.devices import Wanted, list_devices

PATH = "/cameras"
SCENE = "throwing"


async def show_cameras(office: Office, words: Words) -> None:
    """Build the page."""
    ui.query("body").classes("gw-body")
    ui.run_javascript(f"document.documentElement.lang = {words.language!r}")
    with ui.element("header").classes("gw-header"):
        ui.label(words("product")).classes("gw-product")
        ui.link(words("alerts"), "/").classes("gw-link")
        ui.label(words("cameras")).classes("gw-here")
        ui.space()
        language_link(words, back=PATH)
    try:
        cameras = await list_devices(office.store, Wanted(scene=SCENE, kind=DeviceKind.CAMERA))
    except StoreUnavailable:
        ui.label(words("failed")).classes("gw-banner").props('role="alert"')
        return
    if not cameras:
        ui.label(words("view.no_cameras")).classes("gw-empty")
    with ui.element("main").classes("gw-knocks"):
        for known in cameras:
            with ui.element("article").classes("gw-knock"):
                with ui.element("div").classes("gw-text"):
                    ui.label(known.device.name or known.device.id).classes("gw-label")
                    ui.label(f"{known.device.id} · {_state(known.view, words)}").classes("gw-facts")
                ui.link(words("view.open"), path_of(known.device.id)).classes("gw-link")


def _state(view: FacadeView | None, words: Words) -> str:
    if view is None:
        return words("view.state.none")
    if view.calibration is None:
        return words("view.state.drawn")
    return words("view.state.calibrated", m=view.calibration.residual_m)
