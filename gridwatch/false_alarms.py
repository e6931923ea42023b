"""Which devices to mend for their false alarms: those that are surely worse than others of their scene."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gridwatch.rates import wilson

FEWEST_JUDGED = 5
"""Alerts that people judged: fewer say nothing of a device, whatever came of them."""

BY_CHANCE = 0.025
"""Of devices no worse than the others, so many look worse than they are: half of what 95 % leave over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A device with its alerts: how many, how many of them people judged, and how many were false."""

    device: str
    name: str
    area: str | None
    area_name: str
    scene: str
    kind: str
    alerts: int
    judged: int
    false_alarms: int
    last_false_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is to be thought of a device's false alarms.

    `share` of the judged; `least` and `most` bound it with 95 % (Wilson). `others` is the share of all other
    devices of its scene, None where nobody judged an alert of theirs. `mend`: surely worse than the others.
    """

    judged: Judged
    share: float | None
    least: float
    most: float
    others: float | None
    mend: bool


def verdicts(devices: Sequence[Judged]) -> list[Verdict]:
    """Return what to think of each device: those to mend first, each time who cost most false alarms."""
    judged, false = Counter[str](), Counter[str]()
    for one in devices:
        judged[one.scene] += one.judged
        false[one.scene] += one.false_alarms
    found = [
        _verdict(one, judged[one.scene] - one.judged, false[one.scene] - one.false_alarms) for one in devices
    ]
    return sorted(found, key=lambda one: (not one.mend, -one.judged.false_alarms, one.judged.device))


def by_chance(devices: Iterable[Judged]) -> float:
    """Return how many devices would be proposed if all were alike: what is no more than that says little."""
    return BY_CHANCE * sum(one.judged >= FEWEST_JUDGED for one in devices)


def _verdict(one: Judged, others_judged: int, others_false: int) -> Verdict:
    least, most = wilson(one.false_alarms, one.judged)
    # Without its own alerts: who makes most of them would hide behind itself.
    others = others_false / others_judged if others_judged else None
    enough = one.judged >= FEWEST_JUDGED
    return Verdict(
        judged=one,
        share=one.false_alarms / one.judged if one.judged else None,
        least=least,
        most=most,
        others=others,
        mend=enough and others is not None and least > others,
    )
