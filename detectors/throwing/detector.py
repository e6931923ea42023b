"""The detector of falling objects: sees picture by picture, tells a fall as soon as it is sure of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import cv2
import numpy as np

from detectors.throwing.events import Events
from detectors.throwing.faults import MOST_GAP_S, CameraWatch
from detectors.throwing.spots import SpotFinder
from detectors.throwing.steady import Steadier, shrunk
from detectors.throwing.watched import Watched
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture, Pixels

NAME = "throwing/2"

LEAST_INTERVAL_S = 0.025
"""Between the pictures that are looked at: more than thirty or so a second show nothing more."""

HOLD_S = 0.5
"""After camera or light changed, until the pictures compared all lie behind the change and its noise is
learnt."""

MOVED_PX = 1.5
"""Of the whole picture, from which somebody should look after the camera."""


@dataclass(kw_only=True, slots=True)
class Scene:
    """What is remembered of pictures of one size."""

    finder: SpotFinder
    events: Events
    steadier: Steadier = field(default_factory=Steadier)
    held_until: float = 0.0


@dataclass(kw_only=True, slots=True)
class ThrowingState:
    """What is remembered of one camera. Times are seconds after `origin`, and never go back."""

    view: FacadeView | None = None
    scene: Scene | None = None
    watch: CameraWatch | None = None
    t: float = 0.0
    at: datetime | None = None
    seen_t: float = 0.0
    """When the last picture came that was looked at."""


class ThrowingDetector:
    """Finds things that gravity draws down in front of a façade.

    Labels: `falling_object` raises an alert; `suspected_fall` fell too short or is too unsure for one. A fall
    that goes on after it was told is told again, with the same id. `camera_moved`, `camera_black`,
    `camera_frozen`, `camera_changed`, `camera_clock` and `camera_drops` say what is wrong with the camera.
    """

    name = NAME

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Find nothing: one picture shows no fall."""
        return ()

    def new_state(self, view: FacadeView | None = None) -> ThrowingState:
        """Make the memory of a camera that was never seen; `view` says what it watches."""
        return ThrowingState(view=view)

    def see(self, state: ThrowingState, picture: Picture) -> Sequence[Finding]:
        """Look at the next picture; return what is sure now."""
        if state.at == picture.at:
            return ()
        watch = state.watch = state.watch or CameraWatch(origin=picture.at, detector=self.name)
        findings = self._keep_time(state, watch, picture.at)
        t = state.t
        findings += watch.sized(picture.size_wh, t)
        if state.scene is None or state.scene.finder.watched.size_wh != picture.size_wh:
            findings += self._end_scene(state)
            state.scene = self._new_scene(state.view, picture.size_wh)
        elif t - state.seen_t < LEAST_INTERVAL_S and state.seen_t > 0:
            return findings
        scene = state.scene
        grey = np.asarray(cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        small = shrunk(grey)
        findings += watch.looked(grey, small, t)
        if t - state.seen_t > MOST_GAP_S:
            findings += self._break_off(scene, watch)
        if watch.blind:
            return findings
        state.seen_t = t
        if watch.still:
            return findings
        return [*findings, *self._look(scene, watch, grey, small, t)]

    def finish(self, state: ThrowingState) -> Sequence[Finding]:
        """Conclude which of the tracks that still go on are falls."""
        return self._end_scene(state)

    def _keep_time(self, state: ThrowingState, watch: CameraWatch, at: datetime) -> list[Finding]:
        """Set `state.t`. A clock that went back begins a new reckoning after all that was before."""
        before, state.at = state.at, at
        t = (at - watch.origin).total_seconds()
        if before is None or at > before:
            state.t = t
            return watch.came(t)
        findings = self._end_scene(state)
        state.t += 2 * MOST_GAP_S
        watch.origin = at - timedelta(seconds=state.t)
        return findings + watch.went_back(state.t, (before - at).total_seconds())

    def _look(self, scene: Scene, watch: CameraWatch, grey: Pixels, small: Pixels, t: float) -> list[Finding]:
        steadied = scene.steadier.steady(grey, small, t)
        moves = steadied.shift_px is None or steadied.shift_px > MOVED_PX
        findings = watch.shifted(t, steadied.shift_px, wrong=moves)
        if steadied.adopted:
            findings += self._break_off(scene, watch)
        if steadied.shift_px is None or steadied.adopted:
            scene.held_until = t + HOLD_S
        for sighting in scene.finder.see(steadied.grey, t):
            if sighting.disturbed:
                scene.held_until = sighting.t + HOLD_S
            spots = np.empty((0, 4)) if sighting.t < scene.held_until else sighting.spots
            findings += scene.events.take(sighting.t, spots, watch.origin)
        return findings

    def _break_off(self, scene: Scene, watch: CameraWatch) -> list[Finding]:
        """Conclude what goes on: the next picture does not follow on the last."""
        scene.finder.forget_pictures()
        return scene.events.break_off(watch.origin)

    def _end_scene(self, state: ThrowingState) -> list[Finding]:
        if state.scene is None or state.watch is None:
            return []
        return self._break_off(state.scene, state.watch)

    def _new_scene(self, view: FacadeView | None, size_wh: tuple[int, int]) -> Scene:
        watched = Watched(size_wh=size_wh, view=view.fitted(size_wh) if view else None)
        return Scene(finder=SpotFinder(watched=watched), events=Events(watched=watched, detector=self.name))
