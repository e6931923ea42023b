"""What is asked of a channel's readings, so that a broken sensor shows: pure.

The tests are in the manner of QARTOD's (gross range, flat line, spike, neighbours), with limits that each
channel states for itself; without them it is not tested. A verdict is a flag and a trouble for maintenance.
It never blocks a reading, and no detector knows of it: what burns is out of range as well.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

FLAT, OUT_OF_RANGE, SPIKE, DRIFT = 8, 16, 32, 64
"""Flags of a reading beside those of its clock, as in `gw.readings.flags`."""

LABELS: Mapping[int, str] = {
    FLAT: "maintenance_flat_line",
    OUT_OF_RANGE: "maintenance_out_of_range",
    SPIKE: "maintenance_spikes",
    DRIFT: "maintenance_drift",
}

FEW: Mapping[int, int] = {FLAT: 1, OUT_OF_RANGE: 3, SPIKE: 3, DRIFT: 1}
"""So many findings within an hour are a trouble; fewer readings are flagged, and no more."""

NEIGHBOURS = 3
"""Fewer can't say which of them is wrong."""
DRIFT_HOURS = 24
"""A drift shows in the median of so many hours: fog, dust and stoves at some posts do not last so long."""

SHORTEST_FLAT_S, LONGEST_FLAT_S = 60.0, 7 * 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a channel's readings should keep to, in the channel's own unit; None is not tested.

    Out of range is less than `min` or more than `max`. A flat line does not vary by more than `flat_within`
    for `flat_s` seconds. A spike stands out from the readings before and after it by more than `spike`, both
    to the same side. A drift keeps what a channel has above its usual further than `drift` from the median of
    the neighbours', for most of a day; until it is known what is usual, the mean of some hours itself.
    """

    min: float | None = None
    max: float | None = None
    flat_s: float | None = None
    flat_within: float | None = None
    spike: float | None = None
    drift: float | None = None

    @classmethod
    def from_json(cls, given: Mapping[str, object]) -> Self:
        """Make them from a channel's settings; raise ValueError that says which can't be used, and why."""
        names = [field.name for field in fields(cls)]
        if unknown := sorted(given.keys() - set(names)):
            raise ValueError(f"quality: no setting {unknown[0][:80]!r}; there are: {', '.join(names)}")
        return cls(**{name: _number(name, value) for name, value in given.items()})

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"quality: min {self.min:g} is not less than max {self.max:g}")
        if self.flat_s is not None and not SHORTEST_FLAT_S <= self.flat_s <= LONGEST_FLAT_S:
            raise ValueError(
                f"quality: flat_s {self.flat_s:g}: from {SHORTEST_FLAT_S:g} to {LONGEST_FLAT_S:g} s"
            )
        if self.flat_within is not None and (self.flat_s is None or self.flat_within < 0):
            raise ValueError("quality: flat_within is 0 or more, and goes with flat_s")
        for name, value in (("spike", self.spike), ("drift", self.drift)):
            if value is not None and value <= 0:
                raise ValueError(f"quality: {name} {value:g}: more than 0")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"quality: {name} is a number")
    return float(value)
