"""The detector of falling objects: sees picture by picture, concludes when a fall is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from detectors.throwing.falls import TOGETHER, Fall, as_fall, as_finding
from detectors.throwing.spots import Sighting, SpotFinder
from detectors.throwing.tracks import Track, Tracker
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture

NAME = "throwing/1"

MOST_GAP = timedelta(seconds=0.5)
"""Between pictures. A longer one, or a step back, hides any fall: what is remembered is worth nothing after
it."""

HOLD = timedelta(seconds=0.5)
"""After camera or light changed, until the pictures compared all lie behind the change and its noise is
learnt."""

DISTURBED_FOR = timedelta(seconds=0.3)
"""From which a disturbance is told: a flash or a cloud's edge is shorter."""

CALM_FOR = timedelta(seconds=5)
"""After which the next disturbance is a new one."""

LONGEST_WAIT = timedelta(seconds=2)
"""For another fall that goes on beside a finished one, before that is told alone."""


@dataclass(kw_only=True, slots=True)
class ThrowingState:
    """What is remembered of one camera."""

    view: FacadeView | None = None
    finder: SpotFinder = field(default_factory=SpotFinder)
    tracker: Tracker | None = None
    falls: list[Fall] = field(default_factory=list)
    size_wh: tuple[int, int] = (0, 0)
    last_at: datetime | None = None
    disturbed_from: datetime | None = None
    disturbed_at: datetime | None = None
    disturbance_told: bool = False


class ThrowingDetector:
    """Finds things that gravity draws down in front of a façade.

    Labels: `falling_object` raises an alert; `suspected_fall` is too short for one; `camera_moved` says that
    the whole picture changed, and that nothing is judged until it is calm.
    """

    name = NAME

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Find nothing: one picture shows no fall."""
        return ()

    def new_state(self, view: FacadeView | None = None) -> ThrowingState:
        """Make the memory of a camera that was never seen; `view` says what it watches."""
        return ThrowingState(view=view)

    def see(self, state: ThrowingState, picture: Picture) -> Sequence[Finding]:
        """Look at the next picture; return the falls that are over, at most a second after their end."""
        findings: list[Finding] = []
        if _breaks_off(state, picture):
            findings += self.finish(state)
            _forget(state, picture)
        state.last_at = picture.at
        for sighting in state.finder.see(picture):
            findings += self._take(state, sighting)
        return findings

    def finish(self, state: ThrowingState) -> Sequence[Finding]:
        """Conclude which of the tracks that still go on are falls."""
        if state.tracker is not None:
            _keep_falls(state, state.tracker, state.tracker.tracks)
            state.tracker.tracks = []
        return self._tell(state)

    def _take(self, state: ThrowingState, sighting: Sighting) -> list[Finding]:
        if state.tracker is None:
            return []
        findings = _disturbance(state, sighting)
        holds = state.disturbed_at is not None and sighting.at - state.disturbed_at < HOLD
        spots = np.empty((0, 4)) if holds else sighting.spots
        _keep_falls(state, state.tracker, state.tracker.follow(sighting.at, spots))
        if state.falls and _is_over(state, state.tracker, sighting.at):
            findings += self._tell(state)
        return findings

    def _tell(self, state: ThrowingState) -> list[Finding]:
        falls, state.falls = state.falls, []
        return [as_finding(falls, detector=self.name)] if falls else []


def _breaks_off(state: ThrowingState, picture: Picture) -> bool:
    if state.last_at is None or state.size_wh != picture.size_wh:
        return True
    return not timedelta() < picture.at - state.last_at <= MOST_GAP


def _forget(state: ThrowingState, picture: Picture) -> None:
    state.finder = SpotFinder()
    state.tracker = Tracker(height=picture.size_wh[1])
    state.size_wh = picture.size_wh


def _keep_falls(state: ThrowingState, tracker: Tracker, ended: Sequence[Track]) -> None:
    falls = (as_fall(track, height=tracker.height) for track in ended)
    state.falls += [fall for fall in falls if fall is not None]


def _is_over(state: ThrowingState, tracker: Tracker, now: datetime) -> bool:
    """Tell whether nothing goes on that belongs to the falls kept."""
    last = max(fall.ended_at for fall in state.falls)
    if now - last < TOGETHER:
        return False
    going = any(
        track.began <= last + TOGETHER and as_fall(track, height=tracker.height) for track in tracker.tracks
    )
    return not going or now - last > LONGEST_WAIT


def _disturbance(state: ThrowingState, sighting: Sighting) -> list[Finding]:
    """Remember when the whole picture changes; return the finding that says so, once per disturbance."""
    if not sighting.disturbed:
        if state.disturbed_at is not None and sighting.at - state.disturbed_at > CALM_FOR:
            state.disturbed_from = state.disturbed_at = None
            state.disturbance_told = False
        return []
    if state.disturbed_from is None or (state.disturbed_at and sighting.at - state.disturbed_at > HOLD):
        state.disturbed_from = sighting.at
    state.disturbed_at = sighting.at
    if state.disturbance_told or sighting.at - state.disturbed_from < DISTURBED_FOR:
        return []
    state.disturbance_told = True
    return [
        Finding(
            label="camera_moved",
            confidence=0.9,
            observed_at=sighting.at,
            started_at=state.disturbed_from,
            criteria={
                "shift_px": round(sighting.shift_px, 2),
                "changed_share": round(sighting.changed_share, 3),
            },
            detector=NAME,
        )
    ]
