"""What a detector is: data in, findings out, its memory owned by the caller.

A detector holds only settings and weights; what it remembers of one camera, or of all sensors, is a state
object that the caller keeps and hands back. No sockets, no clock, no SQL, no files but weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Observation, Picture

State = TypeVar("State")


class CameraDetector(Protocol[State]):
    """Looks at the pictures of one camera, oldest first.

    Raises DetectorError where it fails on a picture. A finding of a label that raises alerts is meant as
    an alert; anything weaker has a label of its own (`suspected_fall`, `camera_moved`, …).
    """

    @property
    def name(self) -> str:
        """Name and version, as `name/version`."""
        ...

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Judge one picture alone, without rules over time."""
        ...

    def new_state(self, view: FacadeView | None = None) -> State:
        """Make the memory of a camera that was never seen; `view` is what is known of its façade."""
        ...

    def see(self, state: State, picture: Picture) -> Sequence[Finding]:
        """Look at the camera's next picture; change `state`; return what was concluded now."""
        ...

    def finish(self, state: State) -> Sequence[Finding]:
        """Conclude what a clip's end leaves open; `state` is not used again."""
        ...


@runtime_checkable
class ScoringDetector(Protocol):
    """A camera's detector that also says, picture by picture, how surely what is there now."""

    def scores(self, state: Any) -> Mapping[str, float]:
        """Return a score of 0-1 per label for the newest picture; what is missing is not there."""
        ...


@runtime_checkable
class RememberingDetector(Protocol):
    """A camera's detector that learns over days what a restart must not lose."""

    def kept(self, state: Any) -> bytes:
        """Return what of a camera's memory is worth keeping; empty for nothing."""
        ...

    def recall(self, state: Any, kept: bytes) -> None:
        """Give a new memory what `kept` returned of an earlier one; what can't be read is learnt anew."""
        ...


class SensorDetector(Protocol[State]):
    """Judges the observations of all sensors, in the order of their arrival."""

    @property
    def name(self) -> str:
        """Name and version, as `name/version`."""
        ...

    def new_states(self) -> State:
        """Make a memory of sensors in which none was heard yet."""
        ...

    def feel(self, states: State, observations: Sequence[Observation]) -> Sequence[tuple[int, Finding]]:
        """Take in observations; change `states`; return what each, by its index, let conclude."""
        ...
