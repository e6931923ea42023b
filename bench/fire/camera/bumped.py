"""A camera that is knocked, zoomed or turned while nothing burns: what our detector makes of it.

`python -m bench.fire.camera.bumped` writes its table into README.md; what was watched is kept at once.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.__main__ import with_table
from bench.fire.camera.sequences import SEED, Footage, Split
from bench.fire.camera.watching import Record, kept
from bench.machine import Machine
from bench.throwing.tables import share
from detectors.fire import FireCameraDetector
from gridwatch.model import Picture, Pixels
from gridwatch.scenes import alarm_severity
from simulators.ridge.shooting import shoot

Bump: TypeAlias = Literal["shifted", "zoomed", "tilted", "turned"]
BUMPS: tuple[Bump, ...] = get_args(Bump)

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "README.md"
BEGIN, END = "<!-- bumped: begin -->", "<!-- bumped: end -->"
SEQUENCES = 48
AT_PICTURE = 16
"""The first of the new view."""
SHIFT_SHARE = (0.04, 0.25)
"""Of the picture's width; the detector holds a sway of less still."""
ZOOM = (1.1, 1.6)
TILT_DEG = (2.0, 8.0)


def main() -> None:
    """Watch what was not watched yet, then write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fire.camera.bumped", description=__doc__)
    parser.add_argument("--split", choices=get_args(Split), default="report", help="train writes no table")
    parser.add_argument("--sequences", type=int, default=SEQUENCES, metavar="N")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    wanted = [
        (bumped_name(given.split, number), partial(bumped, given.split, number))
        for number in range(given.sequences)
    ]
    records = kept(FOLDER / f"{given.split}-bumped.jsonl", wanted)
    machine = Machine.this()
    said = f"{machine.measured_at[:10]}, commit `{machine.commit}`, {len(records)} sequences."
    text = "\n".join([said, "", *rows(records)])
    print(text)
    if given.split == "report":
        page = with_table(PAGE.read_text(encoding="utf-8"), text, begin=BEGIN, end=END)
        PAGE.write_text(page, encoding="utf-8")


def bumped_name(split: Split, number: int) -> str:
    """Return what a sequence is called."""
    return f"{split}-{2 * number + 1}-{BUMPS[number % len(BUMPS)]}"


def bumped(split: Split, number: int) -> Record:
    """Show a quiet sequence to our detector whose camera is moved in the midst of it."""
    quiet = Footage(split=split, number=2 * number + 1)
    bump = BUMPS[number % len(BUMPS)]
    dice = np.random.default_rng([SEED[split], number, 11])
    detector = FireCameraDetector()
    state = detector.new_state()
    found = [
        (picture_number, finding.label)
        for picture_number, picture in enumerate(_pictures(quiet, bump, dice))
        for finding in detector.see(state, picture)
    ]
    return {
        "sequence": bumped_name(split, number),
        "bump": bump,
        "trouble": quiet.scene().trouble,
        "moved": [when for when, label in found if label == "camera_moved"],
        "alarms": [when for when, label in found if when >= AT_PICTURE and alarm_severity("fire", label)],
        "detector": detector.name,
    }


def _pictures(quiet: Footage, bump: Bump, dice: np.random.Generator) -> Iterator[Picture]:
    turn = _turn(bump, dice, quiet.scene().size_wh)
    elsewhere = (shot.picture.pixels for shot in shoot(quiet.scene(1)))
    for number, shot in enumerate(shoot(quiet.scene())):
        other = next(elsewhere) if bump == "turned" else None
        if number < AT_PICTURE:
            yield shot.picture
        elif other is not None:
            yield replace(shot.picture, pixels=other)
        else:
            yield replace(shot.picture, pixels=_seen_through(turn, shot.picture.pixels))


def _turn(bump: Bump, dice: np.random.Generator, size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Draw how the picture is moved, as the two rows of an affine matrix."""
    middle = (size_wh[0] / 2, size_wh[1] / 2)
    if bump == "shifted":
        across, down = dice.uniform(*SHIFT_SHARE) * size_wh[0] * np.array([1, dice.uniform(-0.5, 0.5)])
        return np.array([[1, 0, across * dice.choice([-1, 1])], [0, 1, down]])
    if bump == "zoomed":
        return np.asarray(cv2.getRotationMatrix2D(middle, 0, dice.uniform(*ZOOM)), np.float64)
    tilt_deg = dice.uniform(*TILT_DEG) * dice.choice([-1, 1])
    return np.asarray(cv2.getRotationMatrix2D(middle, tilt_deg, 1), np.float64)


def _seen_through(turn: NDArray[np.float64], pixels: Pixels) -> Pixels:
    """Return a picture as the moved camera shows it; what it did not see before is mirrored in."""
    size_wh = (pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.warpAffine(pixels, turn, size_wh, borderMode=cv2.BORDER_REFLECT), np.uint8)


def rows(records: Sequence[Record]) -> list[str]:
    """Return a table of what was told, of each kind of bump and of all."""
    lines = ["| camera is | told | pictures until then | told with no cause | false alarms from then on in |"]
    lines.append("|---|---|---|---|---|")
    for bump in (*BUMPS, None):
        some = [one for one in records if bump in (one["bump"], None)]
        if not some:
            continue
        after = [[when for when in one["moved"] if when >= AT_PICTURE] for one in some]
        needed = [moments[0] - AT_PICTURE for moments in after if moments]
        waste = sum(len(one["moved"]) for one in some) - len(needed)
        told = f"{share(len(needed), len(some))} | {max(needed, default=0)} at most | {waste}"
        alarmed = share(sum(bool(one["alarms"]) for one in some), len(some))
        lines.append(f"| {bump or 'any of these'} | {told} | {alarmed} |")
    return lines


if __name__ == "__main__":
    main()
