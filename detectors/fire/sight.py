"""How far a camera sees: clear, by night, or in fog. In the two latter less can be promised."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from detectors.fire.view import Grid, View

TEXTURED = 0.025
"""Contrast of ground on which a loss would be seen; sky and smooth walls have less."""
DARK = 48.0
"""Median grey level under which it is night."""
COLOURLESS, DARK_ABOVE = 0.012, 90.0
"""Saturation of a picture by infrared light, and the level of its upper third, where the sky is black."""
LOST, LOST_BLOCKS, FOUND_BLOCKS = 0.5, 0.6, 0.4
"""In fog this part of the textured blocks has lost half of its usual contrast; below the last it lifts."""
BARE_BLOCKS, PALE = 0.1, 100.0
"""Part of the blocks with texture, and median grey level, by which a camera whose usual view is unknown looks
into fog; a bare wall indoors is darker."""
HOLDS_PICTURES, HOLDS_S = 3, 10.0
"""Pictures in a row, over so long at least, that another state must hold: lightning and lorries pass."""
LEARN_S, LEARN_PICTURES = 600.0, 60.0
"""Over which the usual contrast is learnt, or over so many pictures where these take longer."""


class Sight(StrEnum):
    """How far a camera sees; the labels of the findings that say so."""

    CLEAR = "clear_view"
    NIGHT = "night"
    FOG = "fog"


@dataclass(slots=True)
class SightMemory:
    """What one view looks like when it is clear, and how it looks now."""

    now: Sight = Sight.CLEAR
    usual: Grid | None = None
    other: Sight = Sight.CLEAR
    """What the last pictures look like, since `other_s`, `other_pictures` of them."""
    other_s: float = 0.0
    other_pictures: int = 0
    last_s: float = 0.0


def sight_of(view: View, memory: SightMemory | None = None) -> Sight:
    """Say how far one picture lets see; by itself, or against what its camera usually shows."""
    if _is_dark(view):
        return Sight.NIGHT
    if memory is None or memory.usual is None or memory.usual.shape != view.contrast.shape:
        textured = float((view.contrast[view.watched] >= TEXTURED).mean()) if view.watched.any() else 1.0
        pale = float(np.median(view.luminance)) >= PALE
        return Sight.FOG if textured < BARE_BLOCKS and pale else Sight.CLEAR
    lost = lost_share(view, memory.usual)
    return Sight.FOG if lost >= (FOUND_BLOCKS if memory.now is Sight.FOG else LOST_BLOCKS) else Sight.CLEAR


def watch_sight(memory: SightMemory, view: View, moment_s: float) -> bool:
    """Take in the next picture of a view; return whether its state has changed now."""
    seen = sight_of(view, memory)
    gap_s = max(0.0, moment_s - memory.last_s) if memory.last_s else 0.0
    memory.last_s = moment_s
    if seen is Sight.CLEAR:
        _learn(memory, view, gap_s)
    if seen is memory.now:
        memory.other_pictures = 0
        return False
    if seen is not memory.other or not memory.other_pictures:
        memory.other, memory.other_s, memory.other_pictures = seen, moment_s, 0
    memory.other_pictures += 1
    if memory.other_pictures < HOLDS_PICTURES or moment_s - memory.other_s < HOLDS_S:
        return False
    memory.now, memory.other_pictures = seen, 0
    return True


def lost_share(view: View, usual: Grid) -> float:
    """Return which part of the blocks that usually have texture has lost it."""
    textured = usual >= TEXTURED
    if not textured.any():
        return 0.0
    return float((view.contrast[textured] < LOST * usual[textured]).mean())


def _is_dark(view: View) -> bool:
    if float(np.median(view.luminance)) < DARK:
        return True
    above = view.luminance[: max(1, len(view.luminance) // 3)]
    return float(view.saturation.mean()) < COLOURLESS and float(np.median(above)) < DARK_ABOVE


def _learn(memory: SightMemory, view: View, gap_s: float) -> None:
    if memory.usual is None or memory.usual.shape != view.contrast.shape:
        memory.usual = view.contrast.copy()
        return
    share = max(1 - float(np.exp(-gap_s / LEARN_S)), 1 / LEARN_PICTURES if gap_s > 1 else 0.0)
    memory.usual += (view.contrast - memory.usual) * np.float32(share)
