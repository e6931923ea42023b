"""The page where a camera for fire is told where it looks: bearing, field of view, outline of each preset."""

from nicegui import events, ui

from api.console.camera_page import CameraPage
from api.console.direction_draft import ONLY, Directions, edges_deg, overlay_svg
from api.console.outlines import Outlines
from api.console.view_draft import number
from gridwatch.facade import FacadeView

FIELDS = ("azimuth_deg", "horizontal_fov_deg")


class DirectionPage(CameraPage):
    """A ridge's."""

    modes = ("polygon", "mask")

    @property
    def size_wh(self) -> tuple[int, int]:
        """Return the size of the pictures that is drawn on; 0, 0 before the first."""
        return self._draft.size_wh

    @property
    def outlines(self) -> Outlines:
        """Return what is drawn at now."""
        return self._draft.now

    def build_fields(self) -> None:
        """Add the directions, and the numbers of the one that is shown."""
        self._draft = Directions()
        words = self._words
        self._known = ui.select([], label=words("direction.known"), on_change=self._choose)
        self._known.props("dense outlined options-dense")
        with ui.element("div").classes("gw-bar"):
            self._new = (
                ui.input(words("direction.new")).props("dense outlined maxlength=64").classes("gw-wide")
            )
            add = ui.button(words("direction.add"), color=None, on_click=self._add)
            self._drop = ui.button(words("direction.drop"), color=None, on_click=self._take_away)
            for one in (add, self._drop):
                one.props("unelevated dense no-caps").classes("gw-plain-button")
        self._inputs = {name: self._field(name) for name in FIELDS}
        ui.label(words("direction.hint")).classes("gw-quiet")

    def take(self, view: FacadeView | None) -> None:
        """Go on from what is known, or from nothing."""
        size_wh = self._draft.size_wh
        self._draft = Directions(size_wh=size_wh) if view is None else Directions.of(view, self._draft.chosen)
        self._show()

    def make(self) -> FacadeView:
        """Return the view; raises ValueError that names the field."""
        return self._draft.view()

    def say(self, view: FacadeView) -> str:
        """Return which bearings the picture shows."""
        edges = edges_deg(self._draft.now.preset(self._draft.chosen))
        if edges is None:
            return self._words("direction.unsaid")
        return self._words("direction.seen", left=edges[0], right=edges[1])

    def overlay(self, view: FacadeView | None, scale: float) -> str:
        """Return outlines and, unless a number is wrong, bearings as SVG."""
        sides = self._words("direction")
        return self._draft.now.svg(scale) if view is None else overlay_svg(self._draft, scale, sides)

    def begin_with(self, size_wh: tuple[int, int]) -> None:
        """Begin anew on pictures of another size: bearings stay, outlines do not."""
        self._draft.size_wh = size_wh
        for one in self._draft.known.values():
            one.polygon, one.masks = [], []

    def look_at(self, preset: str) -> None:
        """Show the direction that a picture names."""
        if preset != ONLY or ONLY in self._draft.known:
            self._draft.choose(preset)
            self._show()

    def _show(self) -> None:
        """Show what the draft says."""
        draft, words = self._draft, self._words
        names = {name: name or words("direction.only") for name in draft.known}
        self._known.set_options(names, value=draft.chosen)
        for name in FIELDS:
            self._inputs[name].set_value(getattr(draft.now, name))
        self._drop.set_visibility(draft.chosen != ONLY)

    def _field(self, name: str) -> ui.number:
        def take(event: events.ValueChangeEventArguments[float | None]) -> None:
            setattr(self._draft.now, name, number(event.value))
            self.work_out()

        made = ui.number(self._words(f"direction.{name}"), step=0.1, on_change=take)
        return made.props("dense outlined")

    def _choose(self) -> None:
        if self._known.value is not None and self._known.value != self._draft.chosen:
            self._draft.choose(self._known.value)
            self._show()
            self.work_out()

    def _add(self) -> None:
        name = (self._new.value or "").strip()
        if name:
            self._draft.choose(name)
            self._new.set_value("")
            self._show()
            self.work_out()

    def _take_away(self) -> None:
        self._draft.drop()
        self._show()
        self.work_out()
