"""What the arrival of a device's readings says of its clock.

`received - observed` is the delay on the way minus how far the clock is ahead. No delay is negative, and a
backlog (store and forward) shrinks it from reading to reading until it is where it was; a clock that was set
moves it by an amount that stays.
"""

from dataclasses import dataclass
from math import isnan, nan

FUTURE, OLD, JUMPED = 1, 2, 4
"""Flags of a reading, as in the column `reading.flags`."""

STEP_S = 60.0
"""A lesser step is taken for a delay on the way, or for the clock's own drift."""
AGREEING = 3
"""Readings in a row that agree on a new offset before the clock counts as set."""
STEADY_S = 5.0
"""They agree when they lie this close. A backlog sent faster than it was observed soon does not."""
LASTING_S = 30.0
"""What might also be a piece of a backlog must go on arriving this long, with nothing on time in between."""
CREEP = 0.02
"""Share of a lateness that the offset follows: it stays near the quickest ways and still follows a drift."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Beyond what a reading is from the future or old, in seconds by the collector's clock."""

    future_s: float
    old_s: float


@dataclass(slots=True)
class Clock:
    """What is remembered of one device's clock, in seconds; nothing yet is NaN."""

    offset_s: float = nan
    candidate_s: float = nan
    since_s: float = 0.0
    agreeing: int = 0
    jump_s: float = 0.0
    """How far it was set when it last jumped; forward is positive."""

    @property
    def skew_s(self) -> float | None:
        """How far the clock is ahead, less the quickest way here: None as long as nobody knows."""
        return None if isnan(self.offset_s) else -self.offset_s


def judge(clock: Clock, observed_s: float, received_s: float, limits: Limits) -> int:
    """Return the flags of one reading, and learn from it; times are Unix seconds."""
    offset_s = received_s - observed_s
    flags = 0
    if offset_s < -limits.future_s:
        flags = FUTURE
    elif offset_s > limits.old_s:
        flags = OLD
    late_s = offset_s - clock.offset_s
    if -STEP_S <= late_s <= STEP_S:
        clock.offset_s += late_s if late_s < 0 else CREEP * late_s
        clock.agreeing = 0
        return flags
    return flags | _doubt(clock, offset_s, received_s)


def _doubt(clock: Clock, offset_s: float, received_s: float) -> int:
    """Weigh a reading that does not fit what is known of the clock."""
    # Nothing that waited on the way arrives on time or from the future: such a step needs no long proof.
    is_plain = offset_s <= STEP_S
    if isnan(clock.offset_s) and -STEP_S <= offset_s <= STEP_S:
        clock.offset_s = offset_s
        return 0
    if clock.agreeing and abs(offset_s - clock.candidate_s) <= (STEP_S if is_plain else STEADY_S):
        clock.agreeing += 1
    else:
        clock.candidate_s, clock.since_s, clock.agreeing = offset_s, received_s, 1
    if clock.agreeing < AGREEING or not (is_plain or received_s - clock.since_s >= LASTING_S):
        return 0
    jump_s = clock.offset_s - offset_s
    clock.offset_s, clock.agreeing = offset_s, 0
    if isnan(jump_s):
        return 0
    clock.jump_s = jump_s
    return JUMPED
