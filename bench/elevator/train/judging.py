"""Where the line of a class lies, and how well it parts the validation pictures: never the measured ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.elevator.train.examples import Example, standing_of, truth_of
from detectors.elevator.cabin_model import RIM, CabinModel, faint_around
from detectors.elevator.recogniser import LABELS
from gridwatch.model import Pixels

Floats = NDArray[np.float32]

ALLOWED_FALSE = 0.02
"""Share of validation pictures without a class in which it may be seen; half of them real, half rendered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Log odds and truth (1, 0, not-a-number) of pictures × classes, and which of them are rendered."""

    odds: Floats
    truth: Floats
    is_rendered: NDArray[np.bool_]

    def told(self) -> Mapping[str, Mapping[str, float]]:
        """Return per class how many are found, and how many falsely, at its line; real and rendered."""
        lines = lowered(self)
        table: dict[str, Mapping[str, float]] = {}
        for number, label in enumerate(LABELS):
            row: dict[str, float] = {"line": round(float(lines[number]), 3)}
            for name, side in (("real", ~self.is_rendered), ("rendered", self.is_rendered)):
                for word, value in (("found", 1), ("false", 0)):
                    odds = self.odds[side & (self.truth[:, number] == value), number]
                    row[f"{name} {word}"] = int((odds >= lines[number]).sum())
                    row[f"{name} {word} of"] = len(odds)
            table[label] = row
        return table


def judged(model: Path, examples: Sequence[Example]) -> Judged:
    """Judge real pictures as they are, and rendered ones before a faint cabin, as over time."""
    recogniser = CabinModel(model)
    features = np.stack([recogniser.features(_shown(one)) for one in examples])
    return Judged(
        odds=recogniser.head.of_pictures(features),
        truth=np.stack(
            [
                truth_of(frozenset({label for label, _ in one.boxes}) | one.whole, one.absent)
                for one in examples
            ]
        ),
        is_rendered=np.array([one.source == "rendered" for one in examples]),
    )


def lowered(found: Judged) -> Floats:
    """Return per class the log odds that become a score of 0.5: few pictures without it lie above."""
    lines = np.zeros(len(LABELS), np.float32)
    for number in range(len(LABELS)):
        without = [
            found.odds[side & (found.truth[:, number] == 0), number]
            for side in (found.is_rendered, ~found.is_rendered)
        ]
        sides = [np.quantile(odds, 1 - ALLOWED_FALSE) for odds in without if len(odds)]
        lines[number] = max(sides) if sides else 0.0
    return lines


def _shown(example: Example) -> Pixels:
    if example.mask is None or not example.mask.any():
        return example.pixels
    return faint_around(example.pixels, standing_of(example.mask), RIM * example.pixels.shape[1])
