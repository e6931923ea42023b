"""Measure the rules over time on given boxes, and our whole detector on rendered sequences and days.

Each sequence is kept at once: a run that is stopped, or asked for more, goes on where it was.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import get_args

import cv2
import numpy as np

from bench.__main__ import with_table
from bench.fire.camera.judging import HEAD, METHODS, Verdicts, first_alarm
from bench.fire.camera.noisy import noisy_boxes
from bench.fire.camera.sequences import GAP_S, SEED, SIZE_WH, Footage, Split, quiet_day
from bench.fire.camera.watching import TRACK_WH, Record, kept, track, true_and_false, watch, watched_fire
from bench.machine import Machine
from bench.spread import quantile
from bench.throwing.tables import share
from detectors.fire.tubes import Box
from gridwatch.model import BoxXyxy
from gridwatch.rates import most_per

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "README.md"
FIRES, SEQUENCES, DAYS = 151, 48, 1
"""As many fires, and as many sequences without one, as Pyronear's test set has; the rest is frugal."""
QUIET_PICTURES = 30


def main() -> None:
    """Measure what was not measured yet, then write the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.fire.camera", description=__doc__)
    parser.add_argument("--split", choices=get_args(Split), default="report", help="train writes no table")
    parser.add_argument("--fires", type=int, default=FIRES, metavar="N", help="whose boxes are modelled")
    parser.add_argument("--sequences", type=int, default=SEQUENCES, metavar="N", help="for our detector")
    parser.add_argument(
        "--days", type=int, default=DAYS, metavar="N", help="without a fire, for our detector"
    )
    given = parser.parse_args()
    cv2.setNumThreads(1)
    split: Split = given.split
    fires = [Footage(split=split, number=2 * number) for number in range(given.fires)]
    footage = [Footage(split=split, number=number) for number in range(given.sequences)]
    days = [(f"{split}-day-{number}", quiet_day(split, number)) for number in range(given.days)]
    tracks = kept(FOLDER / f"{split}-fires.jsonl", [(one.name, partial(track, one)) for one in fires])
    watched = kept(
        FOLDER / f"{split}-watched.jsonl",
        [(one.name, partial(watched_fire, one)) for one in footage]
        + [(name, partial(watch, name, scene)) for name, scene in days],
    )
    text = page(split, tracks, watched)
    print(text)
    if split == "report":
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


def page(split: Split, tracks: Sequence[Record], watched: Sequence[Record]) -> str:
    """Return the tables, after a line on what they were measured on."""
    machine = Machine.this()
    return "\n".join(
        [
            f"{machine.measured_at[:10]}, commit `{machine.commit}`. Shares have counts and Wilson's 95 % "
            "interval; rates the most that they may be (Poisson, 95 %).",
            "",
            f"Given boxes: {len(tracks)} fires and {len(tracks)} sequences without one, modelled detector.",
            "",
            *HEAD,
            *(verdicts.row(name) for name, verdicts in given_boxes(split, tracks).items()),
            "",
            *(own_detector(watched) if watched else []),
        ]
    )


def given_boxes(split: Split, tracks: Sequence[Record]) -> dict[str, Verdicts]:
    """Let each of the rules judge the same boxes of the modelled detector."""
    verdicts = {name: Verdicts() for name in METHODS}
    for number, fire in enumerate(tracks):
        nothing: list[BoxXyxy | None] = [None] * QUIET_PICTURES
        for has_fire, truth in ((True, fire["smoke"]), (False, nothing)):
            rng = np.random.default_rng([SEED[split], number, has_fire])
            pictures = noisy_boxes(rng, truth, TRACK_WH)
            for name, make in METHODS.items():
                verdicts[name].add(first_alarm(make(), pictures, TRACK_WH), has_fire=has_fire)
    return verdicts


def recorded_boxes(sequences: Sequence[Record]) -> dict[str, Verdicts]:
    """Let each of the rules judge what our own single pictures showed."""
    verdicts = {name: Verdicts() for name in METHODS}
    for record in sequences:
        pictures = [
            [Box(label="smoke", confidence=sure, box_xyxy=tuple(sides)) for sure, sides in picture]
            for picture in record["boxes"]
        ]
        first = next((number for number, box in enumerate(record["smoke"]) if box is not None), 0)
        for name, make in METHODS.items():
            told_at = first_alarm(make(), pictures, SIZE_WH)
            delay = None if told_at is None else max(0, told_at - first)
            verdicts[name].add(delay, has_fire=record["has_fire"])
    return verdicts


def own_detector(watched: Sequence[Record]) -> list[str]:
    """Return what our detector told of the sequences, and how often it told of nothing."""
    sequences = [record for record in watched if "day" not in record["sequence"]]
    ours, colour = Verdicts(), Verdicts()
    for record in sequences:
        told_at, false = true_and_false(record)
        ours.add(told_at if record["has_fire"] else (0 if false else None), has_fire=record["has_fire"])
        colour.add(record["colour"], has_fire=record["has_fire"])
    pictures = sum(len(record["smoke"]) for record in watched)
    minutes = [hit * GAP_S / 60 for hit in ours.hits]
    delay = f"{median(minutes):.1f} / {quantile(minutes, 0.95):.1f} min" if minutes else "–"
    return [
        f"Our whole detector ({watched[0]['detector']}), {len(sequences)} rendered sequences of 640 × 360. "
        f"From the first picture that shows smoke to the alarm, p50 / p95: {delay}. "
        f"{1000 * sum(record['seconds'] for record in watched) / pictures:.0f} ms of one core a picture.",
        "",
        *HEAD,
        ours.row("gridwatch"),
        colour.row("grey of one picture"),
        "",
        "| camera time without a fire | false alarms | a camera-day |",
        "|---|---|---|",
        _false_row("sequences, each with one kind of trouble", sequences),
        _false_row("whole days", [record for record in watched if "day" in record["sequence"]]),
        "",
        "The rules over time on the boxes that our own single pictures gave for smoke; any alarm counts:",
        "",
        *HEAD,
        *(verdicts.row(name) for name, verdicts in recorded_boxes(sequences).items()),
        "",
        "| trouble | fires told | sequences without one told of |",
        "|---|---|---|",
        *_by_trouble(sequences),
    ]


def _false_row(name: str, records: Sequence[Record]) -> str:
    quiet = [record for record in records if not record["has_fire"]]
    days = sum(record["hours"] for record in quiet) / 24
    false = sum(true_and_false(record)[1] for record in quiet)
    if days == 0:
        return f"| {name} | – | – |"
    rate = f"{false / days:.1f}, at most {most_per(false, days):.1f}"
    return f"| {name}, {days:.2f} days | {false} | {rate} |"


def _by_trouble(sequences: Sequence[Record]) -> list[str]:
    rows = []
    for trouble in sorted({record["trouble"] for record in sequences}):
        of_it = [record for record in sequences if record["trouble"] == trouble]
        fires = [true_and_false(record)[0] is not None for record in of_it if record["has_fire"]]
        quiet = [true_and_false(record)[1] > 0 for record in of_it if not record["has_fire"]]
        rows.append(f"| {trouble} | {share(sum(fires), len(fires))} | {share(sum(quiet), len(quiet))} |")
    return rows


if __name__ == "__main__":
    main()
