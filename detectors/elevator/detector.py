"""Watch a lift cabin for e-bikes, mopeds and motorcycles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detectors.elevator.background import EmptyCabin, at_work_size
from detectors.elevator.cabin_model import SHIPPED, CabinModel
from detectors.elevator.lens import LensMemory
from detectors.elevator.own_model import OwnModel
from detectors.elevator.recogniser import EMPTY, Recogniser
from detectors.elevator.shape import box_of, standing_body
from detectors.elevator.visit import Visit
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture

VERSION = "2"

UNTOLD = frozenset({EMPTY, "person"})
"""What every lift shows all day."""


@dataclass(kw_only=True, slots=True)
class CabinMemory:
    """What is remembered of one cabin camera; its size is bounded."""

    lens: LensMemory = field(default_factory=LensMemory)
    empty: EmptyCabin | None = None
    visit: Visit = field(default_factory=Visit)


class ElevatorDetector:
    """Looks with the user's ONNX model where one is given, else with the recogniser of our own.

    With the user's model every picture in which it sees something gives a finding: no rules over time hide
    one. Without it a lone picture is judged by the recogniser, and a camera's pictures by the foreground's
    shape.
    """

    def __init__(
        self, onnx: Path | None = None, classes: Mapping[str, str] | None = None, *, model: Path = SHIPPED
    ) -> None:
        """Load the model; `model` is the folder of our recogniser, the shipped one or one that was learnt.

        DetectorError when a file or the class mapping can't be used.
        """
        self._is_users = onnx is not None
        self.recogniser: Recogniser = CabinModel(model) if onnx is None else OwnModel(onnx, classes)

    @property
    def name(self) -> str:
        """Name and version, as `name/version`."""
        return f"elevator-{self.recogniser.name}/{VERSION}"

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Judge one picture alone: whatever rides in it, the surest first."""
        seen = self.recogniser.look(picture.pixels)
        labels = [
            label
            for label, score in seen.scores.items()
            if score >= self.recogniser.least_score and label not in UNTOLD
        ]
        return tuple(
            Finding(
                label=label,
                confidence=seen.scores[label],
                observed_at=picture.at,
                box_xyxy=seen.boxes.get(label),
                detector=self.name,
            )
            for label in sorted(labels, key=lambda label: -seen.scores[label])
        )

    def new_state(self, view: FacadeView | None = None) -> CabinMemory:
        """Make the memory of a cabin that was never seen."""
        return CabinMemory()

    def see(self, state: CabinMemory, picture: Picture) -> Sequence[Finding]:
        """Look at the cabin's next picture; change `state`; return what was concluded now."""
        newly_covered = state.lens.newly_covered(picture.pixels)
        found = self.judge(picture) if self._is_users else ()
        if newly_covered:
            return (self._lens_covered(picture), *found)
        if self._is_users or state.lens.covered:
            return found
        return self._see_shape(state, picture)

    def finish(self, state: CabinMemory) -> Sequence[Finding]:
        """Conclude nothing more: a visit is told while it lasts."""
        return ()

    def _see_shape(self, state: CabinMemory, picture: Picture) -> Sequence[Finding]:
        if state.empty is None or not state.empty.fits(picture):
            state.empty, state.visit.last_body = EmptyCabin.first_seen(picture), None
            return ()
        body = standing_body(state.empty.take_in(picture))
        if not state.empty.is_trusted:
            return ()
        if body is None:
            state.visit.nobody()
            return ()
        verdict = state.visit.somebody(body, at_work_size(picture.pixels))
        if verdict is None:
            return ()
        return (
            Finding(
                label=verdict,
                confidence=state.visit.confidence,
                observed_at=picture.at,
                box_xyxy=box_of(body, picture.size_wh),
                detector=self.name,
            ),
        )

    def _lens_covered(self, picture: Picture) -> Finding:
        return Finding(label="lens_covered", confidence=0.9, observed_at=picture.at, detector=self.name)
