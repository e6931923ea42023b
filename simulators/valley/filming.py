"""What the cameras on the valley's ridges send: rendered pictures in which its fires smoke where they are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from math import acos, atan2, cos, degrees, hypot, radians, sin, tan

import numpy as np

from gridwatch.media import encode_jpeg
from simulators.publication import Publication, frame_publication
from simulators.ridge.landscape import SKY_M, Landscape, draw_landscape
from simulators.ridge.plume import Source, Wind
from simulators.ridge.scene import SMOKE, Asked, draw_scene
from simulators.ridge.shooting import shoot
from simulators.valley.climate import Climate
from simulators.valley.happenings import Fire
from simulators.valley.layout import RidgeCamera
from simulators.weather import DAY_S, LOCAL_OFFSET_S

SIZE_WH = (640, 360)
INTERVAL_S = 20.0
SCENE_S = 900.0
"""Trouble and clouds are drawn anew each quarter of an hour; the landscape stays."""
HEAT = 0.5


def landscape_before(camera: RidgeCamera, seed: int) -> Landscape:
    """Draw what a camera looks at, the same for all of its pictures."""
    return draw_landscape(np.random.default_rng([seed, *camera.id.encode()]), SIZE_WH)


def in_view(camera: RidgeCamera, x_m: float, y_m: float) -> tuple[float, float, float] | None:
    """Return column (0 to 1), bearing in degrees and distance of a place; None where the camera misses it.

    A pinhole camera that shows `view_deg` from its left to its right edge.
    """
    east, north = x_m - camera.x_m, y_m - camera.y_m
    bearing = degrees(atan2(east, north)) % 360
    off = (bearing - camera.heading_deg + 180) % 360 - 180
    if abs(off) >= camera.view_deg / 2:
        return None
    share = 0.5 + tan(radians(off)) / tan(radians(camera.view_deg) / 2) / 2
    return (share, bearing, hypot(east, north)) if 0.03 <= share <= 0.97 else None


def pictures(
    camera: RidgeCamera,
    landscape: Landscape,
    *,
    seed: int,
    begins_s: float,
    ends_s: float,
    fires: Sequence[Fire],
    climate: Climate,
) -> Iterator[Publication]:
    """Yield a camera's pictures of one scene, `begins_s` and `ends_s` in Unix seconds.

    Of the `fires` that begin in it the first in view is shown; `climate` is that of its beginning.
    """
    start = datetime.fromtimestamp(begins_s, UTC)
    asked = Asked(
        start=start,
        duration_s=ends_s - begins_s,
        interval_s=INTERVAL_S,
        fire=False,
        hour=(begins_s + LOCAL_OFFSET_S) % DAY_S / 3600,
        size_wh=SIZE_WH,
    )
    scene = draw_scene([seed, *camera.id.encode(), int(begins_s)], asked, landscapes=(landscape,))
    shown = next((one for fire in fires if (one := _shown(camera, landscape, fire, begins_s))), None)
    scene = replace(scene, fire=shown, wind=_across(camera, scene.wind, climate))
    for shot in shoot(scene):
        yield frame_publication(camera.id, encode_jpeg(shot.picture.pixels), shot.picture.at)


def scenes(begins_s: float, ends_s: float) -> Iterator[tuple[float, float]]:
    """Yield from when to when each scene lasts, in Unix seconds."""
    for number in count():
        first_s = begins_s + number * SCENE_S
        if first_s >= ends_s:
            return
        yield first_s, min(first_s + SCENE_S, ends_s)


def _shown(camera: RidgeCamera, landscape: Landscape, fire: Fire, begins_s: float) -> Source | None:
    """Put a fire into the picture: in the column of its bearing, on ground as far away as it is."""
    seen = in_view(camera, fire.source.x_m, fire.source.y_m)
    if seen is None:
        return None
    share, _, far_m = seen
    column = int(share * landscape.size_wh[0])
    distances = landscape.distance_m[:, column]
    row = int(np.argmin(np.where(distances < SKY_M, np.abs(np.log(distances / far_m)), np.inf)))
    return Source(
        kind="fire",
        xy=(float(column), float(row)),
        distance_m=float(distances[row]),
        begins_s=fire.source.begins_s - begins_s,
        lasts_s=fire.source.lasts_s,
        smoke_g_s=fire.source.smoke_g_s,
        grows_s=fire.source.grows_s,
        colour=SMOKE[0],
        heat=HEAT,
    )


def _across(camera: RidgeCamera, wind: Wind, climate: Climate) -> Wind:
    """Return the valley's wind as it crosses a camera's picture."""
    x_ms, y_ms = float(climate.wind_x_ms[0]), float(climate.wind_y_ms[0])
    speed = max(0.1, hypot(x_ms, y_ms))
    heading = radians(camera.heading_deg)
    to_right = (x_ms * cos(heading) - y_ms * sin(heading)) / speed
    return replace(wind, speed_ms=speed, angle_rad=acos(min(1.0, max(-1.0, to_right))))
