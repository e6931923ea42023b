"""Watch one cabin by shape alone: what stands still in a cabin that was seen empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from detectors.elevator.background import EmptyCabin, at_work_size
from detectors.elevator.by_shape.shape import box_of, standing_body
from detectors.elevator.by_shape.visit import ShapeVisit
from detectors.elevator.lens import LensMemory
from detectors.elevator.recogniser import Recogniser
from gridwatch.model import Finding, Picture


@dataclass(kw_only=True, slots=True)
class ShapeWatch:
    """What is remembered of one camera; bounded. Without scores: nothing that it sees holds a lift."""

    lens: LensMemory = field(default_factory=LensMemory)
    empty: EmptyCabin | None = None
    visit: ShapeVisit = field(default_factory=ShapeVisit)
    scores: Mapping[str, float] = field(default_factory=dict)

    def see(self, recogniser: Recogniser, picture: Picture) -> Sequence[Finding]:
        """Look at the next picture; return what was concluded now. The recogniser is not asked."""
        troubles = self.lens.take_in(picture.pixels, picture.at)
        told = [Finding(label=trouble, confidence=0.9, observed_at=picture.at) for trouble in troubles]
        if self.lens.trouble is not None or self.lens.seems is not None:
            return told
        found = self._see(picture)
        return told if found is None else [*told, found]

    def end(self) -> Sequence[Finding]:
        """End nothing: a visit is told while it lasts."""
        return ()

    def _see(self, picture: Picture) -> Finding | None:
        if self.empty is None or not self.empty.fits(picture):
            self.empty, self.visit.last_body = EmptyCabin.first_seen(picture), None
            return None
        body = standing_body(self.empty.take_in(picture))
        if not self.empty.is_trusted:
            return None
        if body is None:
            self.visit.nobody()
            if self.lens.edges is None:
                self.lens.learn(picture.pixels)
            return None
        verdict = self.visit.somebody(body, at_work_size(picture.pixels))
        if verdict is None:
            return None
        return Finding(
            label=verdict,
            confidence=self.visit.confidence,
            observed_at=picture.at,
            box_xyxy=box_of(body, picture.size_wh),
        )
