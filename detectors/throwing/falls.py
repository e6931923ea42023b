"""Tell tracks that gravity drew from those that it did not, and how far they fell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from detectors.throwing.curve import (
    LEAST_TERMINAL_MS,
    SPOT_NOISE_PX,
    Curve,
    Floats,
    drift_rest,
    fit_curve,
    rests_of_lines,
)
from detectors.throwing.glance import SUSPECTED_BEND, SUSPECTED_BEND_ASLANT, may_fall
from detectors.throwing.tracks import Track
from detectors.throwing.watched import Watched
from gridwatch.model import BoxXyxy, Finding, TrackPoint

LARGEST_THING_M = 1.0
"""What is thrown is smaller. So the scale is at least its size in pixels per metre."""

LIKE_A_LEAF = 1.5
"""Standard errors by which a leaf's curve may fit better: a shirt's track may by chance."""

FASTEST_ASIDE_MS = 8.0
"""A hard throw; birds fly faster."""

ROUGHEST_PX, ROUGHEST_OF_SIZE, ROUGHEST_OF_FALL = 0.7, 0.2, 0.003
"""Root mean square by which a track may leave its curve: noise, tumbling, and what the curve leaves out."""

CONFIRMED_BEND, CONFIRMED_BEND_ASLANT = 7.0, 3.0
"""The same as SUSPECTED_BEND and SUSPECTED_BEND_ASLANT, to confirm a fall."""

SHORT_BEND, SHORT_BEND_ASLANT = 10.0, 9.0
"""The same to confirm one of less than three floors, as birds and leaves drop: they had up to 7.5 aslant,
what is thrown 12 and more."""

RAIN_BEND, RAIN_BEND_ASLANT = 10.0, 5.0
"""The same to confirm a fall in rain or snow, where tracks skip from drop to drop."""

RAIN_SKIP = 8.0
"""Standard errors by which gravity's curve must be better in rain or snow than two even motions, one after
the other, as of a track that skips to a faster drop: 3 there, seldom 7, and 20 to 70 of what is thrown."""

RAIN_EDGE_SKIP = 30.0
"""The same for what comes over the edge, as all drops do: 50 and 60 of two nappies out of the top windows."""

LONGEST_DETOUR, JUDGED_APART = 16, 4
"""Points of a flake that a thing's track may begin with, and from one try to the next."""

LATEST_SIGHT_S = 0.6
"""After its rest in which a thing released before the façade must be seen. It falls 1.8 m until then."""

ENTERING_BEND, ENTERING_GAIN = 10.0, 0.2
"""Of what comes from above the façade or is seen late, like rain and birds: standard errors, and the share of
its last speed that it must gain under way."""

LATEST_ENTRY_S = 2.5
"""After rest in which it may be seen first then: a fall of thirty metres."""

FLOOR_M = 2.8
"""The lowest storeys that are built."""

SUSPECTED_M, CONFIRMED_M, LONG_M = FLOOR_M, 2 * FLOOR_M, 3 * FLOOR_M
"""One storey is no slip of a hand within a window; two are no bird that leaves its ledge, unless its curve is
unsure; three are none."""


SUSPECTED_SHARE = 0.6
"""Of the pictures of a fall in which it must be seen, unless it is confirmed: a track may skip
from a bird to a leaf."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fall:
    """A track that gravity drew, its curve, and how many metres of it were seen."""

    track: Track
    curve: Curve
    fall_m: float
    confirmed: bool


def as_falls(
    tracks: Sequence[Track], watched: Watched, *, rain: bool, large: Sequence[bool]
) -> list[Fall | None]:
    """Return for each track the fall that it shows, or None.

    In rain or snow a track may begin on a flake that crossed the thing: it is judged without its first
    points too. And only what clearly gains speed all the way is taken, if it comes over the edge, as drops
    and flakes do, or is not too `large` for one: a track may skip from one to a faster one. So small light
    things are not found then.
    """
    skips = [
        _least_skip(track, watched, large=is_large) if rain else 0.0
        for track, is_large in zip(tracks, large, strict=True)
    ]
    firsts = [range(0, min(LONGEST_DETOUR, len(track.t)) if rain else 1, JUDGED_APART) for track in tracks]
    found = may_fall(tracks, firsts, skips, watched)
    return [
        _first_fall(track, some, watched, least_skip=skip)
        for track, some, skip in zip(tracks, found, skips, strict=True)
    ]


def _least_skip(track: Track, watched: Watched, *, large: bool) -> float:
    """Return by how much gravity's curve must be better in rain than two even motions."""
    if _is_at_edge(track, watched):
        return RAIN_EDGE_SKIP
    return 0.0 if large else RAIN_SKIP


def _first_fall(track: Track, firsts: Sequence[int], watched: Watched, *, least_skip: float) -> Fall | None:
    for first in firsts:
        fall = _as_fall(track.without_first(first), watched, least_skip=least_skip)
        if fall is not None:
            return fall
    return None


def _as_fall(track: Track, watched: Watched, *, least_skip: float) -> Fall | None:
    t, size = np.array(track.t), median(track.size)
    x, y = watched.levelled(np.array(track.x), np.array(track.y))
    bounds = watched.scale_bounds(track.x[0], track.y[0], size, LARGEST_THING_M)
    curve = fit_curve(t, y, px_per_m=bounds, aslant=not watched.measured)
    if not _fits(t, x, curve, size, y[-1] - y[0]):
        return None
    at_edge = _is_at_edge(track, watched)
    released = -curve.released_s <= LATEST_SIGHT_S
    begins_so = released or (at_edge and _gains_at_speed(t, y, curve))
    may_be_rain = least_skip > 0 and _skip(t, y, max(SPOT_NOISE_PX, curve.rms_px)) < least_skip
    if not _is_gravity(t, x, curve) or not begins_so or may_be_rain:
        return None
    fall_m = curve.fallen_m(t[-1] - t[0]) - (0 if released else curve.fallen_m(0.0))
    if fall_m < SUSPECTED_M:
        return None
    confirmed = fall_m >= CONFIRMED_M and _is_sure(curve, fall_m, rain=least_skip > 0)
    if not confirmed and track.seen_share < SUSPECTED_SHARE:
        return None
    return Fall(track=track, curve=curve, fall_m=fall_m, confirmed=confirmed)


def _is_sure(curve: Curve, fall_m: float, *, rain: bool) -> bool:
    bend, aslant = (RAIN_BEND, RAIN_BEND_ASLANT) if rain else (CONFIRMED_BEND, CONFIRMED_BEND_ASLANT)
    if fall_m < LONG_M:
        bend, aslant = max(bend, SHORT_BEND), max(aslant, SHORT_BEND_ASLANT)
    return curve.bend >= bend and curve.bend_aslant >= aslant


def _fits(t: Floats, x: Floats, curve: Curve, size: float, fall_px: float) -> bool:
    roughest = ROUGHEST_PX + ROUGHEST_OF_SIZE * size + ROUGHEST_OF_FALL * fall_px
    return curve.rms_px <= roughest and drift_rest(t, x, curve) <= roughest


def _is_gravity(t: Floats, x: Floats, curve: Curve) -> bool:
    heavy = curve.terminal_ms >= LEAST_TERMINAL_MS and curve.leaf <= LIKE_A_LEAF
    aside_ms = abs(x[-1] - x[0]) / (t[-1] - t[0]) / curve.px_per_m
    bends = curve.bend >= SUSPECTED_BEND and curve.bend_aslant >= SUSPECTED_BEND_ASLANT
    return heavy and bends and aside_ms <= FASTEST_ASIDE_MS


def _skip(t: Floats, y: Floats, noise: float) -> float:
    """Return the standard errors that two even motions, one after the other, leave besides noise."""
    _, rest = rests_of_lines(t[None] - t[0], y[None] - y[0], np.ones((1, len(t)), bool))
    return math.sqrt(max(0.0, float(rest[0]) / noise**2 - len(t)))


def _is_at_edge(track: Track, watched: Watched) -> bool:
    """Tell whether it may have come in over the edge of what is watched, from above."""
    step = (track.y[2] - track.y[0]) / 2
    return not watched.has(track.x[0], track.y[0] - 1.5 * step - track.size[0] - 8)


def _gains_at_speed(t: Floats, y: Floats, curve: Curve) -> bool:
    """Tell whether something first seen at speed gains more of it, clearly enough."""
    third = max(3, len(t) // 3)
    before = np.polyfit(t[:third], y[:third], 1)[0]
    after = np.polyfit(t[-third:], y[-third:], 1)[0]
    sure = curve.bend >= ENTERING_BEND and curve.bend_aslant >= CONFIRMED_BEND_ASLANT
    return bool(sure and -curve.released_s <= LATEST_ENTRY_S and after - before >= ENTERING_GAIN * after)


def as_finding(falls: Sequence[Fall], *, origin: datetime, detector: str) -> Finding:
    """Return the one event that falls at the same time are, told by the longest of the surest.

    Its id is made of the moment at which the first of them was seen, `origin` + seconds.
    """
    best = max(falls, key=lambda fall: (fall.confirmed, fall.track.fall_px))
    track, curve = best.track, best.curve
    points = tuple(
        TrackPoint(at=origin + timedelta(seconds=t), x=x, y=y)
        for t, x, y in zip(track.t, track.x, track.y, strict=True)
    )
    return Finding(
        label="falling_object" if best.confirmed else "suspected_fall",
        confidence=_confidence(best),
        observed_at=points[0].at,
        started_at=origin + timedelta(seconds=min(fall.track.t[0] for fall in falls)),
        ended_at=origin + timedelta(seconds=max(fall.track.t[-1] for fall in falls)),
        box_xyxy=_box(track),
        track=points,
        criteria={
            "fall_m": round(best.fall_m, 1),
            "fall_px": round(track.fall_px, 1),
            "px_per_m": round(curve.px_per_m, 1),
            "terminal_ms": min(curve.terminal_ms, 100.0),
            "released_s": round(curve.released_s, 2),
            "bend": round(curve.bend, 1),
            "bend_aslant": round(curve.bend_aslant, 1),
            "samples": float(len(track.t)),
            "size_px": median(track.size),
        },
        detector=detector,
        id=f"fall {points[0].at.isoformat()}",
    )


def _confidence(fall: Fall) -> float:
    """Return 0.5 for the least fall to be taken, towards 0.97 as it is longer and its curve surer."""
    length = 1 - np.exp(-(fall.fall_m - SUSPECTED_M) / CONFIRMED_M)
    sure = 1 - SUSPECTED_BEND / fall.curve.bend
    return round(float(0.5 + 0.47 * np.clip(length, 0, 1) * (0.5 + 0.5 * np.clip(sure, 0, 1))), 3)


def _box(track: Track) -> BoxXyxy:
    half = median(track.size) / 2
    return min(track.x) - half, min(track.y) - half, max(track.x) + half, max(track.y) + half
