"""The page where a camera is told which façade it sees: landmarks clicked, floors and windows named."""

from typing import Any

from nicegui import ui

from api.console.camera_page import CameraPage
from api.console.outlines import Outlines
from api.console.view_draft import GRID_FIELDS, WHOLE_NUMBERS, Draft, Mark, number, overlay_svg
from gridwatch.facade import Corner, FacadeView, Landmark


class ViewPage(CameraPage):
    """A façade's."""

    modes = ("landmark", "polygon", "mask")

    @property
    def size_wh(self) -> tuple[int, int]:
        """Return the size of the pictures that is drawn on; 0, 0 before the first."""
        return self._draft.size_wh

    @property
    def outlines(self) -> Outlines:
        """Return what is drawn at now."""
        return self._draft

    def build_fields(self) -> None:
        """Add floors, windows and the landmarks."""
        self._draft = Draft()
        self._inputs: dict[str, ui.number] = {}
        self._rows: list[int] = []
        with ui.element("div").classes("gw-grid"):
            for name in (*GRID_FIELDS, "fov_deg"):
                # Shown in centimetres, and kept as exactly as it was stated.
                step, shown = (1, "%d") if name in WHOLE_NUMBERS else (0.1, "%.2f")
                field = ui.number(
                    self._words(f"view.{name}"), step=step, format=shown, on_change=self._numbers
                )
                self._inputs[name] = field.props("dense outlined").classes(f"gw-{name}")
        self._marks = ui.element("div").classes("gw-marks")

    def take(self, view: FacadeView | None) -> None:
        """Go on from what is known, or from nothing."""
        if view is None:
            self._draft = Draft(size_wh=self._draft.size_wh)
        else:
            self._draft.take(view)
        self._show_numbers()

    def make(self) -> FacadeView:
        """Return the view; raises CalibrationError, or ValueError that names the field."""
        return self._draft.view()

    def overlay(self, view: FacadeView | None, scale: float) -> str:
        """Return landmarks, outlines and windows as SVG."""
        self._show_marks()
        return overlay_svg(self._draft, view, scale)

    def begin_with(self, size_wh: tuple[int, int]) -> None:
        """Begin anew on pictures of another size: floors and windows stay."""
        if self._draft.size_wh == (0, 0):
            self._draft.size_wh = size_wh
        else:
            self._draft = Draft(size_wh=size_wh, grid=self._draft.grid, fov_deg=self._draft.fov_deg)

    def look_at(self, preset: str) -> None:
        """A camera that looks at a façade does not turn."""

    def say(self, view: FacadeView) -> str:
        """Return how well it is calibrated."""
        made = view.calibration
        if made is None:
            return self._words("view.uncalibrated")
        if not made.landmarks:
            return self._words("view.without_landmarks")
        key = "view.residual" if len(made.landmarks) > 4 else "view.residual_of_four"
        return self._words(
            key,
            px=made.residual_px,
            m=made.residual_m,
            error=made.error_m,
            away=made.camera_away_m,
            height=made.camera_z_m,
        )

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
        self.work_out()

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
        self.work_out()

    def _drop(self, among: list[Any], mark: Mark | Landmark) -> None:
        among.remove(mark)
        self.work_out()
