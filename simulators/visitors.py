"""Who and what rides a lift, as solid parts in metres."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from simulators.solids import STEEL, TYRE, Colour, Part, bar, box, ellipsoid, placed, spoked_wheel, wheel

VisitorKind: TypeAlias = Literal["ebike", "person", "wheelchair", "bicycle", "pram", "empty"]

_SKIN: Colour = (130, 160, 205)
_PAINTS: Sequence[Colour] = (
    (40, 40, 190),
    (30, 30, 32),
    (215, 215, 210),
    (170, 90, 40),
    (40, 180, 215),
    (150, 110, 210),
    (80, 110, 60),
)
_CLOTH: Sequence[Colour] = (
    *_PAINTS,
    (90, 90, 95),
    (60, 45, 35),
    (190, 170, 150),
    (120, 60, 120),
)


def _pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    shade = rng.uniform(0.75, 1.1)
    b, g, r = colours[int(rng.integers(len(colours)))]
    return min(255, int(b * shade)), min(255, int(g * shade)), min(255, int(r * shade))


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """How tall a person is and what the person wears."""

    height_m: float
    shirt: Colour
    trousers: Colour
    hair: Colour
    bag: Colour | None

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Person":
        """Draw a person at random."""
        return cls(
            height_m=float(np.clip(rng.normal(1.68, 0.09), 1.48, 1.9)),
            shirt=_pick(rng, _CLOTH),
            trousers=_pick(rng, _CLOTH),
            hair=_pick(rng, ((25, 25, 28), (40, 45, 60), (150, 150, 150))),
            bag=_pick(rng, _CLOTH) if rng.random() < 0.35 else None,
        )

    def standing(self, stride: float, hands: Sequence[Sequence[float]] = ()) -> list[Part]:
        """Stand or walk; `stride` swings the legs, `hands` are where the hands hold on to."""
        tall = self.height_m
        step = 0.22 * np.sin(stride)
        hands = hands or ((-step, 0.26, 0.47 * tall), (step, -0.26, 0.47 * tall))
        parts = [
            bar((step, 0.1, 0.06), (0, 0.09, 0.5 * tall), 0.075, self.trousers),
            bar((-step, -0.1, 0.06), (0, -0.09, 0.5 * tall), 0.075, self.trousers),
            *self._upper_body(0.0, 0.5 * tall, hands),
        ]
        return [replace(part, carried=False) for part in parts]

    def sitting(self, x: float, seat_m: float, hands: Sequence[Sequence[float]]) -> list[Part]:
        """Sit at `x` on a seat of height `seat_m`, the feet in front."""
        legs = [
            joint
            for side in (-0.12, 0.12)
            for joint in (
                bar((x, side, seat_m + 0.05), (x + 0.4, side, seat_m + 0.03), 0.075, self.trousers),
                bar((x + 0.4, side, seat_m), (x + 0.45, side, max(0.1, seat_m - 0.42)), 0.06, self.trousers),
            )
        ]
        return [*legs, *self._upper_body(x, seat_m + 0.05, hands)]

    def _upper_body(self, x: float, hip_m: float, hands: Sequence[Sequence[float]]) -> list[Part]:
        tall = self.height_m
        shoulder = hip_m + 0.31 * tall
        arms = [
            bar((x, 0.2 * side, shoulder - 0.03), hand, 0.05, self.shirt)
            for side, hand in zip((1, -1), hands, strict=True)
        ]
        bag = (
            []
            if self.bag is None
            else [box((x - 0.3, -0.16, hip_m + 0.08), (x - 0.12, 0.16, shoulder), self.bag)]
        )
        return [
            ellipsoid((x, 0, (hip_m + shoulder) / 2), (0.14, 0.21, 0.19 * tall), self.shirt),
            *arms,
            *bag,
            ellipsoid((x + 0.03, 0, shoulder + 0.13), (0.095, 0.08, 0.12), _SKIN),
            ellipsoid((x - 0.01, 0, shoulder + 0.17), (0.1, 0.09, 0.1), self.hair),
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """A visitor that can be posed: `parts` takes the phase of its walk in radians."""

    parts: Callable[[float], Sequence[Part]]
    length_m: float
    detail: Mapping[str, float | str]


def _ebike(rng: np.random.Generator) -> Visitor:
    base, radius = rng.uniform(1.08, 1.28), rng.uniform(0.19, 0.24)
    paint, seat_m, bars_m = _pick(rng, _PAINTS), rng.uniform(0.7, 0.8), rng.uniform(0.95, 1.08)
    half, dark = base / 2, (45, 42, 40)
    bike = [
        *wheel(half, 0, radius, 0.09),
        *wheel(-half, 0, radius, 0.1),
        box((-half + 0.1, -0.13, 0.2), (half - 0.25, 0.13, 0.34), dark),
        box((-half - 0.05, -0.14, 0.34), (-0.05, 0.14, seat_m - 0.08), paint),
        ellipsoid((-0.28, 0, seat_m), (0.36, 0.14, 0.08), dark),
        bar((half - 0.02, 0, 2 * radius), (half - 0.16, 0, bars_m), 0.05, paint),
        box((half - 0.2, -0.19, 0.35), (half - 0.12, 0.19, 0.85), paint),
        ellipsoid((half, 0, 2 * radius), (0.22, 0.07, 0.07), paint),
        bar((half - 0.2, -0.33, bars_m), (half - 0.2, 0.33, bars_m), 0.025, dark),
        ellipsoid((half - 0.13, 0, bars_m - 0.03), (0.08, 0.13, 0.1), paint),
    ]
    if rng.random() < 0.5:
        bike += [
            bar((half - 0.18, s, bars_m), (half - 0.16, s * 1.25, bars_m + 0.18), 0.02, dark)
            for s in (-0.24, 0.24)
        ]
        bike += [
            ellipsoid((half - 0.16, s * 1.3, bars_m + 0.2), (0.02, 0.07, 0.05), dark) for s in (-0.24, 0.24)
        ]
    if rng.random() < 0.5:
        bike.append(
            box((-half - 0.22, -0.18, seat_m), (-half + 0.12, 0.18, seat_m + 0.3), _pick(rng, _PAINTS))
        )
    if rng.random() < 0.2:
        bike.append(ellipsoid((half - 0.15, 0, 0.75), (0.16, 0.38, 0.32), _pick(rng, _CLOTH)))
    person, ridden, side = Person.drawn(rng), rng.random() < 0.25, 1 if rng.random() < 0.5 else -1
    hands = ((half - 0.2, 0.28, bars_m), (half - 0.2, -0.28, bars_m))

    def parts(stride: float) -> Sequence[Part]:
        if ridden:
            return [*bike, *(replace(p, carried=False) for p in person.sitting(-0.25, seat_m, hands))]
        beside = [(0.3, 0.15, bars_m), (0.3, -0.15, bars_m)]
        return [
            *bike,
            *placed(person.standing(stride, beside), x=half - 0.55, y=0.5 * side, heading=-0.25 * side),
        ]

    return Visitor(
        parts=parts, length_m=base + 2 * radius, detail={"posture": "ridden" if ridden else "pushed"}
    )


def _bicycle(rng: np.random.Generator) -> Visitor:
    half, radius, paint = rng.uniform(0.5, 0.55), rng.uniform(0.3, 0.34), _pick(rng, _PAINTS)
    seat, head, crank = (-0.25, 0, 0.85), (half - 0.12, 0, 0.8), (-0.05, 0, 0.28)
    rear, front = (-half, 0, radius), (half, 0, radius)
    tubes = (
        (seat, crank),
        (seat, rear),
        (rear, crank),
        (crank, head),
        (head, front),
        ((-0.22, 0, 0.72), head),
    )
    bike = [
        *spoked_wheel(half, 0, radius),
        *spoked_wheel(-half, 0, radius),
        *(bar(one, other, 0.018, paint) for one, other in tubes),
        ellipsoid((-0.27, 0, 0.9), (0.14, 0.08, 0.04), TYRE),
        bar((half - 0.15, -0.28, 1.0), (half - 0.15, 0.28, 1.0), 0.018, TYRE),
        bar(head, (half - 0.15, 0, 1.0), 0.018, STEEL),
    ]
    person, side = Person.drawn(rng), 1 if rng.random() < 0.5 else -1

    def parts(stride: float) -> Sequence[Part]:
        beside = [(0.3, 0.15, 1.0), (0.3, -0.15, 0.95)]
        return [*bike, *placed(person.standing(stride, beside), x=0.0, y=0.45 * side, heading=-0.2 * side)]

    return Visitor(parts=parts, length_m=2 * (half + radius), detail={})


def _wheelchair(rng: np.random.Generator) -> Visitor:
    cloth, rider = _pick(rng, ((40, 38, 36), (130, 60, 40), (50, 50, 130))), Person.drawn(rng)
    chair = [
        *(part for side in (-0.3, 0.3) for part in spoked_wheel(-0.1, side, 0.3)),
        *(part for side in (-0.22, 0.22) for part in wheel(0.32, side, 0.08, 0.03)),
        box((-0.2, -0.23, 0.45), (0.22, 0.23, 0.51), cloth),
        box((-0.26, -0.23, 0.5), (-0.2, 0.23, 0.95), cloth),
        *(bar((-0.2, side, 0.7), (0.2, side, 0.7), 0.03, TYRE) for side in (-0.26, 0.26)),
        *(bar((0.25, side, 0.45), (0.42, side, 0.12), 0.02, STEEL) for side in (-0.2, 0.2)),
        *rider.sitting(-0.05, 0.5, ((0.18, 0.26, 0.72), (0.18, -0.26, 0.72))),
    ]
    pusher = Person.drawn(rng) if rng.random() < 0.6 else None

    def parts(stride: float) -> Sequence[Part]:
        if pusher is None:
            return chair
        hands = [(0.32, 0.22, 0.93), (0.32, -0.22, 0.93)]
        return [*chair, *placed(pusher.standing(stride, hands), x=-0.62, y=0, heading=0)]

    return Visitor(parts=parts, length_m=1.0, detail={"pushed": "no" if pusher is None else "yes"})


def _pram(rng: np.random.Generator) -> Visitor:
    cloth, person = _pick(rng, _PAINTS), Person.drawn(rng)
    radius = rng.uniform(0.09, 0.14)
    pram = [
        *(part for x in (-0.3, 0.3) for side in (-0.24, 0.24) for part in wheel(x, side, radius, 0.04)),
        ellipsoid((0, 0, 0.6), (0.4, 0.23, 0.16), cloth),
        ellipsoid((-0.18, 0, 0.76), (0.22, 0.23, 0.22), cloth),
        *(bar((0.3, side, radius), (-0.2, side, 0.55), 0.018, STEEL) for side in (-0.22, 0.22)),
        *(bar((-0.3, side, radius), (0.2, side, 0.55), 0.018, STEEL) for side in (-0.22, 0.22)),
        *(bar((-0.2, side, 0.6), (-0.48, side, 1.0), 0.018, STEEL) for side in (-0.22, 0.22)),
        bar((-0.48, -0.23, 1.0), (-0.48, 0.23, 1.0), 0.02, TYRE),
    ]

    def parts(stride: float) -> Sequence[Part]:
        hands = [(0.32, 0.2, 1.0), (0.32, -0.2, 1.0)]
        return [*pram, *placed(person.standing(stride, hands), x=-0.82, y=0, heading=0)]

    return Visitor(parts=parts, length_m=1.0, detail={})


def _persons(rng: np.random.Generator) -> Visitor:
    count = int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))
    people = [Person.drawn(rng) for _ in range(count)]
    spots = [(0.0, 0.0), (-0.45, 0.33), (-0.4, -0.38)]
    turns = rng.uniform(-0.5, 0.5, count)

    def parts(stride: float) -> Sequence[Part]:
        return [
            replace(part, carried=True)
            for person, (x, y), turn in zip(people, spots[:count], turns, strict=True)
            for part in placed(person.standing(stride + 2 * x), x=x, y=y, heading=float(turn))
        ]

    return Visitor(parts=parts, length_m=0.5 + 0.4 * (count > 1), detail={"persons": float(count)})


VISITORS: Mapping[str, Callable[[np.random.Generator], Visitor]] = {
    "ebike": _ebike,
    "person": _persons,
    "wheelchair": _wheelchair,
    "bicycle": _bicycle,
    "pram": _pram,
}
"""How each kind of visitor is drawn at random; `empty` has none."""
