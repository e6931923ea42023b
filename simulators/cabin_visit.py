"""A visit to a lift as the cabin's camera sees it: an empty cabin, the visit, an empty cabin again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Picture
from simulators.cabin_view import Cabin, CabinView
from simulators.rendered import Rendered, Truth
from simulators.solids import Part, placed
from simulators.visitors import VISITORS, Visitor, VisitorKind

DOOR_S = 1.2
"""How long a cabin door takes to open or to close."""

WALK_S = 2.4
"""How long a visitor takes from the landing to its place in the cabin."""

STEP_RAD_S = 7.0
"""Walking phase per second: about one step in half a second."""

LANDING_M = 1.5
"""How far outside the door a visitor waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """How open the door is (0-1), how far in the visitor is (0-1), and whether it walks."""

    opening: float
    inside: float
    walking: bool


def timeline(*, empty_s: float, ride_s: float, fps: float, visited: bool) -> Sequence[Moment]:
    """Lay out a visit: closed and empty, door opens, enters, ride, door opens, leaves, closed and empty."""
    phases = [
        (empty_s, (0.0, 0.0), (0.0, 0.0)),
        (DOOR_S, (0.0, 1.0), (0.0, 0.0)),
        (WALK_S, (1.0, 1.0), (0.0, 1.0)),
        (DOOR_S, (1.0, 0.0), (1.0, 1.0)),
        (ride_s, (0.0, 0.0), (1.0, 1.0)),
        (DOOR_S, (0.0, 1.0), (1.0, 1.0)),
        (WALK_S, (1.0, 1.0), (1.0, 0.0)),
        (DOOR_S, (1.0, 0.0), (0.0, 0.0)),
        (empty_s, (0.0, 0.0), (0.0, 0.0)),
    ]
    moments: list[Moment] = []
    for length_s, opening, inside in phases:
        count = max(1, round(length_s * fps))
        moments += [
            Moment(
                opening=_between(opening, index / count),
                inside=_between(inside, index / count) if visited else 0.0,
                walking=inside[0] != inside[1],
            )
            for index in range(count)
        ]
    return moments


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share


def render_visit(
    rng: np.random.Generator,
    *,
    start: datetime,
    fps: float = 5.0,
    size_wh: tuple[int, int] = (640, 360),
    visitor: VisitorKind = "ebike",
    ride_s: float = 6.0,
    empty_s: float = 3.0,
    cabin: Cabin | None = None,
) -> Rendered:
    """Render a visit to a lift, with the empty cabin before and after it.

    The truth is one entry of label `visitor` (none for `empty`) with a box per picture. The same `cabin`
    may be given for further visits; without one a new cabin is drawn.
    """
    cabin = cabin or Cabin.drawn(rng)
    view = CabinView(cabin, size_wh)
    guest = VISITORS[visitor](rng) if visitor != "empty" else None
    path = None if guest is None else resting_place(rng, cabin, guest)
    pictures, boxes = [], []
    for index, moment in enumerate(
        timeline(empty_s=empty_s, ride_s=ride_s, fps=fps, visited=guest is not None)
    ):
        parts: Sequence[Part] = ()
        if guest is not None and path is not None and moment.opening + moment.inside > 0:
            x, y, heading = path[0] + (path[1] - path[0]) * moment.inside
            stride = index / fps * STEP_RAD_S if moment.walking else 0.12 * np.sin(index / fps)
            parts = placed(guest.parts(float(stride)), x=float(x), y=float(y), heading=float(heading))
        pixels = view.draw(rng, parts, moment.opening)
        pictures.append(Picture(pixels=pixels, at=start + timedelta(seconds=index / fps)))
        boxes.append(view.box_of([part for part in parts if part.carried], moment.opening))
    return Rendered(pictures=pictures, truth=_truth(visitor, guest, pictures, boxes))


def resting_place(rng: np.random.Generator, cabin: Cabin, guest: Visitor) -> NDArray[np.float64]:
    """Return where the visitor waits and where it stands in the cabin: x, y in metres, heading in radians."""
    inwards = np.pi / 2 if rng.random() < 0.7 or guest.length_m < 0.7 else -np.pi / 2
    slack = max(0.0, cabin.depth_m - guest.length_m)
    turned = inwards + rng.uniform(-0.3, 0.3) * min(1.0, slack * 2)
    spot_y = guest.length_m / 2 + slack * rng.uniform(0.3, 0.7)
    spot_x = cabin.width_m * rng.uniform(0.38, 0.62)
    door_x = sum(cabin.door_m) / 2
    return np.array([[door_x, -LANDING_M, inwards], [spot_x, spot_y, turned]])


def _truth(
    visitor: VisitorKind, guest: Visitor | None, pictures: Sequence[Picture], boxes: Sequence[BoxXyxy | None]
) -> Sequence[Truth]:
    shown = [picture.at for picture, place in zip(pictures, boxes, strict=True) if place is not None]
    if guest is None or not shown:
        return ()
    return (
        Truth(
            label=visitor, started_at=shown[0], ended_at=shown[-1], boxes=tuple(boxes), detail=guest.detail
        ),
    )
