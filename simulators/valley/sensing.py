"""What the posts of a valley send: the air as it is, each sensor's own errors, and what is wrong with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from random import Random

import numpy as np

from simulators.smoulder import (
    CO2_PER_SMOKE,
    CO2_PPM_PER_MG_M3,
    CO_PER_SMOKE,
    CO_PPM_PER_MG_M3,
    EXTINCTION_M2_G,
    WARMING_C_PER_G_M3,
)
from simulators.valley.climate import Array, Climate, Weather, wind_from_deg
from simulators.valley.happenings import (
    LONGEST_DAYS,
    Day,
    Fault,
    Fire,
    Nuisance,
    Rates,
    begin_of,
    what_begins,
)
from simulators.valley.layout import Valley
from simulators.valley.plume import FLYING_S, smoke_g_m3
from simulators.weather import DAY_S, Disturbance

QUANTITIES = ("smoke_pct_m", "co_ppm", "co2_ppm", "temperature_c", "humidity_pct", "pm25_ugm3")
STATION_QUANTITIES = ("wind_ms", "wind_deg", "rain_mm")

NOISE: Mapping[str, float] = {
    "smoke_pct_m": 0.03,
    "co_ppm": 0.25,
    "co2_ppm": 8.0,
    "temperature_c": 0.1,
    "humidity_pct": 0.6,
    "pm25_ugm3": 2.5,
    "wind_ms": 0.15,
    "wind_deg": 5.0,
}
"""Standard deviation of one reading, in the quantity's unit."""
WANDER: Mapping[str, float] = {
    "smoke_pct_m": 0.02,
    "co_ppm": 0.15,
    "co2_ppm": 6.0,
    "temperature_c": 0.1,
    "humidity_pct": 0.6,
    "pm25_ugm3": 2.0,
}
"""Standard deviation of what a sensor's zero strays by within hours and days."""
STRAY_STEP_S = 600.0
DIGITS: Mapping[str, int] = {"smoke_pct_m": 2, "co2_ppm": 0, "pm25_ugm3": 0, "wind_deg": 0}
"""Decimal places that a sensor sends; 1 where nothing is said."""
LEAST: Mapping[str, float] = {"temperature_c": -60.0}
"""0 where nothing is said."""
BROKEN_RANGE: Mapping[str, float] = {"temperature_c": -45.0, "humidity_pct": 135.0}
"""What a channel reads whose wire is broken; 65,535 where nothing is said."""

SOOT_OF_CO = 0.012
"""Smoke in %/m to a ppm of CO of an engine: a tenth of what smouldering wood gives."""
CO_PER_DEGREE = 0.025
"""How much an electrochemical cell's zero rises with each degree, in ppm."""
FOG_PCT_M, DUST_UGM3 = 2.5, 180.0
"""Of thick fog in an optical chamber, and of 1 %/m of dust."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensed:
    """What all posts sent at some moments: by quantity, moments × posts; NaN: nothing.

    `added` is what each fire really added, by its number and quantity: the truth.
    """

    seconds: Array
    values: Mapping[str, Array]
    added: Mapping[int, Mapping[str, Array]]
    climate: Climate


class Senses:
    """The sensors of a valley through all time: the same seed gives the same readings at the same moments."""

    def __init__(self, valley: Valley, seed: int, rates: Rates | None = None) -> None:
        self.valley = valley
        self._seed = seed
        self._rates = rates or Rates()
        self._weather = Weather(valley, seed)
        self._days: dict[int, Day] = {}
        random = Random(f"posts/{seed}")
        self._wander = [
            {name: Disturbance(random, (5e3, 2e4, 6e4, 2e5)) for name in QUANTITIES} for _ in valley.posts
        ]
        self._zero = [
            {
                "smoke_pct_m": random.uniform(0.05, 0.2),
                "co_ppm": random.uniform(0.2, 0.8),
                "co2_ppm": random.gauss(0, 15),
            }
            for _ in valley.posts
        ]

    def begun(self, day: int) -> Day:
        """Return what begins on a local day, counted from 1970."""
        if day not in self._days:
            self._days[day] = what_begins(self.valley, self._seed, day, self._rates)
        return self._days[day]

    def days(self, first: int, *, interval_s: float = 60.0) -> Iterator[Sensed]:
        """Yield what is sent on one local day after the other, without end."""
        for day in count(first):
            begin = begin_of(day)
            yield self.between(begin, begin + DAY_S, interval_s=interval_s)
            for old in [known for known in self._days if known < day - LONGEST_DAYS]:
                del self._days[old]

    def between(
        self, begin_s: float, end_s: float, *, interval_s: float = 60.0, lit: Iterable[Fire] = ()
    ) -> Sensed:
        """Return what is sent each `interval_s` from one to another Unix second.

        `lit` are fires beside those that chance brings.
        """
        lead = int(np.ceil(FLYING_S / interval_s))
        seconds: Array = begin_s + interval_s * np.arange(
            -lead, round((end_s - begin_s) / interval_s), dtype=np.float64
        )
        climate = self._weather.at(seconds)
        today = int(begin_s // DAY_S) + 1
        days = [self.begun(day) for day in range(today - LONGEST_DAYS, today + 2)]
        rng = np.random.default_rng([self._seed, int(begin_s), 3])
        values = self._air(climate, days, rng)
        fires = [*chain.from_iterable(day.fires for day in days), *lit]
        added = self._burn(climate, fires, values)
        self._sense(climate, values, rng)
        faults = chain.from_iterable(day.faults for day in days)
        # A silent device sends nothing, whatever else is wrong with it.
        for fault in sorted(faults, key=lambda fault: fault.kind == "silent"):
            _break(fault, seconds, values, rng)
        return Sensed(
            seconds=seconds[lead:],
            values={name: column[lead:] for name, column in values.items()},
            added={
                number: {name: column[lead:] for name, column in of.items()} for number, of in added.items()
            },
            climate=climate,
        )

    def _air(self, climate: Climate, days: Sequence[Day], rng: np.random.Generator) -> dict[str, Array]:
        """Return the air at each post without fires and without the sensors' errors."""
        shape = climate.temperature_c.shape
        smoke_mg, co, co2 = np.zeros(shape), np.zeros(shape), np.full(shape, 425.0)
        # By night the woods breathe out and cold air keeps it.
        co2 += 25 * (1 - climate.sun[:, None]) * np.exp(-climate.wind_ms[:, None])
        haze = np.zeros(shape[0])
        for one in chain.from_iterable(day.hazes for day in days):
            since = climate.seconds - one.begins_s
            haze += (
                one.smoke_mg_m3 * np.clip(since / 3600, 0, 1) * np.clip((one.lasts_s - since) / 3600, 0, 1)
            )
        smoke_mg += haze[:, None]
        for source in chain.from_iterable(day.chimneys for day in days):
            if _overlaps(source.begins_s, source.lasts_s + FLYING_S, climate.seconds):
                smoke_mg += 1000 * smoke_g_m3(source, climate, self.valley.posts, rng)
        self._traffic(climate, co, rng)
        values = dict(
            zip(("smoke_pct_m", "co_ppm", "co2_ppm", "warming", "pm25_ugm3"), of_smoke(smoke_mg), strict=True)
        )
        warming = values.pop("warming")
        values["smoke_pct_m"] += FOG_PCT_M * climate.fog + SOOT_OF_CO * co
        values["pm25_ugm3"] += 12 + 15 * climate.fog + 4 * co
        values["co_ppm"] += co
        values["co2_ppm"] += co2 + 8 * co
        values["temperature_c"] = climate.temperature_c + warming
        values["humidity_pct"] = climate.humidity_pct.copy()
        for nuisance in chain.from_iterable(day.nuisances for day in days):
            _disturb(nuisance, climate, values, rng)
        return values

    def _traffic(self, climate: Climate, co: Array, rng: np.random.Generator) -> None:
        """Add what vehicles on the road leave at the posts beside it, for a minute or two each."""
        busy = np.exp(-(((climate.hour - 8) / 1.5) ** 2)) + np.exp(-(((climate.hour - 18) / 1.8) ** 2)) + 0.15
        step = climate.seconds[1] - climate.seconds[0]
        passing = rng.poisson(0.25 * busy * step / 60)
        carried = np.convolve(passing * rng.uniform(0.3, 1.5, len(passing)), [0.7, 0.3])[: len(passing)]
        carried /= 0.5 + climate.wind_ms
        for number, post in enumerate(self.valley.posts):
            co[:, number] += np.exp(-self.valley.to_road_m(post.x_m, post.y_m) / 12) * carried

    def _burn(
        self, climate: Climate, fires: Sequence[Fire], values: dict[str, Array]
    ) -> dict[int, dict[str, Array]]:
        """Add what fires give to the air; return it."""
        told = {}
        for fire in fires:
            if not _overlaps(fire.source.begins_s, fire.source.lasts_s + FLYING_S, climate.seconds):
                continue
            eddies = np.random.default_rng([self._seed, fire.number, 4])
            smoke = 1000 * smoke_g_m3(fire.source, climate, self.valley.posts, eddies)
            pct_m, co, co2, warming, fine = of_smoke(smoke)
            told[fire.number] = {
                "smoke_pct_m": pct_m,
                "co_ppm": co,
                "co2_ppm": co2,
                "temperature_c": warming,
                "pm25_ugm3": fine,
            }
            for name, column in told[fire.number].items():
                values[name] += column
            # Warmer air of the same dew point is drier: some 6 % of its humidity a degree.
            values["humidity_pct"] *= np.exp(-0.06 * warming)
        return told

    def _sense(self, climate: Climate, values: dict[str, Array], rng: np.random.Generator) -> None:
        """Make readings of the air: each sensor's zero, its straying, noise and decimal places."""
        heat = climate.temperature_c - 20
        slow = np.arange(climate.seconds[0], climate.seconds[-1] + STRAY_STEP_S, STRAY_STEP_S)
        values["co_ppm"] += CO_PER_DEGREE * heat
        for number in range(len(self.valley.posts)):
            for name in QUANTITIES:
                stray = np.interp(climate.seconds, slow, self._wander[number][name].course(slow))
                values[name][:, number] += WANDER[name] * stray + self._zero[number].get(name, 0.0)
        shape = climate.temperature_c.shape
        stations = np.array([post.station for post in self.valley.posts])
        weather = {
            "wind_ms": climate.wind_ms,
            "wind_deg": wind_from_deg(climate.wind_x_ms, climate.wind_y_ms),
            "rain_mm": climate.rain_mm_h,
        }
        for name, column in weather.items():
            values[name] = np.where(stations[None, :], np.broadcast_to(column[:, None], shape), np.nan)
        for name, column in values.items():
            noisy = column + rng.normal(0, NOISE.get(name, 0.0), shape)
            values[name] = np.maximum(noisy, LEAST.get(name, 0.0)).round(DIGITS.get(name, 1))
        values["wind_deg"] %= 360
        values["humidity_pct"] = np.minimum(values["humidity_pct"], 100.0)


def of_smoke(mg_m3: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Return what smoke means: obscuration in %/m, CO and CO2 in ppm, warming in °C, PM2.5 in µg/m³."""
    return (
        100 * (1 - np.exp(-EXTINCTION_M2_G * mg_m3 / 1000)),
        mg_m3 * CO_PER_SMOKE * CO_PPM_PER_MG_M3,
        mg_m3 * CO2_PER_SMOKE * CO2_PPM_PER_MG_M3,
        mg_m3 / 1000 * WARMING_C_PER_G_M3,
        1000 * 0.9 * mg_m3,
    )


def _overlaps(begins_s: float, lasts_s: float, seconds: Array) -> bool:
    return bool(begins_s < seconds[-1] and begins_s + lasts_s > seconds[0])


def _disturb(
    nuisance: Nuisance, climate: Climate, values: dict[str, Array], rng: np.random.Generator
) -> None:
    """Add what is no fire at one post."""
    begins_s, lasts_s = nuisance.begins_s, nuisance.lasts_s
    if not _overlaps(begins_s, lasts_s, climate.seconds):
        return
    now = slice(*np.searchsorted(climate.seconds, [begins_s, begins_s + lasts_s]))
    length, post = now.stop - now.start, nuisance.post
    course = nuisance.strength * rng.uniform(0.3, 1.0, length)
    match nuisance.kind:
        case "insect":
            values["smoke_pct_m"][now, post] += course * rng.integers(0, 2, length)
        case "dust":
            dry = np.clip((95 - climate.humidity_pct[now, post]) / 40, 0, 1) * np.minimum(
                climate.wind_ms[now], 2.0
            )
            values["smoke_pct_m"][now, post] += course * dry
            values["pm25_ugm3"][now, post] += DUST_UGM3 * course * dry
        case "engine":
            values["co_ppm"][now, post] += course
            values["co2_ppm"][now, post] += 8 * course
            values["smoke_pct_m"][now, post] += SOOT_OF_CO * course
            values["pm25_ugm3"][now, post] += 4 * course
        case "breath":
            values["co2_ppm"][now, post] += course


def _break(fault: Fault, seconds: Array, values: dict[str, Array], rng: np.random.Generator) -> None:
    """Let a channel be wrong; a silent device sends nothing at all."""
    if not _overlaps(fault.begins_s, fault.lasts_s, seconds):
        return
    now = slice(*np.searchsorted(seconds, [fault.begins_s, fault.begins_s + fault.lasts_s]))
    column, post = values[fault.channel], fault.post
    match fault.kind:
        case "flat":
            column[now, post] = stuck_at(fault)
        case "drift":
            grown = np.minimum((seconds[now] - fault.begins_s) / (12 * 3600), 1.0)
            column[now, post] = np.round(
                np.maximum(
                    column[now, post] + fault.size * drift_unit(fault.channel) * grown,
                    LEAST.get(fault.channel, 0.0),
                ),
                DIGITS.get(fault.channel, 1),
            )
        case "spikes":
            hit = rng.random(now.stop - now.start) < 0.02
            column[now, post] = column[now, post] + hit * 40 * abs(fault.size) * NOISE[fault.channel]
        case "silent":
            for other in values.values():
                other[now, post] = np.nan
        case "range":
            column[now, post] = BROKEN_RANGE.get(fault.channel, 65_535.0)


def stuck_at(fault: Fault) -> float:
    """Return the value that a stuck channel goes on sending: one that it might have had."""
    usual = {
        "smoke_pct_m": 0.13,
        "co_ppm": 0.6,
        "co2_ppm": 431.0,
        "temperature_c": 17.3,
        "humidity_pct": 71.2,
    }
    return usual.get(fault.channel, 12.0)


def drift_unit(channel: str) -> float:
    """Return one σ of a channel as neighbours differ from each other, for drifts are so many of these."""
    return {"temperature_c": 1.0, "humidity_pct": 5.0}.get(
        channel, float(np.hypot(NOISE[channel], WANDER[channel]))
    )
