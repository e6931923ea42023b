"""What is known of one camera's view of a façade, in pixels and, once it is calibrated, in metres.

On the façade's plane x runs to the right as the camera sees it and z up, both in metres; a third axis runs
from the plane towards the camera.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self, TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridwatch.facade.presets import MOST_PRESETS, Preset

Floats: TypeAlias = NDArray[np.floating[Any]]

PointXy: TypeAlias = tuple[float, float]
PolygonXy: TypeAlias = tuple[PointXy, ...]
"""Corners in pixels; the last is joined to the first."""

Matrix: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

MOST_CORNERS, MOST_MASKS = 60, 40

SAME_SHAPE = 0.01
"""Of width to height. Pictures whose shape differs by more are another crop of the scene."""


class Corner(StrEnum):
    """Of a window as the camera sees it."""

    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


@dataclass(frozen=True, kw_only=True, slots=True)
class Landmark:
    """A place that somebody clicked at x, y pixels: a window's corner, or metres on the façade."""

    x: float
    y: float
    floor: int | None = None
    window: int | None = None
    corner: Corner | None = None
    x_m: float | None = None
    z_m: float | None = None

    def __post_init__(self) -> None:
        by_window = (self.floor, self.window, self.corner)
        by_metres = (self.x_m, self.z_m)
        if (None in by_window) == (None in by_metres) or {*by_window, *by_metres} == {None}:
            raise ValueError("a landmark needs either floor, window and corner, or x_m and z_m")
        _check_finite("landmark", (self.x, self.y, self.x_m or 0.0, self.z_m or 0.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowGrid:
    """Floors, and the windows that repeat on each of them. Lengths in metres.

    The floor numbered `first_floor` lies `first_floor_m` high; windows are numbered from 1 at the left, whose
    left edge is at x = 0. A window begins `sill_m` above its floor.
    """

    floors: int
    floor_m: float = 3.0
    first_floor: int = 1
    first_floor_m: float = 0.0
    windows: int = 1
    window_pitch_m: float = 3.6
    window_width_m: float = 1.5
    window_height_m: float = 1.5
    sill_m: float = 0.9

    def __post_init__(self) -> None:
        _check_range("floors", self.floors, 1, 200)
        _check_range("floor_m", self.floor_m, 2.0, 8.0)
        _check_range("first_floor", self.first_floor, -9, 200)
        _check_range("first_floor_m", self.first_floor_m, -50, 600)
        _check_range("windows", self.windows, 1, 200)
        _check_range("window_pitch_m", self.window_pitch_m, 0.5, 40)
        _check_range("window_width_m", self.window_width_m, 0.2, 40)
        _check_range("window_height_m", self.window_height_m, 0.2, 8)
        _check_range("sill_m", self.sill_m, 0, 4)
        if self.window_width_m > self.window_pitch_m:
            raise ValueError("window_width_m: a window can't be wider than window_pitch_m")
        if self.sill_m + self.window_height_m > self.floor_m + 0.5:
            raise ValueError("sill_m and window_height_m: a window can't reach into the next floor")

    @property
    def top_m(self) -> float:
        """Height of the highest floor's ceiling."""
        return self.first_floor_m + self.floors * self.floor_m

    @property
    def numbers(self) -> tuple[int, ...]:
        """The floors' numbers from below; there is no floor 0."""
        counted = range(self.first_floor, self.first_floor + self.floors + 1)
        return tuple(number for number in counted if number != 0)[: self.floors]

    def box_m(self, floor: int, window: int) -> tuple[float, float, float, float]:
        """Return left, lower, right and upper edge of a window; raise ValueError where there is none."""
        if floor not in self.numbers or not 1 <= window <= self.windows:
            raise ValueError(f"floor {floor}, window {window}: the grid has none")
        left = (window - 1) * self.window_pitch_m
        lower = self.first_floor_m + self.numbers.index(floor) * self.floor_m + self.sill_m
        return left, lower, left + self.window_width_m, lower + self.window_height_m

    def place_m(self, landmark: Landmark) -> tuple[float, float]:
        """Return where on the façade a landmark lies; raise ValueError where the grid has no such window."""
        if landmark.x_m is not None and landmark.z_m is not None:
            return landmark.x_m, landmark.z_m
        left, lower, right, upper = self.box_m(landmark.floor or 0, landmark.window or 0)
        corner = landmark.corner or Corner.BOTTOM_LEFT
        x_m = left if corner in (Corner.TOP_LEFT, Corner.BOTTOM_LEFT) else right
        z_m = upper if corner in (Corner.TOP_LEFT, Corner.TOP_RIGHT) else lower
        return x_m, z_m


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """The relation of pixels to metres, what it was made of, and how well it fits.

    `to_facade` is the homography from pixels (x, y, 1) to the façade (x, z, 1). The camera is at
    `camera_x_m`, `camera_z_m`, and `camera_away_m` before the plane. Residuals are root mean squares over
    the landmarks.
    """

    grid: WindowGrid
    landmarks: tuple[Landmark, ...]
    to_facade: Matrix
    camera_x_m: float
    camera_z_m: float
    camera_away_m: float
    residual_px: float
    residual_m: float
    error_m: float = 0.0
    """How uncertain a place is that a pixel shows: what errors of the clicks do to it."""
    vertical_fov_deg: float | None = None
    """As somebody stated it; None: found from the landmarks."""

    def __post_init__(self) -> None:
        values = [value for row in self.to_facade for value in row]
        _check_finite("to_facade", values)
        if self.camera_away_m <= 0:
            raise ValueError("camera_away_m: the camera must be before the façade")
        if abs(float(np.linalg.det(np.array(self.to_facade)))) < 1e-15:
            raise ValueError("to_facade can't be turned round")

    def on_facade(self, points_xy: ArrayLike) -> Floats:
        """Return x, z in metres of pixels (… × 2)."""
        return _through(np.array(self.to_facade), points_xy)

    def in_picture(self, points_m: ArrayLike) -> Floats:
        """Return pixels of x, z in metres on the façade (… × 2)."""
        return _through(np.linalg.inv(np.array(self.to_facade)), points_m)

    def scaled(self, factor: float) -> Self:
        """Return it for pictures that are `factor` times as large."""
        matrix = np.array(self.to_facade) @ np.diag([1 / factor, 1 / factor, 1.0])
        return replace(
            self,
            to_facade=as_matrix(matrix),
            landmarks=tuple(replace(mark, x=mark.x * factor, y=mark.y * factor) for mark in self.landmarks),
            residual_px=self.residual_px * factor,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FacadeView:
    """What one camera watches: the façade and what to leave out, for pictures of `size_wh` pixels.

    Without a polygon it watches the whole picture. `presets` are where a camera that looks for fire looks.
    """

    size_wh: tuple[int, int]
    polygon: PolygonXy = ()
    masks: tuple[PolygonXy, ...] = ()
    calibration: Calibration | None = None
    presets: tuple[Preset, ...] = ()

    def __post_init__(self) -> None:
        for side in self.size_wh:
            _check_range("size_wh", side, 16, 20_000)
        if len(self.masks) > MOST_MASKS:
            raise ValueError(f"masks: at most {MOST_MASKS} are taken")
        if self.polygon:
            _check_polygon("polygon", self.polygon, self.size_wh)
        for number, mask in enumerate(self.masks, 1):
            _check_polygon(f"mask {number}", mask, self.size_wh)
        if len(self.presets) > MOST_PRESETS or len({one.name for one in self.presets}) < len(self.presets):
            raise ValueError(f"presets: at most {MOST_PRESETS}, each with a name of its own")
        for one in self.presets:
            for outline in (*filter(None, [one.polygon]), *one.masks):
                _check_polygon(f"preset {one.name!r}", outline, self.size_wh)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Make it from what the database keeps; raise ValueError that names the field."""
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error

    def as_json(self) -> dict[str, Any]:
        """Return it as the database keeps it."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made

    def inside(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """Tell which pixels lie on the façade and under no mask; any shapes that fit together."""
        xs, ys = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        kept = _within(self.polygon, xs, ys) if self.polygon else np.ones(xs.shape, bool)
        for mask in self.masks:
            kept &= ~_within(mask, xs, ys)
        return kept

    def preset(self, name: str) -> Preset:
        """Return what is known of a direction of the camera; of its only one also what the view says."""
        known = next((one for one in self.presets if one.name == name), Preset(name=name))
        if name or known.polygon or known.masks:
            return known
        return replace(known, polygon=self.polygon, masks=self.masks)

    def looking(self, preset: str) -> Self:
        """Return the view in one direction of the camera: what it watches there."""
        one = self.preset(preset)
        return replace(self, polygon=one.polygon, masks=one.masks, calibration=None, presets=())

    def px_per_m(self, x: ArrayLike, y: ArrayLike) -> Floats | None:
        """Return how many pixels one metre of height has at these pixels; None without a calibration."""
        if self.calibration is None:
            return None
        xs, ys = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        there = self.calibration.on_facade(np.stack([xs, ys], axis=-1))
        step = np.array([0.0, 0.05])
        ends = [self.calibration.in_picture(there + sign * step) for sign in (1, -1)]
        scale: Floats = np.linalg.norm(ends[0] - ends[1], axis=-1) / 0.1
        return scale

    def facade_xy(self) -> PolygonXy:
        """Return the façade's outline: the polygon, else that of the window grid, else nothing."""
        if self.polygon or self.calibration is None:
            return self.polygon
        grid = self.calibration.grid
        margin = (grid.window_pitch_m - grid.window_width_m) / 2
        left, right = -margin, grid.windows * grid.window_pitch_m - margin
        return self._outline(left, grid.first_floor_m, right, grid.top_m)

    def window_xy(self, floor: int | None, window: int | None) -> PolygonXy:
        """Return a window's outline in pixels, or that of a whole floor; nothing where the grid has none."""
        if self.calibration is None or floor is None:
            return ()
        grid = self.calibration.grid
        try:
            left, lower, right, upper = grid.box_m(floor, window or 1)
        except ValueError:
            return ()
        if window is None:
            right = grid.box_m(floor, grid.windows)[2]
        return self._outline(left, lower, right, upper)

    def _outline(self, left: float, lower: float, right: float, upper: float) -> PolygonXy:
        assert self.calibration is not None  # noqa: S101 - asked by who looked
        corners = self.calibration.in_picture([(left, lower), (right, lower), (right, upper), (left, upper)])
        return tuple((float(x), float(y)) for x, y in np.clip(corners, -1e6, 1e6))

    def fitted(self, size_wh: tuple[int, int]) -> Self | None:
        """Return the view for pictures of another size; None where their shape differs: another crop."""
        if size_wh == self.size_wh:
            return self
        factor = size_wh[0] / self.size_wh[0]
        if abs(size_wh[1] / self.size_wh[1] / factor - 1) > SAME_SHAPE:
            return None
        return replace(
            self,
            size_wh=size_wh,
            polygon=_scaled(self.polygon, factor),
            masks=tuple(_scaled(mask, factor) for mask in self.masks),
            calibration=self.calibration and self.calibration.scaled(factor),
            presets=tuple(
                replace(
                    one,
                    polygon=_scaled(one.polygon, factor),
                    masks=tuple(_scaled(mask, factor) for mask in one.masks),
                )
                for one in self.presets
            ),
        )


def as_matrix(values: Floats) -> Matrix:
    """Return a 3 × 3 array, scaled so that its last number is 1, as it is kept."""
    rows = (values / values[2, 2]).tolist()
    return tuple(tuple(row) for row in rows)  # type: ignore[return-value]


def _through(matrix: Floats, points: ArrayLike) -> Floats:
    given = np.asarray(points, float)
    carried = given @ matrix[:, :2].T + matrix[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        there: Floats = carried[..., :2] / carried[..., 2:]
    return there


def _within(polygon: PolygonXy, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Tell which points lie in a polygon: an odd number of its edges passes to their right."""
    odd = np.zeros(x.shape, bool)
    for (x_1, y_1), (x_2, y_2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if y_1 != y_2:
            crosses = (y_1 > y) != (y_2 > y)
            odd ^= crosses & (x < (x_2 - x_1) * (y - y_1) / (y_2 - y_1) + x_1)
    return odd


def _scaled(polygon: PolygonXy, factor: float) -> PolygonXy:
    return tuple((x * factor, y * factor) for x, y in polygon)


def _check_polygon(name: str, polygon: PolygonXy, size_wh: tuple[int, int]) -> None:
    if not 3 <= len(polygon) <= MOST_CORNERS:
        raise ValueError(f"{name}: 3 to {MOST_CORNERS} corners, not {len(polygon)}")
    _check_finite(name, [value for point in polygon for value in point])
    for x, y in polygon:
        if not (-1 <= x <= size_wh[0] + 1 and -1 <= y <= size_wh[1] + 1):
            raise ValueError(
                f"{name}: {x:.0f}, {y:.0f} lies outside the picture of {size_wh[0]}×{size_wh[1]}"
            )
    if area_px(polygon) < 25:
        raise ValueError(f"{name}: it has no area")


def area_px(polygon: Sequence[PointXy]) -> float:
    """Return the area of a polygon in square pixels."""
    turned = (*polygon[1:], polygon[0])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, turned, strict=True))) / 2


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # NaN is refused too.
        raise ValueError(f"{name}: {value} lies outside {least}..{most}")


def _check_finite(name: str, values: Iterable[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise ValueError(f"{name}: a number is not finite")
