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
DRIFT = 1e-3
"""Seconds per second that an offset may grow: it follows a slow clock, and hardly an overloaded line."""
LATE_FOR_GOOD_S = 3600.0
"""Readings in order that are as late for so long are taken for a slow clock, and nothing is said of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Beyond what a reading is from the future or old, in seconds by the collector's clock."""

    future_s: float
    old_s: float


@dataclass(slots=True)
class Clock:
    """What is remembered of one device's clock, in seconds; NaN: nothing yet."""

    offset_s: float = nan
    newest_s: float = nan
    """Observation time of the newest reading that came in time, by the device's clock."""
    heard_s: float = nan
    candidate_s: float = nan
    since_s: float = nan
    agreeing: int = 0
    went_back: bool = False
    is_sure: bool = False
    """Whether the offset can't be that of a queue; leaving one that may be is no jump."""
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
    if not -STEP_S <= late_s <= STEP_S:
        return flags | _doubt(clock, observed_s, received_s)
    drift_s = DRIFT * (received_s - clock.heard_s)
    clock.offset_s += late_s if late_s < drift_s else drift_s
    clock.heard_s, clock.agreeing = received_s, 0
    if observed_s > clock.newest_s:  # noqa: PLR1730 - max() costs a call for each reading
        clock.newest_s = observed_s
    return flags


def _doubt(clock: Clock, observed_s: float, received_s: float) -> int:
    """Weigh a reading that does not fit what is known of the clock."""
    offset_s = received_s - observed_s
    # Nothing that waited on the way arrives on time or from the future: that needs no long proof.
    is_plain = offset_s <= STEP_S
    if clock.agreeing and abs(offset_s - clock.candidate_s) <= (STEP_S if is_plain else STEADY_S):
        clock.agreeing += 1
    else:
        clock.candidate_s, clock.since_s, clock.agreeing = offset_s, received_s, 1
        # A queue, on the device or in the broker, makes readings late, but keeps their order.
        clock.went_back = observed_s < clock.newest_s - STEP_S
    if isnan(clock.offset_s) and abs(offset_s) <= STEP_S:
        _set(clock, observed_s, received_s, is_sure=True)
        return 0
    if clock.agreeing < AGREEING:
        return 0
    lasted_s = received_s - clock.since_s
    is_sure = is_plain or (lasted_s >= LASTING_S and (clock.went_back or offset_s < clock.offset_s))
    if not is_sure and lasted_s < (LASTING_S if isnan(clock.offset_s) else LATE_FOR_GOOD_S):
        return 0
    flag = JUMPED if is_sure and clock.is_sure else 0
    clock.jump_s = clock.offset_s - offset_s
    _set(clock, observed_s, received_s, is_sure=is_sure)
    return flag


def _set(clock: Clock, observed_s: float, received_s: float, *, is_sure: bool) -> None:
    clock.offset_s, clock.newest_s, clock.heard_s = received_s - observed_s, observed_s, received_s
    clock.agreeing, clock.is_sure = 0, is_sure
