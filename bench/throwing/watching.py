"""Show a clip to the methods and keep what came of it: one record per clip, small enough to be kept."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.throwing.alerts import ALERT, Method, Ours
from bench.throwing.baselines import Chain, Fade
from bench.throwing.judging import judge
from bench.throwing.sets import Clip
from bench.throwing.showing import RENDERED, Showing, show
from gridwatch.facade import FacadeView
from simulators.facade.street import Tree
from simulators.facade.take import Filming
from simulators.facade.weather import Falling

Record = dict[str, Any]
"""What is kept of a clip, as JSON."""

JUDGED = ("detectors/throwing", "gridwatch/facade", *RENDERED)
"""What the results depend on: when any of it changes, older results say nothing."""

LEAST_PICTURES = 5
"""In which a disturber must be seen to count as a track."""


def watch(clip: Clip, *, state: str, baselines: bool, clips: Path | None = None) -> Record:
    """Show a clip to the detector and maybe to the baselines; return what came of it.

    It is rendered, or taken from the folder of rendered ones.
    """
    showing = show(clip, clips)
    methods: list[Method] = [Ours(showing.view)]
    if baselines:
        methods += [Fade(), Chain()]
    spent = dict.fromkeys((method.name for method in methods), 0.0)
    pictures = 0
    for picture in showing.pictures():
        pictures += 1
        for method in methods:
            before = time.process_time()
            method.see(picture)
            spent[method.name] += time.process_time() - before
    verdicts = {method.name: _verdict(method, showing) for method in methods}
    return {
        "clip": clip.name,
        "state": state,
        "family": clip.family,
        "light": clip.light,
        "weather": clip.weather,
        "shake": clip.shake,
        "size_wh": list(clip.size_wh),
        "fps": clip.fps,
        "seconds": round(pictures / clip.fps, 2),
        "distance_m": round(showing.filming.take.stage.camera.at_m[1], 1),
        "events": [
            {**truth.detail, "open_floors": open_floors(showing.filming, number, showing.view)}
            for number, truth in enumerate(showing.filming.truth())
        ],
        "tracks": tracks(showing.filming),
        "methods": {
            name: {**verdict, "ms": round(1000 * spent[name] / max(1, pictures), 2)}
            for name, verdict in verdicts.items()
        },
    }


def _verdict(method: Method, showing: Showing) -> dict[str, Any]:
    told = method.alerts()
    verdict = judge(
        [alert for alert in told if alert.label == ALERT],
        [alert for alert in told if alert.label != ALERT],
        showing.filming,
        showing.view,
    )
    return {
        "answers": [_without_unknown(asdict(answer)) for answer in verdict.answers],
        "duplicates": verdict.duplicates,
        "false": list(verdict.false),
        "false_suspected": list(verdict.false_suspected),
        "notes": method.notes,
    }


def _without_unknown(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in answer.items()
        if value is not None
    }


def open_floors(filming: Filming, number: int, view: FacadeView) -> float:
    """Return how many floors a thing fell where it was seen and no mask was: between pictures that show it
    so, one after the other."""
    throw, unmasked = filming.take.throws[number], replace(view, polygon=())
    fallen: float = 0.0
    before: float | None = None
    for at, seen in zip(filming.moments, filming.thrown[number], strict=True):
        now = None
        if seen is not None and unmasked.inside(*(np.array([value]) for value in seen.centre_xy))[0]:
            now = throw.fallen_m((at - filming.start).total_seconds())
        if now is not None and before is not None:
            fallen += now - before
        before = now
    return round(fallen / filming.take.stage.house.floor_m, 2)


def tracks(filming: Filming) -> dict[str, int]:
    """Return how many of each kind of disturber were seen in LEAST_PICTURES pictures or more.

    A tree counts each tuft of leaves, rain and snow each drop and flake.
    """
    counted: Counter[str] = Counter()
    for number, boxes in filming.disturbing.items():
        actor = filming.take.actors[number]
        if len(boxes) >= LEAST_PICTURES:
            counted[actor.kind] += len(actor.tufts) if isinstance(actor, Tree) else 1
    for actor in filming.take.actors:
        if isinstance(actor, Falling):
            counted[actor.kind] += actor.tracks
    return dict(counted)


def both(records: Sequence[Record], names: Sequence[str]) -> list[Record]:
    """Return the records of the clips that all of these methods have seen."""
    return [record for record in records if all(name in record["methods"] for name in names)]
