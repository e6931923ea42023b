"""Two-wheelers, with and without a motor, as they are pushed into lifts.

Each builder returns the mesh along x, the front wheel ahead, the places of the hands on its bars, the seat,
and where its feet rest. The measures are those of common makes: wheels of 10 to 28 inches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.cabin.colours import grey, paint
from simulators.cabin.mesh import (
    DARK,
    STEEL,
    Colour,
    Mesh,
    Place,
    ball,
    block,
    hull,
    joined,
    loft,
    path,
    tube,
    wheel,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TwoWheeler:
    """A vehicle and where its rider goes."""

    mesh: Mesh
    grips: tuple[Place, Place]
    """Left and right."""
    seat: Place
    foot: Place

    @property
    def length_m(self) -> float:
        """Return how long it is."""
        along = self.mesh.quads[..., 0]
        return float(along.max() - along.min())


def _bars(x: float, z: float, half: float, colour: Colour) -> Mesh:
    return joined(
        [
            path(
                [(x - 0.05, half, z), (x, 0.1, z - 0.02), (x, -0.1, z - 0.02), (x - 0.05, -half, z)],
                0.016,
                colour,
            ),
            tube((x - 0.05, half, z), (x - 0.04, half - 0.1, z), 0.022, DARK),
            tube((x - 0.05, -half, z), (x - 0.04, -half + 0.1, z), 0.022, DARK),
        ]
    )


def _mirrors(x: float, z: float, half: float) -> Mesh:
    return joined(
        [
            part
            for side in (-1, 1)
            for part in (
                tube((x, side * (half - 0.1), z), (x - 0.02, side * half, z + 0.17), 0.007, DARK, sides=4),
                ball((x - 0.02, side * (half + 0.02), z + 0.19), (0.015, 0.06, 0.045), DARK, rows=4, sides=6),
            )
        ]
    )


def _basket(rng: np.random.Generator, x: float, z: float) -> Mesh:
    """Make a basket, of wire or closed, sometimes filled."""
    long, wide, high = rng.uniform(0.2, 0.3), rng.uniform(0.26, 0.36), rng.uniform(0.18, 0.26)
    colour = paint(rng)
    if rng.random() < 0.5:
        return loft(
            [
                (z - high, x - 0.4 * long, x + 0.4 * long, -0.4 * wide, 0.4 * wide),
                (z, x - 0.5 * long, x + 0.5 * long, -0.5 * wide, 0.5 * wide),
            ],
            colour,
        )
    wires = []
    for level in (z - high, z - high / 2, z):
        corners = [
            (x + a * long / 2, b * wide / 2, level) for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1), (1, 1))
        ]
        wires.append(path(corners, 0.007, colour, sides=4))
    for a in (-0.5, 0.0, 0.5):
        for b in (-0.5, 0.5):
            here = (x + a * long, b * wide)
            wires.append(tube((*here, z - high), (*here, z), 0.006, colour, sides=4))
    if rng.random() < 0.4:
        wires.append(
            block((x - 0.1, -0.12, z - high), (x + 0.1, 0.12, z + rng.uniform(-0.05, 0.1)), paint(rng))
        )
    return joined(wires)


def _rear(rng: np.random.Generator, x: float, z: float) -> list[Mesh]:
    """Make what is behind the seat: nothing, a top case, a carrier, a delivery box, a child's seat."""
    kind = rng.choice(["nothing", "case", "carrier", "delivery", "child"], p=[0.35, 0.25, 0.2, 0.12, 0.08])
    if kind == "case":
        return [ball((x - 0.12, 0, z + 0.14), (0.2, 0.2, 0.15), paint(rng))]
    if kind == "carrier":
        return [
            path(
                [(x + 0.1, 0.1, z), (x - 0.25, 0.1, z), (x - 0.25, -0.1, z), (x + 0.1, -0.1, z)], 0.01, STEEL
            )
        ]
    if kind == "delivery":
        half, high = rng.uniform(0.2, 0.26), rng.uniform(0.36, 0.5)
        return [block((x - 2 * half + 0.1, -half, z + 0.02), (x + 0.1, half, z + high), paint(rng))]
    if kind == "child":
        colour = paint(rng)
        return [
            block((x - 0.22, -0.14, z), (x + 0.08, 0.14, z + 0.1), colour),
            block((x - 0.25, -0.14, z), (x - 0.19, 0.14, z + 0.45), colour),
        ]
    return []


def moped(rng: np.random.Generator) -> TwoWheeler:
    """Make an electric scooter: floorboard, leg shield, a closed body under its seat."""
    radius, width = rng.uniform(0.19, 0.24), rng.uniform(0.07, 0.11)
    base = rng.uniform(1.02, 1.32)
    front, rear = base / 2, -base / 2
    seat, bars = rng.uniform(0.68, 0.8), rng.uniform(0.92, 1.06)
    board, half = rng.uniform(0.25, 0.34), rng.uniform(0.13, 0.19)
    colour, second = paint(rng), paint(rng)
    trim = colour if rng.random() < 0.5 else second
    rim = grey(rng, rng.uniform(40, 200))
    stem = front - 0.19
    shield = rng.uniform(0.16, 0.26)
    parts = [
        wheel(front, 0, radius, width, rim=rim),
        wheel(rear, 0, radius, width, rim=rim),
        hull(
            [
                (front - 0.28, radius * 1.5, radius * 2.15, 0.06, 0.07),
                (front + 0.24, radius * 1.15, radius * 1.9, 0.05, 0.05),
            ],
            trim,
        ),
        path([(front, 0.06, radius), (stem, 0.05, bars - 0.2)], 0.022, STEEL),
        path([(front, -0.06, radius), (stem, -0.05, bars - 0.2)], 0.022, STEEL),
        loft(
            [
                (board, stem - 0.1, stem + 0.02, -half, half),
                (0.62, stem - 0.09, stem + 0.1, -shield, shield),
                (bars - 0.12, stem - 0.1, stem + 0.02, -0.6 * shield, 0.6 * shield),
            ],
            colour,
        ),
        ball((stem, 0, bars - 0.02), (0.1, 0.13, 0.09), colour, rows=4),
        ball((stem + 0.09, 0, bars - 0.06), (0.04, 0.08, 0.06), (225, 230, 232), rows=4, sides=6),
        block((-0.1, -half, board - 0.12), (stem, half, board), second if rng.random() < 0.5 else DARK),
        hull(
            [
                (rear - 0.18, seat - 0.2, seat - 0.08, 0.07, 0.08),
                (rear + 0.05, seat - 0.35, seat - 0.04, half, half),
                (-0.12, board - 0.1, seat - 0.05, half, half),
                (0.02, board - 0.1, seat - 0.12, 0.8 * half, 0.8 * half),
            ],
            colour,
        ),
        hull(
            [
                (rear - 0.08, seat - 0.05, seat + 0.04, 0.1, 0.13),
                (-0.25, seat - 0.06, seat + 0.03, 0.14, 0.15),
                (0.05, seat - 0.07, seat, 0.1, 0.1),
            ],
            grey(rng, rng.uniform(20, 70)) if rng.random() < 0.7 else paint(rng),
        ),
        _bars(stem - 0.03, bars, rng.uniform(0.3, 0.36), DARK),
        *_rear(rng, rear, seat),
    ]
    if rng.random() < 0.7:
        parts.append(_mirrors(stem - 0.03, bars, 0.32))
    if rng.random() < 0.15:
        parts.append(_basket(rng, front + 0.08, bars - 0.05))
    if rng.random() < 0.2:
        parts.append(_apron(rng, stem, bars))
    if rng.random() < 0.12:
        parts.append(
            loft(
                [
                    (bars, stem + 0.05, stem + 0.07, -0.2, 0.2),
                    (bars + 0.4, stem - 0.12, stem - 0.1, -0.16, 0.16),
                ],
                (190, 195, 195),
            )
        )
    return _ready(parts, (stem - 0.07, bars, 0.31), (-0.22, seat), (0.2, 0.12, board + 0.05))


def _apron(rng: np.random.Generator, x: float, bars: float) -> Mesh:
    """Make the quilt that keeps the wind from legs and hands."""
    return loft(
        [
            (0.3, x - 0.08, x + 0.13, -0.26, 0.26),
            (0.75, x - 0.06, x + 0.15, -0.36, 0.36),
            (bars + 0.02, x - 0.12, x + 0.08, -0.42, 0.42),
        ],
        paint(rng),
    )


def pedal_ebike(rng: np.random.Generator) -> TwoWheeler:
    """Make an e-bike of the simple sort: low frame, battery box under the seat, pedals, a basket."""
    radius, width = rng.uniform(0.2, 0.29), rng.uniform(0.045, 0.065)
    base = rng.uniform(1.0, 1.15)
    front, rear = base / 2, -base / 2
    seat, bars = rng.uniform(0.72, 0.86), rng.uniform(0.95, 1.08)
    colour, rim = paint(rng), grey(rng, rng.uniform(40, 200))
    spokes = 0 if rng.random() < 0.5 else int(rng.choice([5, 6, 10]))
    stem = front - 0.2
    parts = [
        wheel(front, 0, radius, width, rim=rim, spokes=spokes),
        wheel(rear, 0, radius, width, rim=rim),
        path(
            [(front, 0.05, radius), (stem + 0.06, 0.04, 2 * radius + 0.08), (stem - 0.02, 0, bars)],
            0.02,
            DARK,
        ),
        path([(front, -0.05, radius), (stem + 0.06, -0.04, 2 * radius + 0.08)], 0.02, DARK),
        path(
            [(stem + 0.03, 0, 2 * radius + 0.1), (0.2, 0, 0.34), (-0.15, 0, 0.3), (rear, 0, radius)],
            0.04,
            colour,
        ),
        block((-0.3, -0.085, 0.3), (-0.1, 0.085, seat - 0.12), paint(rng)),
        path([(-0.2, 0, 0.35), (-0.25, 0, seat)], 0.025, colour),
        ball((-0.26, 0, seat + 0.03), (0.15, 0.1, 0.05), DARK, rows=4),
        hull(
            [
                (rear - 0.3, radius * 1.5, radius * 1.75, 0.03, 0.04),
                (rear + 0.15, radius * 2, radius * 2.1, 0.04, 0.05),
            ],
            DARK,
        ),
        hull(
            [
                (front - 0.2, radius * 2, radius * 2.1, 0.03, 0.04),
                (front + 0.2, radius * 1.8, radius * 2.0, 0.03, 0.04),
            ],
            DARK,
        ),
        path([(0.02, 0.16, 0.24), (0.05, 0.08, 0.3), (0.08, -0.08, 0.3), (0.1, -0.16, 0.36)], 0.012, STEEL),
        _bars(stem - 0.04, bars, rng.uniform(0.26, 0.33), DARK),
        ball((stem + 0.08, 0, bars - 0.14), (0.05, 0.06, 0.06), (220, 225, 228), rows=4, sides=6),
        *_rear(rng, rear + 0.1, 2 * radius + 0.1 if rng.random() < 0.5 else seat),
    ]
    if rng.random() < 0.65:
        parts.append(_basket(rng, front + 0.02, bars - 0.1))
    if rng.random() < 0.5:
        parts.append(hull([(-0.1, 0.22, 0.36, 0.09, 0.1), (stem - 0.05, 0.26, 0.38, 0.09, 0.09)], colour))
    if rng.random() < 0.25:
        parts.append(_mirrors(stem - 0.04, bars, 0.3))
    if rng.random() < 0.15:
        parts.append(_apron(rng, stem, bars))
    return _ready(parts, (stem - 0.09, bars, 0.28), (-0.26, seat), (0.08, 0.12, 0.3))


def motorcycle(rng: np.random.Generator) -> TwoWheeler:
    """Make a motorcycle, electric or not: large wheels, a tank, an engine or a battery between them."""
    radius, width = rng.uniform(0.26, 0.32), rng.uniform(0.09, 0.15)
    base = rng.uniform(1.15, 1.4)
    front, rear = base / 2, -base / 2
    seat, bars = rng.uniform(0.74, 0.84), rng.uniform(0.95, 1.1)
    colour, rim, stem = paint(rng), grey(rng, rng.uniform(40, 200)), base / 2 - 0.25
    spokes = int(rng.choice([0, 5, 12]))
    parts = [
        wheel(front, 0, radius, width, rim=rim, spokes=spokes),
        wheel(rear, 0, radius, width, rim=rim, spokes=spokes),
        path([(front, 0.08, radius), (stem, 0.07, bars - 0.1)], 0.025, STEEL),
        path([(front, -0.08, radius), (stem, -0.07, bars - 0.1)], 0.025, STEEL),
        hull(
            [
                (-0.15, 0.55, seat + 0.08, 0.1, 0.13),
                (0.1, 0.58, seat + 0.16, 0.13, 0.15),
                (stem - 0.05, 0.62, seat + 0.1, 0.08, 0.1),
            ],
            colour,
        ),
        hull(
            [(rear - 0.2, seat - 0.04, seat + 0.05, 0.07, 0.1), (-0.1, seat - 0.1, seat + 0.02, 0.12, 0.13)],
            DARK,
        ),
        block((-0.25, -0.14, 0.22), (0.25, 0.14, 0.58), grey(rng, rng.uniform(40, 150))),
        tube((0.1, -0.18, 0.3), (rear - 0.15, -0.2, 0.36), 0.035, STEEL, to=0.05),
        ball((stem + 0.1, 0, bars - 0.15), (0.08, 0.1, 0.1), colour, rows=4),
        hull(
            [
                (front - 0.2, 2 * radius, 2 * radius + 0.05, 0.05, 0.06),
                (front + 0.2, 1.8 * radius, 2 * radius, 0.05, 0.05),
            ],
            colour,
        ),
        _bars(stem - 0.05, bars, rng.uniform(0.34, 0.4), DARK),
        _mirrors(stem - 0.05, bars, 0.36),
        *_rear(rng, rear, seat),
    ]
    return _ready(parts, (stem - 0.1, bars, 0.35), (-0.25, seat), (0.05, 0.17, 0.32))


def cycle(rng: np.random.Generator, *, battery: bool = False) -> TwoWheeler:
    """Make a bicycle, with `battery` an electric one: men's, step-through, folding or a child's."""
    kind = str(
        rng.choice(
            ["diamond", "step", "folding", "child"],
            p=[0.35, 0.35, 0.15 if not battery else 0.3, 0.15 if not battery else 0.0],
        )
    )
    radius = {"folding": rng.uniform(0.17, 0.22), "child": rng.uniform(0.15, 0.23)}.get(
        kind, rng.uniform(0.3, 0.35)
    )
    base = {"folding": 1.0, "child": 0.75}.get(kind, rng.uniform(1.0, 1.1))
    size = 0.7 if kind == "child" else 1.0
    front, rear = base / 2, -base / 2
    seat, bars = size * rng.uniform(0.82, 0.98), size * rng.uniform(0.92, 1.08)
    colour, rim = paint(rng), grey(rng, rng.uniform(60, 210))
    wide = rng.uniform(0.028, 0.055)
    stem, crank = front - 0.17 * size, (-0.06, 0.0, 0.28 * size)
    tube_m = 0.022 if kind == "folding" else 0.017
    under = (-0.2 * size, 0.0, seat - 0.12)
    head, low_head = (stem - 0.03, 0.0, bars - 0.14), (stem + 0.02, 0.0, bars - 0.32 * size)
    frame = [
        tube(crank, under, tube_m, colour),
        tube(crank, low_head, 1.2 * tube_m, colour),
        *(tube((rear, y, radius), crank, 0.7 * tube_m, colour) for y in (-0.05, 0.05)),
        tube(head, low_head, 1.1 * tube_m, colour),
        *(
            tube((front, y, radius), (low_head[0], 0.5 * y, low_head[2]), 0.8 * tube_m, colour)
            for y in (-0.05, 0.05)
        ),
    ]
    if kind == "diamond":
        frame += [
            tube(under, head, tube_m, colour),
            *(tube((rear, y, radius), under, 0.6 * tube_m, colour) for y in (-0.05, 0.05)),
        ]
    elif kind == "step":
        frame.append(tube((-0.12, 0, 0.48 * size), low_head, tube_m, colour))
    parts = [
        wheel(front, 0, radius, wide, rim=rim, spokes=int(rng.choice([8, 12]))),
        wheel(rear, 0, radius, wide, rim=rim, spokes=int(rng.choice([8, 12]))),
        *frame,
        tube(under, (-0.24 * size, 0, seat), 0.013, STEEL),
        hull(
            [(-0.38 * size, seat, seat + 0.05, 0.06, 0.08), (-0.1 * size, seat, seat + 0.03, 0.02, 0.03)],
            DARK,
        ),
        tube(head, (stem - 0.06, 0, bars), 0.014, STEEL),
        _bars(stem - 0.06, bars, rng.uniform(0.24, 0.32), grey(rng, 90)),
        tube((crank[0], -0.02, crank[2]), (crank[0], 0.02, crank[2]), 0.09 * size, STEEL, sides=10),
        path(
            [
                (crank[0] - 0.12, 0.15, crank[2]),
                (crank[0] - 0.1, 0.07, crank[2]),
                (crank[0] + 0.1, -0.07, crank[2]),
                (crank[0] + 0.12, -0.15, crank[2]),
            ],
            0.012,
            DARK,
        ),
    ]
    if rng.random() < 0.5:
        parts.append(
            hull(
                [
                    (rear - 0.28, 1.6 * radius, 1.7 * radius, 0.025, 0.03),
                    (rear, 2.1 * radius, 2.15 * radius, 0.025, 0.03),
                ],
                DARK,
            )
        )
    if rng.random() < 0.4:
        parts += _rear(rng, rear + 0.1, 2 * radius + 0.12)[:2]
    if rng.random() < (0.35 if kind != "diamond" else 0.1):
        parts.append(_basket(rng, front - 0.02, bars - 0.08))
    if kind == "child" and rng.random() < 0.5:
        parts += [wheel(rear, y, 0.06, 0.03) for y in (-0.16, 0.16)]
    if battery:
        parts += _battery(rng, crank, low_head, under, rear, radius)
    return _ready(parts, (stem - 0.1, bars, 0.27), (-0.24 * size, seat), (0.05, 0.1, 0.28 * size))


def _battery(
    rng: np.random.Generator, crank: Place, head: Place, under: Place, rear: float, radius: float
) -> list[Mesh]:
    """Make the hub motor and the battery, on the down tube, behind the seat tube or on the carrier."""
    hub = tube((rear, -0.06, radius), (rear, 0.06, radius), rng.uniform(0.08, 0.11), DARK, sides=10)
    colour = grey(rng, 40) if rng.random() < 0.7 else paint(rng)
    place = rng.choice(["tube", "seat", "carrier"])
    if place == "tube":
        low, high = np.array(crank), np.array(head)
        return [
            hub,
            tube(
                low + 0.2 * (high - low) + [0, 0, 0.05],
                low + 0.8 * (high - low) + [0, 0, 0.05],
                0.055,
                colour,
                sides=4,
            ),
        ]
    if place == "seat":
        return [
            hub,
            tube(
                (under[0] - 0.08, 0, under[2] - 0.05),
                (crank[0] - 0.1, 0, crank[2] + 0.1),
                0.07,
                colour,
                sides=4,
            ),
        ]
    return [hub, block((rear - 0.2, -0.08, 2 * radius + 0.05), (rear + 0.2, 0.08, 2 * radius + 0.14), colour)]


def electric_cycle(rng: np.random.Generator) -> TwoWheeler:
    """Make a bicycle with a battery and a motor in its hub."""
    return cycle(rng, battery=True)


def folding_ebike(rng: np.random.Generator) -> TwoWheeler:
    """Make a small folding e-bike, as drivers for hire use: small wheels, thick frame, no basket."""
    radius, width = rng.uniform(0.15, 0.19), rng.uniform(0.05, 0.07)
    base = rng.uniform(0.78, 0.95)
    front, rear = base / 2, -base / 2
    seat, bars = rng.uniform(0.72, 0.85), rng.uniform(0.95, 1.05)
    colour, rim = paint(rng), grey(rng, rng.uniform(40, 200))
    stem = front - 0.1
    parts = [
        wheel(front, 0, radius, width, rim=rim),
        wheel(rear, 0, radius, width, rim=rim),
        hull([(rear + 0.15, 0.26, 0.4, 0.06, 0.07), (stem - 0.05, 0.32, 0.44, 0.06, 0.07)], colour),
        path([(rear, 0.05, radius), (rear + 0.2, 0.04, 0.33)], 0.02, colour),
        path([(rear, -0.05, radius), (rear + 0.2, -0.04, 0.33)], 0.02, colour),
        path([(front, 0, 2 * radius + 0.03), (stem, 0, 0.45), (stem - 0.07, 0, bars)], 0.025, DARK),
        path([(front, 0.05, radius), (front, 0, 2 * radius + 0.03)], 0.018, DARK),
        path([(front, -0.05, radius), (front, 0, 2 * radius + 0.03)], 0.018, DARK),
        tube((-0.12, 0, 0.35), (-0.2, 0, seat), 0.02, STEEL),
        ball((-0.22, 0, seat + 0.03), (0.14, 0.09, 0.04), DARK, rows=4),
        _bars(stem - 0.08, bars, rng.uniform(0.25, 0.3), DARK),
    ]
    return _ready(parts, (stem - 0.12, bars, 0.27), (-0.22, seat), (0.05, 0.1, 0.33))


def _ready(
    parts: Sequence[Mesh], grip: tuple[float, float, float], seat: tuple[float, float], foot: Place
) -> TwoWheeler:
    x, z, half = grip
    return TwoWheeler(
        mesh=joined(parts),
        grips=((x, half, z + 0.01), (x, -half, z + 0.01)),
        seat=(seat[0], 0.0, seat[1]),
        foot=foot,
    )


def cover(rng: np.random.Generator, vehicle: TwoWheeler) -> Mesh:
    """Make the sheet that hides a vehicle down to its wheels."""
    quads = vehicle.mesh.quads
    low, high = quads.reshape(-1, 3).min(axis=0), quads.reshape(-1, 3).max(axis=0)
    hem = float(rng.uniform(0.05, 0.4))
    stations = []
    for share in np.linspace(0, 1, 6):
        x = float(low[0] + (high[0] - low[0]) * share) + (
            -0.03 if share == 0 else 0.03 if share == 1 else 0.0
        )
        near = quads[np.abs(quads[..., 0] - x).min(axis=1) < 0.2]
        top = float(near[..., 2].max()) if len(near) else 0.6
        half = float(np.abs(near[..., 1]).max()) if len(near) else 0.2
        stations.append((x, hem + rng.uniform(0, 0.05), top + 0.03, max(0.16, 0.9 * half), max(0.1, half)))
    return hull(stations, paint(rng))


EBIKES: Mapping[str, Callable[[np.random.Generator], TwoWheeler]] = {
    "moped": moped,
    "pedal_ebike": pedal_ebike,
    "electric_cycle": electric_cycle,
    "folding_ebike": folding_ebike,
}
"""What is called an e-bike; a motorcycle has a label of its own."""
