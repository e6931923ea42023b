"""Notice what is wrong with a camera: it is black, frozen, changed, lives in another time, drops pictures."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from gridwatch.model import Finding, Pixels

BLACK_LEVEL, BLACK_SPREAD = 20.0, 4.0
"""Grey levels, mean and standard deviation: limited-range video has its black at 16, and noise on it."""

LASTS_S = 2.0
"""From which a black or frozen picture is told: cameras blink when they switch to infrared."""

CALM_S = 5.0
"""After which the same trouble is a new one."""

MOST_GAP_S = 0.5
"""Between pictures. A longer one hides any fall: tracks do not go on after it."""

RATE_WINDOW_S = 3.0
LEAST_PICTURES = 10
RATE_EVERY_S = 0.2
"""Over which rates and drops are judged, and how often."""

CHANGED_RATE = 1.25
"""Ratio of a new interval between pictures to the old one."""

REGULAR_SHARE = 0.8
"""Of the intervals that must lie within a quarter of their median: then the rate is what the camera means."""

MISSING_SHARE = 0.35
"""Of its pictures. A network that loses so many loses falls."""


@dataclass(kw_only=True, slots=True)
class Trouble:
    """One thing that may be wrong, told once when it has lasted, and again only after calm."""

    label: str
    after_s: float
    began: float | None = None
    last: float | None = None
    told: bool = False

    def there(self, t: float, *, wrong: bool) -> bool:
        """Take in whether it is wrong at `t`; return whether it is to be told now."""
        if wrong:
            if self.began is None:
                self.began = t
            self.last = t
        elif self.last is None or not self.told:
            self.began = None
        elif t - self.last > CALM_S:
            self.began, self.told = None, False
        if not wrong or self.told or self.began is None or t - self.began < self.after_s:
            return False
        self.told = True
        return True


@dataclass(kw_only=True, slots=True)
class CameraWatch:
    """What is remembered of one camera's health. Times in seconds after `origin`."""

    origin: datetime
    detector: str
    size_wh: tuple[int, int] | None = None
    grey: Pixels | None = None
    small: Pixels | None = None
    judged: float = 0.0
    """When rate and drops were last."""
    blind: bool = False
    """Whether the last picture was black."""
    still: bool = False
    """Whether it was the same as the one before."""
    times: deque[float] = field(default_factory=deque)
    interval: float | None = None
    """Seconds between pictures, once it was regular."""
    black: Trouble = field(default_factory=lambda: Trouble(label="camera_black", after_s=LASTS_S))
    frozen: Trouble = field(default_factory=lambda: Trouble(label="camera_frozen", after_s=LASTS_S))
    moved: Trouble = field(default_factory=lambda: Trouble(label="camera_moved", after_s=0.3))
    drops: Trouble = field(default_factory=lambda: Trouble(label="camera_drops", after_s=0.5))
    clock: Trouble = field(default_factory=lambda: Trouble(label="camera_clock", after_s=0.0))

    def sized(self, size_wh: tuple[int, int], t: float) -> list[Finding]:
        """Take in the size of the next picture."""
        before, self.size_wh = self.size_wh, size_wh
        if before is None or before == size_wh:
            return []
        width, height = size_wh
        changed = {"width": width, "height": height, "width_before": before[0], "height_before": before[1]}
        return [
            self._finding("camera_changed", t, t, {name: float(value) for name, value in changed.items()})
        ]

    def went_back(self, t: float, by_s: float) -> list[Finding]:
        """Take in that the camera's clock went back by `by_s` seconds."""
        self.times.clear()
        return self._lasting(self.clock, t, wrong=True, why={"back_s": round(by_s, 3)})

    def looked(self, grey: Pixels, small: Pixels, t: float) -> list[Finding]:
        """Take in the picture and its shrunk copy; `blind` and `still` then speak of it."""
        level, spread = (float(value[0, 0]) for value in cv2.meanStdDev(small))
        self.blind = level < BLACK_LEVEL and spread < BLACK_SPREAD
        self.still = _same(self.small, small) and _same(self.grey, grey)
        self.small, self.grey = small, grey
        found = self._lasting(self.black, t, wrong=self.blind, why={"grey_level": round(level, 1)})
        return found + self._lasting(self.frozen, t, wrong=self.still and not self.blind, why={})

    def came(self, t: float) -> list[Finding]:
        """Take in when the next picture was taken: later than all before."""
        self.clock.there(t, wrong=False)
        if self.times and t - self.times[-1] > MOST_GAP_S:
            self.times.clear()
        self.times.append(t)
        while t - self.times[0] > RATE_WINDOW_S:
            self.times.popleft()
        few = len(self.times) < LEAST_PICTURES or t - self.times[0] < 0.8 * RATE_WINDOW_S
        if few or t - self.judged < RATE_EVERY_S:
            return []
        self.judged = t
        intervals = np.diff(np.array(self.times))
        if _regular(intervals):
            return self._at_rate(t, float(np.median(intervals)))
        if _regular(intervals[-len(intervals) // 3 :]):
            return []  # The rate may be changing just now.
        missing = 1 - float(np.percentile(intervals, 20)) / float(intervals.mean())
        return self._lasting(
            self.drops, t, wrong=missing >= MISSING_SHARE, why={"missing_share": round(missing, 2)}
        )

    def shifted(self, t: float, shift_px: float | None, *, wrong: bool) -> list[Finding]:
        """Take in whether the camera moves; `shift_px` is None where the view is another one."""
        why = {} if shift_px is None else {"shift_px": round(shift_px, 2)}
        return self._lasting(self.moved, t, wrong=wrong, why=why)

    def _at_rate(self, t: float, interval: float) -> list[Finding]:
        before, self.interval = self.interval, interval
        if before is None or 1 / CHANGED_RATE < interval / before < CHANGED_RATE:
            self.drops.there(t, wrong=False)
            return []
        rates = {"rate": round(1 / interval, 2), "rate_before": round(1 / before, 2)}
        found = [self._finding("camera_changed", self.times[0], t, rates)]
        if abs(interval / before - 2) < 0.1:
            # Every second picture lost looks just like half the rate: both are said.
            found.append(self._finding("camera_drops", self.times[0], t, {"missing_share": 0.5}))
        return found

    def _lasting(self, trouble: Trouble, t: float, *, wrong: bool, why: dict[str, float]) -> list[Finding]:
        if not trouble.there(t, wrong=wrong):
            return []
        began = t if trouble.began is None else trouble.began
        return [self._finding(trouble.label, began, t, why)]

    def _finding(self, label: str, began: float, t: float, why: dict[str, float]) -> Finding:
        at = self.origin + timedelta(seconds=t)
        return Finding(
            label=label,
            confidence=0.9,
            observed_at=at,
            started_at=self.origin + timedelta(seconds=began),
            ended_at=at,
            criteria=why,
            detector=self.detector,
        )


def _same(before: Pixels | None, now: Pixels) -> bool:
    return before is not None and np.array_equal(before, now)


def _regular(intervals: NDArray[np.float64]) -> bool:
    usual = float(np.median(intervals))
    return float(np.mean(np.abs(intervals - usual) <= usual / 4)) >= REGULAR_SHARE
