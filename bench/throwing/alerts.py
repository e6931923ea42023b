"""What a method says of a clip, in a form that is the same for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from detectors.throwing import ThrowingDetector
from detectors.throwing.detector import ThrowingState
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture, TrackPoint

ALERT, SUSPECTED = "falling_object", "suspected_fall"


@dataclass(kw_only=True, slots=True)
class Alert:
    """One event that a method told: first at `told_at`, with the last track that it gave."""

    label: str
    told_at: datetime
    track: Sequence[TrackPoint]


class Method(Protocol):
    """Looks at the pictures of one clip."""

    name: str
    notes: dict[str, int]
    """How often it said anything else, such as that the camera moved."""

    def see(self, picture: Picture) -> None:
        """Take in the next picture."""
        ...

    def alerts(self) -> Sequence[Alert]:
        """Return all events, once the last picture was seen."""
        ...


class Ours:
    """The project's detector. Findings with the same id are one event.

    It is an alert from when one of them says so.
    """

    name = "gridwatch"

    def __init__(self, view: FacadeView | None) -> None:
        self._detector = ThrowingDetector()
        self._state: ThrowingState = self._detector.new_state(view)
        self._told: dict[str, Alert] = {}
        self._last: datetime | None = None
        self.notes: dict[str, int] = {}

    def see(self, picture: Picture) -> None:
        """Take in the next picture."""
        self._last = picture.at
        self._take(self._detector.see(self._state, picture))

    def alerts(self) -> Sequence[Alert]:
        """Return all events; what the detector concludes at the end is told then."""
        self._take(self._detector.finish(self._state))
        return list(self._told.values())

    def _take(self, findings: Sequence[Finding]) -> None:
        assert self._last is not None or not findings
        for finding in findings:
            if finding.label not in (ALERT, SUSPECTED):
                self.notes[finding.label] = self.notes.get(finding.label, 0) + 1
                continue
            name = finding.id or f"{len(self._told)}"
            before = self._told.get(name)
            if before is None or (before.label == SUSPECTED and finding.label == ALERT):
                assert self._last is not None
                self._told[name] = Alert(label=finding.label, told_at=self._last, track=finding.track)
            else:
                before.track = finding.track


def span_s(alert: Alert) -> tuple[datetime, datetime]:
    """Return the first and the last moment of its track."""
    moments = [point.at for point in alert.track] or [alert.told_at]
    return min(moments), max(moments)
