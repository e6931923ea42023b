"""A lift cabin and the camera under its ceiling.

The cabin's axes: x across, y from the door inwards, z up, in metres; the door lies in the plane y = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Pixels
from simulators.solids import Colour, Part, Points

NEAR_M = 0.08
"""Nothing closer to the lens than this is drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Camera:
    """A pinhole camera: where it hangs, how it is turned (rows: right, down, forward), its focal length."""

    position: NDArray[np.float64]
    turn: NDArray[np.float64]
    focal_px: float
    size_wh: tuple[int, int]

    @classmethod
    def aimed(
        cls, *, position: Sequence[float], target: Sequence[float], view_deg: float, size_wh: tuple[int, int]
    ) -> "Camera":
        """Aim a camera; `view_deg` is the horizontal field of view."""
        eye = np.array(position, np.float64)
        forward = np.array(target, np.float64) - eye
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        turn = np.vstack([right, np.cross(forward, right), forward])
        focal = size_wh[0] / 2 / np.tan(np.radians(view_deg) / 2)
        return cls(position=eye, turn=turn, focal_px=float(focal), size_wh=size_wh)

    def seen(self, points: Points) -> Points:
        """Turn points into the camera's axes: right, down, forward in metres."""
        return (points - self.position) @ self.turn.T

    def on_picture(self, seen: Points) -> NDArray[np.int32]:
        """Project points in the camera's axes to pixels; those behind the lens are pulled before it."""
        depth = np.maximum(seen[:, 2:], NEAR_M)
        centre = np.array(self.size_wh) / 2
        return np.clip(seen[:, :2] / depth * self.focal_px + centre, -16000, 16000).astype(np.int32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cabin:
    """A lift cabin: its measures, colours, light, and where its camera hangs."""

    width_m: float
    depth_m: float
    height_m: float
    door_m: tuple[float, float]
    colours: tuple[Colour, Colour, Colour, Colour]
    """Floor, walls, door, landing."""
    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    view_deg: float
    noise_levels: float
    texture_seed: int

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Cabin":
        """Draw a cabin that takes an e-bike; one camera in four hangs overhead, the others in a corner."""
        width, depth = rng.uniform(1.35, 1.7), rng.uniform(1.75, 2.2)
        middle, half_door = width / 2 + rng.uniform(-0.08, 0.08), rng.uniform(0.42, 0.5)
        overhead = rng.random() < 0.25
        corner_x = 0.1 if rng.random() < 0.5 else width - 0.1
        eye = (width / 2, depth * 0.62, 2.35) if overhead else (corner_x, depth - 0.1, 2.28)
        target = (width / 2, depth * 0.45, 0.0) if overhead else (width * 0.5, depth * 0.36, 0.5)
        grey = rng.uniform(90, 170)
        floor = rng.choice([rng.uniform(60, 110), rng.uniform(120, 190)])
        return cls(
            width_m=float(width),
            depth_m=float(depth),
            height_m=2.4,
            door_m=(float(middle - half_door), float(middle + half_door)),
            colours=(
                _tint(rng, float(floor)),
                _tint(rng, grey),
                _tint(rng, grey * rng.uniform(0.8, 1.15)),
                _tint(rng, rng.uniform(80, 190)),
            ),
            eye=eye,
            target=target,
            view_deg=float(rng.uniform(98, 112)),
            noise_levels=float(rng.uniform(1.5, 4.5)),
            texture_seed=int(rng.integers(2**31)),
        )


def _tint(rng: np.random.Generator, level: float) -> Colour:
    b, g, r = np.clip(level + rng.uniform(-14, 14, 3), 20, 235)
    return int(b), int(g), int(r)


class CabinView:
    """Draws one cabin with what is in it."""

    def __init__(self, cabin: Cabin, size_wh: tuple[int, int]) -> None:
        self._cabin = cabin
        self.camera = Camera.aimed(
            position=cabin.eye, target=cabin.target, view_deg=cabin.view_deg, size_wh=size_wh
        )
        rng = np.random.default_rng(cabin.texture_seed)
        self._texture = _smooth_field(rng, size_wh)
        self._empty = self._draw_empty(rng)
        self._doorway = np.zeros(size_wh[::-1], np.uint8)
        self._fill(self._doorway, self._upright(*cabin.door_m), 255)
        grain = rng.standard_normal((size_wh[1] + 64, size_wh[0] + 64, 3), np.float32)
        self._noise = (cabin.noise_levels * grain).astype(np.int16)

    def draw(self, rng: np.random.Generator, parts: Sequence[Part], opening: float) -> Pixels:
        """Draw the cabin with its door `opening` (0-1) and `parts` in it or before it."""
        canvas = self._empty.copy()
        if opening > 0:
            self._fill(canvas, self._upright(*self._cabin.door_m), self._cabin.colours[3])
            outside = [part for part in parts if part.points[:, 1].mean() < 0]
            self._draw_parts(canvas, outside)
            np.copyto(canvas, self._empty, where=(self._doorway == 0)[..., None])
            self._draw_panels(canvas, opening)
        inside = [part for part in parts if part.points[:, 1].mean() >= 0]
        self._draw_shadow(canvas, inside)
        self._draw_parts(canvas, inside)
        return self._lit(rng, canvas, opening)

    def box_of(self, parts: Sequence[Part], opening: float) -> BoxXyxy | None:
        """Return the rectangle around the visible parts, or None when fewer than half can be seen."""
        visible = [part for part in parts if part.points[:, 1].mean() >= 0 or opening > 0.5]
        if not visible or 2 * len(visible) < len(parts):
            return None
        seen = self.camera.seen(np.vstack([part.points for part in visible]))
        pixels = self.camera.on_picture(seen[seen[:, 2] > NEAR_M])
        if len(pixels) == 0:
            return None
        width, height = self.camera.size_wh
        x1, y1 = np.clip(pixels.min(axis=0), 0, (width, height))
        x2, y2 = np.clip(pixels.max(axis=0), 0, (width, height))
        return (float(x1), float(y1), float(x2), float(y2)) if x2 - x1 > 2 and y2 - y1 > 2 else None

    def _draw_empty(self, rng: np.random.Generator) -> Pixels:
        cabin, canvas = self._cabin, np.zeros((*self.camera.size_wh[::-1], 3), np.uint8)
        width, depth, height = cabin.width_m, cabin.depth_m, cabin.height_m
        floor, wall, door, _ = cabin.colours
        dim = tuple(int(0.88 * c) for c in wall)
        self._fill(canvas, _quad((0, 0, 0), (width, 0, 0), (width, depth, 0), (0, depth, 0)), floor)
        self._fill(canvas, _quad((0, 0, 0), (width, 0, 0), (width, 0, height), (0, 0, height)), wall)
        for x in (0.0, width):
            self._fill(canvas, _quad((x, 0, 0), (x, depth, 0), (x, depth, height), (x, 0, height)), dim)
            if rng.random() < 0.6:
                low, left = rng.uniform(1.0, 1.3), rng.uniform(0.25, depth - 1.0)
                poster = _quad(
                    (x, left, low), (x, left + 0.5, low), (x, left + 0.5, low + 0.7), (x, left, low + 0.7)
                )
                self._fill(canvas, poster, _tint(rng, rng.uniform(60, 220)))
            self._fill(
                canvas, _quad((x, 0.1, 0.85), (x, depth, 0.85), (x, depth, 0.9), (x, 0.1, 0.9)), (70, 72, 75)
            )
        self._fill(
            canvas, _quad((0, depth, 0), (width, depth, 0), (width, depth, height), (0, depth, height)), wall
        )
        self._fill(canvas, self._upright(*cabin.door_m), door)
        seam = sum(cabin.door_m) / 2
        self._fill(canvas, self._upright(seam - 0.006, seam + 0.006), (40, 40, 40))
        return canvas

    def _upright(self, left_m: float, right_m: float) -> Points:
        return _quad((left_m, 0, 0), (right_m, 0, 0), (right_m, 0, 2.1), (left_m, 0, 2.1))

    def _draw_panels(self, canvas: Pixels, opening: float) -> None:
        left, right = self._cabin.door_m
        panel = (right - left) / 2 * (1 - opening)
        if panel > 0.005:
            self._fill(canvas, self._upright(left, left + panel), self._cabin.colours[2])
            self._fill(canvas, self._upright(right - panel, right), self._cabin.colours[2])

    def _draw_parts(self, canvas: Pixels, parts: Sequence[Part]) -> None:
        seen = [self.camera.seen(part.points) for part in parts]
        for index in np.argsort([-np.linalg.norm(points.mean(axis=0)) for points in seen]):
            points, part = seen[index], parts[index]
            if points[:, 2].max() < NEAR_M:
                continue
            outline = self.camera.on_picture(points)
            if part.line_m is not None:
                thick = max(1, round(part.line_m * self.camera.focal_px / max(NEAR_M, points[:, 2].mean())))
                cv2.polylines(canvas, [outline], True, part.colour, thick, cv2.LINE_AA)
            else:
                cv2.fillConvexPoly(canvas, cv2.convexHull(outline), part.colour, cv2.LINE_AA)

    def _draw_shadow(self, canvas: Pixels, parts: Sequence[Part]) -> None:
        """Darken the floor where parts stand between it and the ceiling lamps."""
        if not parts:
            return
        shade = np.zeros(canvas.shape[:2], np.uint8)
        for part in parts:
            low = part.points[part.points[:, 2] < 1.3] * (1, 1, 0)
            if len(low) > 2:
                cv2.fillConvexPoly(shade, cv2.convexHull(self.camera.on_picture(self.camera.seen(low))), 110)
        soft = cv2.blur(shade, (21, 21))
        keep = cv2.merge([cv2.bitwise_not(soft)] * 3)
        cv2.multiply(canvas, keep, canvas, 1 / 255)

    def _lit(self, rng: np.random.Generator, canvas: Pixels, opening: float) -> Pixels:
        """Apply lamps, the camera's own exposure (the landing's light makes it stop down) and its noise."""
        exposure = (1.0 - 0.1 * opening) * rng.normal(1.0, 0.006)
        lit = cv2.multiply(canvas, self._texture, scale=exposure / 128)
        width, height = self.camera.size_wh
        x, y = rng.integers(0, 64, 2)
        return cv2.add(lit, self._noise[y : y + height, x : x + width], dtype=cv2.CV_8U).astype(
            np.uint8, copy=False
        )

    def _fill(
        self, canvas: NDArray[np.uint8], corners: Points, colour: Colour | tuple[int, ...] | int
    ) -> None:
        seen = _before_lens(self.camera.seen(corners))
        if len(seen) > 2:
            cv2.fillConvexPoly(canvas, self.camera.on_picture(seen), colour, cv2.LINE_AA)


def _quad(*corners: tuple[float, float, float]) -> Points:
    return np.array(corners, np.float64)


def _before_lens(seen: Points) -> Points:
    """Cut off the part of a polygon that lies behind the lens (Sutherland and Hodgman, one plane)."""
    kept = []
    for here, there in zip(seen, np.roll(seen, -1, axis=0), strict=True):
        if here[2] >= NEAR_M:
            kept.append(here)
        if (here[2] >= NEAR_M) != (there[2] >= NEAR_M):
            kept.append(here + (there - here) * ((NEAR_M - here[2]) / (there[2] - here[2])))
    return np.array(kept)


def _smooth_field(rng: np.random.Generator, size_wh: tuple[int, int]) -> Pixels:
    """Draw uneven light and brushed steel as a factor; 128 leaves a picture as it is."""
    width, height = size_wh
    lamps = cv2.resize(rng.uniform(105, 150, (4, 6)), size_wh, interpolation=cv2.INTER_CUBIC)
    brushed = cv2.GaussianBlur(rng.normal(0, 9, (height, width)), (0, 0), 0.8, sigmaY=4.0)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    field = np.clip((lamps + brushed) * (1 - 0.22 * (x**2 + y**2)), 40, 200).astype(np.uint8)
    return cv2.merge([field] * 3).astype(np.uint8, copy=False)
