"""What moves in front of a façade: things that fall, and things that only look like it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Pixels
from simulators.facade_view import BAY_M, WINDOW_M, Facade

GRAVITY_MS2 = 9.81

EXPOSURE_S = 1 / 100
"""How long the shutter is open: a cloudy day. What moves is drawn out by its speed times this."""

SUBPIXEL_BITS = 4
"""Of OpenCV's fixed-point drawing."""


class Actor(Protocol):
    """Something that moves in the picture."""

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint itself at `t` seconds; return where it is, or None where it can't be seen."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """Something to throw: its size, its terminal speed (which stands for mass and drag), its colour."""

    size_m: float
    terminal_ms: float
    colour: tuple[int, int, int]


THINGS: Mapping[str, Thing] = {
    "brick": Thing(size_m=0.22, terminal_ms=36, colour=(50, 60, 150)),
    "bottle": Thing(size_m=0.28, terminal_ms=25, colour=(60, 90, 40)),
    "bag": Thing(size_m=0.45, terminal_ms=17, colour=(25, 25, 25)),
    "box": Thing(size_m=0.40, terminal_ms=14, colour=(70, 120, 170)),
    "nappy": Thing(size_m=0.25, terminal_ms=11, colour=(245, 245, 245)),
}
"""Terminal speeds from √(2mg/ρC_dA)."""


def fallen_m(t: float, terminal_ms: float) -> float:
    """Return how far something fell in `t` seconds from rest with quadratic drag: v²/g · ln cosh(g·t/v)."""
    return terminal_ms**2 / GRAVITY_MS2 * math.log(math.cosh(GRAVITY_MS2 * t / terminal_ms))


@dataclass(frozen=True, kw_only=True, slots=True)
class Faller:
    """A thing that is let go at `released_s` from a place in pixels, and drifts aside."""

    thing: Thing
    released_s: float
    from_xy: tuple[float, float]
    aside_ms: float
    px_per_m: float
    spin: float

    def place(self, t: float) -> tuple[float, float]:
        """Return its centre in pixels; drag takes the sideways speed as it takes the fall's."""
        lasting = max(0.0, t - self.released_s)
        slowing = self.thing.terminal_ms / GRAVITY_MS2
        aside = self.aside_ms * slowing * (1 - math.exp(-lasting / slowing))
        down = fallen_m(lasting, self.thing.terminal_ms)
        return self.from_xy[0] + aside * self.px_per_m, self.from_xy[1] + down * self.px_per_m

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint it, drawn out by its speed; nothing before its release or below the picture."""
        if t < self.released_s:
            return None
        size = self.thing.size_m * self.px_per_m
        half = (size / 2, size / 2 * 0.7)
        places = [self.place(t + EXPOSURE_S * k / 4) for k in range(4)]
        return _paint_ellipse(canvas, places, half, math.degrees(self.spin * t), self.thing.colour)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bird:
    """Flies across on a shallow wave, beating its wings."""

    starts_s: float
    from_xy: tuple[float, float]
    speed_px_s: tuple[float, float]
    size_px: float
    wave_px: float

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint body and wings."""
        since = t - self.starts_s
        if since < 0:
            return None
        x = self.from_xy[0] + self.speed_px_s[0] * since
        y = self.from_xy[1] + self.speed_px_s[1] * since + self.wave_px * math.sin(2.5 * since)
        wings = self.size_px * (0.25 + 0.75 * abs(math.sin(2 * math.pi * 4 * since)))
        return _paint_ellipse(canvas, [(x, y)], (self.size_px / 2, wings / 2), 0, (45, 45, 50))


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """Sinks at a leaf's steady speed and flutters from side to side."""

    starts_s: float
    from_xy: tuple[float, float]
    px_per_m: float
    phase: float

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint it at the angle of its flutter."""
        since = t - self.starts_s
        if since < 0:
            return None
        swing = math.sin(2 * math.pi * 0.9 * since + self.phase)
        x = self.from_xy[0] + (0.5 * since + 0.4 * swing) * self.px_per_m
        y = self.from_xy[1] + (fallen_m(since, 1.6) - 0.15 * abs(swing)) * self.px_per_m
        half = (0.06 * self.px_per_m + 0.7, (0.02 + 0.04 * abs(swing)) * self.px_per_m + 0.5)
        return _paint_ellipse(canvas, [(x, y)], half, 60 * swing, (40, 110, 60))


@dataclass(frozen=True, kw_only=True, slots=True)
class Walker:
    """Walks along the foot of the house."""

    foot_y: float
    from_x: float
    speed_px_s: float
    px_per_m: float

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint head, body and two swinging legs."""
        x, m = self.from_x + self.speed_px_s * t, self.px_per_m
        stride = 0.3 * m * math.sin(2 * math.pi * 1.8 * t)
        hip = (round(x), round(self.foot_y - 0.9 * m))
        for side in (-stride, stride):
            cv2.line(
                canvas, hip, (round(x + side), round(self.foot_y)), (60, 40, 40), max(1, round(0.15 * m))
            )
        _paint_ellipse(canvas, [(x, self.foot_y - 1.2 * m)], (0.22 * m, 0.38 * m), 0, (120, 60, 50))
        return _paint_ellipse(canvas, [(x, self.foot_y - 1.68 * m)], (0.11 * m, 0.13 * m), 0, (120, 150, 190))


@dataclass(frozen=True, kw_only=True, slots=True)
class Laundry:
    """A sheet that hangs from a window and swings in the wind."""

    from_xy: tuple[float, float]
    px_per_m: float
    phase: float
    colour: tuple[int, int, int]

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint the sheet with its lower edge swung aside."""
        (x, y), m = self.from_xy, self.px_per_m
        swing = 0.25 * m * (math.sin(1.7 * t + self.phase) + 0.4 * math.sin(4.3 * t))
        width, length = WINDOW_M[0] * m * 0.8, 1.3 * m
        corners = np.array([(x, y), (x + width, y), (x + width + swing, y + length), (x + swing, y + length)])
        cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], self.colour)
        return x - abs(swing), y, x + width + abs(swing), y + length


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    """A crown of leaves before the house that sways as a whole and rustles leaf by leaf."""

    leaves: NDArray[np.float64]
    """One row per leaf: x, y, radius, phase, brightness."""
    sway_px: float

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint every leaf at its place in the wind."""
        gust = self.sway_px * (math.sin(0.9 * t) + 0.5 * math.sin(2.3 * t + 1))
        for x, y, radius, phase, light in self.leaves:
            own = 0.35 * self.sway_px * math.sin(6 * t + phase)
            centre = (round((x + gust + own) * 16), round((y + 0.3 * own) * 16))
            colour = (0.35 * light, light, 0.5 * light)
            cv2.circle(canvas, centre, round(radius * 16), colour, -1, cv2.LINE_AA, SUBPIXEL_BITS)
        return None


@dataclass(kw_only=True, slots=True)
class Rain:
    """Streaks at a drop's steady speed over the whole picture; `t` must not go back."""

    rng: np.random.Generator
    size_wh: tuple[int, int]
    px_per_m: float
    drops: int = 25
    places: NDArray[np.float64] = field(init=False)
    last_t: float = 0.0

    def __post_init__(self) -> None:
        self.places = self.rng.uniform((0, 0), self.size_wh, (self.drops, 2))

    def paint(self, canvas: Pixels, t: float) -> BoxXyxy | None:
        """Paint the drops; those that left come in again above."""
        speed = 7.0 * self.px_per_m
        self.places[:, 1] += speed * (t - self.last_t)
        self.last_t = t
        gone = self.places[:, 1] > self.size_wh[1]
        self.places[gone, 0] = self.rng.uniform(0, self.size_wh[0], int(gone.sum()))
        self.places[gone, 1] -= self.size_wh[1]
        length = max(3, round(speed * EXPOSURE_S * 2))
        for x, y in self.places:
            cv2.line(canvas, (round(x), round(y)), (round(x), round(y) + length), (225, 225, 225), 1)
        return None


def make_tree(rng: np.random.Generator, facade: Facade) -> Tree:
    """Return a tree in a lower corner."""
    height, width = facade.background.shape[:2]
    centre = (rng.choice([0.04, 0.96]) * width, 0.8 * height)
    count = 70
    spread = 0.16 * height
    leaves = np.column_stack(
        [
            rng.normal(centre[0], spread * 0.6, count),
            rng.normal(centre[1], spread * 0.7, count),
            rng.uniform(0.008, 0.022, count) * height,
            rng.uniform(0, 2 * math.pi, count),
            rng.uniform(50, 140, count),
        ]
    )
    return Tree(leaves=leaves, sway_px=0.1 * facade.px_per_m + 1)


def make_bird(rng: np.random.Generator, facade: Facade, duration_s: float) -> Bird:
    """Return a bird that crosses in either direction, gliding down a little."""
    height, width = facade.background.shape[:2]
    right = rng.random() < 0.5
    speed = rng.uniform(6, 12) * facade.px_per_m
    return Bird(
        starts_s=float(rng.uniform(0, 0.4 * duration_s)),
        from_xy=(0.0 if right else float(width), float(rng.uniform(0.05, 0.5) * height)),
        speed_px_s=(speed if right else -speed, float(rng.uniform(-0.1, 0.35) * speed)),
        size_px=max(3.0, 0.35 * facade.px_per_m),
        wave_px=0.5 * facade.px_per_m,
    )


def make_laundry(rng: np.random.Generator, facade: Facade) -> Laundry:
    """Return a sheet below one of the windows."""
    x, y = facade.windows[int(rng.integers(len(facade.windows)))]
    return Laundry(
        from_xy=(x, y + WINDOW_M[1] * facade.px_per_m),
        px_per_m=facade.px_per_m,
        phase=float(rng.uniform(0, 6)),
        colour=tuple(int(v) for v in rng.integers(60, 250, 3)),  # type: ignore[arg-type]
    )


def make_leaf(rng: np.random.Generator, facade: Facade, duration_s: float) -> Leaf:
    """Return a leaf that comes loose somewhere in the upper half."""
    height, width = facade.background.shape[:2]
    return Leaf(
        starts_s=float(rng.uniform(0.1, 0.4) * duration_s),
        from_xy=(float(rng.uniform(0.2, 0.8) * width), float(rng.uniform(0.1, 0.4) * height)),
        px_per_m=facade.px_per_m,
        phase=float(rng.uniform(0, 6)),
    )


def make_walker(rng: np.random.Generator, facade: Facade) -> Walker:
    """Return a person who enters from the left."""
    return Walker(
        foot_y=facade.background.shape[0] - 4.0,
        from_x=float(rng.uniform(-1, 3) * BAY_M * facade.px_per_m),
        speed_px_s=float(rng.uniform(0.9, 1.6) * facade.px_per_m),
        px_per_m=facade.px_per_m,
    )


def _paint_ellipse(
    canvas: Pixels,
    places: list[tuple[float, float]],
    half: tuple[float, float],
    angle: float,
    colour: tuple[int, int, int],
) -> BoxXyxy | None:
    """Blend an ellipse at each of the places a part of the exposure long; return the box around them."""
    reach = max(half) + 2
    height, width = canvas.shape[:2]
    left = max(0, math.floor(min(x for x, _ in places) - reach))
    top = max(0, math.floor(min(y for _, y in places) - reach))
    right = min(width, math.ceil(max(x for x, _ in places) + reach))
    bottom = min(height, math.ceil(max(y for _, y in places) + reach))
    if left >= right or top >= bottom:
        return None
    cover = np.zeros((bottom - top, right - left), np.float32)
    for x, y in places:
        single = np.zeros(cover.shape, np.uint8)
        centre = (round((x - left) * 16), round((y - top) * 16))
        axes = (max(8, round(half[0] * 16)), max(8, round(half[1] * 16)))
        cv2.ellipse(single, centre, axes, angle, 0, 360, 255, -1, cv2.LINE_AA, SUBPIXEL_BITS)
        cover += single / np.float32(255 * len(places))
    part = canvas[top:bottom, left:right]
    part[:] = part * (1 - cover[..., None]) + np.array(colour, np.float32) * cover[..., None]
    margin = reach - 2
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin
