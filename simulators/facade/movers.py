"""Small things on their way through the picture, drawn out by the time that the shutter is open."""

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Pixels
from simulators.facade.light import LUMA, Colour
from simulators.facade.stage import SOFT_PX, SUBPIXEL_BITS, Stage
from simulators.facade.things import STEP_S

FINE = 4
"""Times that small things are drawn larger and then averaged: a thing of a pixel has no corners."""

FINE_UP_TO_PX = 14.0
MOST_STEPS = 16
"""Positions painted during one exposure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Where something is in one picture. `contrast` is the most it changes a pixel, in grey levels; `size_px`
    the mean of its two sides before it is drawn out."""

    box_xyxy: BoxXyxy
    centre_xy: tuple[float, float]
    contrast: float
    size_px: float


class Actor(Protocol):
    """Something that moves."""

    @property
    def kind(self) -> str:
        """What it is."""
        ...

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint itself at `t` seconds; return where it is, or None where it can't be seen."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Mover:
    """A small thing whose way is known beforehand, in steps of STEP_S from `starts_s` on.

    Per step: `xy` its centre in pixels, `half` its two half sides in pixels, `angle` in degrees. A reflection
    shows as much of it as `mirror` says per pixel, 0..255. `soft_px` blurs what is out of focus.
    """

    kind: str
    starts_s: float
    xy: NDArray[np.float64]
    half: NDArray[np.float64]
    angle: NDArray[np.float64]
    colour: Colour
    exposure_s: float
    angular: bool = False
    soft_px: float = SOFT_PX
    mirror: Pixels | None = None
    stays: bool = False
    """At its last place."""

    @property
    def ends_s(self) -> float:
        """When its way ends."""
        return self.starts_s + (len(self.xy) - 1) * STEP_S

    def leaves_s(self, size_wh: tuple[int, int]) -> float:
        """Return when it is last in a picture of this size; its start where it never is."""
        inside = ((self.xy >= 0) & (self.xy < np.array(size_wh))).all(axis=1)
        return self.starts_s + (int(np.flatnonzero(inside)[-1]) * STEP_S if inside.any() else 0.0)

    def paint(self, canvas: Pixels, t: float) -> Seen | None:
        """Paint it as the shutter that opens at `t` draws it out."""
        if t < self.starts_s or (t > self.ends_s and not self.stays):
            return None
        first = min((t - self.starts_s) / STEP_S, len(self.xy) - 1)
        last = min(first + self.exposure_s / STEP_S, len(self.xy) - 1)
        half = np.maximum(self.half[int(first)], 0.3)
        length = float(np.hypot(*(self._at(last) - self._at(first))))
        count = int(min(MOST_STEPS, max(1, math.ceil(length / max(0.7, float(half.min()))))))
        places = np.array([self._at(first + (last - first) * (k + 0.5) / count) for k in range(count)])
        region = _region(places, float(half.max()) + 3 * self.soft_px + 1, canvas)
        if region is None:
            return None
        cover = self._cover(places, half, float(self.angle[int(first)]), region)
        if self.mirror is not None:
            left, top, right, bottom = region
            cover *= self.mirror[top:bottom, left:right] / np.float32(255)
        contrast = _blend(canvas, cover, self.colour, region)
        if contrast == 0 or t > self.ends_s:
            return None
        reach = float(np.hypot(*half)) if self.angular else float(half.max())
        low, high = places.min(axis=0) - reach, places.max(axis=0) + reach
        middle = places.mean(axis=0)
        return Seen(
            box_xyxy=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
            centre_xy=(float(middle[0]), float(middle[1])),
            contrast=contrast,
            size_px=float(2 * np.sqrt(half[0] * half[1])),
        )

    def _at(self, step: float) -> NDArray[np.float64]:
        whole = int(step)
        following = min(whole + 1, len(self.xy) - 1)
        return np.asarray(self.xy[whole] + (step - whole) * (self.xy[following] - self.xy[whole]))

    def _cover(
        self, places: NDArray[np.float64], half: NDArray[np.float64], angle: float, region: "Region"
    ) -> NDArray[np.float32]:
        left, top, right, bottom = region
        fine = FINE if float(half.max()) < FINE_UP_TO_PX else 1
        shape = ((bottom - top) * fine, (right - left) * fine)
        cover = np.zeros(shape, np.float32)
        for place in places:
            single = np.zeros(shape, np.uint8)
            centre = (place - (left, top) + 0.5) * fine - 0.5
            _shape(single, centre, half * fine, angle, angular=self.angular)
            cover += single
        cover /= 255 * len(places)
        if fine > 1:
            cover = cv2.resize(cover, (right - left, bottom - top), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        return np.asarray(cv2.GaussianBlur(cover, (0, 0), self.soft_px), np.float32)


Region = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels, inside of the picture."""


def _region(places: NDArray[np.float64], reach: float, canvas: Pixels) -> Region | None:
    height, width = canvas.shape[:2]
    low, high = np.floor(places.min(axis=0) - reach), np.ceil(places.max(axis=0) + reach) + 1
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    right, bottom = min(width, int(high[0])), min(height, int(high[1]))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _shape(
    canvas: Pixels, centre: NDArray[np.float64], half: NDArray[np.float64], angle: float, *, angular: bool
) -> None:
    scale = 1 << SUBPIXEL_BITS
    if angular:
        turn = np.deg2rad(angle)
        axis_x = np.array([np.cos(turn), np.sin(turn)]) * half[0]
        axis_y = np.array([-np.sin(turn), np.cos(turn)]) * half[1]
        corners = centre + np.array([axis_x + axis_y, axis_x - axis_y, -axis_x - axis_y, axis_y - axis_x])
        cv2.fillConvexPoly(
            canvas, np.rint(corners * scale).astype(np.int32), 255, cv2.LINE_AA, shift=SUBPIXEL_BITS
        )
    else:
        middle = (round(float(centre[0]) * scale), round(float(centre[1]) * scale))
        axes = (max(1, round(float(half[0]) * scale)), max(1, round(float(half[1]) * scale)))
        cv2.ellipse(canvas, middle, axes, angle, 0, 360, 255, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def _blend(canvas: Pixels, cover: NDArray[np.float32], colour: Colour, region: Region) -> float:
    """Lay a colour over a part of the picture; return the most that a pixel changed, in grey levels."""
    left, top, right, bottom = region
    part = canvas[top:bottom, left:right]
    before = part.astype(np.float32)
    after = before + cover[..., None] * (np.array(colour, np.float32) - before)
    part[:] = np.rint(after).astype(np.uint8)
    change = np.abs((after - before) @ LUMA.astype(np.float32))
    return float(change.max())


def mover(
    stage: Stage,
    places: NDArray[np.float64],
    sizes_m: NDArray[np.float64],
    angle: NDArray[np.float64],
    *,
    kind: str,
    starts_s: float,
    colour: Colour,
    angular: bool = False,
    stays: bool = False,
) -> Mover:
    """Return what flies along `places` (x, o, z) with sides `sizes_m` (n×2) at `angle` degrees.

    Its colour is that of its light in the middle of its way.
    """
    seen = stage.camera.project(places)
    return Mover(
        kind=kind,
        starts_s=starts_s,
        xy=seen[:, :2],
        half=sizes_m / 2 * seen[:, 2:],
        angle=angle,
        colour=stage.lit(colour, places[len(places) // 2]),
        exposure_s=stage.exposure_s,
        angular=angular,
        stays=stays,
    )
