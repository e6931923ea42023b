"""Whether a camera still looks where it usually does: the fine texture of its view says.

Weather, light and smoke leave where edges are as it was; a mast that was knocked, a lens that was zoomed or a
camera that somebody turned does not.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from detectors.fire.changes import FIRST_PICTURES, Plane, likeness

FINE_CELLS = 15
"""What is wider says how far a camera sees, not where it looks."""
STRANGE = 0.4
"""Likeness to the usual view under which another may be seen; by night, in fog and under drops it is more."""
SETTLED = 0.25
"""By so much more than the usual view a picture of the new one is like the picture before."""
BREAK = 0.15
"""By less than this the first picture of a new view is; fog that comes, comes from picture to picture."""
USUAL_SHARE = 1 / 16
"""By which the usual view follows each picture."""
HOLDS_PICTURES, HOLDS_S = 3, 10.0
"""Pictures in a row that must show the same other view, over so long at least: lorries pass before a lens."""

Aim: TypeAlias = Literal["usual", "strange", "moved"]
"""Where a camera looks; "strange" while that is not known."""


@dataclass(slots=True)
class AimMemory:
    """Where a camera looks, the texture that it usually shows, and how long it shows another view."""

    now: Aim = "usual"
    usual: Plane | None = None
    last: Plane | None = None
    pictures: int = 0
    strange: int = 0
    strange_s: float = 0.0
    same: int = 0
    """Strange pictures up to the newest that show the same, since `same_s`."""
    same_s: float = 0.0


def watch_aim(memory: AimMemory, texture: Plane, moment_s: float) -> None:
    """Take in the next picture of a view; it has moved when several in a row show the same other view.

    What stays strange and never the same is weather: after as many pictures it counts as usual.
    """
    if memory.usual is None or memory.last is None:
        memory.usual, memory.last, memory.pictures = texture.copy(), texture, 1
        return
    like_usual = likeness(texture, memory.usual, FINE_CELLS)
    like_before = likeness(texture, memory.last, FINE_CELLS)
    memory.last, memory.pictures = texture, memory.pictures + 1
    begins = memory.pictures > FIRST_PICTURES and like_before < min(STRANGE, like_usual + BREAK)
    if like_usual >= STRANGE or not (begins or memory.strange):
        memory.now, memory.strange, memory.same = "usual", 0, 0
    else:
        _count(memory, like_before >= like_usual + SETTLED, moment_s)
    if memory.now == "usual":
        memory.usual += (texture - memory.usual) * np.float32(max(1 / memory.pictures, USUAL_SHARE))


def _count(memory: AimMemory, is_same: bool, moment_s: float) -> None:
    if memory.strange == 0:
        memory.strange_s = moment_s
    if memory.same == 0 or not is_same:
        memory.same, memory.same_s = 0, moment_s
    memory.strange, memory.same = memory.strange + 1, memory.same + 1
    if memory.same >= HOLDS_PICTURES and moment_s - memory.same_s >= HOLDS_S:
        memory.now = "moved"
    elif memory.strange < HOLDS_PICTURES or moment_s - memory.strange_s < HOLDS_S:
        memory.now = "strange"
    else:
        memory.now = "usual"
