"""A smouldering fire in the woods: puffs of smoke that drift with the wind and spread.

Lengths are metres from the district's middle, x east and y north. Emission factors of smouldering wood and
litter (g per kg burnt): particles 20, CO 200, CO2 1,500 (Akagi et al. 2011); mass extinction of its smoke
4.4 m²/g (Mulholland 1982); heat of combustion 12 MJ/kg, of which 30 % warms the air.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, pi

import numpy as np

from simulators.district import Sensor
from simulators.weather import Conditions

PUFF_S = 2.0
"""Between two puffs: the smoke of so long."""
RAMP_S = 15.0
"""From the first glow to full smoke."""
FADE_S = 45.0
"""From full smoke to the last of it."""
DRIFT_S = 240.0
"""After that a puff is too thin to be measured."""
FIRST_SIGMA_M, SPREAD = 1.0, 0.16
"""A puff's standard deviation at the source, and its growth per metre of way (neutral air, Pasquill D)."""
SLOWEST_DRIFT_MS = 0.4
"""In calm air smoke spreads by its own heat."""
NOSE_M = 1.5
"""Height of the sensors above the ground."""

EXTINCTION_M2_G = 4.4
CO_PER_SMOKE, CO2_PER_SMOKE = 10.0, 75.0
CO_PPM_PER_MG_M3, CO2_PPM_PER_MG_M3 = 0.87, 0.556
"""At 20 °C and sea level."""
WARMING_C_PER_G_M3 = 0.3 * 12_000 / 20 / 1.2
"""Air takes 1.2 kJ/(m³·K)."""

WeatherAt = Callable[[datetime], Conditions]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignition:
    """When, where and how strongly something begins to smoulder near a sensor."""

    at_s: float
    """Seconds after the start of the scenario."""
    sensor: Sensor
    upwind_m: float
    """How far it lies from the sensor, on the side that the wind comes from."""
    smoke_g_s: float
    lasts_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Air:
    """What a fire adds to the air at one place."""

    smoke_pct_m: float = 0.0
    co_ppm: float = 0.0
    co2_ppm: float = 0.0
    warming_c: float = 0.0


CLEAN_AIR = Air()


class Smoulder:
    """A fire whose puffs are laid out once, with the wind at the time of each."""

    def __init__(self, ignition: Ignition, started_at: datetime, weather: WeatherAt) -> None:
        self.started_at = started_at
        self.ended_at = started_at + timedelta(seconds=ignition.lasts_s)
        released = np.arange(0, ignition.lasts_s, PUFF_S)
        winds = [weather(started_at + timedelta(seconds=float(second))) for second in released]
        wind = np.array([[c.wind_x_ms, c.wind_y_ms] for c in winds])
        speed = np.hypot(wind[:, 0], wind[:, 1])
        self._released_s = released
        self._wind_ms = wind * (np.maximum(speed, SLOWEST_DRIFT_MS) / speed)[:, None]
        upwind_s = ignition.upwind_m / float(speed[0])
        self.x_m = ignition.sensor.x_m - float(wind[0, 0]) * upwind_s
        self.y_m = ignition.sensor.y_m - float(wind[0, 1]) * upwind_s
        ramp = np.minimum(1, released / RAMP_S)
        fade = np.minimum(1, (ignition.lasts_s - released) / FADE_S)
        self._smoke_g = ignition.smoke_g_s * PUFF_S * np.minimum(ramp, fade)

    def air_at(self, x_m: float, y_m: float, moment: datetime) -> Air:
        """Return what it adds at a place and a moment."""
        age = (moment - self.started_at).total_seconds() - self._released_s
        flying = (age > 0) & (age < DRIFT_S)
        if not flying.any():
            return CLEAN_AIR
        way = self._wind_ms[flying] * age[flying, None]
        sigma = FIRST_SIGMA_M + SPREAD * np.hypot(way[:, 0], way[:, 1])
        apart = (way[:, 0] + self.x_m - x_m) ** 2 + (way[:, 1] + self.y_m - y_m) ** 2
        # The ground reflects: twice what free air would hold.
        dense = 2 * self._smoke_g[flying] / ((2 * pi) ** 1.5 * sigma**3)
        return air_of(float(np.sum(dense * np.exp(-(apart + NOSE_M**2) / (2 * sigma**2)))))


def air_of(smoke_g_m3: float) -> Air:
    """Return what a concentration of smoke particles means for each quantity."""
    return Air(
        smoke_pct_m=100 * (1 - exp(-EXTINCTION_M2_G * smoke_g_m3)),
        co_ppm=1000 * smoke_g_m3 * CO_PER_SMOKE * CO_PPM_PER_MG_M3,
        co2_ppm=1000 * smoke_g_m3 * CO2_PER_SMOKE * CO2_PPM_PER_MG_M3,
        warming_c=smoke_g_m3 * WARMING_C_PER_G_M3,
    )
