"""Our whole detector before rendered sequences: what it tells, where it burns, how long it takes."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.fire.camera.peers import grey_regions
from bench.fire.camera.sequences import FEWEST_VISIBLE, Footage
from detectors.fire import FireCameraDetector
from detectors.fire.camera import PresetState
from detectors.fire.tubes import Box
from gridwatch.model import BoxXyxy, Finding
from gridwatch.scenes import alarm_severity
from simulators.ridge.scene import Scene
from simulators.ridge.shooting import shoot

Record = dict[str, Any]
"""What is kept of a sequence, as JSON."""

ATTEMPTS = 20
TRACK_WH = (320, 180)
"""Of the pictures whose true boxes are kept: small, for only the boxes are wanted."""


def kept(path: Path, wanted: Sequence[tuple[str, Callable[[], Record]]]) -> list[Record]:
    """Return the records that are asked for; make and keep those that are not in the file yet."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    there = {record["sequence"]: record for record in map(json.loads, lines)}
    for sequence, make in wanted:
        if sequence not in there:
            there[sequence] = make()
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(there[sequence]) + "\n")
            print(sequence, flush=True)
    return [there[sequence] for sequence, _ in wanted]


def track(footage: Footage) -> Record:
    """Return the true boxes of a fire's smoke, from the first picture that shows it."""
    for attempt in range(ATTEMPTS):
        scene = footage.scene(attempt, size_wh=TRACK_WH)
        smoke = [shot.smoke for shot in shoot(scene)]
        if sum(box is not None for box in smoke) >= FEWEST_VISIBLE:
            first = next(number for number, box in enumerate(smoke) if box is not None)
            boxes = [None if box is None else [round(side) for side in box] for box in smoke[first:]]
            return {"sequence": footage.name, "trouble": scene.trouble, "smoke": boxes}
    raise ValueError(f"{footage.name}: no fire that anybody could see in {ATTEMPTS} scenes")


class Recording(FireCameraDetector):
    """Our detector, and the boxes of its newest picture before any rule over time."""

    boxes: Sequence[Box] = ()

    def _told(
        self, memory: PresetState, boxes: Sequence[Box], at: datetime, size_wh: tuple[int, int]
    ) -> Sequence[Finding]:
        self.boxes = boxes
        return super()._told(memory, boxes, at, size_wh)


def watch(name: str, scene: Scene) -> Record:
    """Show a scene to our detector; keep what it tells, its boxes, and where it really burns."""
    detector = Recording()
    state = detector.new_state()
    told: list[dict[str, Any]] = []
    smoke: list[BoxXyxy | None] = []
    flame: list[BoxXyxy | None] = []
    recorded: list[list[tuple[float, list[int] | None]]] = []
    seconds = 0.0
    colour = None
    for number, shot in enumerate(shoot(scene)):
        smoke.append(shot.smoke)
        flame.append(shot.flame)
        detector.boxes = []
        began = time.process_time()
        findings = detector.see(state, shot.picture)
        seconds += time.process_time() - began
        recorded.append([(round(float(box.confidence), 2), _whole(box.box_xyxy)) for box in detector.boxes])
        told += [
            {"picture": number, "label": finding.label, "id": finding.id, "box": _whole(finding.box_xyxy)}
            for finding in findings
            if alarm_severity("fire", finding.label) is not None
        ]
        if colour is None and grey_regions(shot.picture.pixels):
            colour = number
    return {
        "sequence": name,
        "trouble": scene.trouble,
        "hours": scene.duration_s / 3600,
        "interval_s": scene.interval_s,
        "has_fire": scene.fire is not None,
        "smoke": [_whole(box) for box in smoke],
        "flame": [_whole(box) for box in flame],
        "boxes": recorded,
        "told": told,
        "colour": colour,
        "seconds": round(seconds, 2),
        "detector": detector.name,
    }


def watched_fire(footage: Footage) -> Record:
    """Show a sequence to our detector; one whose fire nobody could see is drawn again."""
    for attempt in range(ATTEMPTS):
        record = watch(footage.name, footage.scene(attempt))
        visible = sum(box is not None for box in record["smoke"])
        if not footage.has_fire or visible >= FEWEST_VISIBLE:
            return record
    raise ValueError(f"{footage.name}: no fire that anybody could see in {ATTEMPTS} scenes")


def true_and_false(record: Record) -> tuple[int | None, int]:
    """Return how many pictures after its first smoke a fire was told, None: never; and the false alarms.

    An alarm is true where its box meets the smoke or the flame of that picture. All that has one id, or comes
    without one within ten minutes of another at the place, is one alarm.
    """
    first = next((number for number, box in enumerate(record["smoke"]) if box is not None), None)
    told_at, false = None, set()
    right: set[str] = set()
    for one in record["told"]:
        name = str(one["id"] or f"{one['label']} {one['picture'] * record['interval_s'] // 600:g}")
        number = one["picture"]
        truths = (record["smoke"][number], record["flame"][number])
        if any(truth is not None and _meets(one["box"], truth) for truth in truths):
            right.add(name)
            told_at = number - (first or 0) if told_at is None else told_at
        else:
            false.add(name)
    return told_at, len(false - right)


def _whole(box: BoxXyxy | None) -> list[int] | None:
    """Return a box in whole pixels, as it is kept."""
    return None if box is None else [round(float(side)) for side in box]


def _meets(one: Sequence[float] | None, other: Sequence[float]) -> bool:
    if one is None:
        return False
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > 0 and down > 0
