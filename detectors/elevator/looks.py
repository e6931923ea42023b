"""What the latest looks at a cabin say together: how surely each class is in it now."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median_low

import numpy as np

from detectors.elevator.recogniser import EBIKE, SUSPECTED
from gridwatch.interlock import SEEN_SCORE, vehicle_score

LONG, SHORT = 7, 3
"""Looks that must speak for something, and the newest of them that may deny it: seen slowly, gone quickly."""

WITHIN = timedelta(seconds=3.5)
"""Looks that are further apart say nothing together."""

LEAST_LOOKS = 3
"""Fewer looks say nothing yet."""

SLOW = WITHIN / LEAST_LOOKS
"""A camera that pauses longer between two pictures has no more to say than each picture says alone."""

FLOOR = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Caution:
    """What a recogniser's scores mean over time: log odds that are taken off before a class counts.

    `usual` of every class, and `off` of some more: chosen on train seeds of rendered visits (bench/elevator).
    """

    usual: float = 0.0
    off: Mapping[str, float] = field(default_factory=dict)
    suspects_from: float | None = None
    """Log odds from which an e-bike is suspected, where that is told before it counts; None: nowhere."""

    @classmethod
    def counting_from(cls, least_score: float) -> "Caution":
        """Return what lets a class count from the score at which the recogniser itself calls it seen."""
        return cls(usual=odds_of(least_score) - odds_of(SEEN_SCORE))

    def of(self, label: str) -> float:
        """Return the log odds that are taken off a class."""
        return self.usual + self.off.get(label, 0.0)


SHIPPED_CAUTION = Caution(suspects_from=-0.75)
"""Chosen on 200 rendered visits of train seeds: no wheelchair, pram or stretcher of 98 counts as an e-bike
there, and of what is suspected one in ten is none."""


@dataclass(kw_only=True, slots=True)
class Looks:
    """The latest looks, bounded: when, and the log odds of each class."""

    caution: Caution = field(default_factory=Caution)
    latest: deque[tuple[datetime, Mapping[str, float]]] = field(default_factory=lambda: deque(maxlen=LONG))

    def add(self, at: datetime, scores: Mapping[str, float]) -> None:
        """Take in a look's scores of 0-1."""
        self.latest.append((at, {label: odds_of(score) for label, score in scores.items()}))

    def together(self, at: datetime, *, is_slow: bool = False) -> Mapping[str, float]:
        """Return a score of 0-1 per class: the lower of the middle of all looks and that of the newest.

        `is_slow`: the camera's pictures are further apart than SLOW.
        """
        recent = [odds for seen_at, odds in self.latest if timedelta(0) <= at - seen_at <= WITHIN]
        if len(recent) < LEAST_LOOKS and not is_slow:
            return {}
        odds = {
            label: min(_middle(recent, label), _middle(recent[-SHORT:], label))
            for label in {label for odds in recent for label in odds}
        }
        scores = {label: _score(value - self.caution.of(label)) for label, value in odds.items()}
        if self.caution.suspects_from is not None and EBIKE in odds:
            is_likelier = vehicle_score({label: _score(value) for label, value in odds.items()}) > 0
            suspected = _score(odds[EBIKE] - self.caution.suspects_from + odds_of(SEEN_SCORE))
            scores[SUSPECTED] = suspected if is_likelier else 0.0
        return scores


def _middle(looks: list[Mapping[str, float]], label: str) -> float:
    return median_low(odds.get(label, odds_of(0.0)) for odds in looks)


def odds_of(score: float) -> float:
    """Turn a score of 0-1 into log odds, bounded."""
    held = min(max(score, FLOOR), 1 - FLOOR)
    return float(np.log(held / (1 - held)))


def _score(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))
