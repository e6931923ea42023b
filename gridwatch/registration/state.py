"""How long a device may be in test or maintenance: neither goes on for ever."""

from datetime import datetime, timedelta

from gridwatch.model import PASSING_STATES, DeviceState

LONGEST = {DeviceState.TEST: timedelta(days=7), DeviceState.MAINTENANCE: timedelta(days=90)}
"""A longer one was forgotten: its alerts would tell nobody, or nobody would miss the device."""


def check_end(state: DeviceState, until: datetime | None, *, now: datetime) -> None:
    """Raise ValueError where a state lacks its end, has one that it can't have, or one too far away."""
    if (state in PASSING_STATES) != (until is not None):
        raise ValueError("test and maintenance need an end, and nothing else has one")
    if until is not None and until > now + LONGEST[state]:
        raise ValueError(f"{state.value} lasts {LONGEST[state].days} days at most")
