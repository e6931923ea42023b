"""Watch a lift cabin for e-bikes, mopeds and motorcycles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from detectors.elevator.cabin_model import SHIPPED, CabinModel
from detectors.elevator.looks import SHIPPED_CAUTION, Caution
from detectors.elevator.own_model import OwnModel
from detectors.elevator.recogniser import EMPTY, Recogniser
from detectors.elevator.watch import CabinWatch
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture

VERSION = "3"
UNTOLD = frozenset({EMPTY, "person"})
"""What every lift shows all day."""


class ElevatorDetector:
    """Looks with the user's ONNX model where one is given, else with the recogniser of our own.

    A lone picture is judged by what it shows; a camera's pictures over time, by what they show together. The
    shipped recogniser is a weak one (bench/elevator): over time it suspects an e-bike long before it is sure
    enough for a lift to be held.
    """

    def __init__(
        self, onnx: Path | None = None, classes: Mapping[str, str] | None = None, *, model: Path = SHIPPED
    ) -> None:
        """Load the model; `model` is the folder of our recogniser, the shipped one or one that was learnt.

        DetectorError when a file or the class mapping can't be used.
        """
        self.recogniser: Recogniser = CabinModel(model) if onnx is None else OwnModel(onnx, classes)
        if onnx is not None:
            self._caution = Caution.counting_from(self.recogniser.least_score)
        else:
            self._caution = SHIPPED_CAUTION if model == SHIPPED else Caution()

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

    def new_state(self, view: FacadeView | None = None) -> CabinWatch:
        """Make the memory of a cabin that was never seen."""
        return CabinWatch(caution=self._caution)

    def see(self, state: CabinWatch, picture: Picture) -> Sequence[Finding]:
        """Look at the cabin's next picture; change `state`; return what was concluded now."""
        return [replace(finding, detector=self.name) for finding in state.see(self.recogniser, picture)]

    def scores(self, state: CabinWatch) -> Mapping[str, float]:
        """Return how surely each class is in the cabin now, by the latest pictures together."""
        return state.scores

    def finish(self, state: CabinWatch) -> Sequence[Finding]:
        """End the visits that the last picture leaves open."""
        return [replace(finding, detector=self.name) for finding in state.end()]
