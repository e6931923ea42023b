"""The weather of a valley at any moments: sun and cold air, valley wind, rain, fog; no state.

As in `weather.py` all that varies is a sum of sines with random phases.
"""

from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulators.valley.layout import Valley
from simulators.weather import (
    DAY_S,
    DAY_SWING_C,
    LOCAL_OFFSET_S,
    MAGNUS_A,
    MAGNUS_B_C,
    MEAN_C,
    SEASON_C,
    WARMEST_DAY,
    YEAR_S,
    Disturbance,
)

Array: TypeAlias = NDArray[np.float64]
"""Of moments, or moments × posts."""

LAPSE_C_PER_M = 0.0065
COLD_POOL_C = 4.0
"""How much colder the floor is than the ridge in a clear, calm night."""
SUN_C = 3.0
"""How much warmer a post in full sun is than the air."""
VALLEY_WIND_MS = 1.1
"""Up the valley by day; half of that down it by night."""
CALM_MS = 0.15
DEW_POINT_BELOW_MEAN_C = 4.0
RAIN_FROM = 1.8
FOG_FROM_PCT = 97.5
HOURS_S, MINUTES_S = (3 * 3600.0, 7 * 3600.0, 19 * 3600.0, 50 * 3600.0), (110.0, 260.0, 400.0, 1500.0)
LOCAL_STEP_S = 120.0
DAYS_S = (1.9 * DAY_S, 3.7 * DAY_S, 8 * DAY_S)


@dataclass(frozen=True, kw_only=True, slots=True)
class Climate:
    """The weather at some moments: of the whole valley by moment, of its posts by moment and post."""

    seconds: Array
    """Unix seconds."""
    hour: Array
    """Local, 0 to 24."""
    sun: Array
    """0 by night to 1 at noon under a clear sky."""
    wind_x_ms: Array
    wind_y_ms: Array
    rain_mm_h: Array
    temperature_c: Array
    humidity_pct: Array
    fog: Array
    """0 for none to 1 for thick."""

    @property
    def wind_ms(self) -> Array:
        """Return the speed of the wind."""
        return np.asarray(np.hypot(self.wind_x_ms, self.wind_y_ms))


class Weather:
    """The weather of one valley, drawn from a seed."""

    def __init__(self, valley: Valley, seed: int) -> None:
        random = Random(f"valley weather/{seed}")
        self._valley = valley
        self._warmth = Disturbance(random, HOURS_S)
        self._fronts = Disturbance(random, DAYS_S)
        self._moisture = Disturbance(random, (9 * 3600.0, 31 * 3600.0, *DAYS_S))
        self._cloud = Disturbance(random, HOURS_S + DAYS_S)
        self._flecks = Disturbance(random, (600.0, 1400.0, 3100.0))
        self._gust_x, self._gust_y = Disturbance(random, MINUTES_S), Disturbance(random, MINUTES_S)
        self._synoptic_x = Disturbance(random, (11 * 3600.0, *DAYS_S))
        self._synoptic_y = Disturbance(random, (13 * 3600.0, *DAYS_S))
        self._rain = Disturbance(random, HOURS_S)
        self._local = [
            (Disturbance(random, (700.0, 1900.0, 5300.0)), random.gauss(0, 0.3)) for _ in valley.posts
        ]

    def at(self, seconds: Array) -> Climate:
        """Return the weather at moments in Unix seconds."""
        local = seconds + LOCAL_OFFSET_S
        hour = local % DAY_S / 3600
        cloud = np.clip(0.4 + 0.45 * self._cloud.course(seconds), 0, 1)
        high = np.clip(np.sin(np.pi * (hour - 6) / 12.5), 0, None)
        sun = high * (1 - 0.75 * cloud)
        rain = 6 * np.clip(self._rain.course(seconds) - RAIN_FROM, 0, None)
        wind = self._wind(seconds, hour, cloud)
        season = MEAN_C + SEASON_C * np.cos(2 * np.pi * (local / YEAR_S - WARMEST_DAY / 365.25))
        daily = np.cos(2 * np.pi * (hour - 15) / 24) * (1.35 - 0.7 * cloud)
        air = (
            season
            + DAY_SWING_C * daily
            + 1.2 * self._warmth.course(seconds)
            + 3.0 * self._fronts.course(seconds)
            - 0.8 * np.minimum(rain, 3)
        )
        dew = (
            season - DEW_POINT_BELOW_MEAN_C + 2.2 * self._moisture.course(seconds) + 1.5 * np.minimum(rain, 3)
        )
        calm = np.exp(-((np.hypot(*wind) / 1.2) ** 2)) * (1 - cloud) * (high == 0)
        temperature = self._temperatures(seconds, air, sun, calm)
        humidity = humidity_pct(temperature, np.minimum(dew, air)[:, None])
        low = np.array([np.exp(-post.z_m / 60) for post in self._valley.posts])
        fog = np.clip((humidity - FOG_FROM_PCT) / (100 - FOG_FROM_PCT), 0, 1) * calm[:, None] * low
        return Climate(
            seconds=seconds,
            hour=hour,
            sun=sun,
            wind_x_ms=wind[0],
            wind_y_ms=wind[1],
            rain_mm_h=rain,
            temperature_c=temperature,
            humidity_pct=humidity,
            fog=fog,
        )

    def _wind(self, seconds: Array, hour: Array, cloud: Array) -> Array:
        """Return where the wind blows to, x and y: along the valley by the sun, and with the weather."""
        c, s = np.cos(self._valley.axis_rad), np.sin(self._valley.axis_rad)
        breeze = VALLEY_WIND_MS * np.where((hour > 8) & (hour < 20), np.sin(np.pi * (hour - 8) / 12), -0.5)
        breeze *= 1.3 - cloud
        x = breeze * c + 0.9 * self._synoptic_x.course(seconds)
        y = breeze * s + 0.9 * self._synoptic_y.course(seconds)
        rough = 0.25 + 0.2 * np.hypot(x, y)
        wind = np.array([x + rough * self._gust_x.course(seconds), y + rough * self._gust_y.course(seconds)])
        speed = np.maximum(np.hypot(*wind), 1e-6)
        return np.asarray(wind * np.maximum(speed, CALM_MS) / speed)

    def _temperatures(self, seconds: Array, air: Array, sun: Array, calm: Array) -> Array:
        """Return the temperature at each post: height, cold air on the floor, flecks of sun."""
        columns, slow = [], np.arange(seconds[0], seconds[-1] + LOCAL_STEP_S, LOCAL_STEP_S)
        for post, (local, offset) in zip(self._valley.posts, self._local, strict=True):
            course = np.interp(seconds, slow, local.course(slow))
            flecks = np.clip(0.5 + 0.6 * course, 0, 1)
            columns.append(
                air
                - LAPSE_C_PER_M * post.z_m
                + offset
                - COLD_POOL_C * calm * np.exp(-post.z_m / 70)
                + SUN_C * sun * (1 - post.shade * (1 - 0.3 * flecks)) * (0.7 + 0.6 * flecks)
                + 0.15 * course
            )
        return np.stack(columns, axis=1)


def humidity_pct(temperature_c: Array, dew_point_c: Array) -> Array:
    """Return the relative humidity in percent that belongs to temperatures and dew points."""
    exponent = MAGNUS_A * dew_point_c / (MAGNUS_B_C + dew_point_c)
    exponent = exponent - MAGNUS_A * temperature_c / (MAGNUS_B_C + temperature_c)
    return np.asarray(np.minimum(100.0, 100 * np.exp(exponent)))


def wind_from_deg(wind_x_ms: Array, wind_y_ms: Array) -> Array:
    """Return where a wind comes from, in degrees clockwise from north, as wind vanes tell it."""
    return np.asarray(np.degrees(np.arctan2(-wind_x_ms, -wind_y_ms)) % 360)
