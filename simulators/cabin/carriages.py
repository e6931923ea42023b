"""What rolls into lifts and may ride: wheelchairs, prams, stretchers, trolleys, suitcases."""

from collections.abc import Sequence

import numpy as np

from simulators.cabin.colours import grey, paint
from simulators.cabin.mesh import (
    DARK,
    STEEL,
    Colour,
    Mesh,
    ball,
    block,
    hull,
    joined,
    loft,
    path,
    tube,
    wheel,
)
from simulators.cabin.people import Person, drip_stand


def _pair(y: float) -> tuple[float, float]:
    return (-y, y)


def castor(x: float, y: float, radius: float, top_m: float) -> Mesh:
    """Make a small wheel in a fork that swings."""
    return joined(
        [wheel(x, y, radius, 0.03), tube((x + 0.02, y, radius), (x + 0.03, y, top_m), 0.012, STEEL, sides=4)]
    )


def wheelchair(rng: np.random.Generator) -> tuple[Mesh, str]:
    """Make a wheelchair with its rider, and say of which kind: by hand, pushed, or with a motor."""
    kind = str(rng.choice(["wheelchair_hand", "wheelchair_pushed", "wheelchair_power"], p=[0.55, 0.2, 0.25]))
    cloth, steel = paint(rng), grey(rng, rng.uniform(40, 200))
    seat, half = rng.uniform(0.46, 0.53), rng.uniform(0.21, 0.26)
    back = seat + rng.uniform(0.38, 0.6)
    parts = [
        block((-0.2, -half, seat - 0.05), (0.22, half, seat), cloth),
        loft([(seat, -0.24, -0.2, -half, half), (back, -0.3, -0.26, -half, half)], cloth),
        *(path([(-0.27, y, back - 0.02), (-0.4, y, back + 0.02)], 0.014, DARK) for y in _pair(half)),
        *(
            path([(-0.22, y, seat + 0.2), (0.18, y, seat + 0.2), (0.2, y, seat - 0.05)], 0.018, steel)
            for y in _pair(half + 0.02)
        ),
        *(path([(0.2, y, seat - 0.05), (0.36, y, 0.14)], 0.014, steel) for y in _pair(0.15)),
        *(block((0.3, y - 0.07, 0.1), (0.46, y + 0.07, 0.12), DARK) for y in _pair(0.13)),
    ]
    if kind == "wheelchair_power":
        base = rng.uniform(0.13, 0.2)
        parts += [
            *(wheel(-0.2, y, base, 0.07) for y in _pair(half)),
            *(castor(0.25, y, 0.09, 0.25) for y in _pair(half - 0.03)),
            block((-0.32, -0.2, 0.14), (0.2, 0.2, 0.36), paint(rng)),
            tube((0.2, half + 0.02, seat + 0.22), (0.22, half + 0.02, seat + 0.32), 0.02, DARK),
        ]
    else:
        large = rng.uniform(0.28, 0.32) if kind == "wheelchair_hand" else rng.uniform(0.13, 0.18)
        spokes = 10 if large > 0.2 else 0
        parts += [
            *(wheel(-0.12, y, large, 0.035, rim=steel, spokes=spokes) for y in _pair(half + 0.05)),
            *(castor(0.28, y, 0.085, seat - 0.1) for y in _pair(half - 0.02)),
            *(
                path([(-0.24, y, seat), (-0.12, y, large), (0.25, y, 0.22)], 0.013, steel)
                for y in _pair(half)
            ),
        ]
        if large > 0.2:
            rims = wheel(-0.12, 0, large - 0.03, 0.015, rim=steel, spokes=1)
            parts += [rims.placed(y=y, z=0.03) for y in _pair(half + 0.1)]
    if rng.random() < 0.93:
        rider = Person.drawn(rng, is_child=bool(rng.random() < 0.07))
        hands = [(0.1, y, seat + 0.22) for y in (half, -half)]
        if rng.random() < 0.4:
            hands = [(0.2, 0.08, seat + 0.14), (0.2, -0.08, seat + 0.14)]
        parts.append(rider.sitting(-0.08, seat + 0.02, hands, feet=(0.38, 0.1, 0.16)))
        if rng.random() < 0.25:
            parts.append(
                loft([(0.2, 0.1, 0.42, -0.22, 0.22), (seat + 0.2, -0.1, 0.3, -0.2, 0.2)], paint(rng))
            )
    if rng.random() < 0.3:
        parts.append(block((-0.45, -0.18, seat), (-0.3, 0.18, back - 0.05), paint(rng)))
    if rng.random() < 0.1:
        parts.append(drip_stand(rng, -0.3, half, 0.4))
    return joined(parts), kind


def pram(rng: np.random.Generator) -> tuple[Mesh, str]:
    """Make a pram: a carrycot, a pushchair or a buggy, for one or two."""
    kind = str(rng.choice(["carrycot", "pushchair", "buggy", "jogger"], p=[0.25, 0.4, 0.2, 0.15]))
    cloth, frame = paint(rng), grey(rng, rng.uniform(40, 210))
    small = {"carrycot": rng.uniform(0.09, 0.17), "jogger": rng.uniform(0.16, 0.22)}.get(
        kind, rng.uniform(0.07, 0.11)
    )
    rear = small * rng.uniform(1.0, 1.4)
    half = rng.uniform(0.2, 0.27)
    grip = rng.uniform(0.92, 1.08)
    handle = [(-0.25, half, 0.5), (-0.5, half, grip), (-0.5, -half, grip), (-0.25, -half, 0.5)]
    fronts = [0.0] if kind == "jogger" else list(_pair(half - 0.02))
    parts = [
        *(wheel(-0.3, y, rear, 0.04, rim=frame) for y in _pair(half)),
        *(wheel(0.35, y, small, 0.035, rim=frame) for y in fronts),
        path(handle, 0.014, frame),
        *(path([(-0.3, y, rear), (0.0, y, 0.55), (-0.25, y, 0.5)], 0.012, frame) for y in _pair(half - 0.02)),
        *(path([(0.35, y, small), (-0.25, y or 0.0, 0.55)], 0.012, frame) for y in fronts),
        loft([(0.2, -0.2, 0.15, -0.17, 0.17), (0.32, -0.22, 0.18, -0.19, 0.19)], DARK),
    ]
    hood = rng.uniform(0.2, 0.3)
    if kind == "carrycot":
        parts += [
            loft([(0.5, -0.3, 0.35, -0.17, 0.17), (0.75, -0.4, 0.45, -half, half)], cloth),
            ball((-0.18, 0, 0.76), (hood, half, 0.27), cloth),
            block((-0.05, -half + 0.02, 0.72), (0.42, half - 0.02, 0.8), paint(rng)),
        ]
    else:
        parts += [
            block((-0.18, -half + 0.03, 0.42), (0.2, half - 0.03, 0.5), cloth),
            loft(
                [
                    (0.45, -0.22, -0.14, -half + 0.03, half - 0.03),
                    (0.95, -0.42, -0.36, -half + 0.03, half - 0.03),
                ],
                cloth,
            ),
            path([(0.18, half - 0.04, 0.62), (0.25, 0, 0.64), (0.18, -half + 0.04, 0.62)], 0.016, DARK),
            block((0.2, -0.14, 0.2), (0.34, 0.14, 0.23), DARK),
        ]
        if rng.random() < 0.7:
            parts.append(ball((-0.22, 0, 0.9), (hood, half, 0.22), cloth))
        if rng.random() < 0.75:
            child = Person.drawn(rng, is_child=True).sitting(
                -0.08, 0.5, [(0.1, 0.1, 0.66), (0.1, -0.1, 0.66)]
            )
            parts.append(child)
    if rng.random() < 0.25:
        parts.append(block((-0.56, -0.16, grip - 0.36), (-0.44, 0.16, grip - 0.08), paint(rng)))
    made = joined(parts)
    if kind == "buggy" and rng.random() < 0.3:
        return joined([made.placed(y=0.24), made.placed(y=-0.24)]), "twin"
    return made, kind


def stretcher(rng: np.random.Generator) -> tuple[Mesh, str]:
    """Make an ambulance's stretcher or a bed on wheels, with who lies on it."""
    top, half = rng.uniform(0.55, 0.9), rng.uniform(0.26, 0.33)
    long, steel, cloth = rng.uniform(1.75, 1.95), grey(rng, rng.uniform(90, 220)), paint(rng)
    end = long / 2
    radius = rng.uniform(0.06, 0.1)
    parts = [
        loft([(top - 0.08, -end, end, -half, half), (top, -end, end, -half, half)], cloth),
        *(castor(x, y, radius, 0.3) for x in _pair(0.7 * end) for y in _pair(half - 0.04)),
        *(
            path([(x, y, 0.25), (-x, y, top - 0.1)], 0.018, steel)
            for x in _pair(0.7 * end)
            for y in _pair(half - 0.05)
        ),
        *(path([(0.7 * end, y, 0.28), (-0.7 * end, y, 0.28)], 0.016, steel) for y in _pair(half - 0.05)),
        *(path([(-end, y, top - 0.05), (end, y, top - 0.05)], 0.02, steel) for y in _pair(half)),
        *(
            path([(-0.5, y, top), (-0.5, y, top + 0.25), (0.35, y, top + 0.25), (0.35, y, top)], 0.013, steel)
            for y in _pair(half)
        ),
        *(
            path(
                [(x, 0.15, top), (1.15 * x, 0.15, top), (1.15 * x, -0.15, top), (x, -0.15, top)], 0.015, DARK
            )
            for x in _pair(end)
        ),
        block((0.55 * end, -0.22, top), (0.95 * end, 0.22, top + 0.1), (215, 218, 220)),
    ]
    if rng.random() < 0.9:
        blanket = paint(rng) if rng.random() < 0.75 else None
        parts.append(Person.drawn(rng).lying(0.8 * end, top, blanket))
    if rng.random() < 0.35:
        parts.append(drip_stand(rng, 0.4 * end, half, top - 0.1))
    if rng.random() < 0.3:
        parts.append(block((-0.9 * end, -0.2, top + 0.02), (-0.5 * end, 0.2, top + 0.25), paint(rng)))
    return joined(parts), "stretcher"


def trolley(rng: np.random.Generator) -> tuple[Mesh, str]:
    """Make a trolley: of a shop, for goods, a sack truck, a cleaner's, a walking frame, a shopper."""
    kind = str(rng.choice(["shop", "flat", "sack", "cleaner", "rollator", "shopper"]))
    return _TROLLEYS[kind](rng), kind


def _shop(rng: np.random.Generator) -> Mesh:
    colour = grey(rng, 150)
    levels = [(0.45, -0.3, 0.35, 0.2), (0.65, -0.35, 0.42, 0.24), (0.9, -0.4, 0.48, 0.27)]
    wires = [
        path(
            [(x0, -y, z), (x1, -0.8 * y, z), (x1, 0.8 * y, z), (x0, y, z), (x0, -y, z)],
            0.008,
            colour,
            sides=4,
        )
        for z, x0, x1, y in levels
    ]
    wires += [
        tube(
            (-0.3 + 0.65 * share, side * 0.19, 0.45),
            (-0.4 + 0.88 * share, side * 0.26, 0.9),
            0.005,
            colour,
            sides=4,
        )
        for share in np.linspace(0, 1, 6)
        for side in (-1, 1)
    ]
    wires += [
        *(castor(x, y, 0.06, 0.2) for x, y in ((0.35, 0.15), (0.35, -0.15), (-0.35, 0.22), (-0.35, -0.22))),
        *(
            path([(0.35, y, 0.15), (-0.35, 1.3 * y, 0.15), (-0.3, y, 0.45)], 0.014, colour)
            for y in _pair(0.16)
        ),
        tube((-0.48, -0.24, 1.0), (-0.48, 0.24, 1.0), 0.018, paint(rng)),
        *(tube((-0.48, y, 1.0), (-0.38, y, 0.88), 0.012, colour) for y in _pair(0.24)),
    ]
    if rng.random() < 0.7:
        wires += _load(rng, 0.47, 0.25, 0.15, int(rng.integers(1, 5)))
    return joined(wires)


def _load(rng: np.random.Generator, z: float, long: float, half: float, count: int) -> list[Mesh]:
    parts = []
    for _ in range(count):
        x, y = rng.uniform(-long, long), rng.uniform(-half, half)
        a, b, high = rng.uniform(0.06, 0.2, 3)
        parts.append(block((x - a, y - b, z), (x + a, y + b, z + 2 * high), paint(rng)))
    return parts


def _flat(rng: np.random.Generator) -> Mesh:
    half, end = rng.uniform(0.22, 0.3), rng.uniform(0.35, 0.5)
    parts = [
        block((-end, -half, 0.15), (end, half, 0.19), paint(rng)),
        *(castor(x, y, 0.06, 0.15) for x in _pair(end - 0.08) for y in _pair(half - 0.05)),
        path(
            [
                (-end, half - 0.03, 0.18),
                (-end - 0.05, half - 0.03, 0.95),
                (-end - 0.05, -half + 0.03, 0.95),
                (-end, -half + 0.03, 0.18),
            ],
            0.016,
            STEEL,
        ),
    ]
    z = 0.19
    cardboard: Colour = (95, 140, 180)
    for _ in range(int(rng.integers(0, 4))):
        high, a, b = rng.uniform(0.15, 0.35), rng.uniform(0.6, 1.0) * end, rng.uniform(0.6, 1.0) * half
        parts.append(block((-a, -b, z), (a, b, z + high), cardboard if rng.random() < 0.6 else paint(rng)))
        z += high
    return joined(parts)


def _sack(rng: np.random.Generator) -> Mesh:
    colour = paint(rng)
    parts = [
        *(wheel(0.0, y, rng.uniform(0.09, 0.13), 0.05) for y in _pair(0.22)),
        *(path([(0.05, y, 0.1), (-0.2, y, 1.1), (-0.3, y, 1.15)], 0.016, colour) for y in _pair(0.17)),
        *(
            tube((0.05 - 0.25 * s, -0.17, 0.1 + s), (0.05 - 0.25 * s, 0.17, 0.1 + s), 0.012, colour)
            for s in (0.3, 0.6, 0.9)
        ),
        block((0.05, -0.2, 0.03), (0.3, 0.2, 0.05), STEEL),
    ]
    z = 0.06
    for _ in range(int(rng.integers(1, 4))):
        high = rng.uniform(0.2, 0.4)
        parts.append(block((0.05 - 0.2 * z, -0.22, z), (0.38 - 0.2 * z, 0.22, z + high), paint(rng)))
        z += high
    return joined(parts)


def _cleaner(rng: np.random.Generator) -> Mesh:
    colour = paint(rng)
    return joined(
        [
            block((-0.4, -0.25, 0.15), (0.4, 0.25, 0.25), colour),
            block((-0.05, -0.24, 0.25), (0.38, 0.24, 0.85), colour),
            loft([(0.25, -0.4, -0.1, -0.2, 0.2), (0.95, -0.48, -0.08, -0.24, 0.24)], paint(rng)),
            *(castor(x, y, 0.07, 0.18) for x in _pair(0.34) for y in _pair(0.2)),
            tube((0.2, 0.2, 0.3), (0.1, 0.25, 1.45), 0.014, (160, 190, 200)),
            tube((0.25, -0.2, 0.3), (0.2, -0.2, 1.3), 0.014, paint(rng)),
            ball((0.1, 0, 0.92), (0.2, 0.18, 0.1), paint(rng)),
        ]
    )


def _rollator(rng: np.random.Generator) -> Mesh:
    colour = paint(rng)
    return joined(
        [
            *(wheel(x, y, 0.1, 0.03) for x, y in ((0.3, 0.26), (0.3, -0.26), (-0.25, 0.26), (-0.25, -0.26))),
            *(
                path([(0.3, y, 0.1), (-0.1, y, 0.6), (-0.2, y, 0.9), (-0.35, y, 0.92)], 0.014, colour)
                for y in _pair(0.26)
            ),
            *(path([(-0.25, y, 0.1), (0.02, y, 0.58)], 0.014, colour) for y in _pair(0.26)),
            block((-0.12, -0.22, 0.56), (0.12, 0.22, 0.6), DARK),
            block((0.1, -0.2, 0.35), (0.28, 0.2, 0.6), paint(rng)),
        ]
    )


def _shopper(rng: np.random.Generator) -> Mesh:
    return joined(
        [
            *(wheel(0.0, y, rng.uniform(0.07, 0.1), 0.03) for y in _pair(0.17)),
            loft([(0.1, -0.02, 0.24, -0.15, 0.15), (0.7, -0.1, 0.22, -0.18, 0.18)], paint(rng)),
            path([(0.0, 0.12, 0.1), (-0.2, 0.12, 1.0), (-0.2, -0.12, 1.0), (0.0, -0.12, 0.1)], 0.012, STEEL),
        ]
    )


_TROLLEYS = {
    "shop": _shop,
    "flat": _flat,
    "sack": _sack,
    "cleaner": _cleaner,
    "rollator": _rollator,
    "shopper": _shopper,
}


def suitcase(rng: np.random.Generator) -> tuple[Mesh, str]:
    """Make a suitcase on wheels with its handle drawn out."""
    high, wide, deep = rng.uniform(0.5, 0.78), rng.uniform(0.17, 0.27), rng.uniform(0.1, 0.17)
    colour = paint(rng)
    return joined(
        [
            hull([(-deep, 0.06, high, wide, wide), (deep, 0.06, high, wide, wide)], colour),
            *(wheel(x, y, 0.028, 0.03) for x in _pair(0.8 * deep) for y in _pair(0.8 * wide)),
            path(
                [
                    (-deep, 0.1, high),
                    (-deep - 0.03, 0.1, 1.0),
                    (-deep - 0.03, -0.1, 1.0),
                    (-deep, -0.1, high),
                ],
                0.01,
                STEEL,
                sides=4,
            ),
        ]
    ), "suitcase"


def goods(rng: np.random.Generator) -> tuple[Mesh, str]:
    """Make what is carried into lifts and doesn't roll: boxes, a chair, a plant, a ladder, a small dog."""
    kind = str(rng.choice(["boxes", "chair", "plant", "ladder", "dog"]))
    return _GOODS[kind](rng), kind


def _boxes(rng: np.random.Generator) -> Mesh:
    return joined(_load(rng, 0.0, 0.2, 0.2, int(rng.integers(1, 4))))


def _chair(rng: np.random.Generator) -> Mesh:
    colour, cloth = grey(rng, rng.uniform(30, 200)), paint(rng)
    legs = [(x, y) for x in _pair(0.2) for y in _pair(0.2)]
    parts: Sequence[Mesh] = [tube((x, y, 0), (0.9 * x, 0.9 * y, 0.45), 0.018, colour) for x, y in legs]
    if rng.random() < 0.5:
        parts = [
            tube((0, 0, 0.1), (0, 0, 0.45), 0.03, colour),
            *(
                part
                for turn in np.arange(5) * 2 * np.pi / 5
                for part in (
                    tube((0, 0, 0.1), (0.28 * np.cos(turn), 0.28 * np.sin(turn), 0.07), 0.018, colour),
                    wheel(0.28 * float(np.cos(turn)), 0.28 * float(np.sin(turn)), 0.03, 0.03),
                )
            ),
        ]
    return joined(
        [
            *parts,
            block((-0.22, -0.22, 0.44), (0.22, 0.22, 0.5), cloth),
            loft([(0.55, -0.24, -0.2, -0.2, 0.2), (0.95, -0.3, -0.26, -0.2, 0.2)], cloth),
        ]
    )


def _plant(rng: np.random.Generator) -> Mesh:
    leaves = [
        ball(
            (rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15), rng.uniform(0.5, 1.2)),
            (0.14, 0.14, 0.12),
            (40, 110, 50),
            rows=3,
            sides=6,
        )
        for _ in range(7)
    ]
    return joined(
        [loft([(0, -0.12, 0.12, -0.12, 0.12), (0.3, -0.17, 0.17, -0.17, 0.17)], paint(rng)), *leaves]
    )


def _ladder(rng: np.random.Generator) -> Mesh:
    colour = grey(rng, 170)
    high = rng.uniform(1.4, 2.0)
    rails = [path([(0.0, y, 0.0), (0.25, y, high)], 0.02, colour) for y in _pair(0.2)]
    rungs = [
        tube((0.25 * s, -0.2, s * high), (0.25 * s, 0.2, s * high), 0.012, colour, sides=4)
        for s in np.linspace(0.1, 0.95, 7)
    ]
    return joined([*rails, *rungs])


def _dog(rng: np.random.Generator) -> Mesh:
    colour = paint(rng)
    return joined(
        [
            ball((0, 0, 0.38), (0.3, 0.12, 0.13), colour),
            ball((0.33, 0, 0.52), (0.13, 0.09, 0.1), colour),
            *(tube((x, y, 0), (x, y, 0.35), 0.03, colour) for x in _pair(0.2) for y in _pair(0.07)),
            tube((-0.28, 0, 0.42), (-0.42, 0, 0.58), 0.02, colour),
        ]
    ).scaled(float(rng.uniform(0.5, 1.2)))


_GOODS = {"boxes": _boxes, "chair": _chair, "plant": _plant, "ladder": _ladder, "dog": _dog}
