"""What a ridge camera makes of the light: exposure, noise, night mode, shaking, drops and insects, JPEG."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from gridwatch.model import Pixels
from simulators.ridge.landscape import WIDTH_PX
from simulators.ridge.texture import Layer

AIM_LEVEL = 112.0
MOST_GAIN = 30.0
FOLLOWS_S = 20.0
"""Automatic exposure is slow where it is meant for a landscape."""
NIGHT_GAIN = 6.0
"""Past it the camera opens its infrared filter and shows greys."""
NOISE_LEVELS = 1.6
"""Standard deviation at noon; it grows with the root of the gain."""
HAZY_FROM = 3
GRAINS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """Water on the glass, from a moment on until it has dried."""

    xy: tuple[float, float]
    radius_px: float
    from_s: float
    until_s: float


@dataclass(slots=True)
class Camera:
    """A camera with its habits; `shake_px` is the standard deviation of where its pictures begin."""

    rng: np.random.Generator
    size_wh: tuple[int, int]
    shake_px: float
    quality: int
    """Of its JPEG, 0 to 100."""
    drops: tuple[Drop, ...] = ()
    insects: float = 0.0
    """Part of the pictures that show one."""
    gain: float | None = None
    grains: list[Layer] = field(default_factory=list)

    def __post_init__(self) -> None:
        width, height = self.size_wh
        self.grains = [self.rng.standard_normal((height, width, 3), dtype=np.float32) for _ in range(GRAINS)]

    def take(self, light: Layer, moment_s: float, gap_s: float) -> Pixels:
        """Return the picture of a scene's light, as it comes out of the camera's coder."""
        scene = self._moved(light)
        aim = min(MOST_GAIN, AIM_LEVEL / max(float(scene[::16, ::16].mean()), 0.5))
        self.gain = aim if self.gain is None else self.gain + (aim - self.gain) * min(1.0, gap_s / FOLLOWS_S)
        scene = scene * np.float32(self.gain)
        if self.gain > NIGHT_GAIN:
            scene = np.repeat(scene.mean(axis=2, keepdims=True), 3, axis=2)
        noise = NOISE_LEVELS * max(1.0, self.gain) ** 0.5
        grain = self.grains[int(self.rng.integers(GRAINS))]
        by = (int(self.rng.integers(grain.shape[0])), int(self.rng.integers(grain.shape[1])))
        scene += np.roll(grain, by, axis=(0, 1)) * np.float32(noise)
        picture = np.clip(scene, 0, 255).astype(np.uint8)
        for drop in self.drops:
            if drop.from_s <= moment_s <= drop.until_s:
                _wet(picture, drop)
        if self.rng.random() < self.insects:
            self._insect(picture, at_night=self.gain > NIGHT_GAIN)
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)

    def _moved(self, light: Layer) -> Layer:
        if self.shake_px <= 0:
            return light.copy()
        dx, dy = self.rng.normal(0, self.shake_px, 2)
        matrix = np.array([[1, 0, dx], [0, 1, dy]])
        return np.asarray(
            cv2.warpAffine(light, matrix, self.size_wh, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def _insect(self, picture: Pixels, *, at_night: bool) -> None:
        """Draw something out of focus that is there in one picture only, lit by infrared at night."""
        width, height = self.size_wh
        long = self.rng.uniform(8, 60) * width / WIDTH_PX
        at = (int(self.rng.uniform(0, width)), int(self.rng.uniform(0, height)))
        level = float(self.rng.uniform(190, 250) if at_night else self.rng.uniform(15, 70))
        veil = np.zeros(picture.shape[:2], np.uint8)
        size = (max(2, int(long)), max(1, int(long * self.rng.uniform(0.2, 0.6))))
        cv2.ellipse(veil, at, size, float(self.rng.uniform(0, 180)), 0, 360, 255, -1)
        soft = cv2.GaussianBlur(veil, (0, 0), 2 + long / 8).astype(np.float32)[:, :, None] / 255
        picture[:] = (picture + (level - picture) * soft).astype(np.uint8)


def _wet(picture: Pixels, drop: Drop) -> None:
    """Blur and lighten what is behind a drop."""
    height, width = picture.shape[:2]
    x, y, reach = int(drop.xy[0]), int(drop.xy[1]), int(drop.radius_px)
    left, right, top, bottom = (
        max(0, x - reach),
        min(width, x + reach),
        max(0, y - reach),
        min(height, y + reach),
    )
    if right - left < HAZY_FROM or bottom - top < HAZY_FROM:
        return
    part = picture[top:bottom, left:right]
    blurred = cv2.GaussianBlur(part, (0, 0), max(1.0, reach / 3)).astype(np.float32) * 0.85 + 30
    rows, columns = np.ogrid[top:bottom, left:right]
    inside = np.clip(1.2 - ((rows - y) ** 2 + (columns - x) ** 2) / reach**2, 0, 1)[:, :, None]
    part[:] = np.clip(part + (blurred - part) * np.minimum(1, 2 * inside), 0, 255).astype(np.uint8)
