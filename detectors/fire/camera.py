"""Flame and smoke before one camera, in video and in stills."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from detectors.fire.flame import FlameMemory, judge_flame, new_flame_memory, watch_flame
from detectors.fire.smoke import SmokeMemory, new_smoke_memory, watch_smoke
from detectors.fire.view import Region, View, look
from gridwatch.facade import FacadeView
from gridwatch.model import Finding, Picture

FORGET_S = 1_800.0
"""Pictures further apart than this, or an hour back, tell nothing of each other."""
CUT_LEVELS, CUT_SHARE = 25.0, 0.6
"""A change of so many grey levels over so much of the picture: the camera was turned, or a light switched."""
REPORT_AGAIN_S = 10.0
REPORT_GROWTH, REPORT_SOONEST_S = 2.0, 2.0
"""A fire that goes on is reported every ten seconds, or sooner when its area has doubled."""
FIRE_OVER_S = 60.0
"""A fire that was not seen for this long, or for ten pictures, is over; the next is a new one."""
FIRE_OVER_PICTURES = 10


@dataclass(slots=True)
class Burning:
    """A fire that goes on, and what was last reported of it."""

    started_at: datetime
    seen_at: datetime
    reported_at: datetime
    reported_area: int


@dataclass(slots=True)
class CameraState:
    """What is remembered of one camera: bounded, whatever it shows."""

    view: View | None = None
    at: datetime | None = None
    flame: FlameMemory | None = None
    smoke: SmokeMemory | None = None
    burning: dict[str, Burning] = field(default_factory=dict)


class FireCameraDetector:
    """Finds flame by colour with flicker or unrest, and smoke as a growing veil; one camera per state.

    Pictures may come as video or up to half an hour apart, and may change their size. A picture older than
    the one before is not looked at.
    """

    @property
    def name(self) -> str:
        """Name and version."""
        return "fire-camera/1"

    def judge(self, picture: Picture) -> Sequence[Finding]:
        """Judge one picture by colour alone: flame only, for smoke needs time."""
        return [
            Finding(
                label="flame",
                confidence=region.confidence,
                observed_at=picture.at,
                box_xyxy=region.box_xyxy,
                criteria=region.criteria,
                detector=self.name,
            )
            for region in judge_flame(picture.pixels)
        ]

    def new_state(self, view: FacadeView | None = None) -> CameraState:
        """Make the memory of a camera that was never seen."""
        return CameraState()

    def see(self, state: CameraState, picture: Picture) -> Sequence[Finding]:
        """Look at the next picture; report a fire when it starts, grows clearly, and every ten seconds."""
        before, before_at = state.view, state.at
        gap_s = None if before_at is None else (picture.at - before_at).total_seconds()
        if gap_s is not None and -FORGET_S * 2 < gap_s <= 0:
            return ()
        view = look(picture.pixels)
        state.view, state.at = view, picture.at
        if before is None or gap_s is None or not 0 < gap_s <= FORGET_S or _cut(before, view):
            state.flame = new_flame_memory(*view.luminance.shape)
            state.smoke = new_smoke_memory(view, picture.at.timestamp())
            return ()
        if state.flame is None or state.smoke is None:
            return ()
        seen = {
            "flame": watch_flame(state.flame, before, view, gap_s),
            "smoke": watch_smoke(state.smoke, view, picture.at.timestamp()),
        }
        return [
            finding
            for label, region in seen.items()
            if region is not None
            for finding in self._report(state, label, region, picture.at, gap_s)
        ]

    def finish(self, state: CameraState) -> Sequence[Finding]:
        """Conclude a clip: nothing is left open, for a fire is reported while it burns."""
        state.burning.clear()
        return ()

    def _report(
        self, state: CameraState, label: str, region: Region, at: datetime, gap_s: float
    ) -> Sequence[Finding]:
        over = timedelta(seconds=max(FIRE_OVER_S, FIRE_OVER_PICTURES * gap_s))
        known = state.burning.get(label)
        if known is not None and at - known.seen_at <= over:
            known.seen_at = at
            since_s = (at - known.reported_at).total_seconds()
            grown = region.area_blocks >= REPORT_GROWTH * known.reported_area
            if since_s < (REPORT_SOONEST_S if grown else REPORT_AGAIN_S):
                return ()
            known.reported_at = at
            known.reported_area = max(known.reported_area, region.area_blocks)
        else:
            known = Burning(started_at=at, seen_at=at, reported_at=at, reported_area=region.area_blocks)
            state.burning[label] = known
        return (
            Finding(
                label=label,
                confidence=region.confidence,
                observed_at=at,
                started_at=known.started_at,
                box_xyxy=region.box_xyxy,
                criteria=region.criteria,
                detector=self.name,
            ),
        )


def _cut(before: View, view: View) -> bool:
    """Say whether the camera shows another scene, or pictures of another size."""
    if before.size_wh != view.size_wh:
        return True
    changed = np.abs(before.luminance - view.luminance) > CUT_LEVELS
    return bool(changed.mean() > CUT_SHARE)
