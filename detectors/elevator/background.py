"""Learn what an empty lift cabin looks like, and tell what stands in it."""

from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from gridwatch.model import Picture, Pixels

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]
"""0 or 255 per pixel."""

WORK_WIDTH_PX = 256
"""Pictures are compared at this width: an e-bike's wheel is still about ten pixels, noise averages out."""

SAME_LEVELS = 22.0
"""Largest difference of a channel (0-255) from the empty cabin that noise and brushed steel make."""

SHADOW_DARKEST = 0.5
"""A shadow keeps at least this share of the light; what is darker is an object."""

SHADOW_TINT_LEVELS = 9.0
"""A shadow keeps the colour: channels agree to this many levels after the light is made equal."""

LEARN_RATE = 0.04
"""Share of a new look that a known surface takes in: half in 17 pictures, so that daylight may change."""

LONGEST_GAP_S = 2.0
"""A picture speaks for the time since the last one, but for no more than this."""

TRUST_MOST_S = 300.0
"""What was seen this long isn't trusted more: a changed cabin is learnt anew after five minutes."""

RIVAL_LEAST_S = 30.0
"""A look must last this long to replace even a barely known one: most rides are shorter."""

BELONGS_S = 120.0
"""What stood in a cabin for so long while nothing changed is part of it: no ride takes that long."""

TRUST_LEAST_S = 2.0
"""Until the cabin was seen this long nothing can be said to stand in it."""


@dataclass(kw_only=True, slots=True)
class EmptyCabin:
    """Two looks per pixel at work size: the believed one, and a rival that wins once it was seen longer.

    A visit is shorter than the time between visits, so the empty cabin wins even where the first pictures
    show a visitor.
    """

    believed: Floats
    rival: Floats
    believed_s: Floats
    rival_s: Floats
    last_at: datetime

    @classmethod
    def first_seen(cls, picture: Picture) -> "EmptyCabin":
        """Believe the first picture until another look lasts longer."""
        look = at_work_size(picture.pixels).astype(np.float32)
        none = np.zeros(look.shape[:2], np.float32)
        return cls(believed=look, rival=look.copy(), believed_s=none, rival_s=none.copy(), last_at=picture.at)

    @property
    def is_trusted(self) -> bool:
        """Whether most of the cabin was seen long enough to know it."""
        return float(np.median(self.believed_s)) >= TRUST_LEAST_S

    @property
    def is_old(self) -> bool:
        """Whether most of the cabin looked like this for so long that whatever is in it belongs to it."""
        return float(np.median(self.believed_s)) >= BELONGS_S

    def fits(self, picture: Picture) -> bool:
        """Whether a picture has the shape of those learnt from."""
        width, height = picture.size_wh
        return self.believed.shape[:2] == (_work_height(width, height), WORK_WIDTH_PX)

    def take_in(self, picture: Picture) -> Mask:
        """Learn from the next picture and return what stands out from the empty cabin, at work size."""
        look = at_work_size(picture.pixels).astype(np.float32)
        look *= _exposure(look, self.believed)
        lasted_s = min(max((picture.at - self.last_at).total_seconds(), 0.0), LONGEST_GAP_S)
        self.last_at = picture.at
        apart = _largest(cv2.absdiff(look, self.believed))
        self._learn(look, apart < SAME_LEVELS, lasted_s)
        standing = (apart >= SAME_LEVELS) & ~_shadow(look, self.believed)
        return _cleaned(standing)

    def _learn(self, look: Floats, same: NDArray[np.bool_], lasted_s: float) -> None:
        like_rival = _largest(cv2.absdiff(look, self.rival)) < SAME_LEVELS
        fresh = ~same & ~like_rival
        np.copyto(self.rival, look, where=fresh[..., None])
        self.rival_s[fresh] = 0
        self.rival_s[~same] += lasted_s
        self.believed_s[same] = np.minimum(self.believed_s[same] + lasted_s, TRUST_MOST_S)
        cv2.accumulateWeighted(look, self.believed, LEARN_RATE, same.astype(np.uint8))
        wins = ~same & (self.rival_s > np.maximum(self.believed_s, RIVAL_LEAST_S))
        self.believed[wins] = self.rival[wins]
        self.believed_s[wins] = self.rival_s[wins]
        self.rival_s[wins] = 0


def at_work_size(pixels: Pixels) -> Pixels:
    """Shrink a picture to the work width."""
    height, width = pixels.shape[:2]
    size_wh = (WORK_WIDTH_PX, _work_height(width, height))
    return cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def overlap(one: Mask, other: Mask) -> float:
    """Return the share of what either shows that both show; 1 where neither shows anything."""
    either = int(np.count_nonzero(cv2.bitwise_or(one, other)))
    return float(np.count_nonzero(cv2.bitwise_and(one, other))) / either if either else 1.0


def _work_height(width: int, height: int) -> int:
    return max(8, round(height * WORK_WIDTH_PX / width))


def _exposure(look: Floats, believed: Floats) -> Floats:
    """Return the factor per channel that undoes a change of exposure: most of a cabin stays as it is."""
    sample, known = look[::4, ::4] + 1, believed[::4, ::4] + 1
    return np.asarray(np.clip(np.median(known / sample, axis=(0, 1)), 0.6, 1.7), np.float32)


def _shadow(look: Floats, believed: Floats) -> NDArray[np.bool_]:
    light = (_summed(look) + 1) / (_summed(believed) + 1)
    tint = _largest(cv2.absdiff(look, cv2.multiply(believed, cv2.merge([light] * 3))))
    return np.asarray((light > SHADOW_DARKEST) & (light < 1) & (tint < SHADOW_TINT_LEVELS))


def _largest(levels: MatLike) -> Floats:
    blue, green, red = cv2.split(levels)
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.float32)


def _summed(levels: Floats) -> Floats:
    return np.asarray(cv2.transform(levels, np.ones((1, 3), np.float32)), np.float32)


def _cleaned(standing: NDArray[np.bool_]) -> Mask:
    mask = cv2.morphologyEx(standing.astype(np.uint8) * 255, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
