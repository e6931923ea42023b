"""What multi-sensors read: weather, people, their own noise, and the smoke of a fire near by."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from math import pi, sin
from random import Random

from gridwatch.model import Observation
from gridwatch.wire import encode_observation, topic_of
from simulators.acts import Act
from simulators.district import Sensor
from simulators.publication import EPOCH, Publication
from simulators.smoulder import CLEAN_AIR, Air, Ignition, Smoulder
from simulators.weather import DAY_S, LOCAL_OFFSET_S, Conditions, Weather, relative_humidity

WEATHER_EVERY = timedelta(seconds=1)
"""The weather is asked for so often; it does not change faster."""

INDOOR_C, INDOOR_SHARE = 20.0, 0.45
"""A stairwell keeps to this temperature, and follows the weather by this share."""
BREATH_DEW_POINT_C = 1.0
"""What people and kitchens add to the dew point of the air indoors."""
OUTDOOR_CO2_PPM, PEOPLE_CO2_PPM = 425.0, 180.0
BATTERY_PCT_PER_DAY = 0.03

NOISE: Mapping[str, float] = {
    "smoke_pct_m": 0.03,
    "co_ppm": 0.25,
    "co2_ppm": 6.0,
    "temperature_c": 0.08,
    "humidity_pct": 0.4,
    "wind_ms": 0.15,
}
"""Standard deviation of one reading, in the quantity's unit."""

DIGITS: Mapping[str, int] = {"smoke_pct_m": 2, "co2_ppm": 0}
"""Decimal places that a sensor sends; 1 where nothing is said."""


@dataclass(slots=True)
class _Unit:
    """One sensor with its own offsets and its count of messages."""

    sensor: Sensor
    topic: str
    dust_pct_m: float
    traffic_co_ppm: float
    warmth_c: float
    battery_pct: float
    seq: int = 0

    @classmethod
    def drawn(cls, sensor: Sensor, seed: int) -> "_Unit":
        random = Random(f"sensor/{seed}/{sensor.device.id}")
        return cls(
            sensor=sensor,
            topic=topic_of(sensor.device.id, "readings"),
            dust_pct_m=random.uniform(0.05, 0.2),
            traffic_co_ppm=random.uniform(0.3, 1.2),
            warmth_c=random.gauss(0, 0.4),
            battery_pct=random.uniform(70, 100),
        )

    def values(self, weather: Conditions, air: Air, moment: datetime) -> dict[str, float]:
        """Return what is really there, without noise."""
        outdoors = self.sensor.place == "woods"
        second = (moment - EPOCH).total_seconds() + LOCAL_OFFSET_S
        people = 0.0 if outdoors else PEOPLE_CO2_PPM * (1 + sin(4 * pi * second / DAY_S))
        temperature = weather.temperature_c + self.warmth_c
        dew_point = weather.dew_point_c
        if not outdoors:
            temperature = INDOOR_C + INDOOR_SHARE * (weather.temperature_c - INDOOR_C) + self.warmth_c
            dew_point += BREATH_DEW_POINT_C
        temperature += air.warming_c
        values = {
            "smoke_pct_m": self.dust_pct_m + air.smoke_pct_m,
            "co_ppm": self.traffic_co_ppm + air.co_ppm,
            "co2_ppm": OUTDOOR_CO2_PPM + people + air.co2_ppm,
            "temperature_c": temperature,
            "humidity_pct": relative_humidity(temperature, dew_point),
            "battery_pct": self.battery_pct,
        }
        if outdoors:
            values |= {"wind_ms": weather.wind_ms, "rain_mm": weather.rain_mm}
        return values


def sensor_readings(
    sensors: Sequence[Sensor],
    *,
    acts: Iterator[Act],
    weather: Weather,
    start: datetime,
    rate: float,
    seed: int,
) -> Iterator[Publication]:
    """Yield readings without end, `rate` messages per second in all, the sensors in turn.

    `acts` come in the order of their time; what burns reaches the sensors in the woods.
    """
    random = Random(f"noise/{seed}")
    units = [_Unit.drawn(sensor, seed) for sensor in sensors]
    fires = _Fires(acts, weather, start)
    conditions, valid_until = weather.at(start), start + WEATHER_EVERY
    for number in count():
        moment = start + timedelta(seconds=number / rate)
        if moment >= valid_until:
            conditions, valid_until = weather.at(moment), moment + WEATHER_EVERY
        unit = units[number % len(units)]
        air = fires.air_at(unit.sensor, moment)
        values = unit.values(conditions, air, moment)
        unit.seq += 1
        unit.battery_pct = max(0.0, unit.battery_pct - BATTERY_PCT_PER_DAY * len(units) / rate / DAY_S)
        yield _publication(unit, _as_sent(values, random), moment)


class _Fires:
    """The fire that burns now; later acts are drawn when their time comes."""

    def __init__(self, acts: Iterator[Act], weather: Weather, start: datetime) -> None:
        self._acts = acts
        self._weather = weather
        self._start = start
        self._burning: Smoulder | None = None
        self._next = next(acts, None)

    def air_at(self, sensor: Sensor, moment: datetime) -> Air:
        """Return what the latest fire adds to the air at a sensor."""
        while self._next is not None and moment >= (at := self._start + timedelta(seconds=self._next.at_s)):
            if isinstance(self._next, Ignition):
                self._burning = Smoulder(self._next, at, self._weather.at)
            self._next = next(self._acts, None)
        if self._burning is None or sensor.place != "woods":
            return CLEAN_AIR
        return self._burning.air_at(sensor.x_m, sensor.y_m, moment)


def _as_sent(values: Mapping[str, float], random: Random) -> dict[str, float]:
    noisy = {name: value + random.gauss(0, NOISE.get(name, 0.0)) for name, value in values.items()}
    sent = {name: round(max(0.0, value), DIGITS.get(name, 1)) for name, value in noisy.items()}
    sent["temperature_c"] = round(noisy["temperature_c"], 1)
    sent["humidity_pct"] = min(100.0, sent["humidity_pct"])
    return sent


def _publication(unit: _Unit, values: Mapping[str, float], moment: datetime) -> Publication:
    device = unit.sensor.device.id
    observation = Observation(device=device, observed_at=moment, values=values, seq=unit.seq)
    return Publication(
        device=device, kind="readings", topic=unit.topic, payload=encode_observation(observation), at=moment
    )
