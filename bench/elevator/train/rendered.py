"""Rendered cabins with everything that rides in them, some of it cut out of licensed pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from bench.elevator.train.examples import NO_VEHICLE, WHOLE, Box, Example
from gridwatch.model import BoxXyxy, Pixels
from simulators.cabin_view import Cabin, CabinView
from simulators.cabin_visit import resting_place
from simulators.solids import STEEL, TYRE, Part, bar, box, ellipsoid, placed, wheel
from simulators.visitors import VISITORS, Person, Visitor

SIZE_WH = (320, 240)
MOST_CROWD = 4
CUT_OUT_SHARE = 0.35
"""Of the pictures with a vehicle, how many show one that was cut out of a real picture."""
REAL_BACKGROUND_SHARE = 0.35

ALL = NO_VEHICLE | WHOLE | {"suitcase", "person"}


@dataclass(frozen=True, kw_only=True, slots=True)
class CutOut:
    """What was cut out of a real picture: its label, and blue, green, red, alpha."""

    label: str
    pixels: Pixels


def rendered(rng: np.random.Generator, cut_outs: Sequence[CutOut], rooms: Sequence[Pixels]) -> Example:
    """Render one picture: most with a visitor, some empty, some of a covered lens."""
    kind = str(rng.choice(KINDS, p=CHANCES))
    if kind == "lens_covered":
        return Example(
            pixels=_covered(rng),
            whole=frozenset({"lens_covered"}),
            absent=frozenset(ALL - {"lens_covered"}),
            source="rendered",
        )
    cabin = _cabin(rng)
    view = CabinView(cabin, SIZE_WH)
    boxes: list[Box] = []
    pixels = view.draw(rng, (), _opening(rng))
    if kind != "empty":
        pixels, boxes = _visited(rng, cabin, view, kind, rooms)
    if kind in ("ebike", "bicycle") and cut_outs and rng.random() < CUT_OUT_SHARE:
        pixels, boxes = _with_cut_out(rng, view, rooms, [one for one in cut_outs if one.label == kind])
    present = {label for label, _ in boxes}
    whole = {"empty"} if kind == "empty" else set()
    absent = ALL - present - whole
    return Example(
        pixels=pixels, boxes=boxes, whole=frozenset(whole), absent=frozenset(absent), source="rendered"
    )


def _cabin(rng: np.random.Generator) -> Cabin:
    """Draw a cabin; unlike the simulator's usual ones also seen from lower, nearer and with other lenses."""
    cabin = Cabin.drawn(rng)
    eye = np.array(cabin.eye) + rng.normal(0, (0.15, 0.15, 0.12))
    eye = np.clip(eye, (0.05, 0.05, 1.5), (cabin.width_m - 0.05, cabin.depth_m - 0.05, cabin.height_m - 0.05))
    target = np.array(cabin.target) + rng.normal(0, (0.12, 0.15, 0.12))
    return replace(
        cabin,
        eye=(float(eye[0]), float(eye[1]), float(eye[2])),
        target=(float(target[0]), float(target[1]), float(target[2])),
        view_deg=float(rng.uniform(72, 118)),
    )


def _opening(rng: np.random.Generator) -> float:
    return 0.0 if rng.random() < 0.5 else float(rng.random())


def _visited(
    rng: np.random.Generator, cabin: Cabin, view: CabinView, kind: str, rooms: Sequence[Pixels]
) -> tuple[Pixels, list[Box]]:
    groups: list[tuple[str, Sequence[Part]]] = []
    guest = GUESTS[kind](rng)
    x, y, heading = resting_place(rng, cabin, guest)[1]
    if rng.random() < 0.2:  # on its way through the door
        y -= rng.uniform(0.0, 0.9)
    parts = placed(
        guest.parts(float(rng.uniform(0, 6))),
        x=float(x),
        y=float(y),
        heading=float(heading + rng.normal(0, 0.2)),
    )
    own = [part for part in parts if part.carried]
    others = [part for part in parts if not part.carried]
    alone = kind != "person" and rng.random() < 0.3
    if kind in LABEL_OF:
        groups.append((LABEL_OF[kind], own))
    kept = [*own, *([] if alone else others)]
    if others and not alone:
        groups.append(("person", others))
    for _ in range(int(rng.integers(0, MOST_CROWD)) if rng.random() < 0.4 else 0):
        person = placed(
            Person.drawn(rng).standing(float(rng.uniform(0, 6))),
            x=float(rng.uniform(0.2, cabin.width_m - 0.2)),
            y=float(rng.uniform(0.2, cabin.depth_m - 0.2)),
            heading=float(rng.uniform(0, 6.3)),
        )
        groups.append(("person", person))
        kept += person
    opening = 1.0 if y < 0.6 else _opening(rng)
    boxes = [(label, found) for label, some in groups if (found := view.box_of(some, opening)) is not None]
    if rooms and rng.random() < REAL_BACKGROUND_SHARE:
        return _in_room(rng, view, kept, rooms), boxes
    return view.draw(rng, kept, opening), boxes


def _in_room(
    rng: np.random.Generator, view: CabinView, parts: Sequence[Part], rooms: Sequence[Pixels]
) -> Pixels:
    """Put rendered visitors before a real room, so that no cabin of ours tells that something rides in it."""
    again = np.random.default_rng(int(rng.integers(2**31)))
    state = again.bit_generator.state
    without = view.draw(again, (), 0.0)
    again.bit_generator.state = state
    with_parts = view.draw(again, parts, 0.0)
    apart = (np.abs(with_parts.astype(np.int16) - without).max(axis=2) > 6).astype(np.float32)
    alpha = cv2.GaussianBlur(apart, (3, 3), 0)[..., None]
    return np.asarray(with_parts * alpha + _room(rng, rooms) * (1 - alpha), np.uint8)


def _room(rng: np.random.Generator, rooms: Sequence[Pixels]) -> Pixels:
    room = rooms[int(rng.integers(len(rooms)))]
    height, width = room.shape[:2]
    share = rng.uniform(0.5, 1.0)
    h, w = int(height * share), int(width * share)
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    return np.asarray(cv2.resize(room[y : y + h, x : x + w], SIZE_WH, interpolation=cv2.INTER_AREA), np.uint8)


def _with_cut_out(
    rng: np.random.Generator, view: CabinView, rooms: Sequence[Pixels], fitting: Sequence[CutOut]
) -> tuple[Pixels, list[Box]]:
    """Paste a real two-wheeler into a cabin or room, turned and tilted, at times half behind somebody."""
    one = fitting[int(rng.integers(len(fitting)))]
    pixels = _room(rng, rooms) if rooms and rng.random() < 0.4 else view.draw(rng, (), _opening(rng))
    longest = rng.uniform(0.35, 0.95) * SIZE_WH[1]
    scale = longest / max(one.pixels.shape[:2])
    turn = rng.normal(0, 0.3) if rng.random() < 0.75 else rng.uniform(-3.1, 3.1)
    flip = -1 if rng.random() < 0.5 else 1
    squeeze = rng.uniform(0.45, 1.0) if rng.random() < 0.5 else 1.0
    height, width = one.pixels.shape[:2]
    centre = rng.uniform(0.3, 0.7, 2) * SIZE_WH
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.array([[cos * flip * squeeze, -sin, 0.0], [sin * flip * squeeze, cos, 0.0]])
    matrix[:, 2] = centre - matrix[:, :2] @ (width / 2, height / 2)
    warped = cv2.warpAffine(one.pixels, matrix, SIZE_WH, flags=cv2.INTER_LINEAR)
    alpha = warped[..., 3:].astype(np.float32) / 255
    light = rng.uniform(0.6, 1.15)
    mixed = np.clip(warped[..., :3] * light, 0, 255) * alpha + pixels * (1 - alpha)
    found = _box_of(alpha[..., 0] > 0.5)
    return np.asarray(mixed, np.uint8), [] if found is None else [(one.label, found)]


def _box_of(mask: np.typing.NDArray[np.bool_]) -> BoxXyxy | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) < 8 or len(columns) < 8:
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _covered(rng: np.random.Generator) -> Pixels:
    """Draw what a lens sees through tape, paint, a bag or a hand: hardly anything, and no edges."""
    level, tint = rng.uniform(0, 230), rng.normal(0, 12, 3)
    coarse = rng.normal(0, rng.uniform(1, 22), (int(rng.integers(2, 5)), int(rng.integers(2, 5)), 3))
    field = cv2.resize(
        coarse.mean(axis=2, keepdims=True) + 0.3 * coarse, SIZE_WH, interpolation=cv2.INTER_CUBIC
    )
    noise = rng.normal(0, rng.uniform(0.5, 5), (*SIZE_WH[::-1], 3))
    return np.asarray(np.clip(level + tint + field + noise, 0, 255), np.uint8)


def _trolley(rng: np.random.Generator) -> Visitor:
    length, width = rng.uniform(0.6, 0.95), rng.uniform(0.4, 0.6)
    paint = tuple(int(v) for v in rng.integers(30, 220, 3))
    half, side = length / 2, width * 0.42
    cart = [
        *(part for x in (0.1 - half, half - 0.1) for y in (-side, side) for part in wheel(x, y, 0.06, 0.04)),
        box((-half, -width / 2, 0.14), (half, width / 2, 0.19), (paint[0], paint[1], paint[2])),
        *(bar((-half, y, 0.16), (-half, y, 0.95), 0.018, STEEL) for y in (-side, side)),
        bar((-half, -side, 0.95), (-half, side, 0.95), 0.02, TYRE),
    ]
    top = 0.19
    for _ in range(int(rng.integers(0, 5))):
        tall, half_x, half_y = rng.uniform(0.15, 0.35), rng.uniform(0.12, half), rng.uniform(0.1, width / 2)
        grey = int(rng.integers(60, 200))
        board = (grey // 2, int(grey * 0.75), grey)
        cart.append(box((-half_x, -half_y, top), (half_x, half_y, top + tall), board))
        top += tall
    person = Person.drawn(rng)

    def parts(stride: float) -> Sequence[Part]:
        hands = [(0.3, 0.2, 0.95), (0.3, -0.2, 0.95)]
        return [*cart, *placed(person.standing(stride, hands), x=-half - 0.35, y=0, heading=0)]

    return Visitor(parts=parts, length_m=length + 0.4, detail={})


def _suitcase(rng: np.random.Generator) -> Visitor:
    tall, wide, deep = rng.uniform(0.45, 0.75), rng.uniform(0.32, 0.5), rng.uniform(0.2, 0.3)
    b, g, r = (int(v) for v in rng.integers(20, 220, 3))
    case = [
        box((-deep / 2, -wide / 2, 0.05), (deep / 2, wide / 2, 0.05 + tall), (b, g, r)),
        *(bar((-deep / 2, s * 0.1, tall), (-deep / 2, s * 0.1, tall + 0.35), 0.01, STEEL) for s in (-1, 1)),
        bar((-deep / 2, -0.1, tall + 0.35), (-deep / 2, 0.1, tall + 0.35), 0.015, TYRE),
    ]
    person = Person.drawn(rng)

    def parts(stride: float) -> Sequence[Part]:
        return [*case, *placed(person.standing(stride), x=-0.1, y=0.55, heading=0)]

    return Visitor(parts=parts, length_m=0.6, detail={})


def _stretcher(rng: np.random.Generator) -> Visitor:
    person, pusher = Person.drawn(rng), Person.drawn(rng)
    bed = [
        *(part for x in (-0.7, 0.7) for s in (-0.22, 0.22) for part in wheel(x, s, 0.1, 0.04)),
        *(bar((x, s, 0.2), (x * 0.3, s, 0.75), 0.02, STEEL) for x in (-0.7, 0.7) for s in (-0.22, 0.22)),
        box((-0.95, -0.28, 0.75), (0.95, 0.28, 0.84), (200, 190, 180)),
        ellipsoid((0.1, 0, 0.95), (0.75, 0.24, 0.14), person.shirt),
        ellipsoid((-0.8, 0, 0.96), (0.12, 0.09, 0.1), (130, 160, 205)),
    ]

    def parts(stride: float) -> Sequence[Part]:
        return [*bed, *placed(pusher.standing(stride), x=0.3, y=0.5, heading=0)]

    return Visitor(parts=parts, length_m=1.9, detail={})


def _covered_ebike(rng: np.random.Generator) -> Visitor:
    """Hide most of an e-bike under a rain cover or a sheet: wheels and bars peep out."""
    bare = VISITORS["ebike"](rng)
    b, g, r = (int(v) for v in rng.integers(20, 230, 3))
    low, long = rng.uniform(0.2, 0.5), rng.uniform(0.5, 0.75)
    cover = [
        ellipsoid((-0.05, 0, 0.72), (long, rng.uniform(0.22, 0.36), 0.36), (b, g, r)),
        box((-long * 0.8, -0.22, low), (long * 0.8, 0.22, 0.75), (b, g, r)),
        ellipsoid((0.4, 0, 0.95), (0.2, 0.35, 0.2), (b, g, r)),
    ]
    return replace(bare, parts=lambda stride: [*bare.parts(stride), *cover])


GUESTS: Mapping[str, Callable[[np.random.Generator], Visitor]] = {
    **VISITORS,
    "trolley": _trolley,
    "suitcase": _suitcase,
    "stretcher": _stretcher,
    "covered_ebike": _covered_ebike,
}

LABEL_OF: Mapping[str, str] = {
    **{kind: kind for kind in ("ebike", "bicycle", "wheelchair", "pram", "trolley", "suitcase", "person")},
    "covered_ebike": "ebike",
}

KINDS, CHANCES = zip(
    ("ebike", 0.2),
    ("covered_ebike", 0.05),
    ("bicycle", 0.14),
    ("wheelchair", 0.12),
    ("pram", 0.1),
    ("trolley", 0.08),
    ("suitcase", 0.05),
    ("stretcher", 0.04),
    ("person", 0.12),
    ("empty", 0.07),
    ("lens_covered", 0.03),
    strict=True,
)
