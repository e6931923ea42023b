"""What a camera makes of what it sees: exposure, noise, shaking."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np

from gridwatch.model import Pixels

ShakeName: TypeAlias = Literal["none", "sway", "knock"]

FLICKER = 0.004
"""Relative standard deviation of exposure from picture to picture."""

SETTLES_S = 0.7
"""Time in which automatic exposure makes up for most of a change."""

MARGIN_PX = 48
SAMPLE_PX = 16


class Sensor:
    """The camera's noise and automatic exposure.

    Noise comes from a bank at random offsets: fresh noise for each pixel costs more than all the rest.
    """

    def __init__(
        self, rng: np.random.Generator, *, size_wh: tuple[int, int], noise: float, coloured: bool
    ) -> None:
        self.rng = rng
        self.brightness: float | None = None
        self.gain = 1.0
        shape = (size_wh[1] + MARGIN_PX, size_wh[0] + MARGIN_PX)
        self.bank = []
        for _ in range(3):
            grey = rng.normal(0, noise, shape).astype(np.float32)
            tint = rng.normal(0, noise / 3 if coloured else 0, (*shape, 3)).astype(np.float32)
            self.bank.append(np.clip(np.rint(128 + grey[..., None] + tint), 0, 255).astype(np.uint8))

    def expose(self, canvas: Pixels, *, light: float, dt: float) -> Pixels:
        """Return the picture; `light` is how much more light there is than at first.

        `dt` is the seconds since the last picture.
        """
        seen = float(canvas[::SAMPLE_PX, ::SAMPLE_PX].mean()) * light
        if self.brightness is None:
            self.brightness = max(seen, 1.0)
        aim = min(4.0, self.brightness / max(seen, 1.0))
        self.gain += (aim - self.gain) * min(1.0, dt / SETTLES_S)
        factor = light * self.gain * (1 + float(self.rng.normal(0, FLICKER)))
        height, width = canvas.shape[:2]
        noise = self.bank[int(self.rng.integers(len(self.bank)))]
        dy, dx = (int(v) for v in self.rng.integers(0, MARGIN_PX, 2))
        part = noise[dy : dy + height, dx : dx + width]
        return np.asarray(cv2.addWeighted(canvas, factor, part, 1.0, -128.0), np.uint8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shake:
    """How a mast moves the picture: all the time in the wind (`sway`), or at a blow that dies away and leaves
    it turned a little (`knock`)."""

    name: ShakeName
    reach_px: tuple[float, float]
    hertz: tuple[float, float]
    phase: float
    at_s: float = 0.0

    def offset(self, t: float) -> tuple[float, float]:
        """Return by how many pixels the picture is moved at `t` seconds."""
        if self.name == "none" or t < self.at_s:
            return 0.0, 0.0
        since = t - self.at_s
        fading = math.exp(-since / 0.8) if self.name == "knock" else 0.6 + 0.4 * math.sin(0.9 * since)
        dx = self.reach_px[0] * fading * math.sin(2 * math.pi * self.hertz[0] * since + self.phase)
        dy = self.reach_px[1] * fading * math.sin(2 * math.pi * self.hertz[1] * since)
        if self.name == "knock":
            dx += 0.5 * self.reach_px[0] * (1 - fading)
        return dx, dy

    def moved(self, canvas: Pixels, t: float) -> Pixels:
        """Return the canvas as it is seen then."""
        dx, dy = self.offset(t)
        if dx == 0 and dy == 0:
            return canvas
        size_wh = (canvas.shape[1], canvas.shape[0])
        matrix = np.array([[1, 0, dx], [0, 1, dy]])
        return np.asarray(cv2.warpAffine(canvas, matrix, size_wh, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def draw_shake(rng: np.random.Generator, name: ShakeName, *, height: int, duration_s: float) -> Shake:
    """Draw a camera's shaking: some pixels of 1080."""
    reach = {"none": 0.0, "sway": 1.5, "knock": 14.0}[name] * height / 1080
    return Shake(
        name=name,
        reach_px=(reach * float(rng.uniform(0.5, 1.5)), reach * float(rng.uniform(0.3, 1.0))),
        hertz=(float(rng.uniform(1, 5)), float(rng.uniform(1, 7))),
        phase=float(rng.uniform(0, 6)),
        at_s=float(rng.uniform(0.2, 0.7)) * duration_s if name == "knock" else 0.0,
    )
