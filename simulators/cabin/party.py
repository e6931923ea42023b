"""Who comes into a lift together: a vehicle with its rider, a wheelchair with who pushes it, friends.

A party stands in axes of its own: x is the way it walks in, the origin is under its first thing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from simulators.cabin import carriages
from simulators.cabin.mesh import Mesh, joined
from simulators.cabin.people import Person, umbrella
from simulators.cabin.two_wheelers import EBIKES, TwoWheeler, cover, cycle, motorcycle

Pose: TypeAlias = Callable[[float], Mesh]
"""From the phase of the steps in radians to the mesh."""

STEPS = 8
"""Phases of a step that are built; what walks goes through them."""


class Thing:
    """One thing of a party: what it is called, of which kind it is, and its mesh."""

    def __init__(self, label: str, kind: str, pose: Pose | Mesh) -> None:
        self.label, self.kind = label, kind
        self._pose = pose
        self._built: dict[int, Mesh] = {}

    def mesh(self, stride: float) -> Mesh:
        """Return the mesh at a phase of the steps."""
        if isinstance(self._pose, Mesh):
            return self._pose
        phase = round(stride / (2 * np.pi) * STEPS) % STEPS
        if phase not in self._built:
            self._built[phase] = self._pose(phase * 2 * np.pi / STEPS)
        return self._built[phase]


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Things that move together; the first is what the party is named after."""

    things: tuple[Thing, ...]
    posture: str = ""


def _beside(rng: np.random.Generator, vehicle: TwoWheeler, person: Person) -> Thing:
    side = 0 if rng.random() < 0.5 else 1
    sign = (1, -1)[side]
    near, far = vehicle.grips[side], vehicle.grips[1 - side]
    at = (near[0] - rng.uniform(0.25, 0.5), sign * rng.uniform(0.38, 0.55))
    turn = -sign * rng.uniform(0.0, 0.35)
    holds_both = rng.random() < 0.6
    hold = far if holds_both else (vehicle.seat[0], 0.0, vehicle.seat[2] + 0.08)
    hands = [(p[0] - at[0], p[1] - at[1], p[2]) for p in ((hold, near) if sign > 0 else (near, hold))]

    def pose(stride: float) -> Mesh:
        return person.standing(stride, hands[::sign]).placed(x=at[0], y=at[1], heading=turn)

    return Thing("person", "pushing", pose)


def _behind(x: float, hands_y: float, hands_z: float, person: Person) -> Thing:
    hands = [(0.3, hands_y, hands_z), (0.3, -hands_y, hands_z)]
    return Thing("person", "pushing", lambda stride: person.standing(stride, hands).placed(x=x - 0.33))


def _two_wheeler(
    rng: np.random.Generator, label: str, kind: str, vehicle: TwoWheeler, *, may_be_covered: bool
) -> Party:
    person = Person.drawn(rng)
    shown = vehicle.mesh
    posture = str(rng.choice(["beside", "ridden", "alone"], p=[0.76, 0.16, 0.08]))
    if may_be_covered and rng.random() < 0.12:
        shown, kind, posture = joined([shown, cover(rng, vehicle)]), f"{kind}_covered", "beside"
    if label == "bicycle" and posture == "ridden" and rng.random() < 0.7:
        posture = "beside"
    things = [Thing(label, kind, shown)]
    if posture == "beside":
        things.append(_beside(rng, vehicle, person))
    elif posture == "ridden":
        x, _, seat = vehicle.seat
        sitting = person.sitting(x, seat, vehicle.grips, feet=vehicle.foot)
        things.append(Thing("person", "riding", sitting))
    if posture != "alone" and rng.random() < 0.06:
        things.append(Thing("goods", "umbrella", umbrella(rng, (vehicle.grips[0][0] - 0.3, 0.2, 1.3))))
    return Party(things=tuple(things), posture=posture)


def _ebike(rng: np.random.Generator) -> Party:
    kind = str(rng.choice(list(EBIKES), p=[0.45, 0.27, 0.16, 0.12]))
    return _two_wheeler(rng, "ebike", kind, EBIKES[kind](rng), may_be_covered=True)


def _motorcycle(rng: np.random.Generator) -> Party:
    return _two_wheeler(rng, "motorcycle", "motorcycle", motorcycle(rng), may_be_covered=True)


def _bicycle(rng: np.random.Generator) -> Party:
    return _two_wheeler(rng, "bicycle", "bicycle", cycle(rng), may_be_covered=False)


def _wheelchair(rng: np.random.Generator) -> Party:
    mesh, kind = carriages.wheelchair(rng)
    things = [Thing("wheelchair", kind, mesh)]
    if kind == "wheelchair_pushed" or rng.random() < 0.35:
        things.append(_behind(-0.4, 0.22, 0.95, Person.drawn(rng)))
    return Party(things=tuple(things))


def _pram(rng: np.random.Generator) -> Party:
    mesh, kind = carriages.pram(rng)
    things = [Thing("pram", kind, mesh)]
    if rng.random() < 0.95:
        things.append(_behind(-0.5, 0.2, 1.0, Person.drawn(rng)))
    return Party(things=tuple(things))


def _stretcher(rng: np.random.Generator) -> Party:
    mesh, kind = carriages.stretcher(rng)
    things = [Thing("stretcher", kind, mesh)]
    end = float(mesh.quads[..., 0].max())
    if rng.random() < 0.8:
        things.append(_behind(-end, 0.15, 0.85, Person.drawn(rng)))
    if rng.random() < 0.5:
        side, helper, x = float(rng.choice([-1, 1])), Person.drawn(rng), float(rng.uniform(-0.4, 0.6))
        hands = [(0.3, 0.2, 0.85), (0.3, -0.2, 0.85)]
        things.append(
            Thing(
                "person",
                "helping",
                lambda stride: helper.standing(stride, hands).placed(x=x, y=0.5 * side, heading=-1.2 * side),
            )
        )
    return Party(things=tuple(things))


def _trolley(rng: np.random.Generator) -> Party:
    mesh, kind = carriages.trolley(rng)
    things = [Thing("trolley", kind, mesh)]
    if rng.random() < 0.95:
        things.append(_behind(float(mesh.quads[..., 0].min()), 0.2, 0.95, Person.drawn(rng)))
    return Party(things=tuple(things))


def _beside_person(label: str, mesh: Mesh, kind: str, rng: np.random.Generator) -> Party:
    person, side = Person.drawn(rng), float(rng.choice([-1, 1]))
    top = min(1.0, float(mesh.quads[..., 2].max()))
    hands = [(-0.05, 0.25, max(0.7, top)), (-0.05, -0.25, max(0.7, top))]
    away = 0.2 + float(np.abs(mesh.quads[..., 1]).max())
    return Party(
        things=(
            Thing(label, kind, mesh),
            Thing(
                "person",
                "holding",
                lambda stride: person.standing(stride, hands).placed(x=0.1, y=side * away),
            ),
        )
    )


def _suitcase(rng: np.random.Generator) -> Party:
    mesh, kind = carriages.suitcase(rng)
    return _beside_person("suitcase", mesh, kind, rng)


def _goods(rng: np.random.Generator) -> Party:
    mesh, kind = carriages.goods(rng)
    return _beside_person("goods", mesh, kind, rng)


def _person(rng: np.random.Generator) -> Party:
    things = []
    spots = ((0.0, 0.0), (-0.5, 0.3), (-0.45, -0.35), (-1.0, 0.0))
    for x, y in spots[: int(rng.choice([1, 2, 3, 4], p=[0.5, 0.3, 0.13, 0.07]))]:
        things.append(
            _walker(Person.drawn(rng, is_child=bool(rng.random() < 0.12)), x, y, float(rng.normal(0, 0.5)))
        )
    return Party(things=tuple(things))


def _walker(person: Person, x: float, y: float, heading: float) -> Thing:
    return Thing(
        "person", "person", lambda stride: person.standing(stride + 2 * x).placed(x=x, y=y, heading=heading)
    )


PARTIES: Mapping[str, Callable[[np.random.Generator], Party]] = {
    "ebike": _ebike,
    "motorcycle": _motorcycle,
    "bicycle": _bicycle,
    "wheelchair": _wheelchair,
    "pram": _pram,
    "stretcher": _stretcher,
    "trolley": _trolley,
    "suitcase": _suitcase,
    "person": _person,
    "goods": _goods,
}
"""How each kind of party is drawn at random."""


def bystander(rng: np.random.Generator) -> Thing:
    """Draw a person who rides along."""
    return _walker(
        Person.drawn(rng, is_child=bool(rng.random() < 0.1)), 0.0, 0.0, float(rng.uniform(-np.pi, np.pi))
    )
