"""Follow what rides in a cabin: one event for each visit, told once it is sure, updated, and ended."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gridwatch.interlock import AGREEING_LOOKS, GONE_SCORE, LOOKS, SEEN_SCORE
from gridwatch.model import BoxXyxy, Finding

GONE_AFTER = timedelta(seconds=2.0)
"""What was not seen for so long has left, or was never there."""

GONE_LOOKS = 3
"""Of a slow camera so many looks must miss it."""

TOLD_EVERY = timedelta(seconds=10.0)
"""A visit that goes on is told anew so often: more would write the database full."""

STAYS_AFTER = timedelta(seconds=1.0)
"""What stands in the cabin for so long has entered; what is only on its way in or past the door has not."""


MOVED_WITHIN = timedelta(seconds=1.5)


@dataclass(kw_only=True, slots=True)
class Visit:
    """One class in one cabin: the looks that decide, and the visit that is told while it lasts."""

    label: str
    looks: deque[tuple[datetime, float]] = field(default_factory=lambda: deque(maxlen=LOOKS))
    began_at: datetime | None = None
    """When the first of the looks was that told the visit; None between visits."""
    seen_at: datetime | None = None
    told_at: datetime | None = None
    surest: float = 0.0
    box: BoxXyxy | None = None
    still_since: datetime | None = None
    moved_at: datetime | None = None
    has_entered: bool = False
    missed: int = 0

    def look(
        self, at: datetime, score: float, box: BoxXyxy | None, *, moves: bool, is_slow: bool = False
    ) -> Finding | None:
        """Take in how surely it is seen now; return what to tell.

        `moves`: something in the cabin does. `is_slow`: pictures are so far apart that one look tells it.
        """
        self.looks.append((at, score))
        if moves:
            self.still_since, self.moved_at = None, at
        elif self.still_since is None:
            self.still_since = at
        if self.began_at is None:
            return self._begin(at, box, agreeing=1 if is_slow else AGREEING_LOOKS)
        if score >= GONE_SCORE:
            self.seen_at, self.missed = at, 0
            self.box = box or self.box
            self.surest = max(self.surest, score)
            return self._go_on(at)
        self.missed += 1
        if self.missed >= GONE_LOOKS and at - (self.seen_at or at) >= GONE_AFTER:
            return self.end(left=self.has_entered and self._moved_out())
        return None

    def end(self, *, left: bool) -> Finding | None:
        """End the visit, if there is one; `left`: it went out of the cabin as far as one can tell."""
        if self.began_at is None:
            return None
        finding = self._finding(self.seen_at or self.began_at, ended_at=self.seen_at, left=left)
        self.began_at = self.told_at = self.box = None
        self.has_entered, self.surest, self.missed = False, 0.0, 0
        self.looks.clear()
        return finding

    def _begin(self, at: datetime, box: BoxXyxy | None, *, agreeing: int) -> Finding | None:
        sure = [(seen_at, score) for seen_at, score in self.looks if score >= SEEN_SCORE]
        if len(sure) < agreeing:
            return None
        self.began_at, self.seen_at, self.told_at = sure[0][0], at, at
        self.surest, self.box = max(score for _, score in sure), box
        return self._finding(at)

    def _go_on(self, at: datetime) -> Finding | None:
        entered = (
            not self.has_entered and self.still_since is not None and at - self.still_since >= STAYS_AFTER
        )
        self.has_entered |= entered
        if not entered and at - (self.told_at or at) < TOLD_EVERY:
            return None
        self.told_at = at
        return self._finding(at)

    def _moved_out(self) -> bool:
        """Say whether something moved when it was last seen: what just stops to be seen has not left."""
        return self.moved_at is not None and self.moved_at >= (self.seen_at or self.moved_at) - MOVED_WITHIN

    def _finding(self, at: datetime, *, ended_at: datetime | None = None, left: bool = False) -> Finding:
        began_at = self.began_at or at
        return Finding(
            label=self.label,
            confidence=self.surest,
            observed_at=at,
            started_at=began_at,
            ended_at=ended_at,
            box_xyxy=self.box,
            criteria={"entered": float(self.has_entered), "left": float(left)},
            id=f"{self.label}-{began_at:%Y%m%dT%H%M%S.%fZ}",
        )
