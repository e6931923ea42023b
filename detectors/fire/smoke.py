"""Smoke over time: a grey veil that takes texture from the ground behind it, stays, stirs and grows."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.fire.view import Grid, Region, View, block_box

SAMPLE_S = 1.0
"""Smoke is slow: of video only one picture in a second is looked at."""
LEARN_SAMPLES = 5
"""Pictures of which the background is the median before anything is judged: what passes leaves no trace."""
LEARN_MOST = 16
"""Pictures that are kept for it at most."""
LEARN_S = 10.0
BACKGROUND_S, BACKGROUND_GAPS = 120.0, 20.0
"""The background follows within two minutes, or twenty pictures where those take longer."""
VEILED_LEARNING = 0.02
"""How much slower it follows where a veil lies: it must not learn the smoke."""

TEXTURED = 0.025
"""Contrast of ground that can lose some; sky and smooth walls have less, so clouds are never looked at."""
VEILED_CONTRAST = 0.7
"""Part of its contrast that veiled ground keeps at most."""
VEILED_SATURATION = 0.85
GREY_SATURATION = 0.12
"""A veil lowers the saturation, unless there was hardly any."""
VEIL_LEVELS = 5.0
"""Grey levels by which a veil differs from the ground after the light's own change."""
DARK_GROUND = 110.0
"""Ground darker than this can only be brightened by smoke that hides it; shadows darken it."""
DARK_VEIL_CONTRAST = 0.5
"""Over bright ground a dark veil must take half of the contrast: a shadow does not."""

SHARPER = 1.3
MAX_SHARP = 0.25
"""Blocks in and around a veil that gained that much contrast, over the veil's own: a vehicle has edges."""

MIN_BLOCKS = 4
MAX_SHARE = 0.4
"""A veil over more of the textured ground is fog, rain, or a moved camera."""
PLUMES = 6
"""Veils followed at a time, largest first."""
VOTES, OF = 4, 5
VOTE_COUNT = np.array([number.bit_count() for number in range(1 << OF)], np.uint8)
PERSIST_S = 12.0
"""Longer than twice `STIR_S`: what merely arrived and stands has stopped stirring by then."""
GROWTH = 1.3
"""Largest area over first area of a veil that is growing."""
STIR_S = 5.0
STIR_LEVELS = 1.2
"""Grey levels by which a veil changes in one to two `STIR_S`, or between pictures, beyond the ground."""
STIR_VOTES = 3
FIRST_SEEN = 0.34
"""Confidence of a veil that has not yet shown that it stays, stirs and grows."""
BASE_BLOCKS = 3
"""Blocks of a plume that stay veiled while the rest drifts: it hangs on its base, a vehicle drives on."""


@dataclass(slots=True)
class Plume:
    """A veil that is followed: which blocks, how often seen, how it grew and stirred (newest vote lowest)."""

    blocks: NDArray[np.bool_]
    first_s: float
    first_area: int
    first_rows: tuple[int, int]
    """Its top and foot."""
    largest_area: int
    seen: int = 1
    stirred: int = 0


@dataclass(slots=True)
class SmokeMemory:
    """The background of one camera and the veils before it."""

    luminance: Grid
    saturation: Grid
    contrast: Grid
    recent: Grid
    older: Grid
    recent_s: float
    first_s: float
    last_s: float
    veils: NDArray[np.uint8]
    learned: bool = False
    first_views: list[tuple[Grid, Grid, Grid]] = field(default_factory=list)
    plumes: list[Plume] = field(default_factory=list)


def new_smoke_memory(view: View, moment_s: float) -> SmokeMemory:
    """Take the first picture for the background."""
    return SmokeMemory(
        luminance=view.luminance,
        saturation=view.saturation,
        contrast=view.contrast,
        recent=view.luminance,
        older=view.luminance,
        recent_s=moment_s,
        first_s=moment_s,
        last_s=moment_s,
        veils=np.zeros(view.luminance.shape, np.uint8),
        first_views=[(view.luminance, view.saturation, view.contrast)],
    )


def watch_smoke(memory: SmokeMemory, view: View, moment_s: float) -> list[Region] | None:
    """Take in the next picture; return the veils in it that hang and stir, or None: it came too soon."""
    gap_s = moment_s - memory.last_s
    if gap_s < SAMPLE_S:
        return None
    found: list[Region] = []
    if not memory.learned:
        _learn_first(memory, view, moment_s)
    else:
        veiled = _veiled(memory, view)
        _learn(memory, view, veiled, gap_s)
        memory.veils = np.asarray((memory.veils << 1 | veiled) & ((1 << OF) - 1), np.uint8)
        _follow(memory, view, _regions(memory, view, veiled), moment_s)
        found = _hanging(memory, view, moment_s)
    if moment_s - memory.recent_s >= STIR_S:
        memory.recent, memory.older, memory.recent_s = view.luminance, memory.recent, moment_s
    memory.last_s = moment_s
    return found


def _learn_first(memory: SmokeMemory, view: View, moment_s: float) -> None:
    memory.first_views.append((view.luminance, view.saturation, view.contrast))
    del memory.first_views[:-LEARN_MOST]
    memory.luminance, memory.saturation, memory.contrast = (
        np.median(np.stack(grids), axis=0).astype(np.float32)
        for grids in zip(*memory.first_views, strict=True)
    )
    if len(memory.first_views) >= LEARN_SAMPLES and moment_s - memory.first_s >= LEARN_S:
        memory.learned = True
        memory.first_views.clear()


def _veiled(memory: SmokeMemory, view: View) -> NDArray[np.bool_]:
    """Return the blocks whose ground lost texture and colour to something grey."""
    textured = memory.contrast >= TEXTURED
    if not textured.any():
        return textured
    light = float(np.median(view.luminance[textured] / np.maximum(memory.luminance[textured], 1)))
    brighter = view.luminance - memory.luminance * light
    pale = (view.saturation <= VEILED_SATURATION * memory.saturation) | (view.saturation <= GREY_SATURATION)
    light_veil = (view.contrast <= VEILED_CONTRAST * memory.contrast) & (brighter >= VEIL_LEVELS)
    dark_veil = (
        (view.contrast <= DARK_VEIL_CONTRAST * memory.contrast)
        & (brighter <= -2 * VEIL_LEVELS)
        & (memory.luminance >= DARK_GROUND)
    )
    return np.asarray(textured & pale & (light_veil | dark_veil))


def _learn(memory: SmokeMemory, view: View, veiled: NDArray[np.bool_], gap_s: float) -> None:
    slow_s = max(BACKGROUND_S, BACKGROUND_GAPS * gap_s)
    share = 1 - float(np.exp(-gap_s / slow_s))
    shares = np.where(veiled, share * VEILED_LEARNING, share).astype(np.float32)
    memory.luminance += (view.luminance - memory.luminance) * shares
    memory.saturation += (view.saturation - memory.saturation) * shares
    memory.contrast += (view.contrast - memory.contrast) * shares


def _regions(memory: SmokeMemory, view: View, veiled: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the connected soft veils, largest first; none where too much of the ground is veiled."""
    ground = int(np.count_nonzero(memory.contrast >= TEXTURED))
    if np.count_nonzero(veiled) > MAX_SHARE * ground:
        return []
    closed = cv2.morphologyEx(veiled.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, names, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    by_area = sorted(range(1, count), key=lambda name: -int(stats[name, cv2.CC_STAT_AREA]))
    sharp = view.contrast >= SHARPER * np.maximum(memory.contrast, TEXTURED)
    large = [names == name for name in by_area[:PLUMES] if stats[name, cv2.CC_STAT_AREA] >= MIN_BLOCKS]
    return [blocks for blocks in large if _is_soft(blocks, sharp)]


def _is_soft(blocks: NDArray[np.bool_], sharp: NDArray[np.bool_]) -> bool:
    around = np.asarray(cv2.dilate(blocks.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
    return int(np.count_nonzero(sharp & around)) <= MAX_SHARP * int(np.count_nonzero(blocks))


def _follow(memory: SmokeMemory, view: View, regions: list[NDArray[np.bool_]], moment_s: float) -> None:
    """Match veils to plumes by overlap; a plume that was not seen in any of its last looks is dropped."""
    change = np.abs(view.luminance - memory.older)
    usual = float(np.median(change))
    mask = (1 << OF) - 1
    for plume in memory.plumes:
        plume.seen = plume.seen << 1 & mask
        plume.stirred = plume.stirred << 1 & mask
    for blocks in regions:
        area = int(np.count_nonzero(blocks))
        matching = [known for known in memory.plumes if (known.blocks & blocks).any()]
        if matching:
            plume = matching[0]
        else:
            rows = np.flatnonzero(blocks.any(axis=1))
            plume = Plume(
                blocks=blocks,
                first_s=moment_s,
                first_area=area,
                first_rows=(int(rows[0]), int(rows[-1])),
                largest_area=area,
            )
            memory.plumes.append(plume)
        plume.blocks, plume.largest_area = blocks, max(plume.largest_area, area)
        plume.seen |= 1
        plume.stirred |= int(float(change[blocks].mean()) >= usual + STIR_LEVELS)
    memory.plumes = [plume for plume in memory.plumes if plume.seen][-PLUMES:]


def _hanging(memory: SmokeMemory, view: View, moment_s: float) -> list[Region]:
    """Return the plumes of this picture; those that stayed, stir and grew are surer than the others."""
    steady = VOTE_COUNT[memory.veils] >= VOTES
    return [
        _region(memory, view, plume, moment_s, grows=_grows(plume, steady, moment_s))
        for plume in memory.plumes
        if plume.seen & 1 and plume.stirred
    ]


def _grows(plume: Plume, steady: NDArray[np.bool_], moment_s: float) -> bool:
    return bool(
        plume.seen.bit_count() >= VOTES
        and plume.stirred.bit_count() >= STIR_VOTES
        and moment_s - plume.first_s >= PERSIST_S
        and plume.largest_area >= GROWTH * plume.first_area
        and np.count_nonzero(plume.blocks & steady) >= BASE_BLOCKS
    )


def _region(memory: SmokeMemory, view: View, plume: Plume, moment_s: float, *, grows: bool) -> Region:
    area = int(np.count_nonzero(plume.blocks))
    growth = plume.largest_area / plume.first_area
    kept = float((view.contrast[plume.blocks] / np.maximum(memory.contrast[plume.blocks], 1e-3)).mean())
    faded = float((view.saturation[plume.blocks] / np.maximum(memory.saturation[plume.blocks], 1e-3)).mean())
    greyer = float((view.luminance[plume.blocks] - memory.luminance[plume.blocks]).mean())
    sure = np.clip(0.55 + 0.05 * min(growth, 4) + 0.2 * (VEILED_CONTRAST - kept), 0.5, 0.95)
    return Region(
        box_xyxy=block_box(view, plume.blocks),
        area_blocks=area,
        confidence=float(sure) if grows else FIRST_SEEN,
        criteria={
            "area_blocks": float(area),
            "growth": growth,
            "rise_blocks": _rise(plume),
            "contrast_kept": kept,
            "saturation_kept": faded,
            "grey_shift": greyer,
            f"votes_of_{OF}": float(plume.seen.bit_count()),
            "lasted_s": moment_s - plume.first_s,
        },
    )


def _rise(plume: Plume) -> float:
    """Return by how many blocks its top went up more than its foot since it was first seen: smoke rises."""
    rows = np.flatnonzero(plume.blocks.any(axis=1))
    first_top, first_foot = plume.first_rows
    return float((first_top - rows[0]) - abs(first_foot - int(rows[-1])))
