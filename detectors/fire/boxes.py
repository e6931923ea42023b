"""The box stage: what shows smoke or flame in one picture, by a detector that the user brings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from detectors.fire.tubes import Box
from detectors.onnx.own_model import SCORE_LEAST, OwnModel
from gridwatch.errors import DetectorError
from gridwatch.model import Pixels

USUAL: Sequence[Mapping[str, str]] = (
    {"fire": "flame", "smoke": "smoke"},
    {"flame": "flame", "smoke": "smoke"},
    {"smoke": "smoke"},
    {"fire": "flame"},
    {"flame": "flame"},
)
"""What the classes of a fire detector mean when nobody says: the first of which the model has all names."""

FOUND = frozenset({"flame", "smoke"})


FOLLOWED = 0.1
"""Score from which a box is followed over time: what is faint in one picture may be sure in five."""


class OwnBoxes:
    """Boxes of flame and smoke by the user's ONNX file; building one raises DetectorError."""

    sure = SCORE_LEAST
    """From here a box counts in a picture that is judged alone."""

    def __init__(self, path: Path, classes: Mapping[str, str] | None = None) -> None:
        self._model = OwnModel(path, classes, USUAL, least_score=FOLLOWED)
        if not self._model.labels & FOUND:
            raise DetectorError(
                f"{path}: no class means flame or smoke: say which does, for example 0={min(FOUND)}"
            )

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self._model.name

    def look(self, pixels: Pixels) -> list[Box]:
        """Return what one picture shows, the surest first."""
        return [
            Box(label=seen.label, confidence=seen.score, box_xyxy=seen.box_xyxy)
            for seen in self._model.sightings(pixels)
            if seen.label in FOUND
        ]
