"""Hold what a method told against what happened.

An alert is right where it is told from half a second before the release to three seconds after the thing was
last seen, and most of its track lies on the thing or on its likeness in the glass. One alert answers one
event; a second one for the same is a duplicate, and counted apart. All other alerts are false.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bench.throwing.alerts import Alert, span_s
from gridwatch.facade import FacadeView, locate
from gridwatch.model import BoxXyxy
from simulators.facade.take import Filming
from simulators.rendered import Truth

BEFORE, AFTER = timedelta(seconds=0.5), timedelta(seconds=3)
NEAR_PX = 8.0
"""Around a box, at 1080 lines: a track's point in it is on it."""

ON_IT = 0.5
"""Share of a track's points that must be on the thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How one event was answered. Without an alert, only `found` (false) says anything."""

    found: bool
    delay_s: float | None = None
    """From the release to the alert, by the pictures' clock."""
    overlap: float = 0.0
    """Time range of the track against that of the thing: FADE's TRO."""
    floors_off: int | None = None
    """Of the likeliest floor; None where none was named."""
    window_right: bool | None = None
    p_floor: float | None = None
    """Probability given to the true floor."""
    suspected: bool = False
    """Told, but only as a suspicion."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of the events and alerts of one clip."""

    answers: Sequence[Answer]
    duplicates: int
    false: Sequence[str]
    """For each false alert, the kind of disturber it lies on, or `nothing`."""
    false_suspected: Sequence[str]


def judge(
    alerts: Sequence[Alert], suspicions: Sequence[Alert], filming: Filming, view: FacadeView
) -> Verdict:
    """Return which events were found and which alerts are false."""
    truths = filming.truth()
    places = [_places(filming, number) for number in range(len(truths))]
    near = NEAR_PX * max(view.size_wh) / 1920 + 4
    matched, duplicates, false = _match(alerts, truths, places, near)
    hinted, _, false_hints = _match(suspicions, truths, places, near)
    answers = [
        _answer(truth, matched[number], view)
        if number in matched
        else Answer(found=False, suspected=number in hinted)
        for number, truth in enumerate(truths)
    ]
    return Verdict(
        answers=answers,
        duplicates=duplicates,
        false=[_lies_on(alert, filming, near) for alert in false],
        false_suspected=[_lies_on(alert, filming, near) for alert in false_hints],
    )


Places = Mapping[datetime, Sequence[BoxXyxy]]
"""Boxes by the moment of a picture."""


def _places(filming: Filming, number: int) -> Places:
    """Return where a thrown thing and its reflection were."""
    boxes: dict[datetime, list[BoxXyxy]] = {}
    for at, seen in zip(filming.moments, filming.thrown[number], strict=True):
        if seen is not None:
            boxes.setdefault(at, []).append(seen.box_xyxy)
    for at, box in filming.mirrored[number]:
        boxes.setdefault(at, []).append(box)
    return boxes


def _match(
    alerts: Sequence[Alert], truths: Sequence[Truth], places: Sequence[Places], near: float
) -> tuple[dict[int, Alert], int, list[Alert]]:
    """Return the first alert of each event, the number of further ones, and those of none."""
    matched: dict[int, Alert] = {}
    duplicates, false = 0, []
    for alert in sorted(alerts, key=lambda one: one.told_at):
        fits = [
            number
            for number, truth in enumerate(truths)
            if truth.started_at - BEFORE <= alert.told_at <= truth.ended_at + AFTER
            and _share_on(alert, places[number], near) >= ON_IT
        ]
        fresh = [number for number in fits if number not in matched]
        if fresh:
            matched[fresh[0]] = alert
        elif fits:
            duplicates += 1
        else:
            false.append(alert)
    return matched, duplicates, false


def _share_on(alert: Alert, places: Places, near: float) -> float:
    on = [
        any(
            left - near <= point.x <= right + near and top - near <= point.y <= bottom + near
            for left, top, right, bottom in places.get(point.at, ())
        )
        for point in alert.track
    ]
    return float(np.mean(on)) if on else 0.0


def _answer(truth: Truth, alert: Alert, view: FacadeView) -> Answer:
    begin, end = span_s(alert)
    both = (min(end, truth.ended_at) - max(begin, truth.started_at)).total_seconds()
    either = (max(end, truth.ended_at) - min(begin, truth.started_at)).total_seconds()
    origins = locate(view, alert.track)
    by_floor: dict[int, float] = {}
    for origin in origins:
        if origin.floor is not None:
            by_floor[origin.floor] = by_floor.get(origin.floor, 0.0) + origin.p
    floor, window = round(float(truth.detail["floor"])), round(float(truth.detail["window"]))
    best = max(by_floor, key=lambda number: by_floor[number]) if by_floor else None
    first = next((origin for origin in origins if origin.floor is not None), None)
    return Answer(
        found=True,
        delay_s=(alert.told_at - truth.started_at).total_seconds(),
        overlap=max(0.0, both) / either if either > 0 else 0.0,
        floors_off=best - floor if best is not None else None,
        window_right=(first.floor, first.window) == (floor, window) if first is not None else None,
        p_floor=round(by_floor.get(floor, 0.0), 3),
    )


def _lies_on(alert: Alert, filming: Filming, near: float) -> str:
    """Return the kind of what a false alert lies on: that of most of its points."""
    best, best_share = "nothing", 0.2
    for number, boxes in filming.disturbing.items():
        places: dict[datetime, Sequence[BoxXyxy]] = {at: [box] for at, box in boxes}
        share = _share_on(alert, places, near)
        if share > best_share:
            best, best_share = filming.take.actors[number].kind, share
    for number in range(len(filming.take.throws)):
        if _share_on(alert, _places(filming, number), near) > best_share:
            return "thrown thing, at a wrong time"
    weather = {actor.kind for actor in filming.take.actors} & {"rain", "snow"}
    return next(iter(weather)) if best == "nothing" and weather else best
