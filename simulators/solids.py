"""Convex solids and wheels in metres, of which what rides a lift is built.

A body's own axes: x forward, y to the left, z up, the origin on the floor under its middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]
"""n × 3 in metres."""

Colour: TypeAlias = tuple[int, int, int]
"""Blue, green, red in 0-255."""

TYRE: Colour = (28, 26, 26)
STEEL: Colour = (140, 138, 135)


def _unit_sphere() -> Points:
    turns = np.arange(10) * 2 * np.pi / 10
    rings = [
        np.column_stack([np.cos(turns) * np.cos(up), np.sin(turns) * np.cos(up), np.full(10, np.sin(up))])
        for up in (-0.9, -0.3, 0.3, 0.9)
    ]
    return np.vstack([*rings, [[0, 0, 1], [0, 0, -1]]])


_SPHERE = _unit_sphere()
_TURN = np.linspace(0, 2 * np.pi, 25)[:-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A convex solid given by points of its surface or, with `line_m`, a closed wire of that thickness."""

    points: Points
    colour: Colour
    line_m: float | None = None
    carried: bool = True
    """Whether it belongs to what the visit is named after, not to a person beside it."""


def ellipsoid(centre: Sequence[float], radii: Sequence[float], colour: Colour) -> Part:
    """Make a ball, stretched along the axes."""
    return Part(points=_SPHERE * radii + centre, colour=colour)


def bar(one_end: Sequence[float], other_end: Sequence[float], radius: float, colour: Colour) -> Part:
    """Make a rod with round ends."""
    return Part(points=np.vstack([_SPHERE * radius + one_end, _SPHERE * radius + other_end]), colour=colour)


def box(low: Sequence[float], high: Sequence[float], colour: Colour) -> Part:
    """Make a box between two opposite corners."""
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    return Part(points=corners.astype(np.float64), colour=colour)


def _circle(x: float, y: float, radius: float) -> Points:
    return np.column_stack(
        [x + radius * np.cos(_TURN), np.full(len(_TURN), y), radius + radius * np.sin(_TURN)]
    )


def wheel(x: float, y: float, radius: float, width: float, rim: Colour = STEEL) -> Sequence[Part]:
    """Make a wheel that rolls along x: tyre and, on both of its sides, rim."""
    tyre = np.vstack([_circle(x, y - width / 2, radius), _circle(x, y + width / 2, radius)])
    inner = _circle(x, 0, radius * 0.55) + np.array([0, 0, radius * 0.45])
    return (
        Part(points=tyre, colour=TYRE),
        *(Part(points=inner + np.array([0, y + side * width * 0.55, 0]), colour=rim) for side in (-1, 1)),
    )


def spoked_wheel(x: float, y: float, radius: float) -> Sequence[Part]:
    """Make a thin wheel that one sees through."""
    hub = bar((x, y - 0.04, radius), (x, y + 0.04, radius), 0.03, STEEL)
    return Part(points=_circle(x, y, radius), colour=TYRE, line_m=0.035), hub


def placed(parts: Sequence[Part], *, x: float, y: float, heading: float) -> list[Part]:
    """Turn parts by `heading` radians around z, then move them."""
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    return [replace(part, points=part.points @ turn + [x, y, 0.0]) for part in parts]
