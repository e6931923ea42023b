"""Where a camera for fire looks, as somebody states it, and how that lies in its picture."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from api.console.outlines import Outlines, Point
from gridwatch.facade import FacadeView, Preset

ONLY = ""
"""The name of the one direction of a camera that does not turn."""

MOST_TICKS, STEPS_DEG = 12, (1, 2, 5, 10, 15, 30)
SIDE_DEG = 45
"""Between two directions that have a name of their own."""


@dataclass(kw_only=True, slots=True)
class Direction(Outlines):
    """One direction, and what is looked at there."""

    azimuth_deg: float | None = None
    horizontal_fov_deg: float | None = None

    def preset(self, name: str) -> Preset:
        """Return it as it is kept; what the only one leaves out stands in the view itself."""
        return Preset(
            name=name,
            azimuth_deg=self.azimuth_deg,
            horizontal_fov_deg=self.horizontal_fov_deg,
            polygon=() if name == ONLY else tuple(self.polygon),
            masks=() if name == ONLY else self.closed_masks(),
        )


@dataclass(kw_only=True, slots=True)
class Directions:
    """All directions of a camera; `chosen` is the one that is shown."""

    size_wh: tuple[int, int] = (0, 0)
    known: dict[str, Direction] = field(default_factory=lambda: {ONLY: Direction()})
    chosen: str = ONLY

    @classmethod
    def of(cls, view: FacadeView, chosen: str) -> "Directions":
        """Return what is known; `chosen` stays so where it is still there."""
        names = [one.name for one in view.presets] or [ONLY]
        known = {name: _direction(view.preset(name)) for name in names}
        return cls(size_wh=view.size_wh, known=known, chosen=chosen if chosen in known else names[0])

    @property
    def now(self) -> Direction:
        """Return the one that is shown."""
        return self.known[self.chosen]

    def choose(self, name: str) -> None:
        """Show a direction, a new one too: with it a camera is one that turns."""
        if name not in self.known and self.known.get(ONLY) == Direction():
            del self.known[ONLY]
        self.known.setdefault(name, Direction())
        self.chosen = name

    def drop(self) -> None:
        """Take away the one that is shown."""
        del self.known[self.chosen]
        self.known = self.known or {ONLY: Direction()}
        self.chosen = next(iter(self.known))

    def view(self) -> FacadeView:
        """Return what is kept of them; raises ValueError that names the field."""
        only = self.known.get(ONLY, Direction())
        return FacadeView(
            size_wh=self.size_wh,
            polygon=tuple(only.polygon),
            masks=only.closed_masks(),
            presets=tuple(one.preset(name) for name, one in self.known.items()),
        )


def _direction(preset: Preset) -> Direction:
    return Direction(
        polygon=list(preset.polygon),
        masks=[list(mask) for mask in preset.masks],
        azimuth_deg=preset.azimuth_deg,
        horizontal_fov_deg=preset.horizontal_fov_deg,
    )


def edges_deg(preset: Preset) -> tuple[float, float] | None:
    """Return the bearings of the picture's left and right edge, or None where nobody said where it looks."""
    left, right = preset.bearing_deg(0.0, 1.0), preset.bearing_deg(1.0, 1.0)
    return None if left is None or right is None else (left, right)


def overlay_svg(draft: Directions, scale: float, sides: str) -> str:
    """Return outlines, and a scale of bearings; `sides` are the names of eight directions from north on."""
    preset, width = draft.now.preset(draft.chosen), draft.size_wh[0] * scale
    ticks = "".join(
        f'<path class="gw-tick" d="M{x * width:.1f},0v26"/>'
        f'<text class="gw-bearing" x="{x * width + 4:.1f}" y="22">{_named(bearing, sides)}</text>'
        for x, bearing in ticks_of(preset)
    )
    return draft.now.svg(scale) + ticks


def ticks_of(preset: Preset) -> Iterator[Point]:
    """Return where whole bearings lie: the part of the picture's width from the left, and the bearing."""
    if preset.azimuth_deg is None or preset.horizontal_fov_deg is None:
        return
    half = preset.horizontal_fov_deg / 2
    step = next((one for one in STEPS_DEG if 2 * half / one <= MOST_TICKS), STEPS_DEG[-1])
    first = math.ceil((preset.azimuth_deg - half) / step) * step
    for bearing in range(first, math.floor(preset.azimuth_deg + half) + 1, step):
        off = math.tan(math.radians(bearing - preset.azimuth_deg)) / math.tan(math.radians(half))
        yield (1 + off) / 2, bearing % 360


def _named(bearing: float, sides: str) -> str:
    name = sides.split(",")[round(bearing) // SIDE_DEG] if bearing % SIDE_DEG == 0 else ""
    return f"{name} {bearing:.0f}°".strip()
