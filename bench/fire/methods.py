"""What is measured: our rules for ground sensors, and simple ones to hold them against."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from typing import Literal, Protocol, TypeAlias

import numpy as np

from bench.fire.valleys import WITNESSES
from detectors.fire import FireSensorDetector
from gridwatch.fire_fusion import SUPPORT_WITHIN, UNCONFIRMED, Wind, mean_wind, supports
from gridwatch.model import Finding, Observation
from gridwatch.scenes import alarm_severity
from gridwatch.usual import LEARN_DAYS, Expected, Usual, learn, none_usual
from simulators.district import location
from simulators.valley.climate import Array
from simulators.valley.layout import Valley
from simulators.valley.sensing import QUANTITIES, STATION_QUANTITIES, Sensed

Stage: TypeAlias = Literal["noted", "warning", "alarm"]
"""Noted: what another of the sensor's senses does not confirm; it is kept, and no neighbour supports it."""
LEARNT = (*WITNESSES, "pm25_ugm3")
HOURS = 24
HALF_HOUR_S = 1800.0

FIXED: Mapping[str, float] = {"smoke_pct_m": 2.0, "co_ppm": 20.0, "temperature_c": 50.0}
"""The levels at which one of our own rules' quantities is raised without anything learned."""
BEYOND_SIGMA = 4.0


@dataclass(frozen=True, slots=True)
class Told:
    """What a method told of a post."""

    post: int
    at_s: float
    stage: Stage


class Method(Protocol):
    """Something that is shown what sensors send, day by day."""

    def day(self, sensed: Sensed) -> Iterator[Told]:
        """Take in a day; yield what is told, in order of time."""
        ...


class Slots:
    """What is usual of the channels of a valley, hour by hour, as the database keeps it."""

    def __init__(self, posts: int, names: Sequence[str] = LEARNT) -> None:
        self._slots = {name: [none_usual(posts) for _ in range(HOURS)] for name in names}

    def take_in(self, hour: int, readings: Mapping[str, Array]) -> None:
        """Learn from the readings of an hour, moments × posts each."""
        for name, slots in self._slots.items():
            column = readings[name]
            count = (~np.isnan(column)).sum(axis=0)
            some = np.where(count > 0, column, 0.0)
            mean = np.nansum(some, axis=0) / np.maximum(count, 1)
            variance = np.nansum((some - mean) ** 2 * (count > 0), axis=0) / np.maximum(count - 1, 1)
            slots[hour] = learn(slots[hour], count, mean, variance)

    def of(self, name: str, hour: int) -> Usual:
        """Return a channel's slot of an hour of day."""
        return self._slots[name][hour % HOURS]


class Vote:
    """The neighbours' vote, as the database takes it: by the rules of `gridwatch/fire_fusion.py`."""

    def __init__(self, valley: Valley) -> None:
        self._places = [location(post.x_m, post.y_m) for post in valley.posts]
        self._warned: dict[int, float] = {}
        self._wind: Wind | None = None

    def blow(self, sensed: Sensed, minute: int) -> None:
        """Take the wind of the last quarter of an hour from the stations."""
        last = slice(max(0, minute - 14), minute + 1)
        speeds, degrees = sensed.values["wind_ms"][last].ravel(), sensed.values["wind_deg"][last].ravel()
        there = ~np.isnan(speeds)
        self._wind = mean_wind(zip(speeds[there].tolist(), degrees[there].tolist(), strict=True))

    def heed(self, post: int, second: float, finding: Finding) -> Iterator[Told]:
        """Yield what a finding is in the end, and what becomes of the warnings of neighbours with it."""
        is_alarm = alarm_severity("fire", finding.label) is not None
        if not is_alarm and UNCONFIRMED in finding.criteria:
            yield Told(post, second, "noted")
            return
        within = SUPPORT_WITHIN.total_seconds()
        agreeing = [
            other
            for other, at_s in self._warned.items()
            if other != post
            and second - at_s <= within
            and supports(self._places[post], self._places[other], self._wind)
        ]
        yield Told(post, second, "alarm" if is_alarm or agreeing else "warning")
        for other in agreeing:
            yield Told(other, second, "alarm")
            del self._warned[other]
        if not (is_alarm or agreeing):
            self._warned[post] = second


class Ours:
    """The rules of `detectors/fire`, with a baseline by hour of day."""

    def __init__(self, valley: Valley) -> None:
        self._ids = [post.id for post in valley.posts]
        self._detector = FireSensorDetector()
        self._states = self._detector.new_states()
        self._slots = Slots(len(self._ids))
        self._vote = Vote(valley)

    def day(self, sensed: Sensed) -> Iterator[Told]:
        """Take in a day, minute by minute, as a collector takes in its batches."""
        names = (*QUANTITIES, *STATION_QUANTITIES)
        columns = np.stack([sensed.values[name] for name in names], axis=2)
        minutes = len(sensed.seconds) // HOURS
        for minute, second in enumerate(sensed.seconds):
            if minute % (minutes // 2) == 0 and minute // (minutes // 2) % 2 == 1:
                self._expect(float(second))
            at = datetime.fromtimestamp(second, UTC)
            batch = [
                Observation(
                    device=self._ids[post],
                    observed_at=at,
                    values={name: one for name, one in zip(names, row, strict=True) if not isnan(one)},
                )
                for post, row in enumerate(columns[minute].tolist())
                if not isnan(row[1])
            ]
            self._vote.blow(sensed, minute)
            for index, finding in self._detector.feel(self._states, batch):
                post = self._ids.index(batch[index].device)
                yield from self._vote.heed(post, float(second), finding)
            if (minute + 1) % minutes == 0:
                hour = slice(minute + 1 - minutes, minute + 1)
                readings = {name: sensed.values[name][hour] for name in LEARNT}
                self._slots.take_in(_hour_of(float(second)), readings)

    def _expect(self, second: float) -> None:
        hour = _hour_of(second)
        expected = []
        for name in LEARNT:
            now, then = self._slots.of(name, hour), self._slots.of(name, hour + 1)
            known = np.flatnonzero(np.minimum(now.days, then.days) >= LEARN_DAYS)
            expected += [
                Expected(
                    device=self._ids[post],
                    quantity=name,
                    mean=float(now.mean[post]),
                    next_mean=float(then.mean[post]),
                    spread=float(now.hourly_spread[post]),
                )
                for post in known.tolist()
            ]
        self._states.begin_hour(second)
        self._states.expect(expected)


class FixedLevels:
    """One reading at a fixed level is an alarm."""

    def day(self, sensed: Sensed) -> Iterator[Told]:
        """Hold each reading against its level."""
        hit = np.any([sensed.values[name] >= level for name, level in FIXED.items()], axis=0)
        yield from _told(sensed.seconds, hit)


class OneReading:
    """One reading beyond some standard deviations of what is usual at its hour is an alarm."""

    def __init__(self, valley: Valley) -> None:
        self._slots = Slots(len(valley.posts), WITNESSES)

    def day(self, sensed: Sensed) -> Iterator[Told]:
        """Hold each reading against its hour, then learn from it."""
        minutes = len(sensed.seconds) // HOURS
        hits = []
        for begin in range(0, len(sensed.seconds), minutes):
            now = slice(begin, begin + minutes)
            hour = _hour_of(float(sensed.seconds[begin]))
            hit = np.zeros(sensed.values["co_ppm"][now].shape, bool)
            for name in WITNESSES:
                usual = self._slots.of(name, hour)
                beyond = sensed.values[name][now] - usual.mean >= BEYOND_SIGMA * np.maximum(
                    usual.spread, 1e-9
                )
                hit |= beyond & (usual.days >= LEARN_DAYS)
            hits.append(hit)
            self._slots.take_in(hour, {name: sensed.values[name][now] for name in WITNESSES})
        yield from _told(sensed.seconds, np.concatenate(hits))


def _told(seconds: Array, hit: Array) -> Iterator[Told]:
    for moment, post in np.argwhere(hit).tolist():
        yield Told(post, float(seconds[moment]), "alarm")


def _hour_of(second: float) -> int:
    return int(second // 3600) % HOURS
