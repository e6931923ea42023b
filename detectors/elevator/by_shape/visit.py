"""Follow one visit to a cabin: judge it while it stands still, tell it once, wait for the empty cabin."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from detectors.elevator.background import Mask, overlap
from detectors.elevator.by_shape.shape import measure, two_wheeler_odds
from gridwatch.model import Pixels

Verdict: TypeAlias = Literal["suspected_ebike"]
"""All that an outline may say: of varied rendered visits two thirds of what it called an e-bike was none."""

JUDGED_PICTURES = 6
"""The latest looks that decide: 1.2 s at five pictures a second."""

AGREEING_PICTURES = 4
"""How many of them must agree; one person bending over or one bad outline can't decide."""

SURE_ODDS = 1.0
"""Log odds from which a look makes one suspect an e-bike."""

STILL_OVERLAP = 0.8
"""Intersection over union with the last outline from which a visitor stands and the door doesn't move."""

EMPTY_PICTURES = 5
"""Pictures without a visitor in a row after which the visit is over."""

MOST_CONFIDENT = 0.6
"""A shape fitted on rendered cabins is never surer than this."""


@dataclass(kw_only=True, slots=True)
class ShapeVisit:
    """What is remembered of the visit that goes on; bounded."""

    odds: deque[float] = field(default_factory=lambda: deque(maxlen=JUDGED_PICTURES))
    told: Verdict | None = None
    empty_run: int = 0
    last_body: Mask | None = None

    def nobody(self) -> None:
        """Take in a picture of an empty cabin."""
        self.last_body = None
        self.empty_run += 1
        if self.empty_run >= EMPTY_PICTURES:
            self.odds.clear()
            self.told = None

    def somebody(self, body: Mask, look: Pixels) -> Verdict | None:
        """Take in an outline; return a verdict the first time that it holds in this visit."""
        self.empty_run = 0
        still = self.last_body is not None and overlap(self.last_body, body) >= STILL_OVERLAP
        self.last_body = body
        if not still:
            return None
        self.odds.append(two_wheeler_odds(measure(body, look)))
        verdict = self._verdict()
        if verdict is None or self.told == verdict:
            return None
        self.told = verdict
        return verdict

    @property
    def confidence(self) -> float:
        """How sure the latest looks are, from 0.3 to MOST_CONFIDENT."""
        likely = 1 / (1 + np.exp(-float(np.median(self.odds))))
        return float(np.clip(likely * MOST_CONFIDENT, 0.3, MOST_CONFIDENT))

    def _verdict(self) -> Verdict | None:
        if sum(odds >= SURE_ODDS for odds in self.odds) >= AGREEING_PICTURES:
            return "suspected_ebike"
        return None
