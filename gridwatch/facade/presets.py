"""Where a camera on a ridge looks: of one that turns, for each of the directions in which it stops."""

import math
from dataclasses import dataclass
from typing import TypeAlias

PointsXy: TypeAlias = tuple[tuple[float, float], ...]

MOST_PRESETS, LONGEST_NAME = 64, 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """One direction of a camera; the name of the only one of a camera that stands still is empty.

    `azimuth_deg` is where the picture's middle looks, clockwise from north; `horizontal_fov_deg` is how much
    the picture shows from its left to its right edge. Of this preset's pictures only what lies inside
    `polygon` (the ground under the horizon, say) and in none of `masks` is looked at, in pixels of the view's
    `size_wh`.
    """

    name: str = ""
    azimuth_deg: float | None = None
    horizontal_fov_deg: float | None = None
    polygon: PointsXy = ()
    masks: tuple[PointsXy, ...] = ()

    def __post_init__(self) -> None:
        if len(self.name) > LONGEST_NAME or not self.name.isprintable():
            raise ValueError(f"presets: a name has at most {LONGEST_NAME} printable characters")
        if self.azimuth_deg is not None and not 0 <= self.azimuth_deg < 360:
            raise ValueError(f"azimuth_deg {self.azimuth_deg}: from 0, north, to less than 360 degrees")
        if self.horizontal_fov_deg is not None and not 1 <= self.horizontal_fov_deg <= 150:
            raise ValueError(f"horizontal_fov_deg {self.horizontal_fov_deg}: from 1 to 150 degrees")

    def bearing_deg(self, x: float, width: float) -> float | None:
        """Return where a column of a picture of `width` lies, clockwise from north; None: nobody said.

        A pinhole camera: the tangent of the angle off the middle grows with the distance from it.
        """
        if self.azimuth_deg is None or self.horizontal_fov_deg is None:
            return None
        off = (2 * x / width - 1) * math.tan(math.radians(self.horizontal_fov_deg) / 2)
        return (self.azimuth_deg + math.degrees(math.atan(off))) % 360
