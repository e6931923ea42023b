"""A lift cabin with its landing: measures, surfaces, lamps, a mirror, and what each pixel sees of them.

The axes: x across, y from the door inwards, z up, in metres; the door lies in the plane y = 0 and the landing
before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Pixels
from simulators.cabin.lens import Lens
from simulators.cabin.mesh import Floats, Mesh, joined, tube
from simulators.cabin.surfaces import PX_PER_M, buttons, door, floor, wall

DOOR_HEIGHT_M = 2.08
LANDING_M = 2.6
"""How far the landing reaches from the door."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hits:
    """What rays meet in a box, per pixel: which of its six faces, where, and the point."""

    face: NDArray[np.uint8]
    """x low, x high, y low, y high, z low, z high."""
    points: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A cabin as it was built. Textures are in the order of a box's faces."""

    size_m: tuple[float, float, float]
    door_m: tuple[float, float]
    side_opening: bool
    textures: Sequence[Pixels]
    landing: Sequence[Pixels]
    landing_light: float
    lamps: Floats
    """n × 3, under the ceiling."""
    lamp_power: float
    ambient: float
    mirror: tuple[int, float, float] | None
    """The face that is a mirror, from which height to which."""
    rails: Mesh | None

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, *, least_depth_m: float = 0.0, least_width_m: float = 0.0
    ) -> "Room":
        """Draw a cabin at random, large enough for what is to ride in it."""
        width = max(float(rng.uniform(1.1, 1.8)), least_width_m)
        depth = max(float(rng.uniform(1.3, 2.3)), least_depth_m)
        height = float(rng.uniform(2.2, 2.5))
        clear = min(float(rng.uniform(0.8, 1.1)), width - 0.1)
        left = float(
            np.clip(
                (width - clear) * rng.choice([0.5, rng.random()], p=[0.7, 0.3]), 0.04, width - clear - 0.04
            )
        )
        side_opening = bool(rng.random() < 0.3)
        seams = (left, left + clear / 2, left + clear)
        posters = rng.integers(0, 2, 3) * (rng.random(3) < 0.7)
        sides = [wall(rng, depth, height, posters=int(count)) for count in posters[:2]]
        if rng.random() < 0.5:
            sides[1] = wall_like(rng, sides[0])
        back = wall(rng, width, height, posters=int(posters[2]))
        buttons(rng, sides[int(rng.integers(2))])
        ceiling = np.full(
            (round(depth * PX_PER_M), round(width * PX_PER_M), 3), rng.uniform(120, 240), np.uint8
        )
        lamps = np.column_stack(
            [
                width * (np.arange(n := int(rng.integers(1, 5))) + 0.5) / n,
                depth * rng.uniform(0.25, 0.75, n),
                np.full(n, height - 0.02),
            ]
        ).astype(np.float32)
        for x, y, _ in lamps:
            cv2.circle(
                ceiling,
                (round(x * PX_PER_M), round(y * PX_PER_M)),
                round(PX_PER_M * rng.uniform(0.05, 0.15)),
                (255, 255, 255),
                -1,
            )
        wide = width + 2.0
        return cls(
            size_m=(width, depth, height),
            door_m=(left, left + clear),
            side_opening=side_opening,
            textures=(*sides, door(rng, width, height, seams=seams), back, floor(rng, width, depth), ceiling),
            landing=(
                *(wall(rng, LANDING_M, 2.6) for _ in range(2)),
                wall(rng, wide, 2.6, posters=int(rng.integers(0, 3))),
                wall(rng, wide, 2.6),
                floor(rng, wide, LANDING_M),
                wall(rng, wide, LANDING_M),
            ),
            landing_light=float(rng.uniform(0.5, 1.5)),
            lamps=lamps,
            lamp_power=float(rng.uniform(0.9, 2.2) / len(lamps)),
            ambient=float(rng.uniform(0.25, 0.6)),
            mirror=(
                int(rng.choice([3, 0, 1], p=[0.7, 0.15, 0.15])),
                float(rng.uniform(0.0, 1.0)),
                float(rng.uniform(1.9, height)),
            )
            if rng.random() < 0.3
            else None,
            rails=_rails(rng, width, depth) if rng.random() < 0.6 else None,
        )

    def light(self, points: Floats, normals: Floats) -> Floats:
        """Return how much light falls on surfaces (n × 3 each; unit normals), about 1 in the middle."""
        lit = np.full(len(points), self.ambient, np.float32)
        for lamp in self.lamps:
            way = lamp - points
            square = np.einsum("ij,ij->i", way, way)
            facing = np.einsum("ij,ij->i", way, normals) / np.sqrt(square + 1e-6)
            lit += 1.6 * self.lamp_power * np.maximum(facing, 0) / (0.8 + 0.5 * square)
        outside = points[:, 1] < 0
        lit[outside] = self.landing_light * (0.8 + 0.2 * np.abs(normals[outside, 2]))
        return lit


def wall_like(rng: np.random.Generator, other: Pixels) -> Pixels:
    """Make the opposite wall of the same kind, without its posters."""
    column = other[:, 2:3]
    return np.ascontiguousarray(np.broadcast_to(column, other.shape))


def _rails(rng: np.random.Generator, width: float, depth: float) -> Mesh:
    z, colour = rng.uniform(0.8, 0.95), (rng.uniform(60, 210),) * 3
    inset = 0.06
    return joined(
        [
            tube((inset, 0.15, z), (inset, depth - inset, z), 0.018, colour),
            tube((width - inset, 0.15, z), (width - inset, depth - inset, z), 0.018, colour),
            tube((inset, depth - inset, z), (width - inset, depth - inset, z), 0.018, colour),
        ]
    )


_NORMALS = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], np.float32)


def cast(starts: Floats, rays: Floats, low: Sequence[float], high: Sequence[float]) -> Hits:
    """Follow rays (n × 3) from inside a box to its faces."""
    safe = np.where(np.abs(rays) < 1e-6, np.float32(1e-6), rays)
    ahead = safe > 0
    bounds = np.where(ahead, np.array(high, np.float32), np.array(low, np.float32))
    reach = (bounds - starts) / safe
    axis = reach.argmin(axis=1)
    rows = np.arange(len(rays))
    points = starts + rays * reach[rows, axis][:, None]
    return Hits(face=(2 * axis + ahead[rows, axis]).astype(np.uint8), points=points.astype(np.float32))


def _sampled(textures: Sequence[Pixels], hits: Hits, low: Sequence[float], high: Sequence[float]) -> Pixels:
    """Look up the colours of what rays met (n × 3)."""
    widest = max(texture.shape[1] for texture in textures)
    atlas = cv2.vconcat(
        [cv2.copyMakeBorder(t, 0, 0, 0, widest - t.shape[1], cv2.BORDER_REPLICATE) for t in textures]
    )
    tops = np.cumsum([0, *(texture.shape[0] for texture in textures[:-1])]).astype(np.float32)
    heights = np.array([texture.shape[0] for texture in textures], np.float32)
    widths = np.array([texture.shape[1] for texture in textures], np.float32)
    away = hits.points - np.array(low, np.float32)
    face = hits.face
    across = np.where(face < 2, away[:, 1], away[:, 0])
    down = np.where(face < 4, high[2] - low[2] - away[:, 2], away[:, 1])
    u = np.clip(across * PX_PER_M, 0.5, widths[face] - 1.5)
    v = tops[face] + np.clip(down * PX_PER_M, 0.5, heights[face] - 1.5)
    columns = 512
    rows = -(-len(u) // columns)
    pad = rows * columns - len(u)
    maps = [np.pad(c, (0, pad)).reshape(rows, columns).astype(np.float32) for c in (u, v)]
    found = cv2.remap(atlas, maps[0], maps[1], cv2.INTER_LINEAR)
    return np.asarray(found.reshape(-1, 3)[: len(u)], np.uint8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backdrop:
    """What a camera sees of an empty cabin, its door closed and open; height × width."""

    closed: Pixels
    opened: Pixels
    doorway_x: Floats
    """Where a pixel's ray crosses the door's plane; not a number where it meets no door."""
    mirror: NDArray[np.bool_]


def backdrop(room: Room, lens: Lens) -> Backdrop:
    """Look into an empty cabin."""
    width, height = lens.size_wh
    rays = lens.rays().reshape(-1, 3)
    starts = np.broadcast_to(lens.at_m, rays.shape)
    hits = cast(starts, rays, (0, 0, 0), room.size_m)
    lit = room.light(hits.points + 0.001 * _NORMALS[hits.face], _NORMALS[hits.face])
    colours = _sampled(room.textures, hits, (0, 0, 0), room.size_m) * lit[:, None]
    mirrored = np.zeros(len(rays), np.bool_)
    if room.mirror is not None:
        face, low, high = room.mirror
        mirrored = (hits.face == face) & (hits.points[:, 2] > low) & (hits.points[:, 2] < high)
        if mirrored.any():
            colours[mirrored] = _reflected(room, hits.points[mirrored], rays[mirrored], face)
    closed = np.clip(colours, 0, 255)
    opened = closed.copy()
    left, right = room.door_m
    through = (
        (hits.face == 2)
        & (hits.points[:, 0] > left)
        & (hits.points[:, 0] < right)
        & (hits.points[:, 2] < DOOR_HEIGHT_M)
    )
    if through.any():
        low_m, high_m = (-1.0, -LANDING_M, 0.0), (room.size_m[0] + 1.0, 0.0, 2.6)
        beyond = cast(hits.points[through] - np.array([0, 1e-4, 0], np.float32), rays[through], low_m, high_m)
        lit = room.light(beyond.points - np.array([0, 1e-3, 0], np.float32), _NORMALS[beyond.face])
        opened[through] = np.clip(_sampled(room.landing, beyond, low_m, high_m) * lit[:, None], 0, 255)
    doorway = np.where(through, hits.points[:, 0], np.float32(np.nan))
    shape = (height, width)
    return Backdrop(
        closed=closed.astype(np.uint8).reshape(*shape, 3),
        opened=opened.astype(np.uint8).reshape(*shape, 3),
        doorway_x=doorway.astype(np.float32).reshape(shape),
        mirror=mirrored.reshape(shape),
    )


def _reflected(room: Room, points: Floats, rays: Floats, face: int) -> Floats:
    """Return what a mirror shows of the empty cabin."""
    back = rays.copy()
    back[:, face // 2] *= -1
    seen = cast(points + 1e-3 * _NORMALS[face], back, (0, 0, 0), room.size_m)
    lit = room.light(seen.points + 0.001 * _NORMALS[seen.face], _NORMALS[seen.face])
    return np.asarray(0.85 * lit[:, None] * _sampled(room.textures, seen, (0, 0, 0), room.size_m), np.float32)
