"""The weather of a small district: a day's course with smooth disturbances, the same for the same seed.

It has no state: disturbances are sums of sines with random phases, so any moment can be asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, exp, hypot, pi, sin, sqrt
from random import Random

import numpy as np
from numpy.typing import NDArray

from simulators.publication import EPOCH

DAY_S = 86_400.0
YEAR_S = 365.25 * DAY_S
LOCAL_OFFSET_S = 8 * 3600.0
"""Of China Standard Time; the sun of Chengdu runs about an hour behind it."""

MEAN_C, SEASON_C, DAY_SWING_C = 16.5, 10.5, 4.0
"""Chengdu: mean of the year, half of the way from January to July, half of the way from dawn to afternoon."""
WARMEST_DAY, WARMEST_HOUR = 197, 15.5
DEW_POINT_BELOW_MEAN_C = 3.5
MEAN_WIND_MS, DAY_WIND_MS, CALM_MS = 1.4, 0.5, 0.2
RAIN_FROM = 1.9
"""Standard deviations of the rain disturbance above which it rains: about 3 % of the time."""

MAGNUS_A, MAGNUS_B_C = 17.62, 243.12
"""Magnus formula over water (WMO No. 8)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The weather at one moment; the wind as where it blows to, x east and y north."""

    temperature_c: float
    humidity_pct: float
    dew_point_c: float
    wind_x_ms: float
    wind_y_ms: float
    rain_mm: float
    """Fallen within the last hour, at this moment's rate."""

    @property
    def wind_ms(self) -> float:
        """Return the speed of the wind."""
        return hypot(self.wind_x_ms, self.wind_y_ms)


class Disturbance:
    """A smooth random course with mean 0 and standard deviation 1, made of a few sines."""

    def __init__(self, random: Random, periods_s: Sequence[float]) -> None:
        self._waves = [
            (2 * pi / (p * random.uniform(0.8, 1.25)), random.uniform(0, 2 * pi)) for p in periods_s
        ]
        self._scale = sqrt(2 / len(periods_s))

    def at(self, second: float) -> float:
        """Return its value at a Unix second."""
        return self._scale * sum(sin(speed * second + phase) for speed, phase in self._waves)

    def course(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return its values at many Unix seconds."""
        waves = (np.sin(speed * seconds + phase) for speed, phase in self._waves)
        return np.asarray(self._scale * sum(waves))


class Weather:
    """The weather of all time, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        random = Random(f"weather/{seed}")
        hours = (3 * 3600.0, 7 * 3600.0, 19 * 3600.0, 50 * 3600.0)
        minutes = (45.0, 110.0, 400.0, 1500.0)
        self._warmth = Disturbance(random, hours)
        self._moisture = Disturbance(random, (9 * 3600.0, 31 * 3600.0, 90 * 3600.0))
        self._gust = Disturbance(random, minutes)
        self._meander = Disturbance(random, minutes)
        self._turn = Disturbance(random, hours)
        self._rain = Disturbance(random, hours)
        self._prevailing = random.uniform(0, 2 * pi)

    def at(self, moment: datetime) -> Conditions:
        """Return the weather at a moment."""
        second = (moment - EPOCH).total_seconds()
        local = second + LOCAL_OFFSET_S
        daily = cos(2 * pi * (local / DAY_S - WARMEST_HOUR / 24))
        season = MEAN_C + SEASON_C * cos(2 * pi * (local / YEAR_S - WARMEST_DAY / 365.25))
        rain = max(0.0, self._rain.at(second) - RAIN_FROM)
        temperature = season + DAY_SWING_C * daily + 1.8 * self._warmth.at(second) - 3 * rain
        dew_point = min(
            temperature, season - DEW_POINT_BELOW_MEAN_C + 1.5 * self._moisture.at(second) + 6 * rain
        )
        speed = max(CALM_MS, MEAN_WIND_MS + DAY_WIND_MS * daily + 0.45 * self._gust.at(second))
        heading = self._prevailing + 0.5 * self._turn.at(second) + 0.25 * self._meander.at(second)
        return Conditions(
            temperature_c=temperature,
            humidity_pct=relative_humidity(temperature, dew_point),
            dew_point_c=dew_point,
            wind_x_ms=speed * cos(heading),
            wind_y_ms=speed * sin(heading),
            rain_mm=8 * rain,
        )


def relative_humidity(temperature_c: float, dew_point_c: float) -> float:
    """Return the relative humidity in percent that belongs to a temperature and a dew point."""
    exponent = MAGNUS_A * dew_point_c / (MAGNUS_B_C + dew_point_c)
    exponent -= MAGNUS_A * temperature_c / (MAGNUS_B_C + temperature_c)
    return min(100.0, 100 * exp(exponent))
