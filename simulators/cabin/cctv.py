"""What cameras and recorders make of a picture: exposure, night, noise, blur, bars, text, compression."""

from dataclasses import dataclass

import cv2
import numpy as np

from gridwatch.model import Pixels

GRAIN_PX = 640
_GRAIN = np.random.default_rng(0).standard_normal((GRAIN_PX, GRAIN_PX, 3)).astype(np.float32)
"""Noise is cut out of this anew for each picture: drawing it takes longer than all the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cctv:
    """A camera's ways, the same in all of its pictures."""

    gain: float
    gamma: float
    tint: tuple[float, float, float]
    night: bool
    """Infrared lamps at the lens, no colour."""
    noise_levels: float
    blur_px: float
    native_share: float
    """Share of the picture's width that the camera really has: the rest is scaled up."""
    vignette: float
    quality: int
    bars: tuple[float, float]
    """Share of the width and of the height that black bars take."""
    text: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Cctv":
        """Draw a camera: one in four sees badly lit cabins, one in ten in infrared, one in six with bars."""
        dark = rng.random() < 0.25
        bars = (0.0, 0.0)
        if rng.random() < 0.17:
            bars = (
                (float(rng.uniform(0.1, 0.26)), 0.0)
                if rng.random() < 0.5
                else (0.0, float(rng.uniform(0.1, 0.26)))
            )
        b, g, r = rng.normal(1.0, 0.06, 3)
        return cls(
            gain=float(rng.uniform(0.22, 0.6) if dark else rng.uniform(0.75, 1.4)),
            gamma=float(rng.uniform(0.75, 1.35)),
            tint=(float(b), float(g), float(r)),
            night=bool(rng.random() < 0.1),
            noise_levels=float(rng.uniform(4, 14) if dark else rng.uniform(0.5, 6)),
            blur_px=float(rng.choice([0.0, rng.uniform(0.4, 1.4)], p=[0.5, 0.5])),
            native_share=float(rng.choice([1.0, rng.uniform(0.45, 0.9)], p=[0.6, 0.4])),
            vignette=float(rng.uniform(0, 0.5)),
            quality=int(rng.integers(18, 92)),
            bars=bars,
            text=_text(rng) if rng.random() < 0.5 else "",
        )

    def inner(self, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return x, y, width and height of the picture between the bars."""
        width = round(size_wh[0] * (1 - self.bars[0]) / 2) * 2
        height = round(size_wh[1] * (1 - self.bars[1]) / 2) * 2
        return (size_wh[0] - width) // 2, (size_wh[1] - height) // 2, width, height

    def taken(
        self, rng: np.random.Generator, picture: Pixels, size_wh: tuple[int, int], *, exposure: float = 1.0
    ) -> Pixels:
        """Return what comes out of the recorder for a picture of the inner size."""
        height, width = picture.shape[:2]
        if self.blur_px:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), self.blur_px), np.uint8)
        if self.native_share < 1:
            less = (max(16, round(width * self.native_share)), max(16, round(height * self.native_share)))
            picture = np.asarray(cv2.resize(picture, less, interpolation=cv2.INTER_AREA), np.uint8)
        lit = self._exposed(rng, picture, exposure)
        if self.native_share < 1:
            lit = np.asarray(cv2.resize(lit, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        x, y, _, _ = self.inner(size_wh)
        if self.bars != (0.0, 0.0):
            right, below = size_wh[0] - width - x, size_wh[1] - height - y
            lit = np.asarray(
                cv2.copyMakeBorder(lit, y, below, x, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
            )
        if self.text:
            size = size_wh[0] / 800
            cv2.putText(
                lit, self.text, (4, 4 + round(22 * size)), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2
            )
            cv2.putText(
                lit, self.text, (4, 4 + round(22 * size)), cv2.FONT_HERSHEY_SIMPLEX, size, (250, 250, 250), 1
            )
        _, coded = cv2.imencode(".jpg", lit, (cv2.IMWRITE_JPEG_QUALITY, self.quality))
        return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)

    def _exposed(self, rng: np.random.Generator, picture: Pixels, exposure: float) -> Pixels:
        height, width = picture.shape[:2]
        table = 255 * (np.arange(256) / 255) ** self.gamma * self.gain * exposure
        if self.night:
            picture = np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))
            curves = np.column_stack([table] * 3)
        else:
            curves = table[:, None] * np.array(self.tint)
        lit = cv2.LUT(picture, np.clip(curves, 0, 255).astype(np.float32)[None])
        if self.vignette or self.night:
            fall = self.vignette + (0.5 if self.night else 0.0)
            x = np.linspace(-1, 1, width, dtype=np.float32) ** 2
            y = np.linspace(-1, 1, height, dtype=np.float32) ** 2
            shape = 1 - 0.5 * fall * (x[None, :] + y[:, None])
            lit = cv2.multiply(lit, cv2.merge([np.maximum(shape, 0.05)] * 3))
        a, b = (int(v) for v in rng.integers(0, (GRAIN_PX - min(height, 400), GRAIN_PX - min(width, 400))))
        grain = _GRAIN[a : a + height, b : b + width]
        if grain.shape[:2] != (height, width):
            grain = np.resize(_GRAIN, (height, width, 3))
        lit = cv2.scaleAdd(np.ascontiguousarray(grain), self.noise_levels, np.asarray(lit, np.float32))
        return np.asarray(cv2.convertScaleAbs(np.maximum(lit, 0)), np.uint8)


def _text(rng: np.random.Generator) -> str:
    day, hour = rng.integers(10, 29), rng.integers(0, 24)
    return f"2025-0{rng.integers(1, 10)}-{day} {hour:02d}:{rng.integers(10, 60)}:{rng.integers(10, 60)}"


def covered(rng: np.random.Generator, size_wh: tuple[int, int]) -> Pixels:
    """Paint what a covered lens sees: a hand, tape, paint or a cloth, out of focus, light at an edge."""
    width, height = size_wh
    level = float(rng.choice([rng.uniform(0, 25), rng.uniform(25, 200)], p=[0.5, 0.5]))
    coarse = np.clip(
        level + rng.normal(0, 0.12 * level + 1, (3, 4, 3)) + rng.normal(0, 0.12 * level, 3), 0, 255
    )
    picture = cv2.resize(coarse.astype(np.float32), size_wh, interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.3:
        x, y = rng.integers(0, (width, height))
        glow = np.zeros((height, width), np.float32)
        cv2.circle(glow, (int(x), int(y)), max(2, width // 10), 1.0, -1)
        glow = np.asarray(cv2.blur(glow, (width // 4 | 1, width // 4 | 1)))
        picture = picture + glow[..., None] * rng.uniform(20, 200)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
