"""At what level each measured quantity speaks of fire.

Sources: CO after EN 50291 (50 ppm within 60 to 90 minutes, 100 ppm within 10 to 40); smoke after the response
range of EN 14604 detectors (about 1 to 4 %/m); heat after EN 54-5 class A1 (54 to 65 °C; 50 °C in use).
What is merely raised lies lower: it alarms only together with another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """When a reading of one quantity counts, and for how much.

    `raised`, `sustained` and `strong` are values in the quantity's own unit; a quantity that falls in a fire
    has `sign` -1. `step` is the least change against the learned baseline that counts as raised; a change of
    `steep` counts as strong once the value itself is at least `steep_from`. `memory_s` is the baseline's time
    constant; it speaks after `learn_readings` readings and `learn_s` seconds. `least_spread` is a good
    sensor's noise; a quantity without one is not added up over time: weather and people move it as fire does.
    """

    weight: float
    raised: float
    step: float
    sustained: float = inf
    strong: float = inf
    steep: float = inf
    steep_from: float = inf
    sign: int = 1
    memory_s: float
    learn_readings: int
    learn_s: float
    least_spread: float = inf


DAY_S = 86_400.0
HALF_HOUR_S = 1_800.0
"""Fast enough to follow the sun, slow enough not to follow a fire."""

LEVELS: Mapping[str, Level] = {
    "smoke_pct_m": Level(
        weight=0.5,
        raised=2.0,
        step=0.7,
        sustained=4.0,
        strong=6.0,
        memory_s=DAY_S,
        learn_readings=30,
        learn_s=600.0,
        least_spread=0.03,
    ),
    "co_ppm": Level(
        weight=0.5,
        raised=20.0,
        step=8.0,
        sustained=50.0,
        strong=100.0,
        memory_s=DAY_S,
        learn_readings=30,
        learn_s=600.0,
        least_spread=0.25,
    ),
    "temperature_c": Level(
        weight=0.5,
        raised=50.0,
        step=8.0,
        strong=60.0,
        steep=20.0,
        steep_from=45.0,
        memory_s=HALF_HOUR_S,
        learn_readings=3,
        learn_s=0.0,
    ),
    # The rest are nuisances in daily life (weather, people, haze): all of them together never alarm alone.
    "humidity_pct": Level(
        weight=0.2, raised=15.0, step=15.0, sign=-1, memory_s=HALF_HOUR_S, learn_readings=3, learn_s=0.0
    ),
    "pm25_ugm3": Level(
        weight=0.25,
        raised=250.0,
        step=150.0,
        memory_s=DAY_S,
        learn_readings=30,
        learn_s=600.0,
        least_spread=2.5,
    ),
    "co2_ppm": Level(
        weight=0.2, raised=3000.0, step=1000.0, memory_s=DAY_S, learn_readings=30, learn_s=600.0
    ),
}

WITNESSES = ("smoke_pct_m", "co_ppm", "temperature_c")
"""The quantities of which two that agree, or one that is strong, make an alarm."""
