"""One quantity of one sensor: its slowly learned baseline and the votes of its last readings."""

from dataclasses import dataclass
from math import copysign, exp

from detectors.fire.levels import Level

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

FAST_MASK = (1 << FAST_OF) - 1
SUSTAINED_MASK = (1 << SUSTAINED_OF) - 1


@dataclass(slots=True)
class Channel:
    """What is remembered of one quantity: its baseline, and its last votes as bits (newest lowest)."""

    value: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0
    readings: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    votes: int = 0
    sustained_votes: int = 0
    strong_votes: int = 0
    held: bool = False
    before_last: int = 0
    heard: int = 0
    """Count of the device's observations when this quantity last came."""


def take_in(channel: Channel, level: Level, value: float, moment_s: float) -> None:
    """Vote on one reading, then learn from it.

    Every reading of every sensor comes through here, so it is one function and not five.
    """
    channel.value = value
    gone_s = moment_s - channel.last_s
    if gone_s > FORGET * level.memory_s:
        channel.readings = 0
    factor = HELD_FACTOR if channel.held else 1.0
    change = value - channel.mean
    beyond = change * level.sign
    strong = value >= level.strong
    raised = strong or (value * factor <= level.raised if level.sign < 0 else value >= level.raised * factor)
    if channel.readings >= level.learn_readings and moment_s - channel.first_s >= level.learn_s:
        step, spread = level.step, DEVIATIONS * channel.deviation
        raised = raised or beyond >= (spread if spread > step else step) * factor
        strong = strong or (beyond >= level.steep and value >= level.steep_from)
    hit = raised or strong
    votes = channel.votes = (channel.votes << 1 | hit) & FAST_MASK
    if votes or channel.held:
        channel.held = votes.bit_count() > (RELEASE_VOTES if channel.held else FAST_VOTES - 1)
    channel.strong_votes = (channel.strong_votes << 1 | strong) & FAST_MASK
    channel.sustained_votes = (channel.sustained_votes << 1 | (value >= level.sustained)) & SUSTAINED_MASK
    if gone_s <= 0:
        _follow_back(channel, moment_s)
        return
    channel.before_last = 0
    if channel.readings == 0:
        # A fixed level reached before there is any baseline teaches nothing.
        if not hit:
            channel.mean, channel.deviation = value, 0.0
            channel.readings, channel.first_s, channel.last_s = 1, moment_s, moment_s
        return
    share = 1 - exp(-gone_s / level.memory_s)
    if channel.readings < YOUNG_READINGS:
        share = max(share, 1 / (channel.readings + 1))
    if hit:
        share *= LEARN_HIT
    if not -level.step <= change <= level.step:
        change = copysign(level.step, change)
    channel.mean += share * change
    channel.deviation += share * (abs(change) - channel.deviation)
    channel.readings += 1
    channel.last_s = moment_s


def _follow_back(channel: Channel, moment_s: float) -> None:
    """Let a baseline go on from a time that was set back; it stays as old as it was."""
    channel.before_last += 1
    if channel.before_last >= SET_BACK_READINGS:
        channel.before_last = 0
        channel.first_s += moment_s - channel.last_s
        channel.last_s = moment_s


def weight(channel: Channel, level: Level) -> float:
    """Return how much a held quantity counts: 1 alone makes an alarm."""
    strong = channel.strong_votes.bit_count() >= FAST_VOTES
    return 1.0 if strong or channel.sustained_votes == SUSTAINED_MASK else level.weight
