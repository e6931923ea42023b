"""What moves before the house on the ground: vehicles, people, trees."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from gridwatch.facade.view import PolygonXy
from gridwatch.model import Pixels
from simulators.facade.camera import Matrix
from simulators.facade.home import fill, outlined
from simulators.facade.light import Colour
from simulators.facade.movers import Seen
from simulators.facade.stage import SUBPIXEL_BITS, Stage

CARS: tuple[Colour, ...] = ((40, 40, 45), (200, 205, 210), (50, 50, 160), (120, 80, 40))
COATS: tuple[Colour, ...] = ((120, 60, 50), (50, 50, 55), (60, 60, 180), (200, 200, 210))
SKIN: Colour = (120, 150, 190)


@dataclass(frozen=True, kw_only=True, slots=True)
class Vehicle:
    """A car, van or motorcycle that drives along the house, or towards the camera and so down the picture."""

    stage: Stage
    starts_s: float
    from_m: tuple[float, float]
    speed_ms: tuple[float, float]
    size_m: tuple[float, float]
    colour: Colour
    kind: str = "vehicle"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint its body, its dark windows and its lamps."""
        since = t - self.starts_s
        x, out = (self.from_m[i] + self.speed_ms[i] * since for i in (0, 1))
        if since < 0 or not 0.5 < out < self.stage.camera.at_m[1] - 3:
            return None
        half, height = self.size_m[0] / 2, self.size_m[1]
        seen = fill(self.stage, canvas, _upright(x - half, x + half, 0.3, height, out), self.colour)
        if seen is not None:
            windows = _upright(x - 0.7 * half, x + 0.7 * half, 0.6 * height, 0.9 * height, out)
            fill(self.stage, canvas, windows, _lit(self.stage, (35, 32, 30)))
            for side in (-0.75, 0.75):
                lamp = _upright(x + side * half - 0.1, x + side * half + 0.1, 0.55, 0.75, out)
                fill(self.stage, canvas, lamp, (235, 245, 250))
        return seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Walker:
    """A person who walks along the house, or away from it."""

    stage: Stage
    starts_s: float
    from_m: tuple[float, float]
    speed_ms: tuple[float, float]
    colour: Colour
    kind: str = "walker"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint legs that stride, body and head."""
        since = t - self.starts_s
        x, out = (self.from_m[i] + self.speed_ms[i] * since for i in (0, 1))
        if since < 0 or not 0.5 < out < self.stage.camera.at_m[1] - 2:
            return None
        stride = 0.3 * math.sin(2 * math.pi * 1.8 * t)
        legs = [_upright(x + s - 0.08, x + s + 0.08, 0, 0.9, out) for s in (-stride, stride)]
        fill(self.stage, canvas, np.concatenate(legs), _lit(self.stage, (60, 45, 45)))
        body = fill(self.stage, canvas, _upright(x - 0.24, x + 0.24, 0.85, 1.5, out), self.colour)
        fill(self.stage, canvas, _upright(x - 0.1, x + 0.1, 1.5, 1.75, out), _lit(self.stage, SKIN))
        figure = self.stage.camera.project(_upright(x - 0.4, x + 0.4, 0, 1.75, out))[:, :2]
        return body and outlined(figure, body.contrast)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A crown between camera and house whose tufts sway together and rustle one by one.

    `tufts` has a row for each: x, y, radius (pixels), phase, brightness.
    """

    tufts: Matrix
    sway_px: float
    hertz: float
    grey: bool
    kind: str = "tree"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint the tufts where the wind has them."""
        gust = 0.6 + 0.4 * math.sin(0.5 * t)
        together = self.sway_px * gust * math.sin(2 * math.pi * self.hertz * t)
        for x, y, radius, phase, bright in self.tufts:
            rustle = self.sway_px * gust * math.sin(2 * math.pi * 2.3 * self.hertz * t + phase)
            colour = (bright, bright, bright) if self.grey else (0.45 * bright, bright, 0.6 * bright)
            centre = (round((x + together + rustle) * 16), round((y + 0.5 * rustle) * 16))
            axes = (round(radius * 16), round(radius * 9))
            turned = math.degrees(phase) + 4 * rustle
            cv2.ellipse(canvas, centre, axes, turned, 0, 360, colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)
        left, top, right, bottom = self._edges()
        return Seen(
            box_xyxy=(left, top, right, bottom),
            centre_xy=((left + right) / 2, (top + bottom) / 2),
            contrast=60.0,
            size_px=float(self.tufts[:, 2].mean()),
        )

    def _edges(self) -> tuple[float, float, float, float]:
        reach = 2 * self.sway_px + float(self.tufts[:, 2].max())
        low, high = self.tufts[:, :2].min(axis=0) - reach, self.tufts[:, :2].max(axis=0) + reach
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def mask(self, size_wh: tuple[int, int]) -> PolygonXy:
        """Return the part of the picture that an installer would leave out for it."""
        left, top, right, bottom = self._edges()
        left, right = max(0.0, left), min(float(size_wh[0]), right)
        top, bottom = max(0.0, top), min(float(size_wh[1]), bottom)
        return (left, top), (right, top), (right, bottom), (left, bottom)


def make_vehicle(rng: np.random.Generator, stage: Stage, starts_s: float) -> Vehicle:
    """Return a vehicle; half of them come from the house's door towards the camera."""
    x, out, _ = stage.camera.at_m
    towards = rng.random() < 0.5
    speed = float(rng.uniform(2, 12))
    side = 1 if rng.random() < 0.5 else -1
    return Vehicle(
        stage=stage,
        starts_s=starts_s,
        from_m=(
            (x + float(rng.uniform(-8, 8)), 1.0)
            if towards
            else (x - side * 0.9 * out, float(rng.uniform(2, max(3.0, 0.6 * out))))
        ),
        speed_ms=(float(rng.normal(0, 0.6)), speed) if towards else (side * speed, 0.0),
        size_m=(float(rng.choice([0.8, 1.9, 4.4])), float(rng.uniform(1.2, 2.6))),
        colour=_lit(stage, CARS[int(rng.integers(len(CARS)))]),
    )


def make_walker(rng: np.random.Generator, stage: Stage, starts_s: float) -> Walker:
    """Return a person; half of them come out of the house's door."""
    x, out, _ = stage.camera.at_m
    towards = rng.random() < 0.5
    speed = float(rng.uniform(0.8, 3.0))
    side = 1 if rng.random() < 0.5 else -1
    return Walker(
        stage=stage,
        starts_s=starts_s,
        from_m=(
            x + float(rng.uniform(-7, 7)),
            0.8 if towards else float(rng.uniform(1, max(2.0, 0.6 * out))),
        ),
        speed_ms=(float(rng.normal(0, 0.2)), speed) if towards else (side * speed, 0.0),
        colour=_lit(stage, COATS[int(rng.integers(len(COATS)))]),
    )


def make_tree(rng: np.random.Generator, stage: Stage) -> Tree:
    """Return a tree that reaches into the picture from a lower corner."""
    width, height = stage.camera.size_wh
    count = int(rng.integers(40, 130))
    spread = float(rng.uniform(0.06, 0.16)) * height
    centre = (float(rng.choice([0.03, 0.97])) * width, float(rng.uniform(0.75, 1.0)) * height)
    green = _lit(stage, (60, 110, 60))[1]
    tufts = np.column_stack(
        [
            rng.normal(centre[0], spread * 0.7, count),
            rng.normal(centre[1], spread, count),
            rng.uniform(0.006, 0.02, count) * height,
            rng.uniform(0, 2 * math.pi, count),
            rng.uniform(0.45, 1.5, count) * green,
        ]
    )
    return Tree(
        tufts=tufts,
        sway_px=float(rng.uniform(0.001, 0.008)) * height,
        hertz=float(rng.uniform(0.2, 0.8)),
        grey=stage.light.infrared,
    )


def _upright(left: float, right: float, low: float, high: float, out: float) -> Matrix:
    return np.array([(left, out, high), (right, out, high), (right, out, low), (left, out, low)], float)


def _lit(stage: Stage, colour: Colour) -> Colour:
    x, out, _ = stage.camera.at_m
    return stage.lit(colour, np.array([x, 0.4 * out, 1.0]))
