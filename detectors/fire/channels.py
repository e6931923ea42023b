"""Each quantity of each sensor: its slowly learned baseline and the votes of its last readings.

All sensors are kept in one table, a row for each, so that a reading costs a line of the processor's cache
and a batch a few dozen steps of numpy.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.fire.levels import LEVELS

FAST_OF = 5
FAST_VOTES = 3
"""A quantity is held after 3 of its last 5 readings: one spike is no fire, and a third reading comes soon."""
RELEASE_VOTES = 1
"""A held quantity is let go when at most 1 of its last 5 readings still speaks of fire."""
SUSTAINED_OF = 10
"""Readings in a row at a level that is dangerous only when it lasts."""
HELD_FACTOR = 0.8
"""A held quantity goes on counting down to this part of its level."""

LEARN_HIT = 0.1
"""How much slower a baseline learns from readings that speak of fire: it must not learn the fire."""
DEVIATIONS = 6.0
"""A step must also be this many mean deviations (about 4.8 sigma)."""
FORGET = 4.0
"""A baseline older than this many of its memories says nothing of now."""
YOUNG_READINGS = 20
"""A baseline of fewer readings is their plain mean; then it turns slow."""
SET_BACK_READINGS = 5
"""So many readings in a row from before the last one: the device's clock was set back. A baseline that waited
for that time to come again would take the next warm afternoon for a steep rise."""

CUSUM_SLACK = 1.25
"""Standard deviations above what is usual at this hour that a reading may lie and adds nothing."""
CUSUM_HELD = 4.0
"""The sum at which a quantity is held: 3 sigma that last reach it in three minutes."""
CUSUM_MOST = 8.0
"""The sum grows no further, so that it is forgotten soon after the fire."""
CUSUM_STEP = 4.0
"""Standard deviations that one reading counts at most: a single spike holds nothing."""
TOGETHER_OF: Mapping[str, float] = {"pm25_ugm3": 0.4, "smoke_pct_m": 2.0}
"""How much of its rise the first of these that is known counts beside CO's in the same readings: smouldering
wood lifts fine dust by more standard deviations than CO, and CO by more than smoke. Fog and dust have no CO,
an engine has little dust."""
TOGETHER_WARNS = 3.5
TOGETHER_HELD = 4.5
"""The sum of what CO and particles rise alike that warns, and that alarms."""
TOGETHER_STEP = 5.0
CUSUM_MINUTE_S = 60.0
"""A reading that comes sooner after the last adds as much less: noise within a minute is one noise."""
TODAY_S = 600.0
"""How fast what today has more than other days is followed: weather and haze take an hour, a fire minutes."""
TODAY_STEP = 3.0
"""Standard deviations that one reading moves it by at most."""

FAST_MASK = (1 << FAST_OF) - 1
SUSTAINED_MASK = (1 << SUSTAINED_OF) - 1

Numbers = NDArray[Any]

CHANNEL = np.dtype(
    [
        ("value", "f8"),
        ("mean", "f8"),
        ("first_s", "f8"),
        ("last_s", "f8"),
        ("deviation", "f4"),
        ("cusum", "f4"),
        ("readings", "u4"),
        ("heard", "u4"),
        ("sustained_votes", "u2"),
        ("votes", "u1"),
        ("strong_votes", "u1"),
        ("before_last", "u1"),
        ("held", "?"),
        ("usual", "f4"),
        ("usual_next", "f4"),
        ("spread", "f4"),
        ("today", "f4"),
        ("above", "f4"),
    ],
    align=True,
)
"""What is remembered of one quantity of one sensor.

`heard` counts the device's observations when the quantity last came; `usual` and `usual_next` are its means
at the middle of this hour of day and of the next, `spread` the standard deviation within the hour, 0 where
too few days are known. `today` is by how much today lies above what is usual, nan before the first reading;
`above` how many standard deviations the last reading lay above both.
"""


class Channel(NamedTuple):
    """A row of the table as Python's own numbers, in the order of CHANNEL."""

    value: float
    mean: float
    first_s: float
    last_s: float
    deviation: float
    cusum: float
    readings: int
    heard: int
    sustained_votes: int
    votes: int
    strong_votes: int
    before_last: int
    held: bool
    usual: float
    usual_next: float
    spread: float
    today: float
    above: float

    def speaks(self) -> bool:
        """Say whether its newest reading speaks of fire."""
        return bool(self.votes & 1) or self.cusum >= CUSUM_HELD

    def weight(self, usual: float) -> float:
        """Return how much a held quantity counts, usually `usual`: 1 alone makes an alarm."""
        strong = self.strong_votes.bit_count() >= FAST_VOTES
        if strong or self.sustained_votes == SUSTAINED_MASK:
            return 1.0
        return usual if self.held else 0.0

    def suspects(self) -> bool:
        """Say whether its last readings are held, or lie above the usual in sum."""
        return self.held or self.cusum >= CUSUM_HELD


def _column(name: str) -> Numbers:
    return np.array([getattr(level, name) for level in LEVELS.values()], np.float64)


SIGN, RAISED, SUSTAINED, STRONG = map(_column, ("sign", "raised", "sustained", "strong"))
LEAST_SPREAD = _column("least_spread")
STEP, STEEP, STEEP_FROM, MEMORY_S = map(_column, ("step", "steep", "steep_from", "memory_s"))
LEARN_READINGS, LEARN_S = map(_column, ("learn_readings", "learn_s"))
"""The levels by quantity, in the order of LEVELS."""

CO = list(LEVELS).index("co_ppm")
PARTICLES = tuple((list(LEVELS).index(name), counts) for name, counts in TOGETHER_OF.items())

BITS = np.array([number.bit_count() for number in range(FAST_MASK + 1)], np.uint8)


def take_in(channels: Numbers, quantities: Numbers, values: Numbers, moments: Numbers, hour: float) -> None:
    """Vote on one reading of each channel, then learn from it; change `channels`.

    `channels` are rows of CHANNEL, (devices, quantities); `quantities` their indexes in LEVELS; `values`
    (devices, quantities) in the quantities' units; `moments` (devices, 1) and `hour`, the middle of the hour
    that `usual` is of, Unix seconds.
    """
    gone_s = moments - channels["last_s"]
    readings = np.where(gone_s > FORGET * MEMORY_S[quantities], 0, channels["readings"])
    hit = _vote(channels, quantities, values, moments, readings)
    _add_up(channels, quantities, values, moments, gone_s, hour)
    _learn(channels, quantities, values, moments, readings, gone_s, hit)
    channels["value"] = values


def _vote(
    channels: Numbers, quantities: Numbers, values: Numbers, moments: Numbers, readings: Numbers
) -> Numbers:
    """Set the votes of one reading of each channel; return which speak of fire."""
    held = channels["held"]
    factor = np.where(held, HELD_FACTOR, 1.0)
    sign = SIGN[quantities]
    beyond = (values - channels["mean"]) * sign
    strong = values >= STRONG[quantities]
    level = RAISED[quantities]
    raised = strong | np.where(sign < 0, values * factor <= level, values >= level * factor)
    learned_s = moments - channels["first_s"]
    is_learned = (readings >= LEARN_READINGS[quantities]) & (learned_s >= LEARN_S[quantities])
    if is_learned.any():
        step = np.maximum(STEP[quantities], DEVIATIONS * channels["deviation"])
        raised |= is_learned & (beyond >= step * factor)
        strong |= is_learned & (beyond >= STEEP[quantities]) & (values >= STEEP_FROM[quantities])
    hit: Numbers = raised | strong
    votes = (channels["votes"] << 1 | hit) & FAST_MASK
    channels["votes"] = votes
    channels["held"] = BITS[votes] > np.where(held, RELEASE_VOTES, FAST_VOTES - 1)
    channels["strong_votes"] = (channels["strong_votes"] << 1 | strong) & FAST_MASK
    sustained = values >= SUSTAINED[quantities]
    channels["sustained_votes"] = (channels["sustained_votes"] << 1 | sustained) & SUSTAINED_MASK
    return hit


def _add_up(
    channels: Numbers, quantities: Numbers, values: Numbers, moments: Numbers, gone_s: Numbers, hour: float
) -> None:
    """Add what lies above the usual of this hour, and of today, to each channel's sum (CUSUM; Page, 1954)."""
    since_middle = (moments - hour) / 3600.0
    is_known = (channels["spread"] > 0) & (np.abs(since_middle) <= 1.0) & (gone_s > 0)
    channels["above"] = 0.0
    if not is_known.any():
        return
    spread = np.where(is_known, np.maximum(channels["spread"], LEAST_SPREAD[quantities]), 1.0)
    share = np.clip(since_middle, 0.0, 1.0)
    usual = channels["usual"] + share * (channels["usual_next"] - channels["usual"])
    over, today = values - usual, channels["today"]
    is_first = is_known & (np.isnan(today) | (gone_s > FORGET * TODAY_S))
    today = np.where(is_first, over, today)
    above = np.where(is_known, SIGN[quantities] * (over - today) / spread, 0.0)
    minutes = np.minimum(gone_s / CUSUM_MINUTE_S, 1.0)
    added = (np.minimum(above, CUSUM_STEP) - CUSUM_SLACK) * minutes
    total = np.clip(channels["cusum"] + added, 0.0, CUSUM_MOST)
    followed = -np.expm1(-np.maximum(gone_s, 0.0) / TODAY_S)
    step = TODAY_STEP * spread
    channels["cusum"] = np.where(is_known, total, channels["cusum"])
    channels["above"] = above
    channels["today"] = np.where(is_known, today + followed * np.clip(over - today, -step, step), today)


def add_up_together(total: Numbers, channels: Numbers, quantities: Numbers, minutes: Numbers) -> Numbers:
    """Return the sums, (devices,), after readings that rise in CO and particles; unchanged without both."""
    columns = {quantity: column for column, quantity in enumerate(quantities.tolist())}
    beside = [(columns[quantity], counts) for quantity, counts in PARTICLES if quantity in columns]
    if CO not in columns or not beside:
        return total
    above, spread = channels["above"], channels["spread"]
    particles = np.zeros(len(total))
    for column, counts in reversed(beside):
        particles = np.where(spread[:, column] > 0, counts * above[:, column], particles)
    both = np.minimum(above[:, columns[CO]], particles)
    added = (np.clip(both, -1.0, TOGETHER_STEP) - CUSUM_SLACK) * minutes
    grown: Numbers = np.clip(total + added, 0.0, 2 * TOGETHER_HELD)
    return grown


def _learn(
    channels: Numbers,
    quantities: Numbers,
    values: Numbers,
    moments: Numbers,
    readings: Numbers,
    gone_s: Numbers,
    hit: Numbers,
) -> None:
    """Let each baseline follow its reading."""
    is_old = gone_s <= 0
    # A fixed level reached before there is any baseline teaches nothing.
    is_first = (readings == 0) & ~is_old
    begins, goes_on = is_first & ~hit, ~(is_old | is_first)
    mean, deviation = channels["mean"], channels["deviation"]
    share = -np.expm1(-np.maximum(gone_s, 0.0) / MEMORY_S[quantities])
    share = np.where(readings < YOUNG_READINGS, np.maximum(share, 1.0 / (readings + 1.0)), share)
    share = np.where(hit, share * LEARN_HIT, share) * goes_on
    step = STEP[quantities]
    change = np.clip(values - mean, -step, step)
    channels["mean"] = np.where(begins, values, mean + share * change)
    channels["deviation"] = np.where(begins, 0.0, deviation + share * (np.abs(change) - deviation))
    channels["readings"] = np.where(begins, 1, readings + goes_on)
    channels["first_s"] = np.where(begins, moments, channels["first_s"])
    channels["last_s"] = np.where(begins | goes_on, moments, channels["last_s"])
    if is_old.any():
        _follow_back(channels, moments, is_old)
    else:
        channels["before_last"] = 0


def _follow_back(channels: Numbers, moments: Numbers, is_old: Numbers) -> None:
    """Let a baseline go on from a time that was set back; it stays as old as it was."""
    before = np.where(is_old, channels["before_last"] + 1, 0)
    is_set_back = before >= SET_BACK_READINGS
    channels["before_last"] = np.where(is_set_back, 0, before)
    moved_s = np.where(is_set_back, moments - channels["last_s"], 0.0)
    channels["first_s"] += moved_s
    channels["last_s"] += moved_s
