"""Watch a lift cabin for e-bikes, mopeds and motorcycles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detectors.elevator.background import EmptyCabin, at_work_size
from detectors.elevator.lens import LensMemory
from detectors.elevator.shape import box_of, standing_body
from detectors.elevator.visit import Visit
from detectors.elevator.yolox import YoloxModel
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture

VERSION = "1"


@dataclass(kw_only=True, slots=True)
class CabinMemory:
    """What is remembered of one cabin camera; its size is bounded."""

    lens: LensMemory = field(default_factory=LensMemory)
    empty: EmptyCabin | None = None
    visit: Visit = field(default_factory=Visit)


class ElevatorDetector:
    """Judges with the user's ONNX model where one is given, else by the foreground's shape.

    With a model every picture in which it sees something gives a finding: no rules over time hide one.
    """

    def __init__(self, onnx: Path | None = None, classes: Mapping[str, str] | None = None) -> None:
        """Load the model; DetectorError when the file or the class mapping can't be used."""
        self._model = None if onnx is None else YoloxModel(onnx, classes)

    @property
    def name(self) -> str:
        """Name and version, as `name/version`."""
        kind = "shape" if self._model is None else self._model.name
        return f"elevator-{kind}/{VERSION}"

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Judge one picture with the ONNX model; without one a lone picture tells nothing."""
        if self._model is None:
            return ()
        best = {sighting.label: sighting for sighting in reversed(self._model.sightings(picture.pixels))}
        return tuple(
            Finding(
                label=sighting.label,
                confidence=sighting.score,
                observed_at=picture.at,
                box_xyxy=sighting.box_xyxy,
                detector=self.name,
            )
            for sighting in best.values()
        )

    def new_state(self, view: FacadeView | None = None) -> CabinMemory:
        """Make the memory of a cabin that was never seen."""
        return CabinMemory()

    def see(self, state: CabinMemory, picture: Picture) -> Sequence[Finding]:
        """Look at the cabin's next picture; change `state`; return what was concluded now."""
        newly_covered = state.lens.newly_covered(picture.pixels)
        found = self.judge(picture)
        if newly_covered:
            return (self._lens_covered(picture), *found)
        if self._model is not None or state.lens.covered:
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
