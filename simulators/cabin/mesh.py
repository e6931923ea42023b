"""Shapes of quadrilaterals in metres, of which what rides a lift is built.

A body's own axes: x forward, y to the left, z up, the origin on the floor under its middle. Corners go round
counter-clockwise as seen from outside; a triangle repeats its last corner.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Place: TypeAlias = Sequence[float] | NDArray[np.floating]
"""x, y, z in metres."""
Colour: TypeAlias = tuple[float, float, float]
"""Blue, green, red in 0-255: the share of white light that a surface gives back."""

TYRE: Colour = (30, 28, 28)
STEEL: Colour = (150, 148, 145)
DARK: Colour = (45, 43, 42)


@dataclass(frozen=True, slots=True)
class Mesh:
    """`quads` is n × 4 × 3 in metres, `colours` n × 3."""

    quads: Floats
    colours: Floats

    def placed(self, *, x: float = 0.0, y: float = 0.0, z: float = 0.0, heading: float = 0.0) -> "Mesh":
        """Turn by `heading` radians around z, then move."""
        cos, sin = np.cos(heading), np.sin(heading)
        turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]], np.float32)
        return Mesh(self.quads @ turn + np.array([x, y, z], np.float32), self.colours)

    def tilted(self, angle: float) -> "Mesh":
        """Turn by `angle` radians around the y axis: what points forward comes to point up."""
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
        return Mesh(self.quads @ turn, self.colours)

    def scaled(self, factor: float) -> "Mesh":
        """Make the whole larger or smaller."""
        return Mesh(self.quads * np.float32(factor), self.colours)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Put meshes together."""
    return Mesh(
        np.concatenate([mesh.quads for mesh in meshes]), np.concatenate([mesh.colours for mesh in meshes])
    )


@lru_cache(maxsize=64)
def _turns(sides: int) -> Floats:
    around = np.arange(sides) * 2 * np.pi / sides
    return np.column_stack([np.cos(around), np.sin(around)]).astype(np.float32)


@lru_cache(maxsize=64)
def _corners(rings: int, sides: int, *, closed: bool) -> NDArray[np.intp]:
    """Return which corners make the quads between rings that follow each other and, `closed`, the lids."""
    low = np.arange(sides)
    high = low + sides
    walls = np.stack([low, np.roll(low, -1), np.roll(high, -1), high], axis=1)
    parts = [walls + ring * sides for ring in range(rings - 1)]
    if closed:
        pairs = range(1, sides - 1, 2)
        lid = np.array([(0, at, at + 1, (at + 2) % sides) for at in pairs])
        parts += [lid[:, ::-1], lid + (rings - 1) * sides]
    return np.concatenate(parts)


def _skin(rings: Floats, colour: Colour, *, closed: bool = True) -> Mesh:
    """Join rings (k × n × 3), each counter-clockwise as seen from the next one, by quads."""
    quads = rings.reshape(-1, 3)[_corners(rings.shape[0], rings.shape[1], closed=closed)]
    colours = np.empty((len(quads), 3), np.float32)
    colours[:] = colour
    return Mesh(quads.astype(np.float32, copy=False), colours)


def tube(
    one: Place, other: Place, radius: float, colour: Colour, *, to: float | None = None, sides: int = 6
) -> Mesh:
    """Make a rod; `to` is its radius at the other end."""
    start, end = np.array(one, np.float32), np.array(other, np.float32)
    across, above = _frame(*(end - start).tolist())
    circle = _turns(sides) @ np.array([across, above], np.float32)
    rings = np.empty((2, sides, 3), np.float32)
    rings[0] = start + radius * circle
    rings[1] = end + (radius if to is None else to) * circle
    return _skin(rings, colour)


def _frame(x: float, y: float, z: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return two directions that are square to a third and to each other."""
    long = max(math.sqrt(x * x + y * y + z * z), 1e-6)
    x, y, z = x / long, y / long, z / long
    flat = math.hypot(x, y)
    across = (y / flat, -x / flat, 0.0) if flat > 0.4 else (0.0, z / (h := math.hypot(y, z)), -y / h)
    ax, ay, az = across
    return across, (y * az - z * ay, z * ax - x * az, x * ay - y * ax)


def path(places: Sequence[Place], radius: float, colour: Colour, *, sides: int = 5) -> Mesh:
    """Make a bent rod through places."""
    return joined([tube(one, other, radius, colour, sides=sides) for one, other in pairwise(places)])


def ball(centre: Place, radii: Place, colour: Colour, *, rows: int = 5, sides: int = 8) -> Mesh:
    """Make a ball, stretched along the axes."""
    up = np.linspace(-np.pi / 2, np.pi / 2, rows + 1)
    circle = _turns(sides)
    rings = np.concatenate(
        [
            np.cos(up)[:, None, None] * circle[None],
            np.broadcast_to(np.sin(up)[:, None, None], (rows + 1, sides, 1)),
        ],
        axis=2,
    )
    return _skin((rings * np.array(radii) + np.array(centre)).astype(np.float32), colour, closed=False)


def block(low: Place, high: Place, colour: Colour) -> Mesh:
    """Make a box between two opposite corners."""
    return loft(
        [(low[2], low[0], high[0], low[1], high[1]), (high[2], low[0], high[0], low[1], high[1])], colour
    )


def loft(levels: Sequence[Sequence[float]], colour: Colour) -> Mesh:
    """Make a body of rectangles on top of each other: z, then x from and to, then y from and to."""
    rings = np.array(
        [[(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)] for z, x0, x1, y0, y1 in levels], np.float32
    )
    return _skin(rings, colour)


def hull(stations: Sequence[Sequence[float]], colour: Colour) -> Mesh:
    """Make a body along x: x, lowest z, highest z, half its width below and above; round on top."""
    rings = np.array(
        [
            [
                (x, low_half, low),
                (x, -low_half, low),
                (x, -high_half, low + 0.7 * (high - low)),
                (x, -0.6 * high_half, high),
                (x, 0.6 * high_half, high),
                (x, high_half, low + 0.7 * (high - low)),
            ]
            for x, low, high, low_half, high_half in sorted(stations, key=lambda station: station[0])
        ],
        np.float32,
    )[:, ::-1]
    return _skin(rings, colour)


def tower(levels: Sequence[Sequence[float]], colour: Colour, *, sides: int = 8) -> Mesh:
    """Make a round body of ellipses on top of each other: z, middle x, half its depth, half its width."""
    circle = _turns(sides)
    rings = np.stack(
        [
            np.column_stack([x + deep * circle[:, 0], wide * circle[:, 1], np.full(sides, z, np.float32)])
            for z, x, deep, wide in levels
        ]
    ).astype(np.float32)
    return _skin(rings, colour)


def tyre(x: float, y: float, radius: float, width: float, *, thick: float, turns: int = 16) -> Mesh:
    """Make a tyre that rolls along x and stands on the floor, `thick` from its tread to its rim."""
    circle = _turns(turns)
    section = [(0.0, 0.35), (0.0, -0.35), (0.5, -0.5), (1.0, -0.35), (1.0, 0.35), (0.5, 0.5), (0.0, 0.35)]
    rings = []
    for deep, side in section:
        away = radius - deep * thick
        across = np.full(turns, y + side * width)
        rings.append(np.column_stack([x + away * circle[:, 0], across, radius + away * circle[:, 1]]))
    return _skin(np.array(rings, np.float32), TYRE, closed=False)


def wheel(x: float, y: float, radius: float, width: float, *, rim: Colour = STEEL, spokes: int = 0) -> Mesh:
    """Make a wheel: a tyre with a closed rim or, where `spokes` are given, one that one sees through."""
    thick = min(0.35 * radius, max(0.025, 0.8 * width))
    parts = [tyre(x, y, radius, width, thick=thick, turns=16 if radius > 0.15 else 10)]
    inner = radius - thick
    if not spokes:
        parts.append(tube((x, y - 0.3 * width, radius), (x, y + 0.3 * width, radius), inner, rim, sides=12))
        parts.append(tube((x, y - 0.5 * width, radius), (x, y + 0.5 * width, radius), 0.25 * inner, DARK))
        return joined(parts)
    hub = max(0.02, 0.12 * radius)
    parts.append(tube((x, y - 0.6 * width, radius), (x, y + 0.6 * width, radius), hub, rim))
    for turn in np.arange(spokes) * 2 * np.pi / spokes:
        away = (x + inner * np.cos(turn), y, radius + inner * np.sin(turn))
        parts.append(tube((x, y, radius), away, 0.003 if spokes > 8 else 0.014, rim, sides=4))
    return joined(parts)
