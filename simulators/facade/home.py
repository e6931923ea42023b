"""What moves at windows: laundry, curtains, sashes, lamps, the sun in the glass."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from gridwatch.model import Pixels
from simulators.facade.camera import Matrix
from simulators.facade.house import Window
from simulators.facade.light import LUMA, Colour
from simulators.facade.movers import Seen
from simulators.facade.stage import CURTAINS, Brush, Stage, lamp_colour

CLOTHES: tuple[Colour, ...] = ((240, 240, 245), (60, 50, 180), (170, 110, 50), (60, 60, 60), (130, 200, 230))


@dataclass(frozen=True, kw_only=True, slots=True)
class Laundry:
    """A garment or quilt on a line below a window, swung and blown up by gusts."""

    stage: Stage
    window: Window
    size_m: tuple[float, float]
    reach_m: float
    hertz: float
    phase: float
    colour: Colour
    kind: str = "laundry"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint it in three strips that swing one after the other, and lift together in a gust."""
        left, top = self.window.x_m, self.window.z_m - 0.1
        width, length = self.size_m
        gust = max(0.0, math.sin(0.7 * t + self.phase)) ** 3
        length *= 1 - 0.45 * gust
        turn = 2 * math.pi * self.hertz * t + self.phase
        edge = [self.reach_m * (0.3 + gust) * math.sin(turn - 0.6 * part) * part for part in range(4)]
        out = [self.window.balcony_m + 0.25 + 0.4 * gust * part / 3 for part in range(4)]
        corners = []
        for part in range(3):
            high, low = top - length * part / 3, top - length * (part + 1) / 3
            corners += [
                (left + edge[part], out[part], high),
                (left + width + edge[part], out[part], high),
                (left + width + edge[part + 1], out[part + 1], low),
                (left + edge[part + 1], out[part + 1], low),
            ]
        return fill(self.stage, canvas, np.array(corners), self.colour)


@dataclass(frozen=True, kw_only=True, slots=True)
class Curtain:
    """A curtain that is drawn to and fro, or blows in an open window."""

    stage: Stage
    window: Window
    every_s: float
    phase: float
    colour: Colour
    kind: str = "curtain"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint it as far as it is drawn."""
        share = 0.5 + 0.5 * math.tanh(4 * math.sin(2 * math.pi * t / self.every_s + self.phase))
        share += 0.04 * math.sin(7 * t)
        left, right = self.window.x_m, self.window.x_m + max(0.05, share) * self.window.width_m
        low, high = self.window.z_m, self.window.z_m + self.window.height_m
        corners = [(left, 0, high), (right, 0, high), (right, 0, low), (left, 0, low)]
        return fill(self.stage, canvas, np.array(corners), self.colour, behind_glass=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sash:
    """A window that opens and shuts: its pane turns outwards, and mirrors the sky where it faces it."""

    stage: Stage
    window: Window
    every_s: float
    phase: float
    kind: str = "window"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint the pane at its angle."""
        share = 0.5 + 0.5 * math.tanh(5 * math.sin(2 * math.pi * t / self.every_s + self.phase))
        angle = math.radians(80) * share
        width = self.window.width_m / 2
        left, aside, out = self.window.x_m, width * math.cos(angle), width * math.sin(angle)
        low, high = self.window.z_m, self.window.z_m + self.window.height_m
        corners = [(left, 0, high), (left + aside, out, high), (left + aside, out, low), (left, 0, low)]
        bright = 60 + 150 * math.exp(-(((angle - 0.8) / 0.25) ** 2))
        return fill(
            self.stage, canvas, np.array(corners), _lit(self.stage, (bright, bright, bright), self.window)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Lamp:
    """A lamp that is switched on and off behind a window; the light of a staircase goes floor by floor."""

    stage: Stage
    window: Window
    on_s: tuple[tuple[float, float], ...]
    brightness: float
    kind: str = "lamp"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint the lit window while the lamp is on."""
        if not any(begin <= t < end for begin, end in self.on_s):
            return None
        corners = self.stage.corners(self.window)
        return fill(
            self.stage, canvas, corners, lamp_colour(self.stage.light, self.brightness), behind_glass=True
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Glare:
    """A bright patch that the sun, or a passing car's window, throws on the panes it runs over."""

    stage: Stage
    from_xy: tuple[float, float]
    speed_px_s: tuple[float, float]
    starts_s: float
    lasts_s: float
    radius_px: float
    hertz: float
    kind: str = "glare"

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Brighten the glass under the patch; it flickers."""
        since = t - self.starts_s
        if not 0 <= since < self.lasts_s:
            return None
        x = self.from_xy[0] + self.speed_px_s[0] * since
        y = self.from_xy[1] + self.speed_px_s[1] * since
        left, top = max(0, int(x - self.radius_px)), max(0, int(y - self.radius_px))
        part = canvas[top : int(y + self.radius_px), left : int(x + self.radius_px)]
        if part.size == 0 or x + self.radius_px <= 0 or y + self.radius_px <= 0:
            return None
        rows, columns = np.ogrid[0 : part.shape[0], 0 : part.shape[1]]
        away = np.hypot(rows + top - y, columns + left - x) / self.radius_px
        strength = 0.75 + 0.25 * math.sin(2 * math.pi * self.hertz * t)
        shape = np.clip(1 - away, 0, 1).astype(np.float32) * strength
        glass = self.stage.glass[top : top + part.shape[0], left : left + part.shape[1]] > 0
        gain = (shape * glass)[..., None] * 200
        part[:] = np.minimum(255, part + gain).astype(np.uint8)
        contrast = float(gain.max())
        if contrast < 1:
            return None
        return Seen(
            box_xyxy=(x - self.radius_px, y - self.radius_px, x + self.radius_px, y + self.radius_px),
            centre_xy=(x, y),
            contrast=contrast,
            size_px=self.radius_px,
        )


def make_laundry(rng: np.random.Generator, stage: Stage, window: Window, starts_s: float) -> Laundry:
    """Return something that hangs out of a window to dry."""
    return Laundry(
        stage=stage,
        window=window,
        size_m=(float(rng.uniform(0.5, 1.4)), float(rng.uniform(0.6, 1.8))),
        reach_m=float(rng.uniform(0.05, 0.35)),
        hertz=float(rng.uniform(0.4, 1.5)),
        phase=starts_s,
        colour=_lit(stage, CLOTHES[int(rng.integers(len(CLOTHES)))], window),
    )


def make_curtain(rng: np.random.Generator, stage: Stage, window: Window, starts_s: float) -> Curtain:
    """Return a curtain that is drawn every some seconds."""
    return Curtain(
        stage=stage,
        window=window,
        every_s=float(rng.uniform(3, 8)),
        phase=starts_s,
        colour=_lit(stage, CURTAINS[int(rng.integers(len(CURTAINS)))], window),
    )


def make_sash(rng: np.random.Generator, stage: Stage, window: Window, starts_s: float) -> Sash:
    """Return a window that is opened and shut every some seconds."""
    return Sash(stage=stage, window=window, every_s=float(rng.uniform(3, 8)), phase=starts_s)


def make_lamp(rng: np.random.Generator, stage: Stage, window: Window, starts_s: float) -> Lamp:
    """Return a lamp that goes on and off a few times."""
    on_s, begin = [], starts_s
    for _ in range(3):
        end = begin + float(rng.uniform(0.1, 2.5))
        on_s.append((begin, end))
        begin = end + float(rng.uniform(0.3, 2.0))
    return Lamp(stage=stage, window=window, on_s=tuple(on_s), brightness=float(rng.uniform(0.6, 1.1)))


def make_glare(rng: np.random.Generator, stage: Stage, starts_s: float) -> Glare:
    """Return a patch of light that runs over the glass, a third of them downwards."""
    width, height = stage.camera.size_wh
    speed = float(rng.uniform(0.02, 0.6)) * height
    angle = math.pi / 2 + float(rng.normal(0, 0.2)) if rng.random() < 0.35 else float(rng.uniform(0, 6.3))
    return Glare(
        stage=stage,
        from_xy=(float(rng.uniform(0.1, 0.9)) * width, float(rng.uniform(0, 0.6)) * height),
        speed_px_s=(speed * math.cos(angle), speed * math.sin(angle)),
        starts_s=starts_s,
        lasts_s=float(rng.uniform(0.4, 4)),
        radius_px=float(rng.uniform(0.02, 0.08)) * height,
        hertz=float(rng.uniform(0.5, 6)),
    )


def fill(
    stage: Stage, canvas: Pixels, corners: Matrix, colour: Colour, *, behind_glass: bool = False
) -> Seen | None:
    """Fill shapes of four corners each, maybe only where panes are seen; return where they are."""
    at = stage.camera.project(corners)[:, :2]
    height, width = canvas.shape[:2]
    left, top = np.maximum(np.floor(at.min(axis=0)).astype(int), 0)
    right, bottom = np.ceil(at.max(axis=0)).astype(int)
    part = canvas[top : max(top, bottom), left : max(left, right)]
    if part.size == 0 or left >= width or top >= height:
        return None
    before = part.copy()
    brush = Brush(canvas, stage.camera)
    for first in range(0, len(corners), 4):
        brush.fill(corners[first : first + 4], colour)
    part[:] = cv2.GaussianBlur(part, (3, 3), 0)
    if behind_glass:
        hidden = stage.panes[top : top + part.shape[0], left : left + part.shape[1]] == 0
        part[hidden] = before[hidden]
    return outlined(at, abs(float(LUMA @ (np.array(colour) - before.mean(axis=(0, 1))))))


def outlined(corners: Matrix, contrast: float) -> Seen:
    """Return where something with these corners (pixels) is."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    return Seen(
        box_xyxy=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        centre_xy=(float(middle[0]), float(middle[1])),
        contrast=contrast,
        size_px=float(np.sqrt(np.prod(high - low))),
    )


def _lit(stage: Stage, colour: Colour, window: Window) -> Colour:
    return stage.lit(colour, np.array([window.x_m, 0.3, window.z_m]))
