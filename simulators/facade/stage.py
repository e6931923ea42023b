"""A house in a light before a camera, painted once: what moves is painted over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from gridwatch.facade.view import Calibration, FacadeView, PolygonXy, WindowGrid, as_matrix
from gridwatch.model import Pixels
from simulators.facade.camera import FacadeCamera, Matrix, draw_camera
from simulators.facade.house import PARAPET_M, House, Window, draw_house
from simulators.facade.light import LIGHTS, LUMA, Colour, Light, LightName

Shade: TypeAlias = Colour | tuple[float]

SUBPIXEL_BITS = 4
SOFT_PX = 0.6
"""Standard deviation of the lens's blur."""

GROUND: Colour = (105, 110, 112)
LAMP: Colour = (150, 215, 250)
CURTAINS: tuple[Colour, ...] = ((215, 220, 225), (120, 150, 200), (150, 120, 110), (110, 160, 150))


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What a camera sees before anything happens.

    `panes` is above 0 where a window is seen, `glass` how much of what passes is mirrored there, 0..255.
    `exposure_s` and `noise` are this camera's in this light.
    """

    house: House
    camera: FacadeCamera
    light: Light
    background: Pixels
    panes: Pixels
    glass: Pixels
    exposure_s: float
    noise: float

    def polygon(self) -> Matrix:
        """Return the wall's outline inside of the picture: rows of x, y in pixels; none where a camera that
        looks low sees only what stands below the first floor."""
        house = self.house
        x, z = (house.left_m, house.right_m), (max(0.0, house.first_m - 1), house.roof_m)
        corners = [(x[0], 0, z[1]), (x[1], 0, z[1]), (x[1], 0, z[0]), (x[0], 0, z[0])]
        outline = self.camera.project(np.array(corners))[:, :2].astype(np.float32)
        width, height = self.camera.size_wh
        frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        area, inside = cv2.intersectConvexConvex(outline, frame)
        return np.asarray(inside, np.float64).reshape(-1, 2) if area else np.empty((0, 2))

    def view(self, *, masks: Sequence[PolygonXy] = ()) -> FacadeView:
        """Return what a perfect calibration of this camera would know."""
        house = self.house
        x, out, z = self.camera.at_m
        grid = WindowGrid(
            floors=house.floors,
            floor_m=house.floor_m,
            first_floor_m=house.first_m,
            windows=house.columns,
            window_pitch_m=house.bay_m,
            window_width_m=house.window_wh_m[0],
            window_height_m=house.windows[0].height_m,
            sill_m=house.sill_m,
        )
        calibration = Calibration(
            grid=grid,
            landmarks=(),
            to_facade=as_matrix(self.camera.to_facade()),
            camera_x_m=x,
            camera_z_m=z,
            camera_away_m=out,
            residual_px=0.0,
            residual_m=0.0,
        )
        outline = tuple((float(x), float(y)) for x, y in self.polygon())
        return FacadeView(
            size_wh=self.camera.size_wh, polygon=outline, masks=tuple(masks), calibration=calibration
        )

    def windows_seen(self, *, margin_px: float = 4.0) -> list[Window]:
        """Return the windows that lie whole in the picture."""
        width, height = self.camera.size_wh
        corners = np.array(
            [
                corner
                for w in self.house.windows
                for corner in ((w.x_m, 0, w.z_m), (w.x_m + w.width_m, 0, w.z_m + w.height_m))
            ]
        )
        at = self.camera.project(corners).reshape(-1, 6)[:, [0, 1, 3, 4]]
        inside = (at.min(axis=1) >= margin_px) & (at[:, [0, 2]].max(axis=1) <= width - margin_px)
        inside &= at[:, [1, 3]].max(axis=1) <= height - margin_px
        return [window for window, seen in zip(self.house.windows, inside, strict=True) if seen]

    def corners(self, window: Window) -> Matrix:
        """Return a window's four corners, the left upper one first."""
        left, right = window.x_m, window.x_m + window.width_m
        low, high = window.z_m, window.z_m + window.height_m
        return np.array([(left, 0, high), (right, 0, high), (right, 0, low), (left, 0, low)], float)

    def lit(self, colour: Colour, place: Matrix) -> Colour:
        """Return a colour as it looks at a place."""
        return self.light.shade(colour, float(np.linalg.norm(place - np.array(self.camera.at_m))))


def draw_stage(
    rng: np.random.Generator,
    *,
    size_wh: tuple[int, int],
    light: LightName = "day",
    distance_m: float | None = None,
    crop: float = 1.0,
    lowest_m: float | None = None,
) -> Stage:
    """Draw a house and a camera 15 to 40 m (or `distance_m`) before it; the others as draw_camera's."""
    camera = draw_camera(
        rng,
        size_wh=size_wh,
        distance_m=distance_m or float(rng.uniform(15, 40)),
        crop=crop,
        lowest_m=lowest_m,
    )
    house = draw_house(rng)
    while house.roof_m < _looked_at_m(camera):
        house = draw_house(rng)
    camera = camera.aside((house.left_m + house.right_m) / 2 + float(rng.uniform(-3, 3)))
    lamp = LIGHTS[light]
    background, panes, glass = _paint(rng, house, camera, lamp)
    return Stage(
        house=house,
        camera=camera,
        light=lamp,
        background=background,
        panes=panes,
        glass=glass,
        exposure_s=float(rng.uniform(*lamp.exposure_s)),
        noise=float(rng.uniform(*lamp.noise)),
    )


def _looked_at_m(camera: FacadeCamera) -> float:
    """Return the height on the wall that is seen at a third of the picture's height: houses reach above."""
    width, height = camera.size_wh
    _, z, scale = camera.to_facade() @ np.array([width / 2, height * 0.35, 1.0])
    return float(z / scale)


def _paint(
    rng: np.random.Generator, house: House, camera: FacadeCamera, light: Light
) -> tuple[Pixels, Pixels, Pixels]:
    width, height = camera.size_wh
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = light.sky if not light.infrared else (60, 60, 60)
    glass = np.zeros((height, width), np.uint8)
    brush = Brush(canvas, camera)
    brush.quad(house.left_m, house.right_m, 0, house.roof_m, house.wall)
    _roughen(rng, canvas)
    for floor in range(house.floors + 1):
        band = house.first_m + floor * house.floor_m
        brush.quad(house.left_m, house.right_m, band - 0.12, band, _darker(house.wall, 0.85))
    panes = glass.copy()
    shine = float(rng.uniform(40, 110))
    for window in house.windows:
        _paint_window(rng, brush, window, house.trim)
        pane = (window.x_m, window.x_m + window.width_m, window.z_m, window.z_m + window.height_m)
        Brush(panes, camera).quad(*pane, (255.0,))
        if rng.random() < 0.75:  # the others stand open
            Brush(glass, camera).quad(*pane, (shine,))
    for window in house.windows:
        if window.balcony_m:
            _paint_balcony(rng, brush, panes, window, house)
        elif rng.random() < 0.25:
            _paint_cooler(rng, brush, panes, window)
    glass[panes == 0] = 0
    _paint_ground(brush)
    lit = _light_up(canvas, camera, light)
    _switch_on(rng, lit, panes, house, camera, light)
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), SOFT_PX), np.uint8), panes, glass


@dataclass(frozen=True, slots=True)
class Brush:
    """Fills shapes of the world into a picture or, with a shade of one number, into a mask."""

    canvas: Pixels
    camera: FacadeCamera

    def quad(
        self, left: float, right: float, low: float, high: float, colour: Shade, *, out: float = 0.0
    ) -> None:
        """Fill an upright rectangle that is parallel to the wall, `out` metres before it."""
        self.fill(
            np.array([(left, out, high), (right, out, high), (right, out, low), (left, out, low)]), colour
        )

    def fill(self, corners: Matrix, shade: Shade) -> None:
        """Fill a convex shape."""
        at = self.camera.project(corners)[:, :2] * (1 << SUBPIXEL_BITS)
        cv2.fillConvexPoly(self.canvas, np.rint(at).astype(np.int32), shade, cv2.LINE_AA, shift=SUBPIXEL_BITS)


def _roughen(rng: np.random.Generator, canvas: Pixels) -> None:
    """Give everything stains and grain, which hide nothing but are what a coder spends its bits on."""
    height, width = canvas.shape[:2]
    stains = cv2.resize(
        rng.normal(0, 6, (9, 16)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    grain = cv2.GaussianBlur(rng.normal(0, 5, (height, width)).astype(np.float32), (0, 0), 0.8)
    cv2.add(canvas, cv2.merge([stains + grain] * 3), canvas, dtype=cv2.CV_8U)


def _paint_ground(brush: Brush) -> None:
    """Fill what lies below the wall's foot, where it is in the picture."""
    x = brush.camera.at_m[0]
    foot = brush.camera.project(np.array([(x - 40, 0, 0), (x + 40, 0, 0)]))[:, :2]
    height = brush.canvas.shape[0]
    if foot[:, 1].min() < height:
        corners = np.rint([*foot, (foot[1, 0], height), (foot[0, 0], height)]).astype(np.int32)
        cv2.fillConvexPoly(brush.canvas, corners, GROUND)


def _darker(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _paint_window(rng: np.random.Generator, brush: Brush, window: Window, trim: Colour) -> None:
    left, right = window.x_m, window.x_m + window.width_m
    low, high = window.z_m, window.z_m + window.height_m
    frame_m = 0.07
    brush.quad(left - frame_m, right + frame_m, low - frame_m, high + frame_m, trim)
    dark = float(rng.uniform(25, 95))
    brush.quad(left, right, low, high, (dark * 1.1, dark, dark * 0.9))
    if rng.random() < 0.45:
        middle = left + float(rng.uniform(0.25, 1.0)) * window.width_m
        brush.quad(left, middle, low, high, CURTAINS[int(rng.integers(len(CURTAINS)))])
    middle = (left + right) / 2
    brush.quad(middle - frame_m / 2, middle + frame_m / 2, low, high, trim)


def _paint_balcony(
    rng: np.random.Generator, brush: Brush, panes: Pixels, window: Window, house: House
) -> None:
    left, right = window.x_m - 0.4, window.x_m + window.width_m + 0.4
    out, base = window.balcony_m, window.base_m
    bottom = [(left, 0, base), (right, 0, base), (right, out, base), (left, out, base)]
    front = (left, right, base, base + PARAPET_M)
    for target, under, face in (
        (brush, _darker(house.wall, 0.55), _darker(house.wall, float(rng.uniform(0.9, 1.0)))),
        (Brush(panes, brush.camera), (0.0,), (0.0,)),
    ):
        target.fill(np.array(bottom), under)
        target.quad(*front, face, out=out)


def _paint_cooler(rng: np.random.Generator, brush: Brush, panes: Pixels, window: Window) -> None:
    """Paint an air conditioner below the window."""
    left, base, out = window.x_m + float(rng.uniform(0, 0.4)), window.base_m - 0.1, 0.35
    bottom = [(left, 0, base), (left + 0.8, 0, base), (left + 0.8, out, base), (left, out, base)]
    brush.fill(np.array(bottom), (90, 90, 90))
    brush.quad(left, left + 0.8, base, base + 0.55, (205, 210, 212), out=out)
    Brush(panes, brush.camera).quad(left, left + 0.8, base, base + 0.55, (0.0,), out=out)


def _light_up(canvas: Pixels, camera: FacadeCamera, light: Light) -> Pixels:
    if not light.infrared:
        return np.asarray(cv2.multiply(canvas, np.array([*light.tint, 0.0]), dtype=cv2.CV_8U), np.uint8)
    height, width = canvas.shape[:2]
    rows = np.array([(width / 2, y, 1.0) for y in range(height)]) @ camera.to_facade().T
    x, out, z = camera.at_m
    away = np.hypot(np.hypot(rows[:, 0] / rows[:, 2] - x, out), rows[:, 1] / rows[:, 2] - z)
    factor = np.where(rows[:, 2] > 0, light.fall_off(away), light.fall_off(np.array(200.0)))
    grey = (canvas @ LUMA) * factor[:, None]
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _switch_on(
    rng: np.random.Generator,
    canvas: Pixels,
    panes: Pixels,
    house: House,
    camera: FacadeCamera,
    light: Light,
) -> None:
    lamps = canvas.copy()
    brush = Brush(lamps, camera)
    for window in house.windows:
        if rng.random() < light.lamps_on:
            colour = lamp_colour(light, float(rng.uniform(0.5, 1.0)))
            middle = window.x_m + window.width_m / 2
            for left, right in ((window.x_m, middle - 0.04), (middle + 0.04, window.x_m + window.width_m)):
                brush.quad(left, right, window.z_m, window.z_m + window.height_m, colour)
    np.copyto(canvas, lamps, where=panes[..., None] > 0)


def lamp_colour(light: Light, brightness: float) -> Colour:
    """Return how a window looks with a lamp on behind it."""
    return _darker((200.0, 200.0, 200.0) if light.infrared else LAMP, brightness)
