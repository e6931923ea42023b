"""The detector of falling objects: sees picture by picture, tells a fall as soon as it is sure of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import cv2
import numpy as np

from detectors.throwing.falls import TOGETHER_S, Fall, as_fall, as_finding, may_fall
from detectors.throwing.faults import MOST_GAP_S, CameraWatch
from detectors.throwing.spots import Sighting, SpotFinder
from detectors.throwing.steady import Steadier, shrunk
from detectors.throwing.tracks import Track, Tracker
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

JUDGED_EVERY = 3
"""Points by which a track grows from one judgement to the next."""

LONGEST_WAIT_S = 2.0
"""For another fall that goes on beside a finished one, before that is told alone."""

UPDATED_S = 0.1
"""By which a fall must have gone on after it was told, to be told anew."""

RAIN_TRACKS = 6.0
"""Even motions down the picture at the same time, on average over RAIN_S, from which it rains or snows."""

RAIN_POINTS = 6
RAIN_S = 3.0


@dataclass(kw_only=True, slots=True)
class Scene:
    """What is remembered of pictures of one size."""

    finder: SpotFinder
    tracker: Tracker
    steadier: Steadier = field(default_factory=Steadier)
    candidates: dict[Track, Fall] = field(default_factory=dict)
    """Of the tracks that go on: those that are falls so far."""
    falls: list[Fall] = field(default_factory=list)
    """That are over, of the event that goes on."""
    told: Finding | None = None
    """Of that event, the last that was said."""
    held_until: float = 0.0
    even_tracks: float = 0.0
    """Average number of tracks that do not gain speed."""


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
        if state.scene is None or state.scene.tracker.watched.size_wh != picture.size_wh:
            findings += self._end_scene(state)
            state.scene = _new_scene(state.view, picture.size_wh)
        elif t - state.seen_t < LEAST_INTERVAL_S and state.seen_t > 0:
            return findings
        scene = state.scene
        grey = np.asarray(cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        small = shrunk(grey)
        findings += watch.looked(grey, small, t)
        if t - state.seen_t > MOST_GAP_S:
            findings += self._break_off(scene, watch.origin)
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
            findings += self._break_off(scene, watch.origin)
        if steadied.shift_px is None or steadied.adopted:
            scene.held_until = t + HOLD_S
        for sighting in scene.finder.see(steadied.grey, t):
            findings += self._take(scene, watch.origin, sighting)
        return findings

    def _take(self, scene: Scene, origin: datetime, sighting: Sighting) -> list[Finding]:
        """Carry tracks on with what was seen; tell what is sure now."""
        if sighting.disturbed:
            scene.held_until = sighting.t + HOLD_S
        spots = np.empty((0, 4)) if sighting.t < scene.held_until else sighting.spots
        _keep(scene, scene.tracker.follow(sighting.t, spots))
        _judge_going(scene)
        if scene.told is None and any(fall.confirmed for fall in _all(scene)):
            return self._tell(scene, origin)
        if scene.falls and _is_over(scene, sighting.t):
            return self._conclude(scene, origin)
        return []

    def _tell(self, scene: Scene, origin: datetime) -> list[Finding]:
        """Say what the event is by now, under the id that it has from the first time."""
        finding = as_finding(_all(scene), origin=origin, detector=self.name)
        if scene.told is not None:
            finding = replace(finding, id=scene.told.id)
        scene.told = finding
        return [finding]

    def _conclude(self, scene: Scene, origin: datetime) -> list[Finding]:
        """Say the event for the last time, where that adds anything."""
        findings: list[Finding] = []
        last = origin + timedelta(seconds=max((fall.track.t[-1] for fall in _all(scene)), default=0.0))
        told = scene.told
        if _all(scene) and (
            told is None or (told.ended_at or told.observed_at) + timedelta(seconds=UPDATED_S) < last
        ):
            findings = self._tell(scene, origin)
        scene.falls, scene.told = [], None
        return findings

    def _break_off(self, scene: Scene, origin: datetime) -> list[Finding]:
        """Conclude what goes on: the next picture does not follow on the last."""
        _keep(scene, scene.tracker.end())
        scene.finder.forget_pictures()
        scene.candidates.clear()
        return self._conclude(scene, origin)

    def _end_scene(self, state: ThrowingState) -> list[Finding]:
        if state.scene is None or state.watch is None:
            return []
        return self._break_off(state.scene, state.watch.origin)


def _new_scene(view: FacadeView | None, size_wh: tuple[int, int]) -> Scene:
    watched = Watched(size_wh=size_wh, view=view.fitted(size_wh) if view else None)
    return Scene(finder=SpotFinder(watched=watched), tracker=Tracker(watched=watched))


def _all(scene: Scene) -> list[Fall]:
    return [*scene.falls, *scene.candidates.values()]


def _keep(scene: Scene, ended: Sequence[Track]) -> None:
    for track in ended:
        scene.candidates.pop(track, None)
        fall = as_fall(track, scene.tracker.watched, rain=scene.even_tracks > RAIN_TRACKS)
        if fall is not None:
            scene.falls.append(fall)


def _judge_going(scene: Scene) -> None:
    """Judge the tracks that have grown by some points, and count those that fall like rain."""
    even = 0
    for track in scene.tracker.tracks:
        falling = may_fall(track)
        even += len(track.t) >= RAIN_POINTS and not falling
        if track.misses or len(track.t) % JUDGED_EVERY or not falling:
            continue
        fall = as_fall(track, scene.tracker.watched, rain=scene.even_tracks > RAIN_TRACKS)
        if fall is not None:
            scene.candidates[track] = fall
        else:
            scene.candidates.pop(track, None)
    scene.even_tracks += (even - scene.even_tracks) / (25 * RAIN_S)


def _is_over(scene: Scene, t: float) -> bool:
    """Tell whether nothing goes on that belongs to the falls kept."""
    last = max(fall.track.t[-1] for fall in scene.falls)
    if t - last < TOGETHER_S:
        return False
    going = any(track.t[0] <= last + TOGETHER_S for track in scene.candidates)
    return not going or t - last > LONGEST_WAIT_S
