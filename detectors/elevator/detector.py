"""Watch a lift cabin for e-bikes, mopeds and motorcycles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from detectors.elevator.by_shape import ShapeWatch
from detectors.elevator.cabin_model import SHIPPED, CabinModel
from detectors.elevator.looks import SHIPPED_CAUTION, Caution
from detectors.elevator.own_model import OwnModel
from detectors.elevator.recogniser import EMPTY, Recogniser
from detectors.elevator.watch import CabinWatch
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture

VERSION = "2"
SHAPE = "elevator-shape/1"

Watch: TypeAlias = CabinWatch | ShapeWatch

UNTOLD = frozenset({EMPTY, "person"})
"""What every lift shows all day."""


class ElevatorDetector:
    """Looks with the user's ONNX model where one is given, else with the recogniser of our own.

    A lone picture is judged by what it shows; a camera's pictures over time, by what they show together. The
    shipped recogniser finds nothing of rendered visits yet (bench/elevator): over time the outline decides in
    its place.
    """

    def __init__(
        self, onnx: Path | None = None, classes: Mapping[str, str] | None = None, *, model: Path = SHIPPED
    ) -> None:
        """Load the model; `model` is the folder of our recogniser, the shipped one or one that was learnt.

        DetectorError when a file or the class mapping can't be used.
        """
        self._by_shape = onnx is None and model == SHIPPED
        self.recogniser: Recogniser = CabinModel(model) if onnx is None else OwnModel(onnx, classes)
        self._caution = (
            SHIPPED_CAUTION if onnx is None else Caution.counting_from(self.recogniser.least_score)
        )

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

    def new_state(self, view: FacadeView | None = None) -> Watch:
        """Make the memory of a cabin that was never seen."""
        return ShapeWatch() if self._by_shape else CabinWatch(caution=self._caution)

    def see(self, state: Watch, picture: Picture) -> Sequence[Finding]:
        """Look at the cabin's next picture; change `state`; return what was concluded now."""
        name = SHAPE if isinstance(state, ShapeWatch) else self.name
        return [replace(finding, detector=name) for finding in state.see(self.recogniser, picture)]

    def scores(self, state: Watch) -> Mapping[str, float]:
        """Return how surely each class is in the cabin now, by the latest pictures together."""
        return state.scores

    def finish(self, state: Watch) -> Sequence[Finding]:
        """End the visits that the last picture leaves open."""
        return [replace(finding, detector=self.name) for finding in state.end()]
