"""Where a cabin's camera hangs and how its lens maps directions to the picture."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.cabin.mesh import Floats

ViewKind: TypeAlias = Literal["overhead", "corner", "above_door", "rear"]
VIEW_KINDS: tuple[ViewKind, ...] = get_args(ViewKind)

NEAREST_M = 0.06
"""Nothing closer to the lens than this is drawn."""
STEEPEST_RAD = 1.48
"""Beyond this the tangent of a bent angle says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lens:
    """Directions at the angle θ from the axis appear at focal_px · tan(bend · θ) / bend from the middle.

    A bend of 1 draws straight lines straight, 0.5 is stereographic, near 0 each degree gets as many pixels.
    `turn` has the rows right, down, forward.
    """

    at_m: Floats
    turn: Floats
    focal_px: float
    bend: float
    size_wh: tuple[int, int]

    @classmethod
    def aimed(
        cls,
        at_m: tuple[float, float, float],
        target_m: tuple[float, float, float],
        *,
        roll: float,
        half_view: float,
        bend: float,
        size_wh: tuple[int, int],
    ) -> "Lens":
        """Aim at a place; `half_view` in radians is seen from the middle to the picture's longer edge."""
        eye = np.array(at_m, np.float64)
        forward = np.array(target_m, np.float64) - eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0) if abs(forward[2]) < 0.98 else (0.0, 1.0, 0.0))
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        cos, sin = np.cos(roll), np.sin(roll)
        turn = np.stack([cos * right + sin * down, cos * down - sin * right, forward])
        focal = max(size_wh) / 2 * bend / np.tan(bend * half_view)
        return cls(
            at_m=eye.astype(np.float32),
            turn=turn.astype(np.float32),
            focal_px=float(focal),
            bend=bend,
            size_wh=size_wh,
        )

    def project(self, points: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return the pixels of places (n × 3), how far they are, and whether the lens sees that way."""
        seen = (points - self.at_m) @ self.turn.T
        across = np.hypot(seen[:, 0], seen[:, 1])
        away = np.sqrt(across**2 + seen[:, 2] ** 2)
        angle = np.arctan2(across, seen[:, 2])
        in_view = (self.bend * angle < STEEPEST_RAD) & (away > NEAREST_M)
        radius = self.focal_px / self.bend * np.tan(np.minimum(self.bend * angle, STEEPEST_RAD))
        scale = radius / np.maximum(across, 1e-6)
        middle = np.array(self.size_wh, np.float32) / 2
        return (seen[:, :2] * scale[:, None] + middle).astype(np.float32), away, in_view

    def rays(self) -> Floats:
        """Return for each pixel (height × width × 3) the direction that it sees."""
        width, height = self.size_wh
        x, y = np.meshgrid(
            np.arange(width, dtype=np.float32) + 0.5 - width / 2,
            np.arange(height, dtype=np.float32) + 0.5 - height / 2,
        )
        radius = np.hypot(x, y)
        angle = np.minimum(np.arctan(radius * (self.bend / self.focal_px)) / self.bend, 3.1)
        sine = np.sin(angle) / np.maximum(radius, 1e-6)
        return np.asarray(cv2.merge([x * sine, y * sine, np.cos(angle)]), np.float32) @ self.turn

    def resized(self, size_wh: tuple[int, int]) -> "Lens":
        """Return the lens for pictures of another number of pixels of the same shape."""
        return Lens(
            at_m=self.at_m,
            turn=self.turn,
            focal_px=self.focal_px * size_wh[0] / self.size_wh[0],
            bend=self.bend,
            size_wh=size_wh,
        )


def draw_lens(
    rng: np.random.Generator, room_m: tuple[float, float, float], size_wh: tuple[int, int], view: ViewKind
) -> Lens:
    """Hang a camera into a cabin of a width, depth and height, as fitters do."""
    width, depth, height = room_m
    top = height - rng.uniform(0.04, 0.14)
    if view == "overhead":
        at = (width * rng.uniform(0.35, 0.65), depth * rng.uniform(0.3, 0.75), top)
        target = (at[0] + rng.normal(0, 0.15), at[1] + rng.normal(0, 0.25), 0.0)
        return Lens.aimed(
            at,
            target,
            roll=float(rng.integers(4) * np.pi / 2 + rng.normal(0, 0.1)),
            half_view=float(rng.uniform(0.85, 1.45)),
            bend=float(rng.uniform(0.05, 0.55)),
            size_wh=size_wh,
        )
    inset = rng.uniform(0.05, 0.15)
    if view == "corner":
        left, front = rng.random() < 0.5, rng.random() < 0.35
        at = (inset if left else width - inset, inset + 0.05 if front else depth - inset, top)
        goal = (width * rng.uniform(0.4, 0.6), depth * (0.65 if front else rng.uniform(0.25, 0.5)))
    else:
        at = (width * rng.uniform(0.4, 0.6), inset if view == "above_door" else depth - inset, top)
        goal = (
            width * rng.uniform(0.45, 0.55),
            depth * (rng.uniform(0.5, 0.8) if view == "above_door" else 0.3),
        )
    return Lens.aimed(
        at,
        (goal[0], goal[1], float(rng.uniform(0.2, 0.8))),
        roll=float(rng.normal(0, 0.04)),
        half_view=float(rng.uniform(0.65, 1.05)),
        bend=float(rng.uniform(0.2, 0.95)),
        size_wh=size_wh,
    )
