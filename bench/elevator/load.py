"""How much of one core 20 lifts take: 4 in which something moves at 5 pictures a second, 16 at rest at 2.

`python -m bench.elevator.load` from the repository; prints one JSON object. Pictures are JPEGs of
640×360 that are decoded as they come. CPU time is counted, so that what else runs does not, and one thread.
"""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import cv2

from bench.elevator.visits import START
from bench.machine import Machine
from detectors.elevator import ElevatorDetector
from gridwatch.media import encode_jpeg, read_picture
from gridwatch.model import Picture
from simulators.cabin.visit import render_visit

LIFTS, MOVING = 20, 4
MOVING_FPS, IDLE_FPS = 5.0, 2.0
SIZE_WH = (640, 360)
KINDS = ("ebike", "wheelchair", "person", "bicycle")
EMPTY_S, RIDE_S = 6.0, 5.0
SEED = 9_500_000


def visited(shows: str, seed: int) -> tuple[list[bytes], list[bytes]]:
    """Render a visit; return the pictures of the empty cabin before it, and those of the visit itself."""
    moments = list(
        render_visit(seed, shows=shows, size_wh=SIZE_WH, fps=MOVING_FPS, empty_s=EMPTY_S, ride_s=RIDE_S)
    )
    coded = [encode_jpeg(moment.still.pixels) for moment in moments]
    resting = round(EMPTY_S * MOVING_FPS)
    return coded[:resting], coded[resting:-resting]


def seconds_of(pictures: Sequence[bytes], fps: float, warm: Sequence[bytes]) -> list[float]:
    """Return the CPU time of each picture of a lift that was watched while it was `warm`."""
    detector = ElevatorDetector()
    state = detector.new_state()
    at, taken = START, []
    for number, content in enumerate([*warm, *pictures]):
        at += timedelta(seconds=1 / fps)
        began = time.process_time()
        detector.see(state, Picture(pixels=read_picture(content), at=at))
        if number >= len(warm):
            taken.append(time.process_time() - began)
    return taken


def main() -> None:
    """Measure pictures of lifts that move and of lifts that rest; say what 20 lifts take."""
    cv2.setNumThreads(1)
    moving: list[float] = []
    idle: list[float] = []
    for number, kind in enumerate(KINDS):
        empty, visit = visited(kind, SEED + number)
        moving += seconds_of(visit, MOVING_FPS, empty)
        idle += seconds_of(empty, IDLE_FPS, empty)
    each = [sum(taken) / len(taken) for taken in (moving, idle)]
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": str(Machine.this()),
        "CPU ms a picture, moving": {"n": len(moving), "mean": 1000 * each[0], "max": 1000 * max(moving)},
        "CPU ms a picture, at rest": {"n": len(idle), "mean": 1000 * each[1], "max": 1000 * max(idle)},
        "share of one core for 20 lifts": MOVING * MOVING_FPS * each[0]
        + (LIFTS - MOVING) * IDLE_FPS * each[1],
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
