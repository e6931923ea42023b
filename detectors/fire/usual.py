"""Where one view usually shows what looks like fire: a chimney, steam over works, dust on a road, a sign."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.fire.tubes import Box
from gridwatch.model import BoxXyxy

CELLS_WH = (64, 36)
"""A picture is remembered in so many cells."""
REMEMBERED = timedelta(hours=12)
"""What was seen longer ago fades: works rest at night, stoves are lit for meals."""
USUAL_SHARE = 0.15
"""Part of the remembered time. A chimney that smokes all day is usual after two hours, and so would be a fire
that was told for that long."""
DAYS_KEPT, USUAL_DAYS, LEAST_OF_DAY_S = 8, 3, 600.0
"""What showed something for so long on so many of the last days, today left out, is usual: a stove is lit for
meals. A fire that comes and goes at one place for three days is on the office's desk already."""
DAY_S = 86_400
LONGEST_GAP = timedelta(minutes=30)
"""Nobody looked for longer than that."""
LONGEST_COUNTED = timedelta(minutes=2)
"""One picture speaks for no more of a day."""
SEEN = 0.35
"""Least confidence of what counts as seen."""
LEAST_KEPT = 0.01
"""Part of the remembered time: a view with less of it, and without days, has nothing worth keeping."""


@dataclass(slots=True)
class UsualPlaces:
    """Which part of the remembered time each cell of a view showed something: bounded."""

    share: NDArray[np.float32] = field(default_factory=lambda: np.zeros(CELLS_WH[::-1], np.float32))
    at: datetime | None = None
    days: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(CELLS_WH[::-1], np.uint16))
    """A bit for each day on which a cell showed something long enough, the lowest today."""
    today_s: NDArray[np.float32] = field(default_factory=lambda: np.zeros(CELLS_WH[::-1], np.float32))
    """For how long each cell has shown something today."""
    day: int = 0


class _Kept(msgspec.Struct):
    """The usual places of one view as they are kept: the planes as bytes."""

    at: datetime
    day: int
    share: bytes
    days: bytes
    today_s: bytes


def packed(views: Mapping[str, UsualPlaces]) -> bytes:
    """Return the usual places of views by their names, to be kept beyond a restart; empty for nothing."""
    kept = {
        name: _Kept(
            at=usual.at,
            day=usual.day,
            share=usual.share.tobytes(),
            days=usual.days.tobytes(),
            today_s=usual.today_s.tobytes(),
        )
        for name, usual in views.items()
        if usual.at is not None
        and (usual.share.max() >= LEAST_KEPT or usual.days.any() or usual.today_s.any())
    }
    return zlib.compress(msgspec.msgpack.encode(kept)) if kept else b""


def unpacked(packed: bytes) -> dict[str, UsualPlaces]:
    """Return what `packed` was given; nothing of what is broken or of a version with other cells."""
    try:
        kept = msgspec.msgpack.decode(zlib.decompress(packed), type=dict[str, _Kept]) if packed else {}
        return {
            name: UsualPlaces(
                at=one.at,
                day=one.day,
                share=np.frombuffer(one.share, np.float32).reshape(CELLS_WH[::-1]).copy(),
                days=np.frombuffer(one.days, np.uint16).reshape(CELLS_WH[::-1]).copy(),
                today_s=np.frombuffer(one.today_s, np.float32).reshape(CELLS_WH[::-1]).copy(),
            )
            for name, one in kept.items()
        }
    except (zlib.error, msgspec.DecodeError, ValueError):
        return {}


def unusual(usual: UsualPlaces, boxes: Sequence[Box], *, at: datetime, size_wh: tuple[int, int]) -> list[Box]:
    """Take in what the next picture shows; return the boxes of places that seldom show anything."""
    gap = timedelta() if usual.at is None else min(max(at - usual.at, timedelta()), LONGEST_GAP)
    usual.at = at
    _turn_to(usual, int(at.timestamp() // DAY_S))
    fades = np.float32(np.exp(-gap / REMEMBERED))
    usual.share *= fades
    parts = [(box, _cells(box.box_xyxy, size_wh)) for box in boxes]
    seen = np.zeros(usual.share.shape, bool)
    for box, part in parts:
        if box.confidence >= SEEN:
            seen[part] = True
    usual.share[seen] += 1 - fades
    usual.today_s[seen] += min(gap, LONGEST_COUNTED).total_seconds()
    usual.days[usual.today_s >= LEAST_OF_DAY_S] |= 1
    is_usual = (usual.share >= USUAL_SHARE) | (np.bitwise_count(usual.days >> 1) >= USUAL_DAYS)
    return [box for box, part in parts if is_usual[part].mean() <= 0.5]


def _turn_to(usual: UsualPlaces, day: int) -> None:
    """Let the days that have passed since the last picture move the bits up, and the oldest be forgotten."""
    passed = min(max(day - usual.day, 0), DAYS_KEPT + 1)
    usual.days = np.asarray((usual.days << passed) & ((1 << (DAYS_KEPT + 1)) - 1), np.uint16)
    if passed:
        usual.today_s[:] = 0
    usual.day = day


def _cells(box_xyxy: BoxXyxy, size_wh: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of cells that a box touches, one at least."""
    sides = []
    for low, high, size, cells in zip(box_xyxy[:2], box_xyxy[2:], size_wh, CELLS_WH, strict=True):
        first = min(max(0, int(low / size * cells)), cells - 1)
        sides.append(slice(first, max(first + 1, int(np.ceil(high / size * cells)))))
    return sides[1], sides[0]
