"""What happens in a simulated district, and when. Each scenario goes on without end."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, cycle
from random import Random
from typing import Literal, TypeAlias

from simulators.acts import Act
from simulators.district import District, Sensor
from simulators.footage import FACADE_CAMERA, LIFT_CAMERA, RIDGE_CAMERA, Film
from simulators.smoulder import Ignition

ScenarioName: TypeAlias = Literal["quiet", "wildfire", "ebike", "throw", "mixed"]

PEACEFUL_VISITORS = ("person", "wheelchair", "pram", "person", "bicycle", "empty")

SMOULDER_S = 150.0
SMOULDER_PAUSE_S = 270.0
"""From one fire to the next: the smoke of the last one has gone."""
VISIT_EVERY_S = 50.0
"""Every third visitor brings an e-bike, so that two of them are not taken for one visit."""
CLIP_EVERY_S = 20.0
QUIET_CYCLE_S = 190.0

MIXED_CYCLE_S = 270.0
MIXED_THROW_S, MIXED_PERSON_S, MIXED_EBIKE_S = 2.0, 22.0, 62.0
MIXED_FIRST_RIDGE_S = 12.0
MIXED_SMOULDER_S, MIXED_RIDGE_S, MIXED_QUIET_CLIP_S = 120.0, 180.0, 250.0
"""After the start of each cycle. The first alert comes within 20 s, the next one each 1 to 2 minutes;
between two e-bikes lies more than a visit's merge window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What happens, and which devices it can't do without."""

    acts: Callable[[District, int], Iterator[Act]]
    """Takes the district and the seed; yields acts in order of time."""
    devices: int
    """The fewest that a district must have."""


def _quiet(district: District, seed: int) -> Iterator[Act]:
    visitors = cycle(PEACEFUL_VISITORS)
    for take in count():
        at_s = 2 + QUIET_CYCLE_S * take
        yield Film(at_s=at_s, device=LIFT_CAMERA, shows=next(visitors), seed=seed, take=3 * take)
        yield Film(at_s=at_s + 25, device=FACADE_CAMERA, shows="nothing", seed=seed, take=3 * take + 1)
        yield Film(at_s=at_s + 35, device=RIDGE_CAMERA, shows="nothing", seed=seed, take=3 * take + 2)


def _wildfire(district: District, seed: int) -> Iterator[Act]:
    random, sensors = Random(f"fires/{seed}"), _in_turn(district, seed)
    for take in count():
        at_s = 10.0 + (SMOULDER_S + SMOULDER_PAUSE_S) * take
        yield Film(at_s=at_s - 10, device=RIDGE_CAMERA, shows="nothing", seed=seed, take=2 * take)
        yield _ignition(at_s, next(sensors), random)
        yield Film(at_s=at_s + 150, device=RIDGE_CAMERA, shows="fire", seed=seed, take=2 * take + 1)


def _ebike(district: District, seed: int) -> Iterator[Act]:
    peaceful = cycle(PEACEFUL_VISITORS)
    for take in count():
        shows = "ebike" if take % 3 == 0 else next(peaceful)
        yield Film(at_s=2 + VISIT_EVERY_S * take, device=LIFT_CAMERA, shows=shows, seed=seed, take=take)


def _throw(district: District, seed: int) -> Iterator[Act]:
    for take in count():
        shows = "throw" if take % 2 == 0 else "nothing"
        yield Film(at_s=2 + CLIP_EVERY_S * take, device=FACADE_CAMERA, shows=shows, seed=seed, take=take)


def _mixed(district: District, seed: int) -> Iterator[Act]:
    random, sensors = Random(f"fires/{seed}"), _in_turn(district, seed)
    peaceful, takes = cycle(PEACEFUL_VISITORS), count()

    def film(at_s: float, device: str, shows: str) -> Film:
        return Film(at_s=at_s, device=device, shows=shows, seed=seed, take=next(takes))

    for turn in count():
        begin_s = turn * MIXED_CYCLE_S
        yield film(begin_s + MIXED_THROW_S, FACADE_CAMERA, "throw")
        if turn == 0:
            # Later on the camera has seen its views before.
            yield film(MIXED_FIRST_RIDGE_S, RIDGE_CAMERA, "nothing")
        yield film(begin_s + MIXED_PERSON_S, LIFT_CAMERA, next(peaceful))
        yield film(begin_s + MIXED_EBIKE_S, LIFT_CAMERA, "ebike")
        yield _ignition(begin_s + MIXED_SMOULDER_S, next(sensors), random)
        yield film(begin_s + MIXED_RIDGE_S, RIDGE_CAMERA, "fire")
        yield film(begin_s + MIXED_QUIET_CLIP_S, FACADE_CAMERA, "nothing")


def _in_turn(district: District, seed: int) -> Iterator[Sensor]:
    sensors = list(district.wood_sensors)
    Random(f"order/{seed}").shuffle(sensors)
    return cycle(sensors)


def _ignition(at_s: float, sensor: Sensor, random: Random) -> Ignition:
    return Ignition(
        at_s=at_s,
        sensor=sensor,
        upwind_m=random.uniform(4, 7),
        smoke_g_s=random.uniform(0.5, 0.8),
        lasts_s=SMOULDER_S,
    )


SCENARIOS: Mapping[ScenarioName, Scenario] = {
    "quiet": Scenario(acts=_quiet, devices=1),
    "wildfire": Scenario(acts=_wildfire, devices=1),
    "ebike": Scenario(acts=_ebike, devices=2),
    "throw": Scenario(acts=_throw, devices=3),
    "mixed": Scenario(acts=_mixed, devices=4),
}
