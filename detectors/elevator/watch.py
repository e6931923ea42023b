"""Watch one cabin: what a recogniser sees in each picture, judged over time before a learned empty cabin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import cv2
import numpy as np

from detectors.elevator.background import EmptyCabin, Mask, overlap
from detectors.elevator.doorway import Doorway
from detectors.elevator.lens import LensMemory, Trouble
from detectors.elevator.looks import SLOW, Caution, Looks
from detectors.elevator.part import look_closely
from detectors.elevator.recogniser import EBIKE, EMPTY, LENS_COVERED, SUSPECTED, Recogniser, Seen
from detectors.elevator.visit import Visit
from gridwatch.model import BoxXyxy, Finding, Picture

SOONEST = timedelta(seconds=0.15)
"""Of a faster camera the pictures in between tell nothing new."""

FORGET_AFTER = timedelta(seconds=8.0)
"""After a longer pause nobody knows who came and went: doors open and close in less."""

CLEAR_SHARE = 0.006
"""Share of the picture under which nothing stands in the cabin: a small child takes more."""

IDLE_LOOK = timedelta(seconds=10.0)
"""So often an empty cabin is looked at all the same, and its edges are learnt anew."""

INSIDE_SHARE = 0.1
"""Of a thing's box so much must be filled by what stands elsewhere than in the door."""

STILL_SHARE = 0.8
"""Overlap of two outlines that follow each other from which nothing moves."""

UNTOLD = frozenset({EMPTY, LENS_COVERED, "person"})
"""What is no visit of its own: every lift shows people all day."""


@dataclass(kw_only=True, slots=True)
class CabinWatch:
    """What is remembered of one camera; bounded. `scores` says how surely what is in the cabin."""

    caution: Caution = field(default_factory=Caution)
    lens: LensMemory = field(default_factory=LensMemory)
    empty: EmptyCabin | None = None
    is_bare: bool = False
    """Whether the learned cabin was found empty, so that it can be told when nothing is in it."""
    doorway: Doorway = field(default_factory=Doorway)
    looks: Looks = field(init=False)
    visits: dict[str, Visit] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    at: datetime | None = None
    is_slow: bool = False
    """Whether the pictures come so seldom that each is judged alone."""
    first: Seen | None = None
    """The first picture of all: whether it counts alone is known once the second has come."""
    idle_look_at: datetime | None = None
    outline: Mask | None = None
    moves: bool = True
    """Whether something in the cabin does."""

    def __post_init__(self) -> None:
        self.looks = Looks(caution=self.caution)

    def see(self, recogniser: Recogniser, picture: Picture) -> Sequence[Finding]:
        """Look at the next picture; return what was concluded now."""
        if self.at is not None and timedelta(0) <= picture.at - self.at < SOONEST:
            return ()
        is_first = self.at is None
        found = self._keep_time(picture.at)
        troubles = self.lens.take_in(picture.pixels, picture.at)
        found += [_of_lens(trouble, picture.at) for trouble in troubles]
        if "camera_moved" in troubles:
            self._learn_anew()
        if self.lens.trouble is not None:
            return [*found, *self._blind()]
        if self.lens.seems == "lens_covered":
            self._remember(picture.at, None)
            return found
        seen = self._look(recogniser, picture)
        self._remember(picture.at, seen)
        if is_first:
            self.first = seen
        return [*found, *self._visits(picture.at, seen)]

    def end(self) -> Sequence[Finding]:
        """End what is still open: no more pictures come."""
        ended = [visit.end(left=False) for visit in self.visits.values()]
        return [finding for finding in ended if finding is not None]

    def _keep_time(self, at: datetime) -> list[Finding]:
        before, self.at = self.at, at
        if before is None:
            return []
        self.is_slow = at - before > SLOW
        found: list[Finding] = []
        if self.is_slow and self.first is not None:
            self.scores = self.looks.together(before, is_slow=True)
            found += self._visits(before, self.first)
        self.first = None
        if timedelta(0) <= at - before <= FORGET_AFTER:
            return found
        self.looks.latest.clear()
        self.outline = self.idle_look_at = None
        self.doorway.opened_at = None
        return [*found, *self.end()]

    def _learn_anew(self) -> None:
        """Forget the empty cabin: the camera looks elsewhere now."""
        self.empty, self.is_bare, self.doorway = None, False, Doorway()
        self.lens = LensMemory(was_clear=True)

    def _blind(self) -> Sequence[Finding]:
        self.scores = {}
        self.looks.latest.clear()
        return self.end()

    def _look(self, recogniser: Recogniser, picture: Picture) -> Seen | None:
        """Return what is seen in the cabin; None where nothing stands in it."""
        if self.empty is None or not self.empty.fits(picture):
            self.empty, self.is_bare, self.doorway = EmptyCabin.first_seen(picture), False, Doorway()
            return recogniser.look(picture.pixels)
        standing = self.empty.take_in(picture)
        self.outline, before = standing, self.outline
        self.moves = before is None or overlap(before, standing) < STILL_SHARE
        unchanged = _share(standing) < CLEAR_SHARE
        if not self.empty.is_trusted:
            return recogniser.look(picture.pixels)
        if not self.is_bare or (unchanged and self._is_idle_look_due(picture.at)):
            seen = recogniser.look(picture.pixels)
            if unchanged:
                self._find_out(seen, picture)
            if not self.is_bare:
                return seen
        self.doorway.take_in(standing, picture.at, is_clear=unchanged)
        inside = self.doorway.beyond(standing)
        if _share(inside) < CLEAR_SHARE:
            return None
        return _without(look_closely(recogniser, picture, inside), inside, picture.size_wh, self.doorway)

    def _is_idle_look_due(self, at: datetime) -> bool:
        return self.idle_look_at is None or at - self.idle_look_at >= IDLE_LOOK

    def _find_out(self, seen: Seen, picture: Picture) -> None:
        """Find out whether what was learnt as the empty cabin is empty."""
        nobody = all(
            score < 0.5 for label, score in seen.scores.items() if label not in (EMPTY, LENS_COVERED)
        )
        old = self.empty is not None and self.empty.is_old
        self.is_bare = nobody or seen.scores.get(EMPTY, 0.0) >= 0.5 > seen.scores.get(EBIKE, 0.0) or old
        self.idle_look_at = picture.at
        if self.is_bare:
            self.lens.learn(picture.pixels)

    def _remember(self, at: datetime, seen: Seen | None) -> None:
        if seen is None:
            self.looks.latest.clear()
            self.scores = {}
            return
        self.looks.add(at, seen.scores)
        self.scores = self.looks.together(at, is_slow=self.is_slow)

    def _visits(self, at: datetime, seen: Seen | None) -> list[Finding]:
        for label in self.scores:
            if label not in UNTOLD and label not in self.visits:
                self.visits[label] = Visit(label=label)
        told = []
        for visit in sorted(self.visits.values(), key=lambda visit: visit.label == SUSPECTED):
            suspects = visit.label == SUSPECTED
            score = 0.0 if suspects and self._is_told(EBIKE) else self.scores.get(visit.label, 0.0)
            box = None if seen is None else seen.boxes.get(EBIKE if suspects else visit.label)
            told.append(visit.look(at, score, box, moves=self.moves, is_slow=self.is_slow))
        return [finding for finding in told if finding is not None]

    def _is_told(self, label: str) -> bool:
        return label in self.visits and self.visits[label].began_at is not None


def _of_lens(trouble: Trouble, at: datetime) -> Finding:
    return Finding(label=trouble, confidence=0.9, observed_at=at)


def _without(seen: Seen, inside: Mask, size_wh: tuple[int, int], doorway: Doorway) -> Seen:
    """Return what is seen without things whose place is filled by nothing but the open door."""
    if doorway.mask is None:
        return seen
    outside = {label for label, box in seen.boxes.items() if _filled(inside, box, size_wh) < INSIDE_SHARE}
    return Seen(
        scores={label: 0.0 if label in outside else score for label, score in seen.scores.items()},
        boxes={label: box for label, box in seen.boxes.items() if label not in outside},
    )


def _filled(inside: Mask, box: BoxXyxy, size_wh: tuple[int, int]) -> float:
    across, down = inside.shape[1] / size_wh[0], inside.shape[0] / size_wh[1]
    x1, y1 = int(box[0] * across), int(box[1] * down)
    x2, y2 = int(np.ceil(box[2] * across)), int(np.ceil(box[3] * down))
    part = inside[y1:y2, x1:x2]
    return 0.0 if part.size == 0 else float(np.count_nonzero(part)) / part.size


def _share(mask: Mask) -> float:
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return float(np.count_nonzero(opened)) / mask.size
