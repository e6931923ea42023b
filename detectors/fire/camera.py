"""Flame and smoke before one camera, in video and in stills."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from detectors.fire.boxes import OwnBoxes
from detectors.fire.flame import FlameMemory, new_flame_memory, watch_flame
from detectors.fire.sight import Sight, SightMemory, sight_of, watch_sight
from detectors.fire.smoke import SmokeMemory, SmokeModel, new_smoke_memory, watch_smoke
from detectors.fire.still import StillModel, judge_still
from detectors.fire.tubes import Box, Rules, Watched, watch_boxes
from detectors.fire.usual import UsualPlaces, packed, unpacked, unusual
from detectors.fire.view import Region, View, WatchedPart, look
from gridwatch.facade import FacadeView, Preset
from gridwatch.model import Finding, Picture

FORGET_S = 1_800.0
"""Pictures further apart than this, or an hour back, tell nothing of each other."""
CUT_LEVELS, CUT_SHARE = 25.0, 0.6
"""A change of so many grey levels over so much of the picture: the camera was turned, or a light switched."""
REPORT_AGAIN_S = 10.0
REPORT_GROWTH, REPORT_SOONEST_S = 2.0, 2.0
"""A flame that goes on is reported every ten seconds, or sooner when its area has doubled."""
FIRE_OVER_S = 60.0
"""A flame that was not seen for this long, or for ten pictures, is over; the next is a new one."""
FIRE_OVER_PICTURES = 10
BOXES_S = 1.0
"""Of video one picture in a second is looked at for what changes slowly."""
MOST_PRESETS = 64
"""That are remembered of a camera, the latest seen."""

RULES: Mapping[Sight, Rules] = {
    Sight.CLEAR: Rules(),
    # By night a veil is haze in the light of lamps more often than smoke.
    Sight.NIGHT: Rules(sure=0.6, alarm=0.45, widest=0.2),
    # Fog comes and goes in banks, which are wide.
    Sight.FOG: Rules(sure=0.6, alarm=0.45, widest=0.2),
}


@dataclass(slots=True)
class Burning:
    """A fire that goes on, and what was last reported of it."""

    started_at: datetime
    seen_at: datetime
    reported_at: datetime
    reported_area: int


@dataclass(slots=True)
class PresetState:
    """What is remembered of one view: bounded, whatever it shows."""

    preset: Preset
    watched: WatchedPart | None = None
    view: View | None = None
    at: datetime | None = None
    flame: FlameMemory | None = None
    smoke: SmokeMemory | None = None
    burning: dict[str, Burning] = field(default_factory=dict)
    sight: SightMemory = field(default_factory=SightMemory)
    usual: UsualPlaces = field(default_factory=UsualPlaces)
    boxes: Watched = field(default_factory=Watched)


@dataclass(slots=True)
class CameraState:
    """What is remembered of one camera: each of its presets by itself."""

    known: FacadeView | None = None
    presets: OrderedDict[str, PresetState] = field(default_factory=OrderedDict)

    def of(self, name: str) -> PresetState:
        """Return the memory of a preset; the one that was not seen for longest makes room for a new one."""
        if name not in self.presets:
            self.presets[name] = PresetState(
                preset=Preset(name=name) if self.known is None else self.known.preset(name),
                watched=None if self.known is None else WatchedPart(self.known.looking(name)),
                boxes=Watched(name=name),
            )
        self.presets.move_to_end(name)
        while len(self.presets) > MOST_PRESETS:
            self.presets.popitem(last=False)
        return self.presets[name]

    def forget(self, name: str) -> PresetState:
        """Return a memory without a past for a preset that shows another view from now on."""
        del self.presets[name]
        return self.of(name)


class FireCameraDetector:
    """Finds flame by colour with flicker or unrest, smoke by how the view changes; one camera per state.

    Networks of our own tell smoke among all that changes and, in a lone picture, flame among what glows.
    A detector that the user brings takes the place of all that, picture by picture; the rules over time stay.
    Pictures may come as video or up to half an hour apart, and may change their size; those of a preset are
    held against earlier ones of that preset. A picture older than the one before is not looked at.
    """

    def __init__(self, onnx: Path | None = None, classes: Mapping[str, str] | None = None) -> None:
        """Load the user's model where one is given; DetectorError when it or the class mapping is no use."""
        self._own = None if onnx is None else OwnBoxes(onnx, classes)
        self._still = StillModel()
        self._smoke = SmokeModel()

    @property
    def name(self) -> str:
        """Name and version."""
        return "fire-camera/3" if self._own is None else f"fire-{self._own.name}/2"

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Judge one picture alone: flame, and smoke where the user's detector tells it; by night and in fog
        also that."""
        view = look(picture.pixels)
        if self._own is not None:
            boxes = [box for box in self._own.look(picture.pixels) if box.confidence >= self._own.sure]
        else:
            boxes = judge_still(picture.pixels, self._still)
        sight = sight_of(view)
        found = [
            Finding(
                label=box.label,
                confidence=box.confidence,
                observed_at=picture.at,
                box_xyxy=box.box_xyxy,
                criteria=box.criteria,
                detector=self.name,
            )
            for box in boxes
        ]
        return found if sight is Sight.CLEAR else [*found, self._noted(sight.value, picture)]

    def new_state(self, view: FacadeView | None = None) -> CameraState:
        """Make the memory of a camera that was never seen; `view` says what it watches and where it looks."""
        return CameraState(known=view)

    def kept(self, state: CameraState) -> bytes:
        """Return which places of each preset usually show something."""
        return packed({name: memory.usual for name, memory in state.presets.items()})

    def recall(self, state: CameraState, kept: bytes) -> None:
        """Know again the places that usually showed something."""
        for name, usual in unpacked(kept).items():
            state.of(name).usual = usual

    def see(self, state: CameraState, picture: Picture) -> Sequence[Finding]:
        """Look at the next picture; report a fire when it starts, grows clearly, and again while it burns."""
        memory = state.of(picture.preset)
        before, before_at = memory.view, memory.at
        gap_s = None if before_at is None else (picture.at - before_at).total_seconds()
        if gap_s is not None and -FORGET_S * 2 < gap_s <= 0:
            return ()
        view = look(picture.pixels, watched=memory.watched)
        memory.view, memory.at = view, picture.at
        moment_s = picture.at.timestamp()
        found = []
        if watch_sight(memory.sight, view, moment_s):
            found.append(self._noted(memory.sight.now.value, picture))
        if self._own is not None:
            return [*found, *self._by_own_boxes(self._own, memory, picture)]
        if before is None or gap_s is None or not 0 < gap_s <= FORGET_S or before.size_wh != view.size_wh:
            memory.flame = new_flame_memory(*view.luminance.shape)
            memory.smoke = new_smoke_memory(view, moment_s)
            return found
        if memory.smoke is not None and _cut(before, view):
            memory.flame = new_flame_memory(*view.luminance.shape)
            memory.smoke = new_smoke_memory(view, moment_s, memory.smoke.aim)
        else:
            found += self._seen_to_change(memory, before, view, gap_s)
        if memory.smoke is not None and memory.smoke.aim.now == "moved":
            self._begin_anew(state, picture, view)
            found.append(self._noted("camera_moved", picture))
        return found

    def _seen_to_change(self, memory: PresetState, before: View, view: View, gap_s: float) -> list[Finding]:
        """Return the flame and the smoke by which a view differs from its earlier pictures."""
        found: list[Finding] = []
        if memory.flame is None or memory.smoke is None or memory.at is None:
            return found
        flame = watch_flame(memory.flame, before, view, gap_s)
        if flame is not None:
            middle_x = (flame.box_xyxy[0] + flame.box_xyxy[2]) / 2
            found += [
                _with_bearing(burns, memory.preset, middle_x, view.size_wh[0])
                for burns in self._burns(memory, flame, memory.at, gap_s)
            ]
        smoke = watch_smoke(memory.smoke, view, memory.at.timestamp(), self._smoke)
        if smoke is not None and memory.smoke.aim.now != "moved":
            found += self._told(memory, smoke, memory.at, view.size_wh)
        return found

    def finish(self, state: CameraState) -> Sequence[Finding]:
        """Conclude a clip: nothing is left open, for a fire is reported while it burns."""
        state.presets.clear()
        return ()

    def _begin_anew(self, state: CameraState, picture: Picture, view: View) -> None:
        """Take the view that a camera has moved to for what it shows from now on."""
        sight = state.of(picture.preset).sight.now
        memory = state.forget(picture.preset)
        memory.view, memory.at, memory.sight.now = view, picture.at, sight
        memory.flame = new_flame_memory(*view.luminance.shape)
        memory.smoke = new_smoke_memory(view, picture.at.timestamp())

    def _noted(self, label: str, picture: Picture) -> Finding:
        return Finding(label=label, confidence=1.0, observed_at=picture.at, detector=self.name)

    def _by_own_boxes(self, own: OwnBoxes, memory: PresetState, picture: Picture) -> Sequence[Finding]:
        seen_at = memory.boxes.at
        if seen_at is not None and timedelta() <= picture.at - seen_at < timedelta(seconds=BOXES_S):
            return ()
        boxes = [
            box
            for box in own.look(picture.pixels)
            if memory.watched is None or memory.watched.holds(box.box_xyxy, picture.size_wh)
        ]
        return self._told(memory, boxes, picture.at, picture.size_wh)

    def _told(
        self, memory: PresetState, boxes: Sequence[Box], at: datetime, size_wh: tuple[int, int]
    ) -> Sequence[Finding]:
        rules = RULES[memory.sight.now]
        boxes = unusual(memory.usual, boxes, at=at, size_wh=size_wh)
        told = watch_boxes(memory.boxes, boxes, at=at, size_wh=size_wh, rules=rules)
        base_x = {fire.id: fire.base_x for fire in memory.boxes.fires}
        return [
            _with_bearing(replace(finding, detector=self.name), memory.preset, base_x[finding.id], size_wh[0])
            for finding in told
            if finding.id is not None
        ]

    def _burns(self, memory: PresetState, flame: Region, at: datetime, gap_s: float) -> Sequence[Finding]:
        known = memory.burning.get("flame")
        over = timedelta(seconds=max(FIRE_OVER_S, FIRE_OVER_PICTURES * gap_s))
        goes_on = known is not None and at - known.seen_at <= over
        if known is not None and goes_on:
            known.seen_at = at
            since_s = (at - known.reported_at).total_seconds()
            grown = flame.area_blocks >= REPORT_GROWTH * known.reported_area
            if since_s < (REPORT_SOONEST_S if grown else REPORT_AGAIN_S):
                return ()
            known.reported_at = at
            known.reported_area = max(known.reported_area, flame.area_blocks)
        else:
            known = Burning(started_at=at, seen_at=at, reported_at=at, reported_area=flame.area_blocks)
            memory.burning["flame"] = known
        return (
            Finding(
                label="flame",
                confidence=flame.confidence,
                observed_at=at,
                started_at=known.started_at,
                box_xyxy=flame.box_xyxy,
                criteria=flame.criteria,
                detector=self.name,
            ),
        )


def _with_bearing(finding: Finding, preset: Preset, x: float, width: float) -> Finding:
    """Return a finding with the direction of a column, where the camera's own is known."""
    bearing_deg = preset.bearing_deg(x, width)
    if bearing_deg is None:
        return finding
    return replace(finding, criteria={**finding.criteria, "bearing_deg": bearing_deg})


def _cut(before: View, view: View) -> bool:
    """Say whether the camera was turned or a light switched: next to everything has changed."""
    changed = np.abs(before.luminance - view.luminance) > CUT_LEVELS
    return bool(changed.mean() > CUT_SHARE)
