"""Tell tracks that gravity drew from those that it did not, without knowing how many pixels a metre has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from detectors.throwing.tracks import STEEPEST_PX_S2, Track
from gridwatch.model import BoxXyxy, Finding, TrackPoint

GRAVITY_MS2 = 9.81

LEAST_PX_PER_M = 6.0
"""A bag of 0.3 m must cover two pixels to be seen at all; a scale below it is not that of anything seen."""

LARGEST_THING_M = 1.0
"""What is thrown is smaller. So the scale is at least its size in pixels per metre, and its acceleration
follows."""

LEAST_SHARE_OF_G = 0.45
"""Mean over the first half second, of rubbish down to tissues and shirts; leaves, sheets and rain stay
below."""

FIRST_S = (0.8, 1.6)
"""From the start, where the acceleration is measured, the surer of the two: the short one before drag has
its way, the long one for small or late seen things, whose short one is lost in noise."""

LEAST_SAMPLES = 9
LEAST_DURATION_S = 0.35
"""Below them a quadratic fits nearly anything."""

CERTAIN = 5.0
"""Standard errors by which the acceleration must differ from none: thousands of chance tracks are tried in a
day."""

SEEN_SHARE = 0.7
"""Of the pictures between the first point and the last in which it must be seen. Chance tracks skip from
leaf to leaf."""

LEAST_GAIN = 0.2
"""Of its last speed, gained under way. Rain and snow gain nothing; after 20 m of fall a thing gains that in
0.5 s."""

LEAST_FALL_PX = 20.0
"""Twenty times the error of a spot's centre."""

MOST_ASIDE = 0.7
"""Of its fall: a throw at 5 m/s from the second floor."""

SUSPECTED_M = 1.5
CONFIRMED_M = 3.0
"""Metres fallen, by its own acceleration: one storey is no slip of a hand within a window."""

CONFIRMED_S = 0.5
CONFIRMED_CERTAIN = 10.0
"""Duration and standard errors. A fall of 0.7 s at 25 pictures a second and 15 px/m has so many; tracks that
skip from raindrop to raindrop had at most 8.4 in 92 rendered clips without a throw."""

TOGETHER = timedelta(seconds=0.5)
"""Falls that overlap, or follow within it, are one event: a reflection in glass, a second piece, a lost
track."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fall:
    """A track that gravity drew. `acceleration` in px/s², `fall_m` by that acceleration's scale."""

    track: Track
    acceleration: float
    standard_error: float
    fall_m: float

    @property
    def ended_at(self) -> datetime:
        """When it was last seen."""
        return self.track.began + timedelta(seconds=self.track.t[-1])

    @property
    def confirmed(self) -> bool:
        """Whether it fell far, long and surely enough to raise an alert."""
        sure = self.acceleration >= CONFIRMED_CERTAIN * self.standard_error
        return sure and self.fall_m >= CONFIRMED_M and self.track.t[-1] >= CONFIRMED_S


def as_fall(track: Track, *, height: int) -> Fall | None:
    """Return the fall that a track shows in a picture of `height` pixels, or None."""
    if len(track.t) < LEAST_SAMPLES or track.t[-1] < LEAST_DURATION_S:
        return None
    t, x, y = np.array(track.t), np.array(track.x), np.array(track.y)
    size = float(np.median(track.size))
    if not (_seen_often(t) and _goes_down(x, y, size) and _smooth(t, x, y, size) and _gains_speed(t, y)):
        return None
    windows = (t <= max(length, t[LEAST_SAMPLES - 1]) for length in FIRST_S)
    measured = (_acceleration(t[first], y[first]) for first in windows)
    acceleration, error = max(measured, key=lambda pair: pair[0] / pair[1])
    least = LEAST_SHARE_OF_G * GRAVITY_MS2 * max(LEAST_PX_PER_M, size / LARGEST_THING_M)
    if not max(least, CERTAIN * error) <= acceleration <= STEEPEST_PX_S2 * height:
        return None
    fall_m = track.fall_px * GRAVITY_MS2 / acceleration
    if fall_m < SUSPECTED_M:
        return None
    return Fall(track=track, acceleration=acceleration, standard_error=error, fall_m=fall_m)


def as_finding(falls: Sequence[Fall], *, detector: str) -> Finding:
    """Return the one event that falls at the same time are, told by the longest of the surest."""
    best = max(falls, key=lambda fall: (fall.confirmed, fall.track.fall_px))
    track = best.track
    points = tuple(
        TrackPoint(at=track.began + timedelta(seconds=t), x=x, y=y)
        for t, x, y in zip(track.t, track.x, track.y, strict=True)
    )
    return Finding(
        label="falling_object" if best.confirmed else "suspected_fall",
        confidence=_confidence(best),
        observed_at=track.began,
        started_at=min(fall.track.began for fall in falls),
        ended_at=max(fall.ended_at for fall in falls),
        box_xyxy=_box(track),
        track=points,
        criteria={
            "acceleration_px_s2": round(best.acceleration, 1),
            "acceleration_error_px_s2": round(best.standard_error, 1),
            "samples": float(len(track.t)),
            "fall_px": round(track.fall_px, 1),
            "fall_m": round(best.fall_m, 1),
            "size_px": float(np.median(track.size)),
        },
        detector=detector,
    )


def _seen_often(t: NDArray[np.float64]) -> bool:
    pictures = t[-1] / float(np.min(np.diff(t))) + 1
    return bool(len(t) >= SEEN_SHARE * pictures)


def _goes_down(x: NDArray[np.float64], y: NDArray[np.float64], size: float) -> bool:
    fall = y[-1] - y[0]
    down = float(np.mean(np.diff(y) > 0))
    return bool(
        fall >= max(LEAST_FALL_PX, 5 * size) and down >= 0.9 and abs(x[-1] - x[0]) <= MOST_ASIDE * fall
    )


def _smooth(t: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], size: float) -> bool:
    """Tell whether x runs straight and y on a parabola, but for a spot's wobble and perspective."""
    x_off = float(np.std(x - np.polyval(np.polyfit(t, x, 1), t)))
    y_off = float(np.std(y - np.polyval(np.polyfit(t, y, 2), t)))
    fall = y[-1] - y[0]
    return x_off <= 1.5 + 0.3 * size and y_off <= 1.5 + 0.1 * size + 0.02 * fall


def _gains_speed(t: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    third = max(3, len(t) // 3)
    before = np.polyfit(t[:third], y[:third], 1)[0]
    after = np.polyfit(t[-third:], y[-third:], 1)[0]
    return bool(after > 0 and after - before >= LEAST_GAIN * after)


def _acceleration(t: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return acceleration and its standard error from the least squares parabola."""
    design = np.vander(t, 3)
    parameters, *_ = np.linalg.lstsq(design, y, rcond=None)
    rest = y - design @ parameters
    # Half a pixel at least: centres are no better, and few points can fit by chance.
    noise = max(0.5, float(np.sqrt(rest @ rest / max(1, len(t) - 3))))
    spread = float(np.sqrt(np.linalg.inv(design.T @ design)[0, 0]))
    return 2 * float(parameters[0]), 2 * noise * spread


def _confidence(fall: Fall) -> float:
    """Return 0.5 for the least fall to be taken, towards 0.97 as it is longer and its acceleration surer."""
    length = 1 - np.exp(-(fall.fall_m - SUSPECTED_M) / CONFIRMED_M)
    sure = 1 - CERTAIN * fall.standard_error / fall.acceleration
    return round(float(0.5 + 0.47 * np.clip(length, 0, 1) * (0.5 + 0.5 * np.clip(sure, 0, 1))), 3)


def _box(track: Track) -> BoxXyxy:
    half = float(np.median(track.size)) / 2
    return min(track.x) - half, min(track.y) - half, max(track.x) + half, max(track.y) + half
