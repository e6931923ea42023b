"""Where a camera stands before a façade, and where it sees what.

The world: x metres along the wall, o metres out from the wall towards the street, z metres up from the
ground. A place is a row x, o, z. The picture's x grows with the wall's.
"""

from dataclasses import dataclass, replace
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]

NEAREST_M = 0.25
"""Before the lens; what is nearer, or behind, is not seen."""

AWAY_PX = -20_000.0
"""Where what can't be seen is put: outside of every picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FacadeCamera:
    """A pinhole camera at `at_m` (x, o, z); angles in radians, `pitch` upwards, `yaw` to the right."""

    size_wh: tuple[int, int]
    focal_px: float
    at_m: tuple[float, float, float]
    pitch: float
    yaw: float = 0.0
    roll: float = 0.0

    def matrix(self) -> Matrix:
        """Return the 3×3 matrix from places relative to the camera to homogeneous pixels."""
        right = np.array([np.cos(self.yaw), np.sin(self.yaw), 0.0])
        level = np.array([np.sin(self.yaw), -np.cos(self.yaw), 0.0])
        above = np.array([0.0, 0.0, 1.0])
        forward = level * np.cos(self.pitch) + above * np.sin(self.pitch)
        up = above * np.cos(self.pitch) - level * np.sin(self.pitch)
        turn, lift = np.cos(self.roll), np.sin(self.roll)
        right, up = right * turn + up * lift, up * turn - right * lift
        middle_x, middle_y = self.size_wh[0] / 2, self.size_wh[1] / 2
        rows = np.stack(
            [
                self.focal_px * right + middle_x * forward,
                middle_y * forward - self.focal_px * up,
                forward,
            ]
        )
        return np.asarray(rows, np.float64)

    def aside(self, x_m: float) -> Self:
        """Return the same camera at another place along the wall."""
        return replace(self, at_m=(x_m, *self.at_m[1:]))

    def project(self, places: Matrix) -> Matrix:
        """Return x, y in pixels and the scale in px/m for each row of places; unseen ones lie far outside."""
        seen = (np.asarray(places, np.float64) - np.array(self.at_m)) @ self.matrix().T
        depth = np.maximum(seen[:, 2], NEAREST_M)
        found = np.column_stack([seen[:, 0] / depth, seen[:, 1] / depth, self.focal_px / depth])
        found[seen[:, 2] <= NEAREST_M] = (AWAY_PX, AWAY_PX, 0.0)
        return np.asarray(np.clip(found, AWAY_PX, -AWAY_PX), np.float64)

    def to_facade(self) -> Matrix:
        """Return the homography from pixels to x and z (metres) on the wall."""
        x, out, z = self.at_m
        wall = np.array([[1.0, 0.0, -x], [0.0, 0.0, -out], [0.0, 1.0, -z]])
        homography = np.linalg.inv(self.matrix() @ wall)
        return np.asarray(homography / homography[2, 2], np.float64)


def draw_camera(
    rng: np.random.Generator,
    *,
    size_wh: tuple[int, int],
    distance_m: float,
    crop: float = 1.0,
    lowest_m: float | None = None,
) -> FacadeCamera:
    """Return a camera on the ground or a low pole that looks up steeply enough to leave the street out.

    Its picture's longer side sees 50 to 75 degrees, `crop` times fewer where it is a part of a larger
    picture. `lowest_m` is the height on the wall at the picture's lower edge (None: 1 to 9); below 0 the
    street is seen.
    """
    angle = np.deg2rad(rng.uniform(50, 75))
    focal_px = max(size_wh) / 2 / np.tan(angle / 2) * crop
    height_m = float(rng.uniform(1.2, 4.0))
    half = np.arctan(size_wh[1] / 2 / focal_px)
    lowest_m = float(rng.uniform(1.0, 9.0)) if lowest_m is None else lowest_m
    pitch = np.arctan((lowest_m - height_m) / distance_m) + half
    return FacadeCamera(
        size_wh=size_wh,
        focal_px=float(focal_px),
        at_m=(0.0, distance_m, height_m),
        pitch=float(min(pitch, np.deg2rad(62))),
        yaw=float(rng.normal(0, 0.04)),
        roll=float(rng.normal(0, 0.015)),
    )
