"""A view of a façade as somebody draws it: what was clicked, what it makes, and how it looks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from api.console.outlines import Outlines, shape_svg
from gridwatch.facade import (
    CalibrationError,
    Corner,
    FacadeView,
    Landmark,
    StatedView,
    WindowGrid,
)

GRID_FIELDS = tuple(one.name for one in fields(WindowGrid))
GRID_DEFAULTS: Mapping[str, float] = asdict(WindowGrid(floors=10, windows=6))
"""What stands in the fields before somebody says otherwise."""
WHOLE_NUMBERS = frozenset({"floors", "first_floor", "windows"})


@dataclass(kw_only=True, slots=True)
class Mark:
    """A landmark that may still change."""

    x: float
    y: float
    floor: int
    window: int
    corner: Corner


@dataclass(kw_only=True, slots=True)
class Draft(Outlines):
    """All that is on the page."""

    size_wh: tuple[int, int] = (0, 0)
    marks: list[Mark] = field(default_factory=list)
    by_metres: list[Landmark] = field(default_factory=list)
    grid: dict[str, float] = field(default_factory=lambda: dict(GRID_DEFAULTS))
    fov_deg: float | None = None
    known: FacadeView | None = None
    """What it began from: as long as it says the same, it is that, of whatever that was made."""

    def take(self, view: FacadeView) -> None:
        """Go on from a view that is known."""
        self.known, stated = view, StatedView.of(view)
        self.size_wh = stated.size_wh
        self.polygon = list(stated.polygon)
        self.masks = [list(mask) for mask in stated.masks]
        self.marks = [
            Mark(x=one.x, y=one.y, floor=one.floor, window=one.window, corner=one.corner)
            for one in stated.landmarks
            if one.floor is not None and one.window is not None and one.corner is not None
        ]
        self.by_metres = [one for one in stated.landmarks if one.floor is None]
        if stated.grid is not None:
            self.grid = {name: getattr(stated.grid, name) for name in GRID_FIELDS}
        self.fov_deg = stated.vertical_fov_deg

    def view(self) -> FacadeView:
        """Work it out; raises CalibrationError, or ValueError that names the field."""
        marks = [
            Landmark(x=one.x, y=one.y, floor=one.floor, window=one.window, corner=one.corner)
            for one in self.marks
        ]
        stated = StatedView(
            size_wh=self.size_wh,
            polygon=tuple(self.polygon),
            masks=self.closed_masks(),
            landmarks=(*self.by_metres, *marks),
            grid=WindowGrid(**self.grid),  # type: ignore[arg-type]
            vertical_fov_deg=self.fov_deg,
        )
        if self.known is not None and stated == StatedView.of(self.known):
            return self.known
        return stated.view()

    def click(self, mode: str, x: float, y: float) -> None:
        """Take a click in a mode: `landmark`, or one for an outline."""
        if mode == "landmark":
            self.add_mark(x, y)
        else:
            Outlines.click(self, mode, x, y)

    def undo(self, mode: str) -> None:
        """Take back the last click of a mode."""
        if mode == "landmark" and self.marks:
            self.marks.pop()
        Outlines.undo(self, mode)

    def add_mark(self, x: float, y: float) -> None:
        """Take a click on a window's corner; its name is guessed, from the calibration where there is one."""
        floor, window, corner = self._guess(x, y)
        self.marks.append(Mark(x=x, y=y, floor=floor, window=window, corner=corner))

    def _guess(self, x: float, y: float) -> tuple[int, int, Corner]:
        try:
            made = self.view().calibration
        except (CalibrationError, ValueError):
            made = None
        if made is None:
            last = self.marks[-1] if self.marks else None
            return (last.floor, last.window, last.corner) if last else (1, 1, Corner.TOP_LEFT)
        names = [
            (floor, window, corner)
            for floor in made.grid.numbers
            for window in range(1, made.grid.windows + 1)
            for corner in Corner
        ]
        places = [
            made.grid.place_m(Landmark(x=0, y=0, floor=floor, window=window, corner=corner))
            for floor, window, corner in names
        ]
        away = np.linalg.norm(made.in_picture(places) - (x, y), axis=1)
        return names[int(np.argmin(away))]


def overlay_svg(draft: Draft, view: FacadeView | None, scale: float) -> str:
    """Return the draft as SVG over a picture that is `scale` times as large as the camera's."""
    parts = [draft.svg(scale)]
    if view is not None and view.calibration is not None:
        parts += _windows(view, scale)
    marks: list[Mark | Landmark] = [*draft.by_metres, *draft.marks]
    for number, mark in enumerate(marks, 1):
        x, y = mark.x * scale, mark.y * scale
        parts.append(
            f'<path class="gw-mark" d="M{x - 9:.1f},{y:.1f}h18M{x:.1f},{y - 9:.1f}v18"/>'
            f'<text class="gw-mark-number" x="{x + 7:.1f}" y="{y - 7:.1f}">{number}</text>'
        )
    return "".join(parts)


def _windows(view: FacadeView, scale: float) -> Iterable[str]:
    assert view.calibration is not None  # noqa: S101 - the caller looked
    grid = view.calibration.grid
    for floor in grid.numbers:
        outline: Sequence[tuple[float, float]] = ()
        for window in range(1, grid.windows + 1):
            outline = view.window_xy(floor, window)
            yield shape_svg(outline, "gw-window", scale, dotted=False)
        x, y = outline[1]
        yield f'<text class="gw-floor" x="{x * scale + 6:.1f}" y="{y * scale:.1f}">{floor}</text>'


def number(value: Any) -> float | None:
    """Return what a field for a number holds; None where it is empty."""
    return None if value in (None, "") else float(value)
