"""From spots to events: a fall is told once it is sure, and again under the same id when it is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from detectors.throwing.curve import Floats
from detectors.throwing.falls import Fall, as_falls, as_finding
from detectors.throwing.glance import gains_speed
from detectors.throwing.lost import LostTracks
from detectors.throwing.spots import Spots
from detectors.throwing.tracks import SETTLED, Track, Tracker
from detectors.throwing.watched import Watched
from gridwatch.model import Finding

JUDGED_EVERY = 3
"""Points by which a track grows from one judgement to the next."""

WAIT_S = 1.9
"""After its release in which a fall that goes on is not told yet: a bird that dives spreads its wings, and an
alert within 2.5 s is soon enough."""

TOGETHER_S = 0.5
"""Falls that overlap, or follow within it, are one event: a reflection in glass, a second piece, a lost
track."""

LONGEST_WAIT_S = 2.0
"""For another fall that goes on beside a finished one, before the event is over without it."""

UPDATED_S = 0.1
"""By which a fall must have gone on after it was told, to be told anew."""

RAIN_TRACKS = 6.0
"""Even motions down the picture at the same time, on average over RAIN_S, from which it rains or snows."""

RAIN_POINTS = 6
RAIN_S = 3.0

RAIN_SPREAD = 4.0
"""Mean deviations above the usual size of drops or flakes, from which a thing is none of them."""


@dataclass(kw_only=True, slots=True)
class Events:
    """What falls before one camera. Times in seconds; `origin` is where they count from."""

    watched: Watched
    detector: str
    tracker: Tracker = field(init=False)
    lost: LostTracks = field(init=False)
    candidates: dict[Track, Fall] = field(default_factory=dict)
    """Of the tracks that go on: those that are falls so far, or were once and are not confirmed any more."""
    over: list[Fall] = field(default_factory=list)
    """Falls of the event that goes on, whose tracks have ended."""
    told: Finding | None = None
    """What was said last of that event."""
    even_tracks: float = 0.0
    """Average number of tracks that do not gain speed."""
    even_size: float = 0.0
    even_spread: float = 0.0
    """Average size of those in pixels, and mean deviation from it."""
    even_seen: int = 0
    """Pictures of which these are averages."""

    def __post_init__(self) -> None:
        self.tracker = Tracker(watched=self.watched)
        self.lost = LostTracks(watched=self.watched)

    def take(self, t: float, spots: Spots, origin: datetime) -> list[Finding]:
        """Take in what moved at `t`; return what is sure now."""
        self._end(self.tracker.follow(t, spots))
        self._judge_going()
        if self.told is None and self._is_sure(t):
            return [self._tell(origin)]
        if self.over and self._is_over(t):
            return self._conclude(origin)
        return []

    def break_off(self, origin: datetime) -> list[Finding]:
        """Conclude what goes on: the next picture does not follow on the last."""
        self._end(self.tracker.end())
        self.lost.forget()
        return self._conclude(origin)

    @property
    def rain(self) -> bool:
        """Whether it rains or snows."""
        return self.even_tracks > RAIN_TRACKS

    @property
    def _falls(self) -> list[Fall]:
        return [*self.over, *self.candidates.values()]

    def _end(self, ended: Sequence[Track]) -> None:
        falls = self._judged(ended)
        for track, fall in zip(ended, falls, strict=True):
            self.candidates.pop(track, None)
            self.lost.add(track)
            if fall is not None:
                self.over.append(fall)

    def _judge_going(self) -> None:
        """Judge the tracks that have grown by some points, and count those that fall like rain."""
        even: list[float] = []
        grown: list[Track] = []
        for track in self.tracker.tracks:
            if not track.misses:
                track.gains_speed = gains_speed(track)
            if len(track.t) >= RAIN_POINTS and not track.gains_speed:
                even.append(track.size[-1])
            if track.misses or len(track.t) % JUDGED_EVERY:
                continue
            if len(track.t) >= SETTLED and self.lost.rejoin(track):
                track.gains_speed = gains_speed(track)
            if track.gains_speed or track in self.candidates:
                grown.append(track)
        for track, fall in zip(grown, self._judged(grown), strict=True):
            if fall is not None:
                self.candidates[track] = fall
        self._learn_rain(np.array(even))

    def _learn_rain(self, sizes: Floats) -> None:
        """Take in the sizes of the tracks that fall evenly in this picture."""
        self.even_tracks += (len(sizes) - self.even_tracks) / (25 * RAIN_S)
        if len(sizes):
            self.even_seen += 1
            rate = max(1 / self.even_seen, 1 / (25 * RAIN_S))
            self.even_size += rate * (float(np.mean(sizes)) - self.even_size)
            self.even_spread += rate * (float(np.mean(np.abs(sizes - self.even_size))) - self.even_spread)

    def _judged(self, tracks: Sequence[Track]) -> list[Fall | None]:
        """Return the falls that they are; what was one and is none any more stays suspected."""
        largest = self.even_size + RAIN_SPREAD * self.even_spread
        large = [median(track.size) > largest for track in tracks]
        falls = as_falls(tracks, self.watched, rain=self.rain, large=large)
        for number, track in enumerate(tracks):
            before = self.candidates.get(track)
            if falls[number] is None and before is not None:
                falls[number] = replace(before, confirmed=False)
        return falls

    def _is_sure(self, t: float) -> bool:
        """Tell whether a confirmed fall is over, or has gone on for so long that it can only be one."""
        if any(fall.confirmed for fall in self.over):
            return True
        released = (
            fall.track.t[0] + fall.curve.released_s for fall in self.candidates.values() if fall.confirmed
        )
        return any(t - since >= WAIT_S for since in released)

    def _is_over(self, t: float) -> bool:
        """Tell whether nothing goes on that belongs to the falls that are over."""
        last = max(fall.track.t[-1] for fall in self.over)
        if t - last < TOGETHER_S:
            return False
        going = any(track.t[0] <= last + TOGETHER_S for track in self.candidates)
        return not going or t - last > LONGEST_WAIT_S

    def _tell(self, origin: datetime) -> Finding:
        finding = as_finding(self._falls, origin=origin, detector=self.detector)
        if self.told is not None:
            finding = replace(finding, id=self.told.id)
        self.told = finding
        return finding

    def _conclude(self, origin: datetime) -> list[Finding]:
        """Say the event for the last time, where that adds anything."""
        findings: list[Finding] = []
        told, falls = self.told, self._falls
        if falls and (told is None or self._went_on(told, falls, origin)):
            findings.append(self._tell(origin))
        self.over, self.told = [], None
        return findings

    def _went_on(self, told: Finding, falls: Sequence[Fall], origin: datetime) -> bool:
        last = origin + timedelta(seconds=max(fall.track.t[-1] for fall in falls) - UPDATED_S)
        return told.ended_at is None or told.ended_at < last
