"""What is watched of a picture, and what is left out of it, as somebody draws it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Point = tuple[float, float]


@dataclass(kw_only=True, slots=True)
class Outlines:
    """In pixels. The last of the masks is the one that is drawn at."""

    polygon: list[Point] = field(default_factory=list)
    masks: list[list[Point]] = field(default_factory=list)

    def click(self, mode: str, x: float, y: float) -> None:
        """Take a click in a mode: `polygon` or `mask`."""
        if mode == "polygon":
            self.polygon.append((x, y))
        if mode == "mask":
            if not self.masks:
                self.masks.append([])
            self.masks[-1].append((x, y))

    def undo(self, mode: str) -> None:
        """Take back the last click of a mode."""
        if mode == "polygon" and self.polygon:
            self.polygon.pop()
        if mode == "mask" and self.masks:
            if self.masks[-1]:
                self.masks[-1].pop()
            if not self.masks[-1]:
                self.masks.pop()

    def next_mask(self) -> None:
        """Begin another mask."""
        if self.masks and self.masks[-1]:
            self.masks.append([])

    @property
    def is_unfinished(self) -> bool:
        """Whether an outline has been begun that has no inside yet."""
        return any(0 < len(outline) < 3 for outline in (self.polygon, *self.masks))

    def closed_masks(self) -> tuple[tuple[Point, ...], ...]:
        """Return the masks that have been begun."""
        return tuple(tuple(mask) for mask in self.masks if mask)

    def svg(self, scale: float) -> str:
        """Return them over a picture that is `scale` times as large as the camera's."""
        drawn = [shape_svg(mask, "gw-mask", scale) for mask in self.masks]
        return "".join([*drawn, shape_svg(self.polygon, "gw-polygon", scale)])


def shape_svg(points: Iterable[Point], kind: str, scale: float, *, dotted: bool = True) -> str:
    """Return a polygon of a style; `dotted`: with its corners."""
    corners = [f"{x * scale:.1f},{y * scale:.1f}" for x, y in points]
    dots = "".join(
        '<circle class="gw-corner" cx="{}" cy="{}" r="3"/>'.format(*corner.split(","))
        for corner in corners
        if dotted
    )
    return f'<polygon class="{kind}" points="{" ".join(corners)}"/>{dots}'
