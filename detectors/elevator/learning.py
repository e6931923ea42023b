"""Learn the recogniser's head anew from a user's own lifts: NumPy only, the network stays as it is.

Beside the user's pictures it rehearses what the shipped head learnt (`rehearsal.npz`: features of some of
its training pictures), so that it does not forget what those lifts have not shown yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from detectors.elevator.cabin_model import SHARPNESS, Head, odds_to_score, pooled
from detectors.elevator.recogniser import EBIKE
from gridwatch.errors import DetectorError

Floats = NDArray[np.float32]

REHEARSAL_FILE = "rehearsal.npz"

ROUNDS = 300
"""Steps over all pictures: the loss has settled long before on a few hundred."""
RATE = 0.01
PULL = 0.02
"""How strongly weights are held at the shipped ones: ten pictures must not turn all of them over."""
REHEARSAL_WEIGHT = 1.0
"""How much all rehearsed pictures together count, beside all of the user's."""
RISE, FADE, TINY = 0.9, 0.999, 1e-8
"""Of Adam (Kingma and Ba, 2015)."""

ALLOWED_FALSE = 0.02
"""Share of pictures without a class in which a learnt head may see it, unless the old one did more often."""

KEPT_ASIDE = 0.3
BLOCKS = 10
"""Pictures of a folder that follow one another by name are split as blocks: neighbours show one visit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lessons:
    """Features of pictures × cells × features, and truth of pictures × classes: 1, 0, not-a-number."""

    features: Floats
    truth: Floats

    def part(self, chosen: NDArray[np.bool_]) -> "Lessons":
        """Return some of the pictures."""
        return Lessons(features=self.features[chosen], truth=self.truth[chosen])

    def joined(self, other: "Lessons") -> "Lessons":
        """Return the pictures of both."""
        return Lessons(
            features=np.concatenate([self.features, other.features]),
            truth=np.concatenate([self.truth, other.truth]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """How well a head tells one class, at a score of 0.5: counts, and the mean logarithmic loss."""

    found: int
    of: int
    false: int
    without: int
    loss: float

    @property
    def balanced(self) -> float:
        """The mean of the share found and the share rightly passed over; not-a-number where one is empty."""
        if not self.of or not self.without:
            return float("nan")
        return (self.found / self.of + 1 - self.false / self.without) / 2

    def beats(self, old: "Mark") -> bool:
        """Whether it tells more pictures rightly, or as many and more surely, and hardly more are false."""
        if self.false > max(old.false, ALLOWED_FALSE * self.without):
            return False
        return (self.balanced, -self.loss) > (old.balanced, -old.loss)


def read_rehearsal(folder: Path) -> Lessons:
    """Read the rehearsal that lies beside a model; DetectorError where it is broken."""
    path = folder / REHEARSAL_FILE
    try:
        with np.load(path, allow_pickle=False) as held:
            features = held["features"].astype(np.float32) * held["step"].astype(np.float32)
            return Lessons(features=features, truth=held["truth"].astype(np.float32))
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise DetectorError(f"{path}: no rehearsal of the recogniser: {error}") from error


def write_rehearsal(path: Path, lessons: Lessons) -> None:
    """Write features as bytes: the network's are never negative, and a 255th of the largest is enough."""
    step = lessons.features.max() / 255
    features = np.round(lessons.features / step).astype(np.uint8)
    np.savez_compressed(path, features=features, step=np.float32(step), truth=lessons.truth)


def kept_aside(folders: Sequence[int], seed: int) -> NDArray[np.bool_]:
    """Choose the pictures to measure on; `folders` numbers the folder of each picture, in order of names.

    At least one block of each folder that has two pictures, and never all of it.
    """
    numbers = np.asarray(folders)
    chosen = np.zeros(len(numbers), np.bool_)
    rng = np.random.default_rng(seed)
    for folder in np.unique(numbers):
        places = np.flatnonzero(numbers == folder)
        blocks = np.array_split(places, min(BLOCKS, len(places)))
        count = min(len(blocks) - 1, max(1, round(KEPT_ASIDE * len(blocks))))
        for block in rng.permutation(len(blocks))[:count]:
            chosen[blocks[block]] = True
    return chosen


def learnt(start: Head, own: Lessons, rehearsal: Lessons) -> Head:
    """Return a head that fits the user's pictures and the rehearsal, near the one it starts from."""
    both = own.joined(rehearsal)
    weights = np.concatenate(
        [
            np.full(len(own.truth), 1 / max(1, len(own.truth)), np.float32),
            np.full(len(rehearsal.truth), REHEARSAL_WEIGHT / max(1, len(rehearsal.truth)), np.float32),
        ]
    )
    first = np.vstack([start.weight, start.bias]).astype(np.float64)
    now, mean, square = first.copy(), np.zeros_like(first), np.zeros_like(first)
    for step in range(1, ROUNDS + 1):
        slope = _slope(now, both, weights) + PULL * (now - first)
        mean = RISE * mean + (1 - RISE) * slope
        square = FADE * square + (1 - FADE) * slope**2
        now -= RATE * (mean / (1 - RISE**step)) / (np.sqrt(square / (1 - FADE**step)) + TINY)
    head = Head(weight=now[:-1].astype(np.float32), bias=now[-1].astype(np.float32), labels=start.labels)
    taught = (own.truth == 1).any(axis=0)
    return Head(
        weight=head.weight, bias=head.bias - np.where(taught, _too_high(head, both), 0), labels=head.labels
    )


def _too_high(head: Head, lessons: Lessons) -> Floats:
    """Return by how much each class must come down for few pictures without it to be taken for it.

    Who teaches e-bikes alone would else teach that everything is one.
    """
    odds = np.where(lessons.truth == 0, head.of_pictures(lessons.features), np.nan)
    high = np.zeros(odds.shape[1], np.float32)
    known = ~np.isnan(odds).all(axis=0)
    high[known] = np.nanquantile(odds[:, known], 1 - ALLOWED_FALSE, axis=0)
    return np.maximum(high, 0)


def mark(head: Head, lessons: Lessons, label: str = EBIKE) -> Mark:
    """Measure a head on pictures."""
    number = tuple(head.labels).index(label)
    truth = lessons.truth[:, number]
    odds = head.of_pictures(lessons.features)[:, number] if len(truth) else truth
    known = ~np.isnan(truth)
    signs = np.where(truth[known] == 1, -1.0, 1.0)
    return Mark(
        found=int((odds[truth == 1] >= 0).sum()),
        of=int((truth == 1).sum()),
        false=int((odds[truth == 0] >= 0).sum()),
        without=int((truth == 0).sum()),
        loss=float(np.logaddexp(0, signs * odds[known]).mean()) if known.any() else float("nan"),
    )


def _slope(now: NDArray[np.float64], lessons: Lessons, weights: Floats) -> NDArray[np.float64]:
    """Return the slope of the weighted logarithmic loss, for (features + 1) × classes.

    Through the soft maximum a cell takes part by its share of the exponentials.
    """
    weight, bias = now[:-1].astype(np.float32), now[-1].astype(np.float32)
    cells = lessons.features @ weight + bias
    shares = np.exp(SHARPNESS * (cells - cells.max(axis=1, keepdims=True)))
    shares /= shares.sum(axis=1, keepdims=True)
    apart = np.nan_to_num(odds_to_score(pooled(cells)) - lessons.truth) * weights[:, None]
    per_cell = shares * apart[:, None, :]
    flat = lessons.features.reshape(-1, lessons.features.shape[2])
    slope = flat.T @ per_cell.reshape(-1, per_cell.shape[2])
    return np.vstack([slope, per_cell.sum(axis=(0, 1))]).astype(np.float64)
