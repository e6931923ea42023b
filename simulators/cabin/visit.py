"""Visits to a lift, picture by picture: empty cabin, open door, entry, ride, exit, empty cabin again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np

from gridwatch.model import BoxXyxy, Picture
from simulators.cabin.mesh import Mesh
from simulators.cabin.party import PARTIES, Party, Thing, bystander
from simulators.cabin.scene import Drawn, Scene
from simulators.cabin.still import Site, Still, build_site, covered_still, finished, overhang_m, spot_in
from simulators.rendered import Rendered, Truth

Trick: TypeAlias = Literal["covered", "moved", "turns_back"]
"""What else happens: during the ride the lens is covered or the camera turned; or who came thinks again."""

DOOR_S = 1.2
STEP_RAD_S = 7.0
"""Walking phase per second: about one step in half a second."""
WALK_MS = (0.6, 1.1)
"""Metres per second with a vehicle at one's hand."""
WAITS_M = 0.5
"""How far before the door a party waits."""
ROOM_TO_SPARE_M = 0.12
"""By how much a cabin is longer than what rides in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One picture of a visit. `inside`: how much of what the visit is named after is in the cabin, 0-1."""

    at_s: float
    still: Still
    inside: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Instant:
    """How far the door is open, how far the party came in (0-1), its step, and whether it rides."""

    opening: float
    way: float
    stride: float
    riding: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Path:
    """Where a party waits and where it stands in the cabin: x, y in metres and its heading."""

    wait: tuple[float, float, float]
    stand: tuple[float, float, float]

    def at(self, way: float) -> tuple[float, float, float]:
        """Return the place after a share of the way: straight through the door, turning at the end."""
        aside, turned = max(0.0, (way - 0.45) / 0.55), max(0.0, (way - 0.6) / 0.4)
        shares = (aside, way, turned)
        x, y, heading = (a + (b - a) * s for a, b, s in zip(self.wait, self.stand, shares, strict=True))
        return x, y, heading


def site_for(seed: int, least_depth_m: float, size_wh: tuple[int, int]) -> Site:
    """Build a cabin of at least a depth."""
    return build_site(np.random.default_rng([13, seed]), size_wh, least_depth_m=least_depth_m)


def depth_for(parties: Sequence[Party | None]) -> float:
    """Return the depth of a cabin into which the longest of some parties fits."""
    lengths = [_length_m(party.things[0]) for party in parties if party is not None]
    return max(lengths, default=0.0) + ROOM_TO_SPARE_M


def party_of(seed: int, shows: str) -> Party | None:
    """Draw who comes; None where nobody does."""
    return None if shows == "empty" else PARTIES[shows](np.random.default_rng([17, seed]))


def render_visit(
    seed: int,
    *,
    shows: str,
    size_wh: tuple[int, int] = (320, 240),
    fps: float = 5.0,
    ride_s: float = 4.0,
    empty_s: float = 3.0,
    site: Site | None = None,
    trick: Trick | None = None,
) -> Iterator[Moment]:
    """Render a visit of a kind of party (PARTIES), or of nobody (`empty`: the door opens and closes).

    Another visit may follow in the same `site`; without one a cabin is built.
    """
    rng = np.random.default_rng([19, seed])
    party = party_of(seed, shows)
    site = site or site_for(seed, depth_for([party]), size_wh)
    path = None if party is None else _drawn_path(rng, site, party)
    others = _bystanders(rng, site, party, path)
    turned = _turned(rng, site) if trick == "moved" else site
    before: tuple[object, Drawn] | None = None
    for index, instant in enumerate(_instants(rng, party, path, fps, ride_s, empty_s, trick)):
        meshes = [] if party is None or path is None else _placed(party, path, instant)
        names = [] if party is None else [(thing.label, thing.kind) for thing in party.things]
        if instant.way >= 1 and others:
            meshes, names = [*meshes, *others], [*names, *[("person", "bystander")] * len(others)]
        seen_by = turned if instant.riding else site
        key = (instant, seen_by is turned)
        if before is None or before[0] != key:
            before = (
                key,
                seen_by.scene.draw(meshes if instant.opening + instant.way > 0 else [], instant.opening),
            )
        exposure = (1 - 0.1 * instant.opening) * float(rng.normal(1, 0.006))
        shown = meshes if instant.opening + instant.way > 0 else []
        still = finished(
            rng, seen_by, before[1], shown, names[: len(shown)], instant.opening, size_wh, exposure=exposure
        )
        if trick == "covered" and instant.riding:
            still = covered_still(rng, site, size_wh)
        inside = float((meshes[0].quads[..., 1] >= 0).mean()) if meshes else 0.0
        yield Moment(at_s=index / fps, still=still, inside=inside)


def filmed(moments: Iterator[Moment], *, shows: str, start: datetime) -> Rendered:
    """Keep all pictures of a visit, and its truth as one thing that happens while it can be seen."""
    pictures: list[Picture] = []
    boxes: list[BoxXyxy | None] = []
    kind = ""
    for moment in moments:
        pictures.append(Picture(pixels=moment.still.pixels, at=start + timedelta(seconds=moment.at_s)))
        named = [thing for thing in moment.still.things if thing.label == shows]
        boxes.append(_around([thing.box_xyxy for thing in named]))
        kind = named[0].kind if named else kind
    shown = [picture.at for picture, box in zip(pictures, boxes, strict=True) if box is not None]
    if not shown:
        return Rendered(pictures=pictures, truth=())
    truth = Truth(
        label=shows, started_at=shown[0], ended_at=shown[-1], boxes=tuple(boxes), detail={"kind": kind}
    )
    return Rendered(pictures=pictures, truth=(truth,))


def _around(boxes: Sequence[BoxXyxy]) -> BoxXyxy | None:
    if not boxes:
        return None
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _length_m(thing: Thing) -> float:
    along = thing.mesh(0.0).quads[..., 0]
    return float(along.max() - along.min())


def _drawn_path(rng: np.random.Generator, site: Site, party: Party) -> _Path:
    """Draw where a party goes: forwards, one in four backwards, to where it fits best."""
    room = site.scene.room
    inwards = np.pi / 2 if rng.random() < 0.75 else -np.pi / 2
    own = [thing.mesh(0.0) for thing in party.things]
    best: tuple[float, tuple[float, float, float]] = (np.inf, (0.0, 0.0, 0.0))
    for _ in range(8):
        heading = float(inwards + rng.normal(0, 0.2))
        turned = [mesh.placed(heading=heading) for mesh in own]
        x, y = spot_in(turned[:1] if rng.random() < 0.5 else turned, rng, room)
        misfit = 3 * overhang_m([turned[0].placed(x=x, y=y)], room)
        misfit += overhang_m([mesh.placed(x=x, y=y) for mesh in turned], room)
        if misfit < best[0]:
            best = misfit, (x, y, heading)
    straight = np.concatenate([mesh.placed(heading=inwards).quads for mesh in own])
    reach = float(straight[..., 1].max())
    door_x = sum(room.door_m) / 2
    return _Path(wait=(door_x, -reach - WAITS_M, inwards), stand=best[1])


def _bystanders(
    rng: np.random.Generator, site: Site, party: Party | None, path: _Path | None
) -> Sequence[Mesh]:
    """Draw who rides along once the party stands; where there is no room nobody does."""
    count = int(rng.choice([0, 1, 2], p=[0.7, 0.2, 0.1]))
    if party is None or path is None or not count:
        return []
    x, y, heading = path.stand
    taken = np.concatenate(
        [
            thing.mesh(0.0).placed(x=x, y=y, heading=heading).quads.reshape(-1, 3)[:, :2]
            for thing in party.things
        ]
    )
    width, depth, _ = site.scene.room.size_m
    found = []
    for _ in range(count):
        person = bystander(rng).mesh(0.0)
        spots = rng.uniform((0.22, 0.22), (width - 0.22, depth - 0.22), (10, 2))
        free = [s for s in spots if np.square(taken - s).sum(axis=1).min() > 0.25**2]
        if free:
            found.append(person.placed(x=float(free[0][0]), y=float(free[0][1])))
            taken = np.concatenate([taken, free[0][None]])
    return found


def _instants(
    rng: np.random.Generator,
    party: Party | None,
    path: _Path | None,
    fps: float,
    ride_s: float,
    empty_s: float,
    trick: Trick | None,
) -> Iterator[_Instant]:
    far = 0.0 if path is None else path.stand[1] - path.wait[1]
    walk_s = far / rng.uniform(*WALK_MS) if party is not None else 1.5
    there = 1.0 if party is not None else 0.0
    turn = float(rng.uniform(0.3, 0.8)) * there if trick == "turns_back" else there
    phases = [
        (empty_s, (0.0, 0.0), (0.0, 0.0)),
        (DOOR_S, (0.0, 1.0), (0.0, 0.0)),
        (walk_s * (turn if there else 1.0), (1.0, 1.0), (0.0, turn)),
        (DOOR_S, (1.0, 0.0), (turn, turn)),
        (ride_s, (0.0, 0.0), (turn, turn)),
        (DOOR_S, (0.0, 1.0), (turn, turn)),
        (walk_s * (turn if there else 1.0), (1.0, 1.0), (turn, 0.0)),
        (DOOR_S, (1.0, 0.0), (0.0, 0.0)),
        (empty_s, (0.0, 0.0), (0.0, 0.0)),
    ]
    if trick == "turns_back":
        phases = [phase for number, phase in enumerate(phases) if number not in (3, 4, 5)]
    for length_s, opening, way in phases:
        count = max(1, round(length_s * fps))
        for index in range(count):
            share = index / count
            gone = way[0] + (way[1] - way[0]) * share
            yield _Instant(
                opening=opening[0] + (opening[1] - opening[0]) * share,
                way=gone,
                stride=gone * walk_s * STEP_RAD_S,
                riding=opening == (0.0, 0.0) and way[0] > 0,
            )


def _placed(party: Party, path: _Path, instant: _Instant) -> list[Mesh]:
    x, y, heading = path.at(instant.way)
    return [thing.mesh(instant.stride).placed(x=x, y=y, heading=heading) for thing in party.things]


def _turned(rng: np.random.Generator, site: Site) -> Site:
    """Turn the camera as somebody who pushes it aside."""
    lens = site.scene.lens
    angle = float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.6))
    cos, sin = np.cos(angle), np.sin(angle)
    aside = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    return replace(site, scene=Scene(site.scene.room, replace(lens, turn=aside @ lens.turn)))
