"""Single pictures of lift cabins with their truth, for training and measuring: seeded, quick, varied."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import BoxXyxy, Pixels
from simulators.cabin.cctv import Cctv, covered
from simulators.cabin.lens import VIEW_KINDS, ViewKind, draw_lens
from simulators.cabin.mesh import Floats, Mesh
from simulators.cabin.party import PARTIES, Party, bystander
from simulators.cabin.room import Room
from simulators.cabin.scene import Drawn, Scene

STILLS_PER_CABIN = 6
"""Seeds that follow each other share a cabin: building one takes as long as two pictures."""

SHARES = {
    "ebike": 0.26,
    "motorcycle": 0.08,
    "bicycle": 0.12,
    "wheelchair": 0.14,
    "pram": 0.1,
    "stretcher": 0.05,
    "trolley": 0.08,
    "suitcase": 0.04,
    "person": 0.08,
    "goods": 0.05,
}
"""How often a still with something in it shows what."""
EMPTY_SHARE, COVERED_SHARE = 0.06, 0.03


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A thing in a picture: its box and its share of the picture, both of what can be seen of it."""

    number: int
    label: str
    kind: str
    box_xyxy: BoxXyxy
    share: float
    inside: float
    """How much of it is in the cabin, 0-1, hidden parts counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """A picture (BGR) and what it shows. `mask` has per pixel the number of the thing, 0 for the cabin."""

    pixels: Pixels
    things: tuple[Seen, ...]
    mask: NDArray[np.uint8]
    view: ViewKind
    opening: float
    lens_covered: bool

    @property
    def labels(self) -> frozenset[str]:
        """Return what can be seen, each label once."""
        return frozenset(thing.label for thing in self.things)


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A cabin with its camera."""

    scene: Scene
    cctv: Cctv
    view: ViewKind


def build_site(
    rng: np.random.Generator,
    size_wh: tuple[int, int],
    *,
    view: ViewKind | None = None,
    least_depth_m: float = 0.0,
    least_width_m: float = 0.0,
) -> Site:
    """Build a cabin at random and hang a camera into it."""
    room = Room.drawn(rng, least_depth_m=least_depth_m, least_width_m=least_width_m)
    cctv = Cctv.drawn(rng)
    chosen = VIEW_KINDS[int(rng.choice(4, p=[0.3, 0.45, 0.1, 0.15]))]
    inner_wh = cctv.inner(size_wh)[2:]
    lens = draw_lens(rng, room.size_m, inner_wh, view or chosen)
    return Site(scene=Scene(room, lens), cctv=cctv, view=view or chosen)


_site = lru_cache(maxsize=8)(
    lambda number, size_wh, view: build_site(np.random.default_rng([7, number]), size_wh, view=view)
)


def render_cabin(
    seed: int,
    *,
    size_wh: tuple[int, int] = (320, 240),
    shows: Sequence[str] | None = None,
    view: ViewKind | None = None,
    as_cctv: bool = True,
) -> Still:
    """Render one picture; `shows` are kinds of parties (PARTIES), () an empty cabin, None any of them.

    Without `as_cctv` the picture comes before exposure, noise, bars and compression, and is never covered.
    """
    rng = np.random.default_rng([11, seed])
    site: Site = _site(seed // STILLS_PER_CABIN, size_wh, view)
    if shows is None:
        roll = rng.random()
        if as_cctv and roll < COVERED_SHARE:
            return covered_still(rng, site, size_wh)
        shows = () if roll < COVERED_SHARE + EMPTY_SHARE else _any_parties(rng)
    room = site.scene.room
    meshes: list[Mesh] = []
    names: list[tuple[str, str]] = []
    for kind in shows:
        party = PARTIES[kind](rng)
        stride = float(rng.uniform(0, 2 * np.pi))
        _put(meshes, names, party, [thing.mesh(stride) for thing in party.things], rng, room)
    if shows:
        for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.55, 0.25, 0.13, 0.07]))):
            _crowd(rng, meshes, names, room)
    opening = float(rng.choice([0.0, 1.0, rng.random()], p=[0.55, 0.3, 0.15]))
    drawn = site.scene.draw(meshes, opening)
    return finished(rng, site, drawn, meshes, names, opening, size_wh, as_cctv=as_cctv)


def finished(
    rng: np.random.Generator,
    site: Site,
    drawn: Drawn,
    meshes: Sequence[Mesh],
    names: Sequence[tuple[str, str]],
    opening: float,
    size_wh: tuple[int, int],
    *,
    as_cctv: bool = True,
    exposure: float = 1.0,
) -> Still:
    """Take a drawn picture as the camera does, and say what is seen where."""
    pixels, mask = drawn.pixels, drawn.things
    if as_cctv:
        x, y, width, height = site.cctv.inner(size_wh)
        pixels = site.cctv.taken(rng, pixels, size_wh, exposure=exposure)
        whole = np.zeros(size_wh[::-1], np.uint8)
        whole[y : y + height, x : x + width] = mask
        mask = whole
    things = []
    for number, (mesh, (label, kind)) in enumerate(zip(meshes, names, strict=True), start=1):
        own = (mask == number).astype(np.uint8)
        count = int(cv2.countNonZero(own))
        if not count:
            continue
        x, y, width, height = cv2.boundingRect(own)
        things.append(
            Seen(
                number=number,
                label=label,
                kind=kind,
                box_xyxy=(float(x), float(y), float(x + width), float(y + height)),
                share=count / mask.size,
                inside=float((mesh.quads[..., 1] >= 0).mean()),
            )
        )
    return Still(
        pixels=pixels, things=tuple(things), mask=mask, view=site.view, opening=opening, lens_covered=False
    )


def covered_still(rng: np.random.Generator, site: Site, size_wh: tuple[int, int]) -> Still:
    """Return what the camera sees while something covers its lens."""
    inner_wh = site.cctv.inner(size_wh)[2:]
    return Still(
        pixels=site.cctv.taken(rng, covered(rng, inner_wh), size_wh),
        things=(),
        mask=np.zeros(size_wh[::-1], np.uint8),
        view=site.view,
        opening=0.0,
        lens_covered=True,
    )


def _any_parties(rng: np.random.Generator) -> Sequence[str]:
    kinds = [str(rng.choice(list(SHARES), p=list(SHARES.values())))]
    if rng.random() < 0.12:
        kinds.append(str(rng.choice(["pram", "trolley", "suitcase", "goods", "wheelchair", "bicycle"])))
    return kinds


def _put(
    meshes: list[Mesh],
    names: list[tuple[str, str]],
    party: Party,
    own: Sequence[Mesh],
    rng: np.random.Generator,
    room: Room,
) -> None:
    """Put a party where it fits the cabin best, mostly along it, sometimes half in the door."""
    best: tuple[float, list[Mesh]] = (np.inf, [])
    for _ in range(6):
        base = np.pi / 2 if rng.random() < 0.65 else -np.pi / 2
        heading = (
            float(base + rng.normal(0, 0.25)) if rng.random() < 0.8 else float(rng.uniform(-np.pi, np.pi))
        )
        turned = [mesh.placed(heading=heading) for mesh in own]
        x, y = spot_in(turned, rng, room)
        placed = [mesh.placed(x=x, y=y) for mesh in turned]
        misfit = overhang_m(placed, room) + 0.5 * sum(_overlap(other, placed) for other in meshes)
        if misfit < best[0]:
            best = misfit, placed
        if misfit < 0.02:
            break
    placed = best[1]
    if rng.random() < 0.1:
        out = float(rng.uniform(-1.2, -0.2))
        placed = [mesh.placed(y=out) for mesh in placed]
    meshes += placed
    names += [(thing.label, thing.kind) for thing in party.things]


def spot_in(turned: Sequence[Mesh], rng: np.random.Generator, room: Room) -> tuple[float, float]:
    """Draw where a party of this heading stands in a cabin; in the middle where it is too long."""
    points = np.concatenate([mesh.quads.reshape(-1, 3)[:, :2] for mesh in turned])
    low, high = points.min(axis=0), points.max(axis=0)
    spot = []
    for side in (0, 1):
        first, last = 0.03 - low[side], room.size_m[side] - 0.03 - high[side]
        spot.append(float(rng.uniform(first, last) if first < last else (first + last) / 2))
    return spot[0], spot[1]


def overhang_m(placed: Sequence[Mesh], room: Room) -> float:
    """Return by how many metres a party sticks out of the walls, summed over the sides."""
    points = np.concatenate([mesh.quads.reshape(-1, 3)[:, :2] for mesh in placed])
    beyond = np.maximum(points.max(axis=0) - np.array(room.size_m[:2]), 0)
    return float(np.sum(np.maximum(-points.min(axis=0), 0) + beyond))


def _overlap(other: Mesh, placed: Sequence[Mesh]) -> float:
    """Return how much the ground plans of things cross, as the area of their boxes in m²."""
    a = other.quads.reshape(-1, 3)[:, :2]
    b = np.concatenate([mesh.quads.reshape(-1, 3)[:, :2] for mesh in placed])
    common = np.minimum(a.max(axis=0), b.max(axis=0)) - np.maximum(a.min(axis=0), b.min(axis=0))
    return float(np.prod(np.maximum(common, 0)))


def _crowd(rng: np.random.Generator, meshes: list[Mesh], names: list[tuple[str, str]], room: Room) -> None:
    """Let one more person in where there is room; where there is none, none comes."""
    person = bystander(rng).mesh(float(rng.uniform(0, 2 * np.pi)))
    taken: Floats = np.concatenate([mesh.quads.reshape(-1, 3)[:, :2] for mesh in meshes])
    for _ in range(10):
        spot = rng.uniform((0.22, 0.22), (room.size_m[0] - 0.22, room.size_m[1] - 0.22))
        if np.square(taken - spot).sum(axis=1).min() > 0.25**2:
            meshes.append(person.placed(x=float(spot[0]), y=float(spot[1])))
            names.append(("person", "bystander"))
            return
