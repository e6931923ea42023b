"""Rain and snow between the camera and the house."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from gridwatch.model import Pixels
from simulators.facade.camera import Matrix
from simulators.facade.movers import Seen
from simulators.facade.stage import SUBPIXEL_BITS, Stage

CLEAR_PX = 0.35
"""Width below which a drop is too thin to be told from noise: it is not painted."""


@dataclass(kw_only=True, slots=True)
class Falling:
    """Drops or flakes at steady speeds in the space before the camera; who leaves it comes back above.

    `places` are x, o, z; `speeds` the same per second; `sizes_m` each one's width. They are painted brighter
    than what lies behind, as rain before a house is.
    """

    kind: str
    stage: Stage
    rng: np.random.Generator
    places: Matrix
    speeds: Matrix
    sizes_m: Matrix
    brightness: float
    flutter_m: float
    last_t: float = 0.0
    pictures_seen: Matrix = field(default_factory=lambda: np.zeros(0))
    """Per drop, in how many pictures of its present fall it was painted."""
    tracks: int = 0
    """Falls that could be seen in five pictures or more."""

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Move on to `t` and paint each as a streak as long as the shutter is open."""
        self._move(t)
        swing = self.flutter_m * np.sin(3 * t + np.arange(len(self.places)))
        begin = self.places + np.column_stack([swing, 0 * swing, 0 * swing])
        seen = self.stage.camera.project(begin)
        ends = self.stage.camera.project(begin + self.speeds * self.stage.exposure_s)
        width = self.sizes_m * seen[:, 2]
        height_px, width_px = canvas.shape[:2]
        inside = (seen[:, 0] > 0) & (seen[:, 0] < width_px) & (ends[:, 1] > 0) & (seen[:, 1] < height_px)
        shown = np.flatnonzero(inside & (width > CLEAR_PX))
        self.pictures_seen[shown] += 1
        layer = np.zeros((height_px, width_px), np.uint8)
        scale = 1 << SUBPIXEL_BITS
        for index in shown:
            thick = float(width[index])
            # A streak covers each place for a part of the exposure only, and a thin one a part of the pixel.
            length = math.hypot(*(ends[index, :2] - seen[index, :2]))
            strength = min(1.0, thick) * min(1.0, 6 * thick / (length + thick))
            level = max(4.0, self.brightness * strength)
            if length < thick:
                centre = (round(float(seen[index, 0]) * scale), round(float(seen[index, 1]) * scale))
                radius = max(8, round(thick / 2 * scale))
                cv2.circle(layer, centre, radius, level, -1, cv2.LINE_AA, SUBPIXEL_BITS)
            else:
                a = (round(float(seen[index, 0]) * scale), round(float(seen[index, 1]) * scale))
                b = (round(float(ends[index, 0]) * scale), round(float(ends[index, 1]) * scale))
                cv2.line(layer, a, b, level, max(1, round(thick)), cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.add(canvas, cv2.cvtColor(layer, cv2.COLOR_GRAY2BGR), canvas)
        return None

    def _move(self, t: float) -> None:
        self.places += self.speeds * (t - self.last_t)
        self.last_t = t
        seen = self.stage.camera.project(self.places)
        width, height = self.stage.camera.size_wh
        gone = (seen[:, 1] > height) | (seen[:, 0] < -0.3 * width) | (seen[:, 0] > 1.3 * width)
        self.tracks += int(np.count_nonzero(self.pictures_seen[gone] >= 5))
        self.pictures_seen[gone] = 0
        fresh = _spread(self.rng, self.stage, int(gone.sum()))
        self.places[gone] = fresh
        self.places[gone, 2] = _top_m(self.stage, fresh[:, 1]) + self.rng.uniform(0, 2, len(fresh))


def make_rain(rng: np.random.Generator, stage: Stage, heaviness: float = 1.0) -> Falling:
    """Return rain: drops of 1 to 3 mm at 4 to 8 m/s, slanting in the wind."""
    count = round(600 * heaviness)
    diameter = rng.uniform(0.001, 0.003, count)
    wind = float(rng.normal(0, 1.5))
    speeds = np.column_stack(
        [rng.normal(wind, 0.3, count), rng.normal(0, 0.3, count), -(3.0 + 1900 * diameter)]
    )
    return _falling(rng, stage, "rain", speeds, diameter, flutter_m=0.0)


def make_snow(rng: np.random.Generator, stage: Stage, heaviness: float = 1.0) -> Falling:
    """Return snow: flakes of 3 to 12 mm at about 1 m/s that swing and drift."""
    count = round(350 * heaviness)
    wind = float(rng.normal(0, 1.0))
    speeds = np.column_stack(
        [rng.normal(wind, 0.4, count), rng.normal(0, 0.2, count), -rng.uniform(0.7, 1.6, count)]
    )
    return _falling(rng, stage, "snow", speeds, rng.uniform(0.003, 0.012, count), flutter_m=0.06)


def _falling(
    rng: np.random.Generator, stage: Stage, kind: str, speeds: Matrix, sizes_m: Matrix, *, flutter_m: float
) -> Falling:
    places = _spread(rng, stage, len(speeds))
    top = _top_m(stage, places[:, 1])
    places[:, 2] = rng.uniform(0, 1, len(places)) * (top - stage.camera.at_m[2]) + stage.camera.at_m[2]
    return Falling(
        kind=kind,
        stage=stage,
        rng=rng,
        places=places,
        speeds=speeds,
        sizes_m=sizes_m,
        brightness=200.0 if stage.light.infrared else 110.0,
        flutter_m=flutter_m,
        pictures_seen=np.zeros(len(places)),
    )


def _spread(rng: np.random.Generator, stage: Stage, count: int) -> Matrix:
    """Return places at a metre or more from the lens, as many near as far: x, o and z = 0."""
    x, out, _ = stage.camera.at_m
    away = rng.uniform(1.0, min(12.0, 0.8 * out), count)
    half = stage.camera.size_wh[0] / 2 / stage.camera.focal_px * away * 1.6 + 0.3
    return np.column_stack([x + rng.uniform(-1, 1, count) * half, out - away, np.zeros(count)])


def _top_m(stage: Stage, out: Matrix) -> Matrix:
    """Return how high the picture's upper edge lies at distances from the wall."""
    _, at_out, at_z = stage.camera.at_m
    height = stage.camera.size_wh[1]
    steepest = stage.camera.pitch + math.atan(height / 2 / stage.camera.focal_px)
    return np.asarray(at_z + (at_out - out) * math.tan(min(steepest, math.radians(85))))
