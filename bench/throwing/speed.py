"""How many pictures a second one thread judges, beside OpenCV's MOG2 on the same grey pictures, and in how
much memory.

    python -m bench.throwing.speed

1080p, after decoding: a calm façade, and a busy one with rain, trees and a shaking camera. The baselines of
`python -m bench.throwing` see the same pictures. They are rendered first and shown again and again in the
same order, forward and backward, so that no picture jumps.
"""

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from bench.throwing.baselines import Chain, Fade
from detectors.throwing import ThrowingDetector
from gridwatch.model import Picture, Pixels
from simulators.facade.sensor import ShakeName
from simulators.facade.stage import draw_stage
from simulators.facade.take import Disturber, Filming, draw_take

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
FPS = 25.0
RENDERED_S = 1.6
WARM_UP, MEASURED = 60, 150
"""Pictures."""

SCENES: dict[str, tuple[dict[Disturber, int], ShakeName]] = {
    "calm": ({"laundry": 2, "bird": 1}, "none"),
    "busy": ({"rain": 10, "tree": 2, "leaf": 10, "laundry": 8}, "none"),
    "busy and shaking": ({"rain": 10, "tree": 2, "leaf": 10, "laundry": 8}, "sway"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Pictures per second on one thread, from the processor's time, and the most memory that the process held
    more than before (Linux)."""

    scene: str
    detector_fps: float
    mog2_fps: float
    baselines_fps: Mapping[str, float]
    memory_mb: float

    @property
    def ratio(self) -> float:
        """How many times as fast as MOG2."""
        return self.detector_fps / self.mog2_fps


def measure(scene: str) -> Speed:
    """Run all over a scene's pictures, picture by picture in turn: what disturbs the machine disturbs all."""
    cv2.setNumThreads(1)
    pictures = _rendered(scene)
    greys = [np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8) for pixels in pictures]
    subtractor = cv2.createBackgroundSubtractorMOG2()
    for grey in greys[:2]:
        subtractor.apply(grey)
    before = _resident_mb()
    detector = ThrowingDetector()
    state = detector.new_state()
    baselines = (Fade(), Chain())
    ours, theirs = [], []
    spent: dict[str, list[float]] = {method.name: [] for method in baselines}
    memory = 0.0
    for index in range(WARM_UP + MEASURED):
        place = index % (2 * len(pictures) - 2)
        place = min(place, 2 * len(pictures) - 2 - place)
        picture = Picture(pixels=pictures[place], at=START + timedelta(seconds=index / FPS))
        ours.append(_seconds(lambda picture=picture: detector.see(state, picture)))  # type: ignore[misc]
        memory = max(memory, _resident_mb() - before)
        theirs.append(_seconds(lambda place=place: subtractor.apply(greys[place])))  # type: ignore[misc]
        for method in baselines:
            took_s = _seconds(lambda picture=picture, method=method: method.see(picture))  # type: ignore[misc]
            spent[method.name].append(took_s)
    return Speed(
        scene=scene,
        detector_fps=_rate(ours),
        mog2_fps=_rate(theirs),
        baselines_fps={name: _rate(times) for name, times in spent.items()},
        memory_mb=memory,
    )


def _rendered(scene: str) -> Sequence[Pixels]:
    disturbers, shake = SCENES[scene]
    rng = np.random.default_rng(5)
    stage = draw_stage(rng, size_wh=(1920, 1080), light="day")
    take = draw_take(rng, stage, duration_s=RENDERED_S, fps=FPS, disturbers=disturbers, shake=shake)
    return [picture.pixels for picture in Filming(take=take, start=START).pictures()]


def _rate(seconds: Sequence[float]) -> float:
    return 1 / float(np.mean(seconds[WARM_UP:]))


def _seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _resident_mb() -> float:
    """Return the memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Print the table."""
    print(f"scene | gridwatch pictures/s | MOG2 alone | ratio | {Fade.name} | {Chain.name} | MB more")
    for scene in SCENES:
        speed = measure(scene)
        print(
            f"{scene} | {speed.detector_fps:.0f} | {speed.mog2_fps:.0f} | {speed.ratio:.1f} | "
            f"{speed.baselines_fps[Fade.name]:.0f} | {speed.baselines_fps[Chain.name]:.0f} | "
            f"{speed.memory_mb:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
