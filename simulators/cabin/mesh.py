"""Shapes of quadrilaterals in metres, of which what rides a lift is built.

A body's own axes: x forward, y to the left, z up, the origin on the floor under its middle. Corners go round
counter-clockwise as seen from outside; a triangle repeats its last corner.
"""

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


def _painted(quads: Floats, colour: Colour) -> Mesh:
    quads = np.asarray(quads, np.float32)
    return Mesh(quads, np.broadcast_to(np.array(colour, np.float32), (len(quads), 3)))


@lru_cache(maxsize=64)
def _turns(sides: int) -> Floats:
    around = np.arange(sides) * 2 * np.pi / sides
    return np.column_stack([np.cos(around), np.sin(around)]).astype(np.float32)


def _walls(rings: Floats) -> Floats:
    """Join rings (k × n × 3) that follow each other by walls of quads."""
    following = np.roll(rings, -1, axis=1)
    walls = np.stack([rings[:-1], following[:-1], following[1:], rings[1:]], axis=2)
    return np.asarray(walls.reshape(-1, 4, 3))


def _lid(ring: Floats, *, faces_on: bool) -> Floats:
    """Close a ring of 4, 6, 8, … corners by quads."""
    ring = ring if faces_on else ring[::-1]
    pairs = range(1, len(ring) - 1, 2)
    return np.stack([ring[[0, at, at + 1, (at + 2) % len(ring)]] for at in pairs])


def tube(
    one: Place, other: Place, radius: float, colour: Colour, *, to: float | None = None, sides: int = 6
) -> Mesh:
    """Make a rod; `to` is its radius at the other end."""
    start, end = np.array(one, np.float32), np.array(other, np.float32)
    along = end - start
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    across = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (1.0, 0.0, 0.0))
    across = across / np.linalg.norm(across)
    frame = np.stack([across, np.cross(along, across)]).astype(np.float32)
    circle = _turns(sides) @ frame
    rings = np.stack([start + radius * circle, end + (radius if to is None else to) * circle])
    lids = [_lid(rings[0], faces_on=False), _lid(rings[1], faces_on=True)]
    return _painted(np.concatenate([_walls(rings), *lids]), colour)


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
    return _painted(
        _walls((rings * np.array(radii) + np.array(centre)).astype(np.float32)),
        colour,
    )


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
    lids = [_lid(rings[0], faces_on=False), _lid(rings[-1], faces_on=True)]
    return _painted(np.concatenate([_walls(rings), *lids]), colour)


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
    lids = [_lid(rings[0], faces_on=False), _lid(rings[-1], faces_on=True)]
    return _painted(np.concatenate([_walls(rings), *lids]), colour)


def tower(levels: Sequence[Sequence[float]], colour: Colour, *, sides: int = 8) -> Mesh:
    """Make a round body of ellipses on top of each other: z, middle x, half its depth, half its width."""
    circle = _turns(sides)
    rings = np.stack(
        [
            np.column_stack([x + deep * circle[:, 0], wide * circle[:, 1], np.full(sides, z, np.float32)])
            for z, x, deep, wide in levels
        ]
    ).astype(np.float32)
    lids = [_lid(rings[0], faces_on=False), _lid(rings[-1], faces_on=True)]
    return _painted(np.concatenate([_walls(rings), *lids]), colour)


def tyre(x: float, y: float, radius: float, width: float, *, thick: float, turns: int = 16) -> Mesh:
    """Make a tyre that rolls along x and stands on the floor, `thick` from its tread to its rim."""
    circle = _turns(turns)
    section = [(0.0, 0.35), (0.0, -0.35), (0.5, -0.5), (1.0, -0.35), (1.0, 0.35), (0.5, 0.5), (0.0, 0.35)]
    rings = []
    for deep, side in section:
        away = radius - deep * thick
        across = np.full(turns, y + side * width)
        rings.append(np.column_stack([x + away * circle[:, 0], across, radius + away * circle[:, 1]]))
    return _painted(_walls(np.array(rings, np.float32)), TYRE)


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
