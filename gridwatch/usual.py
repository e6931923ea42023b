"""What is usual of a channel at an hour of day, learned from the hours of some two weeks: pure.

Each channel has 24 slots, one for each hour of the day (UTC: which hour people call it does not matter). A
slot follows the mean and the variance of its hour from day to day; a day that stands far out moves it little,
so that neither a fire nor a fault becomes usual.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[Any]

LEARN_DAYS = 14
"""Until a slot has seen so many days nothing is said to be usual; then it remembers as many."""
FAR_OUT = 3.0
"""A day counts as if its mean lay no further than so many spreads from what is usual,"""
FAR_OUT_AFTER_DAYS = 3
"""once so many days were seen."""
LEAST_READINGS = 3
"""An hour with fewer readings says nothing."""


BETWEEN_COUNTS = 0.2
"""Of the variance between days in that of one day: some is of hours with stoves on some days, the most of air
that is another all day long."""


class Usual(NamedTuple):
    """Slots of some channels: days seen, the mean, the variance within the hour and that between days."""

    days: Numbers
    mean: Numbers
    within: Numbers
    between: Numbers

    @property
    def spread(self) -> Numbers:
        """Return the standard deviation of a reading about the mean."""
        spread: Numbers = np.sqrt(self.within + self.between)
        return spread

    @property
    def hourly_spread(self) -> Numbers:
        """Return the standard deviation of a reading about what its day has at this hour."""
        spread: Numbers = np.sqrt(self.within + BETWEEN_COUNTS * self.between)
        return spread


class Expected(NamedTuple):
    """What is usual of a device's quantity in the middle of an hour and of the next, and how it strays."""

    device: str
    quantity: str
    mean: float
    next_mean: float
    spread: float


class Sum(NamedTuple):
    """What was added up of a device's quantity until its reading of `at_s`, Unix seconds.

    `sum` is what lay above the usual, in standard deviations; `today` by how much all of today lies above it.
    """

    device: str
    quantity: str
    at_s: float
    sum: float
    today: float


def none_usual(count: int) -> Usual:
    """Return slots that have seen nothing."""
    return Usual(*(np.zeros(count) for _ in Usual._fields))


def learn(usual: Usual, readings: Numbers, mean: Numbers, variance: Numbers) -> Usual:
    """Return the slots after one more day: how many readings its hour had, their mean and variance."""
    counts = (readings >= LEAST_READINGS) & np.isfinite(mean) & np.isfinite(variance)
    mean, variance = np.where(counts, mean, 0.0), np.where(counts, variance, 0.0)
    share = np.where(counts, 1 / np.minimum(usual.days + 1, LEARN_DAYS), 0.0)
    is_known = usual.days >= FAR_OUT_AFTER_DAYS
    furthest = np.where(is_known, FAR_OUT * usual.spread, np.inf)
    change = np.clip(mean - usual.mean, -furthest, furthest)
    widest = np.where(is_known, FAR_OUT**2 * (usual.within + usual.between), np.inf)
    return Usual(
        days=usual.days + counts,
        mean=usual.mean + share * change,
        within=usual.within + share * (np.minimum(variance, widest) - usual.within),
        between=(1 - share) * (usual.between + share * change**2),
    )
