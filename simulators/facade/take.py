"""A take: what happens before a house for some seconds, filmed picture by picture, with the truth beside."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np

from gridwatch.facade import FacadeView
from gridwatch.model import BoxXyxy, Picture
from simulators.facade.air import make_bird, make_diving_bird, make_insect, make_leaf, make_sheet
from simulators.facade.home import make_curtain, make_glare, make_lamp, make_laundry, make_sash
from simulators.facade.house import Window
from simulators.facade.movers import Actor, Seen
from simulators.facade.sensor import Sensor, Shake, ShakeName, draw_shake
from simulators.facade.stage import Stage
from simulators.facade.street import Tree, make_tree, make_vehicle, make_walker
from simulators.facade.throws import Throw, draw_throw
from simulators.facade.weather import make_rain, make_snow
from simulators.rendered import Truth

Disturber: TypeAlias = Literal[
    "leaf",
    "sheet",
    "bird",
    "diving_bird",
    "insect",
    "rain",
    "snow",
    "laundry",
    "curtain",
    "window",
    "lamp",
    "glare",
    "vehicle",
    "walker",
    "tree",
]

PASSING: Mapping[Disturber, Callable[[np.random.Generator, Stage, float], Actor]] = {
    "leaf": make_leaf,
    "sheet": make_sheet,
    "bird": make_bird,
    "diving_bird": make_diving_bird,
    "insect": make_insect,
    "glare": make_glare,
    "vehicle": make_vehicle,
    "walker": make_walker,
}
"""They come at some time of the take."""

AT_WINDOWS: Mapping[Disturber, Callable[[np.random.Generator, Stage, Window, float], Actor]] = {
    "laundry": make_laundry,
    "curtain": make_curtain,
    "window": make_sash,
    "lamp": make_lamp,
}
"""They move on from a time of the take, at a window of their own while there are enough."""

FIRST_THROW_S = 1.5
"""After the start: a camera has been looking for longer than a detector needs to learn its noise."""

BETWEEN_THROWS_S = (1.2, 2.2)
"""From the end of one to the next, so that each is an event of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LightChange:
    """The light becomes `factor` times what it was, within `ramp_s` seconds from `at_s` on: a cloud, a street
    lamp, a car's lamps."""

    at_s: float
    factor: float
    ramp_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """Everything that happens; `actors` are painted in this order. The same take gives the same pictures."""

    stage: Stage
    duration_s: float
    fps: float
    throws: Sequence[Throw]
    actors: Sequence[Actor]
    light_changes: Sequence[LightChange]
    shake: Shake
    seed: int

    def view(self) -> FacadeView:
        """Return what a perfect calibration knows; trees are left out, as an installer leaves them out."""
        size_wh = self.stage.camera.size_wh
        trees = [actor.mask(size_wh) for actor in self.actors if isinstance(actor, Tree)]
        return self.stage.view(masks=trees)

    def light(self, t: float) -> float:
        """Return how much more light there is at `t` seconds than at the start."""
        factor = 1.0
        for change in self.light_changes:
            share = min(1.0, max(0.0, (t - change.at_s) / change.ramp_s))
            factor *= 1 + share * (change.factor - 1)
        return factor


def draw_take(
    rng: np.random.Generator,
    stage: Stage,
    *,
    duration_s: float | None,
    fps: float = 25.0,
    throws: Sequence[str | None] = (),
    disturbers: Mapping[Disturber, int] | None = None,
    shake: ShakeName = "none",
    light_changes: int = 0,
    wind_ms: float = 0.5,
) -> Take:
    """Draw what happens on a stage.

    `throws` names what is thrown, one after the other (None: anything); `disturbers` how many of each kind
    there are, for rain and snow how heavy they are in tenths; `wind_ms` is the wind's standard deviation.
    Without `duration_s` it ends a second after the last throw.
    Raises ValueError where a throw needs a higher house than is seen.
    """
    wanted = dict(disturbers or {})
    wind = (float(rng.normal(0, wind_ms)), float(rng.normal(0, 0.3 * wind_ms)), 0.0)
    thrown: list[Throw] = []
    free_s = FIRST_THROW_S - BETWEEN_THROWS_S[0]
    for thing in throws:
        released_s = free_s + float(rng.uniform(*BETWEEN_THROWS_S))
        thrown.append(draw_throw(rng, stage, released_s=released_s, thing=thing, wind_ms=wind))
        free_s = thrown[-1].body.leaves_s(stage.camera.size_wh)
    duration_s = duration_s or free_s + 1.0
    passing = {
        kind: [make(rng, stage, float(rng.uniform(0, 0.85)) * duration_s) for _ in range(wanted.get(kind, 0))]
        for kind, make in PASSING.items()
    }
    actors: list[Actor] = [*_at_windows(rng, stage, wanted, duration_s), *passing.pop("glare")]
    for throw in thrown:
        actors += [throw.reflection, throw.body]
    insects = passing.pop("insect")
    actors += [actor for made in passing.values() for actor in made]
    actors += [make_tree(rng, stage) for _ in range(wanted.get("tree", 0))]
    if heaviness := wanted.get("rain", 0):
        actors.append(make_rain(rng, stage, heaviness / 10))
    if heaviness := wanted.get("snow", 0):
        actors.append(make_snow(rng, stage, heaviness / 10))
    return Take(
        stage=stage,
        duration_s=duration_s,
        fps=fps,
        throws=thrown,
        actors=[*actors, *insects],
        light_changes=[_draw_light_change(rng, duration_s) for _ in range(light_changes)],
        shake=draw_shake(rng, shake, height=stage.camera.size_wh[1], duration_s=duration_s),
        seed=int(rng.integers(2**32)),
    )


def _at_windows(
    rng: np.random.Generator, stage: Stage, wanted: Mapping[Disturber, int], duration_s: float
) -> list[Actor]:
    """Return what moves at windows, at most one at each."""
    windows = stage.windows_seen()
    free = [windows[int(index)] for index in rng.permutation(len(windows))]
    made: list[Actor] = []
    for kind, make in AT_WINDOWS.items():
        count = min(wanted.get(kind, 0), len(free))
        made += [make(rng, stage, free.pop(), float(rng.uniform(0, 0.6)) * duration_s) for _ in range(count)]
    return made


def _draw_light_change(rng: np.random.Generator, duration_s: float) -> LightChange:
    return LightChange(
        at_s=float(rng.uniform(0.1, 0.9)) * duration_s,
        factor=float(rng.choice([rng.uniform(0.5, 0.85), rng.uniform(1.15, 1.6)])),
        ramp_s=float(rng.choice([0.04, 0.5, 3.0])),
    )


@dataclass(kw_only=True, slots=True)
class Filming:
    """One pass through a take. Once the pictures have been taken, it knows where everything was.

    `thrown` has, for each throw, where it was in each picture; `mirrored` where its reflection was seen;
    `disturbing` the same for each other actor, by its place in `take.actors`.
    """

    take: Take
    start: datetime
    moments: list[datetime] = field(default_factory=list)
    thrown: list[list[Seen | None]] = field(default_factory=list)
    mirrored: list[list[tuple[datetime, BoxXyxy]]] = field(default_factory=list)
    disturbing: dict[int, list[tuple[datetime, BoxXyxy]]] = field(default_factory=dict)

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures as the sensor gives them."""
        take = self.take
        stage = take.stage
        height, width = stage.background.shape[:2]
        rng = np.random.default_rng(take.seed)
        sensor = Sensor(rng, size_wh=(width, height), noise=stage.noise, coloured=not stage.light.infrared)
        bodies = {id(throw.body): number for number, throw in enumerate(take.throws)}
        reflections = {id(throw.reflection): number for number, throw in enumerate(take.throws)}
        self.thrown = [[] for _ in take.throws]
        self.mirrored = [[] for _ in take.throws]
        canvas = np.empty_like(stage.background)
        for index in range(round(take.duration_s * take.fps)):
            t = index / take.fps
            at = self.start + timedelta(seconds=t)
            np.copyto(canvas, stage.background)
            dx, dy = take.shake.offset(t)
            for number, actor in enumerate(take.actors):
                seen = actor.paint(canvas, t)
                moved = seen and _moved(seen, dx, dy, (width, height))
                if id(actor) in bodies:
                    self.thrown[bodies[id(actor)]].append(moved or None)
                elif moved and id(actor) in reflections:
                    self.mirrored[reflections[id(actor)]].append((at, moved.box_xyxy))
                elif moved:
                    self.disturbing.setdefault(number, []).append((at, moved.box_xyxy))
            self.moments.append(at)
            exposed = sensor.expose(take.shake.moved(canvas, t), light=take.light(t), dt=1 / take.fps)
            yield Picture(pixels=exposed, at=at)

    def truth(self) -> list[Truth]:
        """Return each throw: when, whence, what, and where in each picture."""
        return [self._truth(throw, seen) for throw, seen in zip(self.take.throws, self.thrown, strict=True)]

    def _truth(self, throw: Throw, seen: Sequence[Seen | None]) -> Truth:
        there = [(at, one) for at, one in zip(self.moments, seen, strict=True) if one is not None]
        released = self.start + timedelta(seconds=throw.released_s)
        last_s = (there[-1][0] - self.start).total_seconds() if there else throw.released_s
        x, out, z = throw.start
        return Truth(
            label="falling_object",
            started_at=released,
            ended_at=there[-1][0] if there else released,
            boxes=[one.box_xyxy if one is not None else None for one in seen],
            detail={
                "thing": throw.thing,
                "floor": float(throw.window.floor),
                "window": float(throw.window.column),
                "x_m": round(x, 2),
                "out_m": round(out, 2),
                "z_m": round(z, 2),
                "outward_ms": round(throw.outward_ms, 2),
                "size_px": round(float(np.median([one.size_px for _, one in there])), 2) if there else 0.0,
                "contrast": round(float(np.median([one.contrast for _, one in there])), 1) if there else 0.0,
                "fallen_floors": round(throw.fallen_m(last_s) / self.take.stage.house.floor_m, 2),
                "seen_s": round((there[-1][0] - there[0][0]).total_seconds(), 3) if there else 0.0,
            },
        )


def _moved(seen: Seen, dx: float, dy: float, size_wh: tuple[int, int]) -> Seen | None:
    """Return where it is in a shaken picture, or None where it is outside."""
    x, y = seen.centre_xy[0] + dx, seen.centre_xy[1] + dy
    if not (0 <= x < size_wh[0] and 0 <= y < size_wh[1]):
        return None
    left, top, right, bottom = seen.box_xyxy
    return Seen(
        box_xyxy=(left + dx, top + dy, right + dx, bottom + dy),
        centre_xy=(x, y),
        contrast=seen.contrast,
        size_px=seen.size_px,
    )
