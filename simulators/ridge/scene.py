"""A scene before a ridge camera, drawn from a seed: place, weather, what smokes, what disturbs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, get_args

import numpy as np

from simulators.ridge.air import Air, draw_air
from simulators.ridge.landscape import SKY_M, WIDTH_PX, Landscape, draw_landscape
from simulators.ridge.lens import Drop
from simulators.ridge.plume import Source, Wind, draw_wind

Trouble: TypeAlias = Literal[
    "clear",
    "clouds",
    "fog",
    "wisps",
    "dust",
    "low sun",
    "chimney",
    "stove",
    "insects",
    "drops",
    "night",
    "mast",
]
"""What stands in a scene beside a fire, or in the place of one."""
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)

SMOKE = ((198.0, 194.0, 190.0), (168.0, 166.0, 164.0), (120.0, 120.0, 122.0))
"""Of litter and green wood, of grass, of a hot fire: blue, green, red."""
STEAM, DUST = (226.0, 224.0, 222.0), (128.0, 158.0, 178.0)
NEAREST_FIRE_M, FARTHEST_FIRE_M = 500.0, 6_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What happens before a camera; the same scene gives the same pictures."""

    seed: tuple[int, ...]
    start: datetime
    duration_s: float
    interval_s: float
    size_wh: tuple[int, int]
    trouble: Trouble
    landscapes: tuple[Landscape, ...]
    """One per preset: a camera that turns has several."""
    air: Air
    wind: Wind
    sources: tuple[Source, ...] = ()
    """What smokes, before the first landscape."""
    fire: Source | None = None
    shake_px: float = 0.25
    quality: int = 80
    drops: tuple[Drop, ...] = ()
    insects: float = 0.0

    @property
    def presets(self) -> Sequence[str]:
        """Return the names of the presets, in the order in which the camera turns to them."""
        return [f"preset-{number + 1}" for number in range(len(self.landscapes))]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a scene is to be; `trouble` None and `hour` None are drawn."""

    start: datetime
    duration_s: float
    interval_s: float
    fire: bool
    ignited_s: float | None = None
    """Unset: after a fifth of the time."""
    trouble: Trouble | None = None
    hour: float | None = None
    presets: int = 1
    size_wh: tuple[int, int] = field(default=(WIDTH_PX, 360))


def draw_scene(
    seed: Sequence[int], asked: Asked, *, landscapes: tuple[Landscape, ...] | None = None
) -> Scene:
    """Draw a scene from its seed, before the `landscapes` of a camera that is there already."""
    rng = np.random.default_rng(list(seed))
    trouble = asked.trouble or TROUBLES[int(rng.integers(len(TROUBLES)))]
    hour = _hour(rng, trouble) if asked.hour is None else asked.hour
    landscapes = landscapes or tuple(draw_landscape(rng, asked.size_wh) for _ in range(asked.presets))
    wind = draw_wind(rng)
    cloud = {"clouds": (0.35, 0.7), "clear": (0.0, 0.3)}.get(trouble, (0.0, 0.9))
    air = draw_air(rng, asked.size_wh, begins_h=hour, fog=trouble == "fog", cloud=float(rng.uniform(*cloud)))
    drops = _drops(rng, asked) if trouble == "drops" else ()
    ignited_s = 0.2 * asked.duration_s if asked.ignited_s is None else asked.ignited_s
    return Scene(
        seed=tuple(seed),
        start=asked.start,
        duration_s=asked.duration_s,
        interval_s=asked.interval_s,
        size_wh=asked.size_wh,
        trouble=trouble,
        landscapes=landscapes,
        air=air,
        wind=wind,
        sources=_look_alikes(rng, trouble, landscapes[0], asked.duration_s),
        fire=_fire(rng, landscapes[0], ignited_s, asked.duration_s) if asked.fire else None,
        shake_px=float(rng.uniform(1.0, 3.0) if trouble == "mast" else rng.uniform(0, 0.5))
        * asked.size_wh[0]
        / WIDTH_PX,
        quality=int(rng.integers(55, 92)),
        drops=drops,
        insects=float(rng.uniform(0.15, 0.5)) if trouble == "insects" else 0.02,
    )


def _hour(rng: np.random.Generator, trouble: Trouble) -> float:
    if trouble == "night":
        return float(rng.uniform(20.5, 28)) % 24
    if trouble == "low sun":
        return float(rng.choice([rng.uniform(5.6, 7.0), rng.uniform(17.0, 18.2)]))
    if trouble in ("fog", "wisps"):
        return float(rng.uniform(6.5, 10.5))
    return float(rng.uniform(8, 16.5))


def _fire(rng: np.random.Generator, landscape: Landscape, ignited_s: float, duration_s: float) -> Source:
    """Draw a fire somewhere on the slopes, one in five behind a crest."""
    xy, far_m = _place(rng, landscape)
    if rng.random() < 0.2:
        far_m *= 1.25
    flames = rng.random() < 0.3
    return Source(
        kind="fire",
        xy=xy,
        distance_m=far_m,
        begins_s=ignited_s,
        lasts_s=duration_s,
        smoke_g_s=float(np.exp(rng.uniform(np.log(8), np.log(120))) * (far_m / 1_500)),
        grows_s=float(rng.uniform(120, 900)),
        colour=SMOKE[int(rng.choice(3, p=[0.6, 0.25, 0.15]))],
        heat=float(rng.uniform(0.15, 1.0)),
        flames_s=ignited_s + float(rng.uniform(60, 600)) if flames else float("inf"),
    )


def _place(rng: np.random.Generator, landscape: Landscape) -> tuple[tuple[float, float], float]:
    """Return where something on the slopes may be, and how far that is."""
    width, height = landscape.size_wh
    while True:
        x, y = int(rng.uniform(0.08, 0.92) * width), int(rng.uniform(0.2, 0.9) * height)
        far_m = float(landscape.distance_m[y, x])
        if far_m < SKY_M and NEAREST_FIRE_M <= far_m <= FARTHEST_FIRE_M:
            return (float(x), float(y)), far_m
        if far_m < NEAREST_FIRE_M and rng.random() < 0.1:
            return (float(x), float(y)), NEAREST_FIRE_M


def _look_alikes(
    rng: np.random.Generator, trouble: Trouble, landscape: Landscape, duration_s: float
) -> tuple[Source, ...]:
    if trouble in ("chimney", "stove"):
        return (_chimney(rng, landscape, duration_s, stove=trouble == "stove"),)
    if trouble == "dust":
        return tuple(_dust(rng, landscape, duration_s) for _ in range(int(rng.integers(1, 5))))
    if trouble == "wisps":
        return tuple(_wisp(rng, landscape, duration_s) for _ in range(int(rng.integers(2, 7))))
    return ()


def _chimney(rng: np.random.Generator, landscape: Landscape, duration_s: float, *, stove: bool) -> Source:
    """A chimney that smokes all the time, since long before; or one that is lit now and then."""
    x, y = landscape.village_xy
    far_m = float(np.clip(landscape.distance_m[y, x], 400, 5_000))
    cycle = duration_s * float(rng.uniform(0.5, 1.2))
    return Source(
        kind="chimney",
        xy=(float(x), float(y) - 3),
        distance_m=far_m,
        begins_s=float(rng.uniform(0.1, 0.6)) * duration_s if stove else -1_000.0,
        lasts_s=10 * duration_s + 1_000,
        smoke_g_s=float(rng.uniform(0.5, 6)) * far_m / 1_000,
        grows_s=float(rng.uniform(20, 120)),
        colour=STEAM if rng.random() < 0.4 else SMOKE[0],
        heat=float(rng.uniform(0.1, 0.4)),
        on_s=cycle * float(rng.uniform(0.15, 0.5)) if stove else 1.0,
        cycle_s=cycle if stove else 1.0,
    )


def _dust(rng: np.random.Generator, landscape: Landscape, duration_s: float) -> Source:
    """A vehicle that raises dust along the road, or a field that is worked."""
    width, height = landscape.size_wh
    way = int(rng.choice([-1, 1]))
    x = float(rng.uniform(0, 0.3) if way > 0 else rng.uniform(0.7, 1)) * width
    y = landscape.road_row
    far_m = float(np.clip(landscape.distance_m[min(y, height - 1), int(min(x, width - 1))], 300, 4_000))
    tractor = rng.random() < 0.4
    return Source(
        kind="dust",
        xy=(x, float(y)),
        distance_m=far_m,
        begins_s=float(rng.uniform(0, 0.9)) * duration_s,
        lasts_s=float(rng.uniform(400, 1_500) if tractor else rng.uniform(30, 120)),
        smoke_g_s=float(rng.uniform(4, 30)) * far_m / 1_000,
        grows_s=10.0,
        colour=DUST,
        heat=0.02,
        speed_ms=way * float(rng.uniform(0.5, 2) if tractor else rng.uniform(6, 18)),
    )


def _wisp(rng: np.random.Generator, landscape: Landscape, duration_s: float) -> Source:
    """Mist that rises from wet woods for some minutes."""
    xy, far_m = _place(rng, landscape)
    return Source(
        kind="wisp",
        xy=xy,
        distance_m=far_m,
        begins_s=float(rng.uniform(-0.2, 0.9)) * duration_s,
        lasts_s=float(rng.uniform(200, 1_200)),
        smoke_g_s=float(rng.uniform(10, 60)) * far_m / 1_000,
        grows_s=float(rng.uniform(200, 600)),
        colour=STEAM,
        heat=0.03,
        first_sigma_m=float(rng.uniform(10, 40)),
        speed_ms=float(rng.normal(0, 0.4)),
    )


def _drops(rng: np.random.Generator, asked: Asked) -> tuple[Drop, ...]:
    width, height = asked.size_wh
    drops = []
    for _ in range(int(rng.integers(4, 20))):
        from_s = float(rng.uniform(-0.2, 0.9)) * asked.duration_s
        drops.append(
            Drop(
                xy=(float(rng.uniform(0, width)), float(rng.uniform(0, height))),
                radius_px=float(rng.uniform(5, 45)) * width / WIDTH_PX,
                from_s=from_s,
                until_s=from_s + float(rng.uniform(60, 1_500)),
            )
        )
    return tuple(drops)
