"""Where things lie in a valley: posts with ground sensors, cameras on the ridges, a village and a road.

Lengths are metres from the valley's middle, x east, y north and z up from its floor.
"""

from dataclasses import dataclass
from math import atan2, cos, degrees, exp, hypot, pi, sin
from random import Random

POST_SPACING_M = 75.0
"""Between neighbouring posts: the makers of such sensors plan for a radius of 80 to 100 m."""
STRAY_M = 15.0
"""A post hangs on a tree, not on a grid."""
STATION_EVERY = 6
"""Every sixth post measures wind and rain too."""
CAMERA_MAST_M = 12.0
CAMERAS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A ground sensor; `shade` is the part of the sun that the crowns above it keep off."""

    id: str
    x_m: float
    y_m: float
    z_m: float
    shade: float
    station: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RidgeCamera:
    """A camera on a ridge and its pose; `heading_deg` clockwise from north, `pitch_deg` up from level."""

    id: str
    x_m: float
    y_m: float
    z_m: float
    heading_deg: float
    pitch_deg: float
    view_deg: float
    """From the left to the right edge of its picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Valley:
    """A valley with all that stands in it. Its floor runs at `axis_rad` from the east, counter-clockwise."""

    axis_rad: float
    half_width_m: float
    depth_m: float
    posts: tuple[Post, ...]
    cameras: tuple[RidgeCamera, ...]
    village_xy_m: tuple[float, float]
    road_off_m: float
    """Of the road's middle line from that of the floor."""

    def along_across(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Return how far a place lies along the valley and to the left of its middle."""
        c, s = cos(self.axis_rad), sin(self.axis_rad)
        return x_m * c + y_m * s, y_m * c - x_m * s

    def height_m(self, x_m: float, y_m: float) -> float:
        """Return the ground's height above the floor: a trough with spurs."""
        along, across = self.along_across(x_m, y_m)
        trough = self.depth_m * (1 - exp(-((across / self.half_width_m) ** 2)))
        return trough * (1 + 0.15 * sin(along / 140 + 1.3))

    def to_road_m(self, x_m: float, y_m: float) -> float:
        """Return how far a place is from the road."""
        return abs(self.along_across(x_m, y_m)[1] - self.road_off_m)

    def to_village_m(self, x_m: float, y_m: float) -> float:
        """Return how far a place is from the village's middle."""
        return hypot(x_m - self.village_xy_m[0], y_m - self.village_xy_m[1])


def draw_valley(seed: int, *, posts: int = 30) -> Valley:
    """Draw a valley and its posts, which stand in a block on both slopes."""
    random = Random(f"valley/{seed}")
    axis = random.uniform(0, pi)
    bare = Valley(
        axis_rad=axis,
        half_width_m=random.uniform(260, 420),
        depth_m=random.uniform(90, 220),
        posts=(),
        cameras=(),
        village_xy_m=_turned(axis, random.uniform(-260, 260), random.uniform(-60, 60)),
        road_off_m=random.uniform(-90, 90),
    )
    columns = max(1, round((posts * 1.6) ** 0.5))
    rows = -(-posts // columns)
    placed = []
    for number in range(posts):
        along = (number % columns - (columns - 1) / 2) * POST_SPACING_M + random.uniform(-STRAY_M, STRAY_M)
        across = (number // columns - (rows - 1) / 2) * POST_SPACING_M + random.uniform(-STRAY_M, STRAY_M)
        x, y = _turned(axis, along, across)
        placed.append(
            Post(
                id=f"sim-valley-{number + 1:04d}",
                x_m=x,
                y_m=y,
                z_m=bare.height_m(x, y),
                shade=random.uniform(0.45, 0.95),
                station=number % STATION_EVERY == STATION_EVERY // 2,
            )
        )
    cameras = tuple(_camera(bare, number, random) for number in range(CAMERAS))
    return Valley(
        axis_rad=axis,
        half_width_m=bare.half_width_m,
        depth_m=bare.depth_m,
        posts=tuple(placed),
        cameras=cameras,
        village_xy_m=bare.village_xy_m,
        road_off_m=bare.road_off_m,
    )


def _camera(valley: Valley, number: int, random: Random) -> RidgeCamera:
    """Stand a camera on the ridge of one side and turn it to the valley's middle."""
    side = 1 if number % 2 == 0 else -1
    along, across = random.uniform(-350, 350), side * random.uniform(1.5, 1.9) * valley.half_width_m
    x, y = _turned(valley.axis_rad, along, across)
    z = valley.height_m(x, y) + CAMERA_MAST_M
    return RidgeCamera(
        id=f"sim-valley-ridge-{number + 1}",
        x_m=x,
        y_m=y,
        z_m=z,
        heading_deg=degrees(atan2(-x, -y)) % 360,
        pitch_deg=-degrees(atan2(z, hypot(x, y))),
        view_deg=random.uniform(55, 75),
    )


def _turned(axis_rad: float, along_m: float, across_m: float) -> tuple[float, float]:
    c, s = cos(axis_rad), sin(axis_rad)
    return along_m * c - across_m * s, along_m * s + across_m * c
