"""A detector that the user brings as an ONNX file, as a recogniser of what rides in a lift."""

from collections.abc import Mapping
from pathlib import Path

from detectors.elevator.background import Mask
from detectors.elevator.recogniser import Seen
from detectors.onnx import own_model
from gridwatch.model import Pixels

COCO_MEANING: Mapping[str, str] = {
    # COCO has no e-bike: pictures of e-bikes and mopeds come out as either of its two-wheelers, so both
    # count. Who must let bicycles pass maps bicycle to bicycle and misses the e-bikes that look like one.
    "motorcycle": "ebike",
    "bicycle": "ebike",
}


class OwnModel(own_model.OwnModel):
    """Finds what rides in a lift; building one raises DetectorError."""

    def __init__(self, path: Path, classes: Mapping[str, str] | None = None) -> None:
        super().__init__(path, classes, [COCO_MEANING])

    def look(self, pixels: Pixels, standing: Mask | None = None) -> Seen:
        """Look at one picture: of each label the surest box. Such models know whole pictures alone."""
        best = {sighting.label: sighting for sighting in reversed(self.sightings(pixels))}
        none = dict.fromkeys(self.labels, 0.0)
        return Seen(
            scores={**none, **{label: sighting.score for label, sighting in best.items()}},
            boxes={label: sighting.box_xyxy for label, sighting in best.items()},
        )
