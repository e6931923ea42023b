"""The recogniser on every set of real pictures, YOLOX-nano beside it in the same run, and how fast it is.

`python -m bench.elevator.images DATA [MODEL]` from the repository; DATA is the folder of pictures and
weights, MODEL a model's folder (the shipped one by default). Prints one JSON object. No threshold is chosen
here: the recogniser's lies at 0.5 and was set on validation pictures, YOLOX's at its own 0.3.
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.elevator.train.licensed import licensed
from bench.machine import Machine
from bench.spread import share
from detectors.elevator.cabin_model import SHIPPED, CabinModel
from detectors.elevator.own_model import OwnModel
from detectors.elevator.recogniser import EBIKE, Recogniser
from gridwatch.media import read_picture
from gridwatch.model import Pixels

FRAME_WH = (640, 360)
TIMED = 200
PERSON, BICYCLE, MOTORCYCLE = 0, 1, 3
"""Classes of COCO's labels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """One question to a set: in how many of its pictures is a label seen?"""

    name: str
    files: Sequence[Path]
    label: str
    is_there: bool
    """Whether the label is in all of them, or in none."""


def questions(data: Path) -> Iterator[Counted]:
    """Yield what is asked of the pictures that trained nothing; `data` is the lift's folder."""
    etoilesha = sorted((data / "etoilesha" / "images").glob("*.jpg"))
    yield Counted(name="etoilesha: e-bikes found", files=etoilesha, label=EBIKE, is_there=True)
    wheelchairs = sorted((data / "lexra_wheelchair").rglob("*.jpg"))
    yield Counted(name="lexra_wheelchair: e-bikes falsely", files=wheelchairs, label=EBIKE, is_there=False)
    chairs = [path for path in wheelchairs if "1" in _classes(path.with_suffix(".txt"))]
    yield Counted(name="lexra_wheelchair: wheelchairs found", files=chairs, label="wheelchair", is_there=True)
    yield Counted(
        name="coco128 val2017, people and no two-wheeler: e-bikes falsely",
        files=[*_people(data / "coco128")],
        label=EBIKE,
        is_there=False,
    )
    caltech: dict[str, list[Path]] = {}
    with (data / "caltech101" / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            caltech.setdefault(row["label"], []).append(data / "caltech101" / row["file"])
    for label, files in sorted(caltech.items()):
        is_there = label == "motorcycle"
        what = "found" if is_there else "falsely"
        yield Counted(
            name=f"caltech101 {label}: e-bikes {what}", files=sorted(files), label=EBIKE, is_there=is_there
        )
    yield Counted(
        name="caltech101 wheelchair: wheelchairs found",
        files=sorted(caltech["wheelchair"]),
        label="wheelchair",
        is_there=True,
    )


def _people(coco: Path) -> Iterator[Path]:
    for path in sorted((coco / "images" / "val2017").glob("*.jpg")):
        classes = _classes(coco / "labels" / "val2017" / f"{path.stem}.txt")
        if str(PERSON) in classes and not {str(BICYCLE), str(MOTORCYCLE)} & classes:
            yield path


def _classes(labels: Path) -> set[str]:
    if not labels.exists():
        return set()
    return {line.split()[0] for line in labels.read_text().splitlines() if line.strip()}


def count(recogniser: Recogniser, one: Counted) -> Mapping[str, Any]:
    """Count the pictures in which the label is seen."""
    seen = 0
    for path in one.files:
        scores = recogniser.look(read_picture(path.read_bytes())).scores
        seen += scores.get(one.label, 0.0) >= recogniser.least_score
    return share(seen, len(one.files))


def held_back(recogniser: Recogniser, data: Path) -> Mapping[str, Any]:
    """Count on the held-back part of the licensed sets; the line was set on it, so it flatters the model."""
    found: dict[str, list[bool]] = {}
    for example in licensed(data, validation=True):
        labels = {label for label, _ in example.boxes}
        for label in (EBIKE, "bicycle"):
            if label in labels or label in example.absent:
                scores = recogniser.look(example.pixels).scores
                what = "found" if label in labels else "falsely"
                seen = scores.get(label, 0.0) >= recogniser.least_score
                found.setdefault(f"{example.source}: {label} {what}", []).append(seen)
    return {name: share(sum(seen), len(seen)) for name, seen in sorted(found.items())}


def speed(recogniser: Recogniser, pixels: Pixels) -> Mapping[str, float]:
    """Time a look at one frame from its JPEG to its scores, on one thread: milliseconds."""
    frame = np.asarray(cv2.resize(pixels, FRAME_WH, interpolation=cv2.INTER_AREA), np.uint8)
    jpeg = cv2.imencode(".jpg", frame)[1].tobytes()
    return {
        "decode and look, median ms of its thread": _timed(
            lambda: recogniser.look(read_picture(jpeg)), time.thread_time
        ),
        "decode and look, median ms by the clock": _timed(
            lambda: recogniser.look(read_picture(jpeg)), time.perf_counter
        ),
        "decode, median ms of its thread": _timed(lambda: read_picture(jpeg), time.thread_time),
    }


def _timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    took = []
    for _ in range(TIMED):
        began = clock()
        work()
        took.append(clock() - began)
    return round(float(np.median(took)) * 1000, 2)


def measure(data: Path, model: Path) -> Mapping[str, Any]:
    """Ask both recognisers all questions."""
    ours = CabinModel(model)
    # Of COCO's two-wheelers either counts for an e-bike: the stock detector knows no third.
    theirs = OwnModel(data / "weights" / "yolox_nano.onnx")
    machine = Machine.this()
    asked = [*questions(data / "elevator")]
    table: dict[str, Any] = {}
    for one in asked:
        table[one.name] = {"cabin": count(ours, one)}
        if one.label == EBIKE:
            table[one.name]["yolox_nano"] = count(theirs, one)
    first = read_picture(asked[0].files[0].read_bytes())
    return {
        "commit": machine.commit,
        "cpu": machine.cpu,
        "load_1min": machine.load_1min,
        "measured": table,
        "held back of what trained": held_back(ours, data / "elevator"),
        "speed": {"cabin": speed(ours, first), "yolox_nano": speed(theirs, first)},
    }


if __name__ == "__main__":
    cv2.setNumThreads(1)
    where = Path(sys.argv[2]) if len(sys.argv) > 2 else SHIPPED
    print(json.dumps(measure(Path(sys.argv[1]), where), indent=2))
