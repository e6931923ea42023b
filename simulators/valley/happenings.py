"""What happens in a valley on a day: fires, what is no fire, and what goes wrong with sensors.

All is drawn from seeds: what begins on a day follows from the seed and the number of that day alone, so
any day can be asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from simulators.valley.layout import Valley
from simulators.valley.plume import Source
from simulators.weather import DAY_S, LOCAL_OFFSET_S

LONGEST_DAYS = 6
"""Nothing that begins on a day is felt longer than that."""

Trouble: TypeAlias = Literal["flat", "drift", "spikes", "silent", "range"]
TROUBLES: tuple[Trouble, ...] = ("flat", "drift", "spikes", "silent", "range")
TROUBLED_CHANNELS = ("smoke_pct_m", "co_ppm", "co2_ppm", "temperature_c", "humidity_pct", "pm25_ugm3")

NuisanceKind: TypeAlias = Literal["insect", "dust", "engine", "breath"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire:
    """A fire that smoulders."""

    number: int
    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Nuisance:
    """Something at one post that is no fire: an insect in the smoke chamber, dust, an engine, people."""

    kind: NuisanceKind
    post: int
    begins_s: float
    lasts_s: float
    strength: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Haze:
    """Thin smoke of somewhere far away, over the whole valley."""

    begins_s: float
    lasts_s: float
    smoke_mg_m3: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What is wrong with one channel of a post; `size` is in the noise of that channel, and signed."""

    kind: Trouble
    post: int
    channel: str
    begins_s: float
    lasts_s: float
    size: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """How often things happen: fires in the valley, all else at a post, each per day."""

    fires: float = 0.12
    insects: float = 0.10
    dust: float = 0.25
    engines: float = 0.15
    people: float = 0.3
    haze: float = 0.2
    faults: float = 0.02
    chimneys: int = 4
    """Of the village; each smokes three times a day."""
    fires_from_day: int = 0
    """The first day with fires, counted from 1970: before it sensors learn what is usual."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """All that begins on a day."""

    fires: tuple[Fire, ...]
    chimneys: tuple[Source, ...]
    nuisances: tuple[Nuisance, ...]
    hazes: tuple[Haze, ...]
    faults: tuple[Fault, ...]


def begin_of(day: int) -> float:
    """Return when a local day begins, in Unix seconds; days are counted from 1970."""
    return day * DAY_S - LOCAL_OFFSET_S


def what_begins(valley: Valley, seed: int, day: int, rates: Rates) -> Day:
    """Return what begins on a day."""
    rng = np.random.default_rng([seed, day, 1])
    begin = begin_of(day)
    return Day(
        fires=tuple(_fires(valley, rng, begin, day, rates)),
        chimneys=tuple(_meals(valley, seed, rng, begin, rates)),
        nuisances=tuple(_nuisances(valley, rng, begin, rates)),
        hazes=tuple(_hazes(rng, begin, rates)),
        faults=tuple(_faults(valley, rng, begin, rates)),
    )


def _fires(valley: Valley, rng: np.random.Generator, begin: float, day: int, rates: Rates) -> Iterator[Fire]:
    for number in range(int(rng.poisson(rates.fires)) if day >= rates.fires_from_day else 0):
        near = valley.posts[int(rng.integers(len(valley.posts)))]
        far, way = rng.uniform(4, 60), rng.uniform(0, 2 * np.pi)
        x, y = near.x_m + far * np.cos(way), near.y_m + far * np.sin(way)
        # People light most of them, so most begin by day.
        hour = float(np.clip(rng.normal(14, 4), 0, 23.9)) if rng.random() < 0.7 else float(rng.uniform(0, 24))
        source = Source(
            x_m=float(x),
            y_m=float(y),
            z_m=valley.height_m(float(x), float(y)),
            begins_s=begin + 3600 * hour,
            grows_s=float(rng.uniform(120, 1500)),
            lasts_s=float(rng.uniform(2400, 6000)),
            smoke_g_s=float(np.exp(rng.uniform(np.log(0.02), np.log(0.8)))),
        )
        yield Fire(number=100 * day + number, source=source)


def _meals(
    valley: Valley, seed: int, rng: np.random.Generator, begin: float, rates: Rates
) -> Iterator[Source]:
    """Yield the smoke of stoves, at the hours of meals."""
    place = np.random.default_rng([seed, 2])
    x0, y0 = valley.village_xy_m
    for _ in range(rates.chimneys):
        x, y = x0 + place.normal(0, 30), y0 + place.normal(0, 30)
        for hour in (6.8, 11.6, 18.2):
            if rng.random() < 0.85:
                yield Source(
                    x_m=float(x),
                    y_m=float(y),
                    z_m=valley.height_m(float(x), float(y)),
                    begins_s=begin + 3600 * float(rng.normal(hour, 0.4)),
                    grows_s=120,
                    lasts_s=float(rng.uniform(1200, 3600)),
                    smoke_g_s=float(rng.uniform(0.005, 0.04)),
                    first_sigma_m=3.0,
                    stack_m=7.0,
                )


def _nuisances(valley: Valley, rng: np.random.Generator, begin: float, rates: Rates) -> Iterator[Nuisance]:
    def drawn(
        kind: NuisanceKind, rate: float, hours: tuple[float, float], minutes: tuple[float, float], most: float
    ) -> Iterator[Nuisance]:
        for post in range(len(valley.posts)):
            for _ in range(int(rng.poisson(rate))):
                yield Nuisance(
                    kind=kind,
                    post=post,
                    begins_s=begin + 3600 * float(rng.uniform(*hours)),
                    lasts_s=60 * float(rng.uniform(*minutes)),
                    strength=most * float(rng.uniform(0.1, 1) ** 2),
                )

    yield from drawn("insect", rates.insects, (0, 24), (1, 25), 8.0)
    yield from drawn("dust", rates.dust, (9, 19), (3, 40), 1.5)
    yield from drawn("engine", rates.engines, (7, 21), (2, 20), 6.0)
    yield from drawn("breath", rates.people, (7, 21), (2, 30), 150.0)


def _hazes(rng: np.random.Generator, begin: float, rates: Rates) -> Iterator[Haze]:
    for _ in range(int(rng.poisson(rates.haze))):
        yield Haze(
            begins_s=begin + DAY_S * float(rng.random()),
            lasts_s=3600 * float(rng.uniform(4, 40)),
            smoke_mg_m3=float(rng.uniform(0.02, 0.12)),
        )


def _faults(valley: Valley, rng: np.random.Generator, begin: float, rates: Rates) -> Iterator[Fault]:
    for post in range(len(valley.posts)):
        for _ in range(int(rng.poisson(rates.faults))):
            kind = TROUBLES[int(rng.integers(len(TROUBLES)))]
            hours = {
                "flat": (1, 30),
                "drift": (60, 140),
                "spikes": (2, 48),
                "silent": (0.2, 20),
                "range": (0.5, 6),
            }
            yield Fault(
                kind=kind,
                post=post,
                channel=TROUBLED_CHANNELS[int(rng.integers(len(TROUBLED_CHANNELS)))],
                begins_s=begin + DAY_S * float(rng.random()),
                lasts_s=3600 * float(rng.uniform(*hours[kind])),
                size=float(rng.choice([-1, 1]) * rng.uniform(2, 8)),
            )
