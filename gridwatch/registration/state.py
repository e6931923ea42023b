"""How long a device may be in test or maintenance: neither goes on for ever."""

from datetime import datetime, timedelta

from gridwatch.model import PASSING_STATES, DeviceState

LONGEST = {DeviceState.TEST: timedelta(days=7), DeviceState.MAINTENANCE: timedelta(days=90)}
"""A longer one was forgotten: its alerts would tell nobody, or nobody would miss the device."""

LONGEST_AREA_DRILL = timedelta(hours=2)
"""What is real in a whole area meanwhile is told to its tester alone."""


def check_drill_end(until: datetime, *, now: datetime) -> None:
    """Raise ValueError where the drill of an area would have ended already, or last too long."""
    if not now < until <= now + LONGEST_AREA_DRILL:
        hours = LONGEST_AREA_DRILL.total_seconds() / 3600
        raise ValueError(f"the drill of an area ends in the future, within {hours:g} hours")


def check_end(state: DeviceState, until: datetime | None, *, now: datetime) -> None:
    """Raise ValueError where a state lacks its end, has one that it can't have, or one too far away."""
    if (state in PASSING_STATES) != (until is not None):
        raise ValueError("test and maintenance need an end, and nothing else has one")
    if until is not None and until > now + LONGEST[state]:
        raise ValueError(f"{state.value} lasts {LONGEST[state].days} days at most")
