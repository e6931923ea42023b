"""Valleys are shown to the rules for ground sensors and to simpler ones, and what they tell is judged."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.fire.methods import FixedLevels, Method, OneReading, Ours, Stage, Told
from bench.fire.valleys import (
    KNOWN_AFTER_S,
    LEARN_DAYS,
    TOUCHED_SIGMA,
    Event,
    Season,
    Sigmas,
    events_of,
    sensor_days,
)
from simulators.valley.climate import Array

MERGED_S = 30 * 60.0
"""What is told of a post again within this time is the same alert."""

YOUNG = "gridwatch, before anything is learned"
"""Its sensors are new when the fires begin: fixed levels and the last day stand in for what is usual."""

Record = dict[str, Any]
"""What is kept of a season, as JSON."""


@dataclass
class Judged:
    """What one method told of a season: by event the first telling of each stage; false ones by stage."""

    answers: list[dict[str, float | None]] = field(default_factory=list)
    false: dict[str, int] = field(default_factory=lambda: {"noted": 0, "warning": 0, "alarm": 0})
    seconds: float = 0.0
    _last: dict[tuple[int, str], float] = field(default_factory=dict)

    def judge(
        self, told: Sequence[Told], events: Sequence[Event], traces: Mapping[int, Array], seconds: Array
    ) -> None:
        """Take in what was told on a day."""
        by_post: dict[int, list[Told]] = defaultdict(list)
        for one in told:
            by_post[one.post].append(one)
        for event in events:
            within = [one for one in by_post[event.post] if event.begins_s <= one.at_s <= event.until_s]
            self.answers.append(
                {
                    "warning": _first(within, ("warning", "alarm"), event.raised_s),
                    "alarm": _first(within, ("alarm",), event.raised_s),
                }
            )
        touched = _touched(traces, seconds)
        for one in told:
            again = one.at_s - self._last.get((one.post, one.stage), -np.inf) < MERGED_S
            self._last[one.post, one.stage] = one.at_s
            minute = int(np.searchsorted(seconds, one.at_s))
            if not again and not (touched is not None and touched[minute, one.post]):
                self.false[one.stage] += 1


def _first(told: Sequence[Told], stages: Sequence[Stage], raised_s: float) -> float | None:
    """Return how long after a channel was raised one of these stages was told: 0 where it was before."""
    moments = [one.at_s for one in told if one.stage in stages]
    return max(0.0, min(moments) - raised_s) if moments else None


def _touched(traces: Mapping[int, Array], seconds: Array) -> Array | None:
    """Return when and where telling is right: where smoke is, and for some time after it."""
    if not traces:
        return None
    touched = np.any([trace >= TOUCHED_SIGMA for trace in traces.values()], axis=0)
    steps = int(KNOWN_AFTER_S / (seconds[1] - seconds[0]))
    after = np.cumsum(touched, axis=0)
    after[steps:] -= after[:-steps].copy()
    return np.asarray(after > 0)


def watch(season: Season, *, posts: int) -> Record:
    """Show a season to all methods; return what became of it."""
    valley = season.valley(posts)
    methods: dict[str, Method] = {
        "gridwatch": Ours(valley),
        YOUNG: Ours(valley),
        "one reading, by hour of day": OneReading(valley),
        "one reading, fixed level": FixedLevels(),
    }
    judged = {name: Judged() for name in methods}
    sigmas = Sigmas(len(valley.posts))
    days, events = 0.0, []
    known: Mapping[str, Array] = {}
    for number, sensed in enumerate(season.sensed(valley)):
        if number < LEARN_DAYS:
            sigmas.learn(sensed)
            for name, method in methods.items():
                if name != YOUNG:
                    list(method.day(sensed))
            continue
        known = known or sigmas.known()
        of_day, traces = events_of(sensed, known)
        days += sensor_days(sensed)
        events += of_day
        for name, method in methods.items():
            began = time.process_time()
            told = list(method.day(sensed))
            judged[name].seconds += time.process_time() - began
            judged[name].judge(told, of_day, traces, sensed.seconds)
    return {
        "season": season.name,
        "sensor_days": days,
        "events": [
            {"fire": one.fire, "post": one.post, "sigma": one.sigma, "raised_s": one.raised_s}
            for one in events
        ],
        "methods": {
            name: {"answers": one.answers, "false": one.false, "seconds": round(one.seconds, 2)}
            for name, one in judged.items()
        },
    }
