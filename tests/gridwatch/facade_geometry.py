"""A pinhole camera before a façade, and things thrown from it by Newton's law: the truth of the tests.

It shares no code with what is tested: points are projected in three dimensions, falls are integrated.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridwatch.facade import Corner, FacadeView, Landmark, WindowGrid
from gridwatch.facade.calibrating import calibrate
from gridwatch.model import TrackPoint

SIZE_WH = (1080, 1920)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRAVITY_MS2 = 9.81


@dataclass(frozen=True, kw_only=True)
class PinholeCamera:
    """Stands `away_m` before the plane y = 0 and looks up by `pitch_deg`, to its side by `yaw_deg`."""

    x_m: float
    away_m: float
    z_m: float = 3.0
    pitch_deg: float
    yaw_deg: float = 0.0
    fov_deg: float = 55.0
    size_wh: tuple[int, int] = SIZE_WH

    def see(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels of points x, y (towards the camera), z in metres (… × 3)."""
        pitch, yaw = np.radians(self.pitch_deg), np.radians(self.yaw_deg)
        ahead = np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        up = np.cross(ahead, right)  # x, towards the camera, z: a left-handed frame
        focal = self.size_wh[1] / 2 / np.tan(np.radians(self.fov_deg / 2))
        away = np.asarray(points, float) - (self.x_m, self.away_m, self.z_m)
        aside, down = focal * (away @ right) / (away @ ahead), -focal * (away @ up) / (away @ ahead)
        return np.stack([aside + self.size_wh[0] / 2, down + self.size_wh[1] / 2], axis=-1)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A camera, the part of a façade of 30 floors × 6 windows that it sees, and what was clicked on it."""

    camera: PinholeCamera
    grid: WindowGrid
    seen: tuple[tuple[int, int], ...]
    landmarks: tuple[Landmark, ...]

    def view(self) -> FacadeView:
        """Return the view that the clicks make."""
        calibration = calibrate(self.camera.size_wh, self.landmarks, self.grid)
        return FacadeView(size_wh=self.camera.size_wh, calibration=calibration)


def make_scene(
    rng: np.random.Generator, away_m: float, pitch_deg: float, *, yaw_deg: float = 0.0, click_px: float = 1.0
) -> Scene:
    """Return a scene with eight clicked landmarks: the outermost windows of four of the floors seen."""
    middle = 9 + rng.uniform(-3, 3) - away_m * np.tan(np.radians(yaw_deg))
    camera = PinholeCamera(x_m=middle, away_m=away_m, pitch_deg=pitch_deg, yaw_deg=yaw_deg)
    whole = WindowGrid(floors=30, windows=6)
    corners = {
        (floor, window): whole.box_m(floor, window) for floor in whole.numbers for window in range(1, 7)
    }
    width, height = camera.size_wh
    seen = []
    for place, (left, lower, right, upper) in corners.items():
        ends = camera.see([(left, 0, upper), (right, 0, lower)])
        if np.all((ends > 5) & (ends < (width - 5, height - 5))):
            seen.append(place)
    floors = sorted({floor for floor, _ in seen})
    low, high = floors[0], floors[-1]
    grid = WindowGrid(
        floors=high - low + 1, windows=6, first_floor=low, first_floor_m=(low - 1) * whole.floor_m
    )
    marks = []
    for floor in (low, (2 * low + high) // 3, (low + 2 * high) // 3, high):
        windows = [window for other, window in seen if other == floor]
        for window, corner in ((min(windows), Corner.TOP_LEFT), (max(windows), Corner.BOTTOM_RIGHT)):
            x_m, z_m = grid.place_m(Landmark(x=0, y=0, floor=floor, window=window, corner=corner))
            x, y = camera.see((x_m, 0, z_m)) + rng.normal(0, click_px, 2)
            marks.append(Landmark(x=float(x), y=float(y), floor=floor, window=window, corner=corner))
    return Scene(camera=camera, grid=grid, seen=tuple(seen), landmarks=tuple(marks))


def throw(
    rng: np.random.Generator,
    scene: Scene,
    floor: int,
    window: int,
    *,
    first_seen_s: float,
    outward_ms: float,
    anywhere_on_floor: bool = False,
    noise_px: float = 0.8,
) -> list[TrackPoint]:
    """Return a second of a thing's track at 25 pictures a second, from `first_seen_s` after its release.

    It leaves an opening up to 0.6 m before the wall; `anywhere_on_floor`: at any height of the floor.
    """
    left, lower, right, _ = scene.grid.box_m(floor, window)
    low, length = (lower - 0.9, 3.0) if anywhere_on_floor else (lower, 1.2)
    place = np.array([rng.uniform(left, right), rng.uniform(0, 0.6), low + rng.uniform(0, length)])
    speed = np.array([rng.normal(0, 1), outward_ms, rng.normal(0, 0.5)])
    terminal = float(np.exp(rng.uniform(np.log(5), np.log(36))))
    step = 1 / 1000
    places = [place]
    for _ in range(int((first_seen_s + 1) / step) + 1):
        drag = -GRAVITY_MS2 * np.linalg.norm(speed) * speed / terminal**2
        speed = speed + step * (drag - np.array([0, 0, GRAVITY_MS2]))
        places.append(places[-1] + step * speed)
    times = np.arange(0, 1, 1 / 25)
    there = np.array(places)[np.round((first_seen_s + times) / step).astype(int)]
    pixels = scene.camera.see(there) + rng.normal(0, noise_px, (len(times), 2))
    return [
        TrackPoint(at=START + timedelta(seconds=float(t)), x=float(x), y=float(y))
        for t, (x, y) in zip(times, pixels, strict=True)
    ]
