"""Simulated valleys, minute by minute, and what fires in them a sensor could know of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from simulators.valley.climate import Array
from simulators.valley.happenings import Rates
from simulators.valley.layout import Valley, draw_valley
from simulators.valley.sensing import NOISE, Sensed, Senses
from simulators.weather import DAY_S

Split: TypeAlias = Literal["train", "report"]

FIRST_SEED: Mapping[Split, int] = {"train": 1_000, "report": 500_000}
FIRST_DAY = 20_454
"""2026-01-01. Each valley begins some weeks after the one before it: all seasons come."""
WEEKS_APART = 5
LEARN_DAYS = 14
FIRES_A_DAY = 4.0
"""In a valley, once its sensors have learned: far more than there are, so that there is much to count."""

WITNESSES = ("smoke_pct_m", "co_ppm", "co2_ppm", "temperature_c")
RAISED_SIGMA = 3.0
RAISED_OF, RAISED_LEAST = 5, 3
"""A channel is raised where 3 of 5 readings in a row hold at least so much of a fire."""
TOUCHED_SIGMA = 1.0
"""Less of a fire than that no sensor can know of: what it tells then is told for another reason."""
KNOWN_AFTER_S = 15 * 60.0
"""How long after the last trace of a fire telling of it is right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A fire that raises a channel of a post by 3 sigma or more, from `raised_s` on (Unix seconds)."""

    fire: int
    post: int
    begins_s: float
    raised_s: float
    until_s: float
    sigma: float
    """The highest of its 5-minute medians, in standard deviations of that post, channel and hour."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Season:
    """A valley over some days: the first of them to learn from, the others to be judged."""

    split: Split
    number: int
    days: int

    @property
    def name(self) -> str:
        """Return what it is called."""
        return f"{self.split}-{self.number}"

    @property
    def seed(self) -> int:
        """Return the seed; those of the two splits have nothing in common."""
        return FIRST_SEED[self.split] + self.number

    @property
    def first_day(self) -> int:
        """Return its first day, counted from 1970."""
        return FIRST_DAY + 7 * WEEKS_APART * self.number

    def valley(self, posts: int) -> Valley:
        """Return its valley."""
        return draw_valley(self.seed, posts=posts)

    def sensed(self, valley: Valley) -> Iterator[Sensed]:
        """Yield what the sensors send, day by day."""
        rates = Rates(fires=FIRES_A_DAY, fires_from_day=self.first_day + LEARN_DAYS)
        senses = Senses(valley, self.seed, rates)
        for _, sensed in zip(range(self.days), senses.days(self.first_day), strict=False):
            yield sensed


class Sigmas:
    """How far a channel of a post strays at an hour of day when nothing burns, by no detector."""

    def __init__(self, posts: int) -> None:
        self._days: dict[str, list[Array]] = {name: [] for name in WITNESSES}
        self._posts = posts

    def learn(self, sensed: Sensed) -> None:
        """Take in a day without fires."""
        for name, days in self._days.items():
            days.append(sensed.values[name].reshape(24, -1, self._posts))

    def known(self) -> Mapping[str, Array]:
        """Return by channel the standard deviation, hours × posts: robust, and no less than the noise."""
        sigmas = {}
        for name, days in self._days.items():
            readings = np.concatenate(days, axis=1)
            middle = np.nanmedian(readings, axis=1, keepdims=True)
            spread = 1.4826 * np.nanmedian(np.abs(readings - middle), axis=1)
            sigmas[name] = np.maximum(np.nan_to_num(spread, nan=np.inf), NOISE[name])
        return sigmas


def events_of(sensed: Sensed, sigmas: Mapping[str, Array]) -> tuple[list[Event], dict[int, Array]]:
    """Return the events of a day, and by fire the sigmas that it added, moments × posts.

    A fire that goes on over midnight is an event of each of the days on which it raises a channel.
    """
    hours = np.arange(len(sensed.seconds)) * 24 // len(sensed.seconds)
    events, traces = [], {}
    for fire, added in sensed.added.items():
        sent = {name: ~np.isnan(sensed.values[name]) for name in WITNESSES}
        shares = [added[name] / sigmas[name][hours] * sent[name] for name in WITNESSES]
        trace = traces[fire] = np.max(shares, axis=0)
        medians = np.max([_of_five(share) for share in shares], axis=0)
        for post in np.flatnonzero((medians >= RAISED_SIGMA).any(axis=0)):
            raised = np.flatnonzero(medians[:, post] >= RAISED_SIGMA)
            touched = np.flatnonzero(trace[:, post] >= TOUCHED_SIGMA)
            events.append(
                Event(
                    fire=fire,
                    post=int(post),
                    begins_s=float(sensed.seconds[touched[0]]),
                    raised_s=float(sensed.seconds[raised[0]]),
                    until_s=float(sensed.seconds[touched[-1]]) + KNOWN_AFTER_S,
                    sigma=float(medians[:, post].max()),
                )
            )
    return events, traces


def _of_five(share: Array) -> Array:
    """Return for each moment what 3 of the 5 readings from it on reach."""
    ahead = np.concatenate([share, np.zeros((RAISED_OF - 1, share.shape[1]))])
    windows = np.lib.stride_tricks.sliding_window_view(ahead, RAISED_OF, axis=0)
    return np.asarray(np.sort(windows, axis=2)[:, :, RAISED_OF - RAISED_LEAST])


def sensor_days(sensed: Sensed) -> float:
    """Return how long sensors sent, all together, in days."""
    heard = ~np.isnan(sensed.values["co_ppm"])
    seconds = float(sensed.seconds[-1] - sensed.seconds[0]) + 60
    share: float = heard.mean(axis=0).sum()
    return share * seconds / DAY_S
