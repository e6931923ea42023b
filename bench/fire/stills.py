"""Measure flame in single pictures beside a plain colour rule, and what a picture costs; write README.md.

`python -m bench.fire.stills --data DIR`, DIR as in the project's inventory of pictures.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from bench.__main__ import with_table
from bench.fire.train.licensed import HELD_BACK_SCENES, abonia1, furg, labels_of, others
from bench.machine import Machine
from bench.spread import quantile
from bench.throwing.tables import share
from detectors.fire import FireCameraDetector
from detectors.fire.glow import LONG_SIDE_PX
from detectors.fire.view import look
from gridwatch.media import read_picture, read_video
from gridwatch.model import Picture, Pixels

PAGE = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- stills: begin -->", "<!-- stills: end -->"
NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)

COLOUR_SHARE = 0.0006
"""Part of the picture that the plain colour rule asks for."""
CAMERAS, EVERY_S, CORES = 200, 10.0, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """A picture, and whether flame is in it."""

    pixels: Pixels
    burns: bool


def main() -> None:
    """Look at all sets with all methods, then write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fire.stills", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", help="one set, and no table is written")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    detector = FireCameraDetector()
    methods: Mapping[str, Callable[[Pixels], bool]] = {
        "gridwatch": lambda pixels: _is_told(detector, pixels),
        "plain colour rule": colour_rule,
    }
    lines = [
        "| set | pictures | " + " | ".join(f"{name}: recall | false" for name in methods) + " |",
        "|---|---|" + "---|---|" * len(methods),
    ]
    for name, stills in sets(given.data).items():
        if given.only is None or given.only == name:
            lines.append(_line(name, [*stills()], methods))
            print(lines[-1], flush=True)
    if given.only is None:
        machine = Machine.this()
        said = f"{machine.measured_at[:10]}, commit `{machine.commit}`, {machine.cpu}."
        text = "\n".join([said, "", *lines, "", *_film(detector, given.data), "", *_costs(detector)])
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), text, begin=BEGIN, end=END), "utf-8")
        print(text)


def sets(data: Path) -> Mapping[str, Callable[[], Iterator[Still]]]:
    """Return the sets by their names."""
    return {
        "cair": lambda: _cair(data / "fire" / "cair"),
        "abonia1, scenes held back": lambda: _abonia1(data / "fire" / "abonia1"),
        "no fire, held back": lambda: (
            Still(pixels=one.pixels, burns=False) for one in others(data / "elevator", held_back=True)
        ),
        "furg (trained on)": lambda: (
            Still(pixels=one.pixels, burns=True)
            for one in furg(data / "fire" / "furg" / "house6.mp4", every=30)
            if one.boxes
        ),
        "gengyanlei": lambda: _film_stills(data / "fire" / "gengyanlei" / "forest1.mp4"),
    }


def colour_rule(pixels: Pixels) -> bool:
    """Tell flame wherever enough of a picture has flame's colours."""
    return float(look(pixels, longest_side_px=LONG_SIDE_PX).flame.mean()) >= COLOUR_SHARE


def _is_told(detector: FireCameraDetector, pixels: Pixels) -> bool:
    return any(found.label == "flame" for found in detector.judge(Picture(pixels=pixels, at=NOON)))


def _line(name: str, stills: Sequence[Still], methods: Mapping[str, Callable[[Pixels], bool]]) -> str:
    cells = []
    for method in methods.values():
        told = [(method(still.pixels), still.burns) for still in stills]
        for burns in (True, False):
            of = [one for one, is_fire in told if is_fire == burns]
            cells.append(share(sum(of), len(of)))
    return f"| {name} | {len(stills)} | " + " | ".join(cells) + " |"


def _cair(folder: Path) -> Iterator[Still]:
    for kind, burns in (("fire_images", True), ("normal_images", False)):
        for path in sorted((folder / kind).iterdir()):
            yield Still(pixels=read_picture(path.read_bytes()), burns=burns)


def _abonia1(folder: Path) -> Iterator[Still]:
    for scene, paths in abonia1(folder).items():
        if scene.startswith(HELD_BACK_SCENES):
            for path in paths:
                pixels = read_picture(path.read_bytes())
                yield Still(pixels=pixels, burns=any(name == "flame" for name, _ in labels_of(path, pixels)))


def _film_stills(film: Path) -> Iterator[Still]:
    for number, picture in enumerate(read_video(film, start=NOON)):
        if number % 10 == 0:
            yield Still(pixels=picture.pixels, burns=True)


def _film(detector: FireCameraDetector, data: Path) -> Iterator[str]:
    state, first = detector.new_state(), None
    for picture in read_video(data / "fire" / "furg" / "house6.mp4", start=NOON):
        if picture.at - NOON > timedelta(seconds=15):
            break
        told = [found for found in detector.see(state, picture) if found.label == "flame"]
        first = first or (told[0] if told else None)
    delay = "never" if first is None else f"{(first.observed_at - NOON).total_seconds():.2f} s"
    yield f"The burning house of furg, which burns from its first frame, is told after {delay} of video."


def _costs(detector: FireCameraDetector) -> Iterator[str]:
    """Yield what a picture of 1920 × 1080 costs, decoded and seen, on one thread."""
    dice = np.random.default_rng(4)
    ground = cv2.resize(dice.uniform(20, 200, (135, 240, 3)).astype(np.uint8), (1920, 1080))
    jpegs = [
        cv2.imencode(".jpg", np.clip(ground * gain, 0, 255).astype(np.uint8))[1].tobytes()
        for gain in (1.0, 0.97, 1.03, 0.99)
    ]
    state, took_ms, alone_ms, decode_ms = detector.new_state(), [], [], []
    for number in range(48):
        began = time.process_time()
        pixels = read_picture(jpegs[number % len(jpegs)])
        decoded = time.process_time()
        detector.see(state, Picture(pixels=pixels, at=NOON + number * timedelta(seconds=EVERY_S)))
        seen = time.process_time()
        detector.judge(Picture(pixels=pixels, at=NOON))
        decode_ms.append(1000 * (decoded - began))
        took_ms.append(1000 * (seen - decoded))
        alone_ms.append(1000 * (time.process_time() - seen))
    yield (
        "A picture of 1920 × 1080 on one thread (CPU time, p50 / p95 of 48): "
        + ", ".join(
            f"{what} {quantile(times, 0.5):.1f} / {quantile(times, 0.95):.1f} ms"
            for what, times in (("decoded", decode_ms), ("seen in turn", took_ms), ("judged alone", alone_ms))
        )
        + "."
    )
    load = CAMERAS / EVERY_S * (quantile(decode_ms, 0.5) + quantile(took_ms, 0.5)) / 1000 / CORES
    yield (
        f"{CAMERAS} cameras with a picture every {EVERY_S:g} s, decoded and seen, take "
        f"{100 * load:.0f} % of {CORES} such cores."
    )


if __name__ == "__main__":
    main()
