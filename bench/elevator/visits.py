"""Rendered visits to lifts, judged picture by picture over time: events, holds, and how soon.

`python -m bench.elevator.visits train|report VISITS [WEIGHTS]` from the repository; prints one JSON object.
Ctrl-C ends it early with what was done. Train seeds are for choosing what the detector demands, report seeds
for saying how good that is; no cabin, thing or person is in both. A third of the visits bring an e-bike,
moped or motorcycle, half of them a wheelchair, pram or stretcher. The lift says nothing of itself, so that
nothing but the judgement keeps it from being held. WEIGHTS is a stock detector (YOLOX-nano) that judges every
tenth cabin beside ours.
"""

import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from bench.machine import Machine
from bench.spread import share
from detectors.elevator import ElevatorDetector
from detectors.elevator.looks import odds_of
from detectors.elevator.recogniser import SUSPECTED
from gridwatch.interlock import (
    AGREEING_LOOKS,
    HELD_FOR,
    LOOKS,
    SEEN_SCORE,
    Interlock,
    Look,
    Wiring,
    vehicle_score,
)
from gridwatch.model import Finding, Picture
from simulators.cabin.visit import Moment, depth_for, party_of, render_visit, site_for

FIRST_SEED: Mapping[str, int] = {"train": 1_000_000, "report": 9_000_000}
SIZE_WH = (320, 240)
"""Small, since thousands of visits are rendered; what stands in the cabin still fills what is looked at."""
FPS = 5.0
VISITS_PER_CABIN = 5
RIDE_S, EMPTY_S = 3.0, 2.4
START = datetime(2026, 1, 1, tzinfo=UTC)

KINDS: Mapping[str, float] = {
    "ebike": 0.25,
    "motorcycle": 0.07,
    "wheelchair": 0.22,
    "pram": 0.18,
    "stretcher": 0.1,
    "bicycle": 0.05,
    "trolley": 0.04,
    "suitcase": 0.02,
    "goods": 0.02,
    "person": 0.04,
    "empty": 0.01,
}
"""How often which visit comes."""

SPARED = ("wheelchair", "pram", "stretcher")
STOCK_EVERY = 10


@dataclass(slots=True)
class Visit:
    """What happened in a visit and what was made of it; seconds of the cabin's own time."""

    shows: str
    seed: int
    view: str
    kind: str = ""
    full_at_s: float | None = None
    left_at_s: float | None = None
    told: list[float] = field(default_factory=list)
    suspected: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    freed_at_s: float | None = None
    peak: float = -99.0
    """The highest log odds from which a hold would have been asked for."""

    @property
    def noticed(self) -> list[float]:
        """When an e-bike was suspected or told."""
        return self.suspected + self.told

    @property
    def is_vehicle(self) -> bool:
        """Say whether the lift is to wait for it."""
        return self.shows in HELD_FOR


class Judge:
    """A detector with an interlock in one cabin."""

    def __init__(self, detector: ElevatorDetector) -> None:
        self._detector = detector
        self._state = detector.new_state()
        self._interlock = Interlock(Wiring(), 0.0)
        self._odds: deque[float] = deque(maxlen=LOOKS)
        self.seconds: list[float] = []

    def take(self, visit: Visit, moment: Moment, now_s: float) -> None:
        """Look at a picture; write down in the visit what follows."""
        picture = Picture(pixels=moment.still.pixels, at=START + timedelta(seconds=now_s))
        began = time.process_time()
        findings = self._detector.see(self._state, picture)
        self.seconds.append(time.process_time() - began)
        scores = self._detector.scores(self._state)
        visit.told += [now_s for finding in findings if _is_first(finding, HELD_FOR)]
        visit.suspected += [now_s for finding in findings if _is_first(finding, {SUSPECTED})]
        was_holding = self._interlock.is_holding
        self._interlock.see(Look(at_s=now_s, scores=scores), now_s)
        if self._interlock.is_holding and not was_holding:
            visit.held.append(now_s)
        if was_holding and not self._interlock.is_holding:
            visit.freed_at_s = now_s
        self._odds.append(odds_of(vehicle_score(scores)))
        if len(self._odds) == LOOKS:
            visit.peak = max(visit.peak, sorted(self._odds)[LOOKS - AGREEING_LOOKS])


def _is_first(finding: Finding, labels: Set[str]) -> bool:
    """Say whether a finding tells a new visit of a vehicle, not more about one that was told."""
    return finding.label in labels and finding.ended_at is None and not finding.criteria.get("entered")


def visit_cabin(cabin: int, judges: Sequence[Judge]) -> Iterator[list[Visit]]:
    """Let a cabin be visited; yield each visit as each judge saw it."""
    rng = np.random.default_rng([23, cabin])
    seeds = [cabin * VISITS_PER_CABIN + number for number in range(VISITS_PER_CABIN)]
    shows = [str(rng.choice(list(KINDS), p=list(KINDS.values()))) for _ in seeds]
    parties = [party_of(seed, kind) for seed, kind in zip(seeds, shows, strict=True)]
    site = site_for(cabin, depth_for(parties), SIZE_WH)
    began_s = 0.0
    for seed, kind, party in zip(seeds, shows, parties, strict=True):
        visits = [Visit(shows=kind, seed=seed, view=site.view) for _ in judges]
        now_s = began_s
        for moment in render_visit(
            seed, shows=kind, size_wh=SIZE_WH, fps=FPS, ride_s=RIDE_S, empty_s=EMPTY_S, site=site
        ):
            now_s = began_s + moment.at_s
            for judge, visit in zip(judges, visits, strict=True):
                visit.kind = "" if party is None else party.things[0].kind
                _keep(visit, moment, now_s)
                judge.take(visit, moment, now_s)
        began_s = now_s + 1 / FPS
        yield visits


def _keep(visit: Visit, moment: Moment, now_s: float) -> None:
    if moment.inside == 1 and visit.full_at_s is None:
        visit.full_at_s = now_s
    if moment.inside == 0 and visit.full_at_s is not None and visit.left_at_s is None:
        visit.left_at_s = now_s


def _quantiles(values: Sequence[float]) -> Mapping[str, float]:
    if not values:
        return {}
    return {
        "n": len(values),
        "median": median(values),
        "p95": float(np.quantile(values, 0.95)),
        "max": max(values),
    }


def report(visits: Sequence[Visit]) -> Mapping[str, Any]:
    """Say how good it was: an event is right in a vehicle's visit, once; all others are wrong."""
    vehicles = [visit for visit in visits if visit.is_vehicle]
    others = [visit for visit in visits if not visit.is_vehicle]
    right = sum(bool(visit.told) for visit in vehicles)
    again = sum(len(visit.told) - 1 for visit in vehicles if visit.told)
    wrong = sum(len(visit.told) for visit in others)
    held = [visit for visit in vehicles if visit.held]
    freed = [visit for visit in held if visit.freed_at_s is not None and visit.left_at_s is not None]
    return {
        "visits": len(visits),
        "recall": share(right, len(vehicles)),
        "precision": share(right, right + wrong),
        "told again": again,
        "suspected or told": {
            "recall": share(sum(bool(v.noticed) for v in vehicles), len(vehicles)),
            "precision": share(
                sum(bool(v.noticed) for v in vehicles),
                sum(bool(v.noticed) for v in visits),
            ),
            "wrongly": dict(Counter(v.shows for v in others if v.noticed)),
            "after fully inside, s": _quantiles(
                [
                    max(0.0, min(v.noticed) - v.full_at_s)
                    for v in vehicles
                    if v.noticed and v.full_at_s is not None
                ]
            ),
        },
        "wrong events": dict(Counter(visit.shows for visit in others for _ in visit.told)),
        "held": share(len(held), len(vehicles)),
        "false holds": {
            kind: share(
                sum(bool(v.held) for v in others if v.shows == kind), sum(v.shows == kind for v in others)
            )
            for kind in KINDS
            if kind not in HELD_FOR
        },
        "false holds of wheelchairs, prams and stretchers": share(
            sum(bool(v.held) for v in others if v.shows in SPARED), sum(v.shows in SPARED for v in others)
        ),
        "falsely held seeds": [(v.shows, v.kind, v.view, v.seed) for v in others if v.held],
        "by kind": {
            kind: share(
                sum(bool(v.held) for v in vehicles if v.kind == kind), sum(v.kind == kind for v in vehicles)
            )
            for kind in sorted({v.kind for v in vehicles})
        },
        "by view": {
            view: share(
                sum(bool(v.held) for v in vehicles if v.view == view), sum(v.view == view for v in vehicles)
            )
            for view in sorted({v.view for v in vehicles})
        },
        "hold after fully inside, s": _quantiles(
            [max(0.0, v.held[0] - v.full_at_s) for v in held if v.full_at_s is not None]
        ),
        "release after it left, s": _quantiles(
            [
                v.freed_at_s - v.left_at_s
                for v in freed
                if v.freed_at_s is not None and v.left_at_s is not None
            ]
        ),
        "held and not released in the visit": len(held) - len(freed),
        "peaks": {
            "vehicles, lowest 1, 2, 5, 10 %": np.quantile(
                [v.peak for v in vehicles], [0.01, 0.02, 0.05, 0.1]
            ).tolist()
            if vehicles
            else [],
            "spared, highest five": sorted((v.peak for v in others if v.shows in SPARED), reverse=True)[:5],
            "others, highest five": sorted((v.peak for v in others if v.shows not in SPARED), reverse=True)[
                :5
            ],
            "hold from": odds_of(SEEN_SCORE),
        },
    }


def main(arguments: Sequence[str]) -> None:
    """Visit cabins until there were as many visits as asked for, or Ctrl-C says that it is enough."""
    cv2.setNumThreads(1)
    seeds, count = arguments[0], int(arguments[1])
    weights = Path(arguments[2]) if len(arguments) > 2 else None
    ours = ElevatorDetector()
    stock = ElevatorDetector(weights) if weights is not None else None
    own: list[Visit] = []
    theirs: list[Visit] = []
    paired: list[Visit] = []
    seconds: list[float] = []
    began = time.monotonic()
    cabins = -(-count // VISITS_PER_CABIN)
    with suppress(KeyboardInterrupt):
        for number in range(cabins):
            judges = [Judge(ours)]
            if stock is not None and number % STOCK_EVERY == 0:
                judges.append(Judge(stock))
            for visits in visit_cabin(FIRST_SEED[seeds] + number, judges):
                own.append(visits[0])
                theirs += visits[1:]
                paired += visits[:1] if len(visits) > 1 else []
            seconds += judges[0].seconds
            if number % 5 == 4:
                spared = [visit for visit in own if visit.shows in SPARED]
                sys.stderr.write(
                    f"{time.monotonic() - began:.0f} s: {len(own)} visits, false holds "
                    f"{sum(bool(v.held) for v in spared)} of {len(spared)}\n"
                )
    found = {
        "seeds": seeds,
        "first cabin": FIRST_SEED[seeds],
        "machine": str(Machine.this()),
        "ours": report(own),
        "CPU ms a picture": _quantiles([1000 * one for one in seconds]),
    }
    if stock is not None:
        found |= {"YOLOX-nano": report(theirs), "ours in the same cabins": report(paired)}
    sys.stdout.write(json.dumps(found, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
