"""Hold the drifts that simulated sensors have against what is told of them; print what README.md says.

`python -m bench.fire.drifts`. As the database does it: what each hour lay above the usual of its channel,
less the median of the valley's, and the median of that over a day.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from bench.fire.methods import HOURS, Slots
from bench.fire.valleys import LEARN_DAYS, Season, Split, sensor_days
from bench.throwing.tables import share
from gridwatch.quality import DRIFT_HOURS
from gridwatch.rates import most_per
from simulators.valley.climate import Array
from simulators.valley.happenings import Fault, Rates
from simulators.valley.living import DRIFT_SIGMAS
from simulators.valley.sensing import QUANTITIES, Senses, drift_unit

POSTS, DAYS, SEASONS = 30, LEARN_DAYS + 8, 16
WITHIN_H = 24
AFTER_H = 36
"""What is told so long after a fault is of that fault."""
DRIFTS = Rates(fires=0.12, faults=0.05)
"""More faults than there are, a fifth of them drifts of 2 sigma or more: so that there is much to count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What became of a season's drifts, and what was told where nothing drifted."""

    hours: Sequence[int | None]
    """After its begin, of each drift; None: not within a day."""
    false: int
    sensor_days: float


def watch(season: Season) -> Counted:
    """Let a season pass."""
    valley = season.valley(POSTS)
    senses = Senses(valley, season.seed, DRIFTS)
    slots, begin_s, days, faults = Slots(POSTS, QUANTITIES), 0.0, 0.0, set[Fault]()
    beyond: dict[str, list[Array]] = {name: [] for name in QUANTITIES}
    for number, sensed in zip(range(season.days), senses.days(season.first_day), strict=False):
        if number == LEARN_DAYS:
            begin_s = float(sensed.seconds[0])
        if number >= LEARN_DAYS:
            days += sensor_days(sensed)
        today = season.first_day + number
        faults |= {fault for day in range(today - 6, today + 1) for fault in senses.begun(day).faults}
        minutes = len(sensed.seconds) // HOURS
        for begin in range(0, len(sensed.seconds), minutes):
            now = slice(begin, begin + minutes)
            hour = int(sensed.seconds[begin] // 3600) % HOURS
            readings = {name: sensed.values[name][now] for name in QUANTITIES}
            if number >= LEARN_DAYS:
                for name, column in readings.items():
                    above = _mean(column) - slots.of(name, hour).mean
                    above[slots.of(name, hour).days < LEARN_DAYS] = np.nan
                    beyond[name].append(above - np.nanmedian(above))
            slots.take_in(hour, readings)
    told = {name: _told(np.array(column), DRIFT_SIGMAS * drift_unit(name)) for name, column in beyond.items()}
    return Counted(
        hours=list(_found(told, faults, begin_s)),
        false=sum(_false(told[name], name, faults, begin_s) for name in QUANTITIES),
        sensor_days=days,
    )


def _mean(column: Array) -> Array:
    count = (~np.isnan(column)).sum(axis=0)
    return np.asarray(np.where(count >= 3, np.nansum(column, axis=0) / np.maximum(count, 1), np.nan))


def _told(beyond: Array, limit: float) -> Array:
    """Return in which hour, and at which post, a drift is told."""
    told = np.zeros(beyond.shape, bool)
    for hour in range(DRIFT_HOURS, len(beyond) + 1):
        # An hour without readings adds none: the database goes back to the hours before it.
        last = np.nan_to_num(beyond[hour - DRIFT_HOURS : hour])
        told[hour - 1] = np.abs(np.median(last, axis=0)) > limit
    return told


def _found(told: dict[str, Array], faults: set[Fault], begin_s: float) -> Iterator[int | None]:
    hours = len(told["co_ppm"])
    for fault in faults:
        first = int((fault.begins_s - begin_s) // 3600)
        if fault.kind == "drift" and first >= 0 and first + WITHIN_H < hours:
            hit = np.flatnonzero(told[fault.channel][first : first + WITHIN_H + 1, fault.post])
            yield int(hit[0]) if hit.size else None


def _false(told: Array, name: str, faults: set[Fault], begin_s: float) -> int:
    """Count how often a drift of a channel begins to be told where neither it nor its post is at fault."""
    clean = told.copy()
    for fault in faults:
        if fault.channel == name or fault.kind == "silent":
            first = max(0, int((fault.begins_s - begin_s) // 3600))
            last = max(0, int((fault.begins_s + fault.lasts_s - begin_s) // 3600) + AFTER_H)
            clean[first:last, fault.post] = False
    return int((np.diff(clean.astype(np.int8), axis=0) > 0).sum())


def main() -> None:
    """Print how many drifts were told within a day, and how many that were none."""
    parser = argparse.ArgumentParser(prog="python -m bench.fire.drifts", description=__doc__)
    parser.add_argument("--split", choices=get_args(Split), default="report")
    parser.add_argument("--seasons", type=int, default=SEASONS, metavar="N")
    given = parser.parse_args()
    counted = [watch(Season(split=given.split, number=n, days=DAYS)) for n in range(given.seasons)]
    hours = [hour for one in counted for hour in one.hours]
    found = [hour for hour in hours if hour is not None]
    false, months = sum(one.false for one in counted), sum(one.sensor_days for one in counted) / 30
    print(f"drifts told within {WITHIN_H} h: {share(len(found), len(hours))}")
    print(f"after: median {np.median(found):.0f} h")
    print(
        f"false: {false} in {months:.1f} sensor-months of {len(QUANTITIES)} channels, "
        f"{false / months:.2f} each; at most {most_per(false, months):.2f}"
    )


if __name__ == "__main__":
    main()
