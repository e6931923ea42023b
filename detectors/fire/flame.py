"""Flame over time: its colours with its flicker in video, with its unrest in stills."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.fire.view import (
    Grid,
    Region,
    View,
    block_box,
    over_blocks,
)

# Video, where pictures follow one another at least five times a second.
VIDEO_GAP_S = 0.25
FLICKER_HZ = (1.0, 13.0)
"""Flames flicker at 1 to 10 Hz; counting crossings adds some noise above."""
FLICKER_MARGIN = 6.0
"""Grey levels of a block's mean glow around its own mean that count as a crossing."""
GLOW_MEMORY_S = 0.5
FLICKER_MEMORY_S = 1.2
COVER_MEMORY_S = 0.8
VIDEO_COVER = 0.15
"""Part of a block that is flame-coloured, on the average of the last seconds."""
FLICKER_FOR_S = 0.6
"""A block burns once it has flickered that long; half of it joins a block that does."""

# Stills.
STILL_COVER = 0.2
STILL_UNREST = 12.0
"""Grey levels by which flame-coloured pixels differ from the picture before: flames never stand still."""
STILL_OF, STILL_VOTES = 4, 3
"""Three pictures of the last four: a passing light is gone by then."""
STILL_BRIGHT = 190
"""Grey level that some pixel of a flame reaches."""

VIVID = 0.5
VIVID_SHARE = 0.02
"""Part of a flame whose red is at least twice its blue; sun on brick and sand has none of it."""

MIN_BLOCKS = 2
NEIGHBOURS = np.ones((3, 3), np.uint8)
VOTE_COUNT = np.array([number.bit_count() for number in range(1 << STILL_OF)], np.uint8)


@dataclass(slots=True)
class FlameMemory:
    """What one camera showed of flame-coloured light, per block."""

    glow_mean: Grid
    cover: Grid
    side: NDArray[np.int8]
    crossings_hz: Grid
    flickering_s: Grid
    votes: NDArray[np.uint8]


def new_flame_memory(rows: int, columns: int) -> FlameMemory:
    """Make the memory of a grid that was never seen."""
    return FlameMemory(
        glow_mean=np.zeros((rows, columns), np.float32),
        cover=np.zeros((rows, columns), np.float32),
        side=np.zeros((rows, columns), np.int8),
        crossings_hz=np.zeros((rows, columns), np.float32),
        flickering_s=np.zeros((rows, columns), np.float32),
        votes=np.zeros((rows, columns), np.uint8),
    )


def watch_flame(memory: FlameMemory, before: View, view: View, gap_s: float) -> Region | None:
    """Take in the next picture, `gap_s` after the one before; return the largest flame."""
    if gap_s <= VIDEO_GAP_S:
        return _watch_flicker(memory, view, gap_s)
    return _watch_unrest(memory, before, view)


def _watch_flicker(memory: FlameMemory, view: View, gap_s: float) -> Region | None:
    glow = over_blocks(view.pixels[:, :, 2] * view.flame)
    cover = over_blocks(view.flame)
    memory.cover += (cover - memory.cover) * np.float32(1 - np.exp(-gap_s / COVER_MEMORY_S))
    memory.glow_mean += (glow - memory.glow_mean) * np.float32(1 - np.exp(-gap_s / GLOW_MEMORY_S))
    swing = glow - memory.glow_mean
    side = np.where(swing > FLICKER_MARGIN, 1, np.where(swing < -FLICKER_MARGIN, -1, memory.side))
    crossed = (side != memory.side) & (memory.side != 0)
    memory.side = side.astype(np.int8)
    memory.crossings_hz *= np.float32(np.exp(-gap_s / FLICKER_MEMORY_S))
    memory.crossings_hz += crossed.astype(np.float32) / np.float32(FLICKER_MEMORY_S)
    flicker_hz = memory.crossings_hz / 2
    lively = (flicker_hz >= FLICKER_HZ[0]) & (flicker_hz <= FLICKER_HZ[1]) & (memory.cover >= VIDEO_COVER)
    memory.flickering_s = np.where(
        lively, memory.flickering_s + gap_s, np.maximum(memory.flickering_s - 2 * gap_s, 0)
    ).astype(np.float32)
    np.minimum(memory.flickering_s, 2 * FLICKER_FOR_S, out=memory.flickering_s)
    blocks = _largest(memory.flickering_s >= FLICKER_FOR_S / 2, memory.flickering_s >= FLICKER_FOR_S)
    if blocks is None:
        return None
    _, vivid = _colours(view, blocks)
    if vivid < VIVID_SHARE:
        return None
    hz = float(flicker_hz[blocks].mean())
    numbers = {"flicker_hz": hz, "flame_cover": float(memory.cover[blocks].mean()), "vivid_share": vivid}
    return _region(view, blocks, 0.55 + 0.08 * min(hz, 3.0), numbers)


def _watch_unrest(memory: FlameMemory, before: View, view: View) -> Region | None:
    cover = over_blocks(view.flame)
    moved = cv2.absdiff(view.grey, before.grey) * (view.flame | before.flame)
    touched = over_blocks(view.flame | before.flame)
    unrest = over_blocks(np.asarray(moved, np.uint8)) / np.maximum(touched, np.float32(STILL_COVER))
    hit = ((cover >= STILL_COVER) & (unrest >= STILL_UNREST)).astype(np.uint8)
    near = np.asarray(cv2.dilate(hit, NEIGHBOURS), np.uint8)
    memory.votes = np.asarray((memory.votes << 1 | near) & ((1 << STILL_OF) - 1), np.uint8)
    votes = VOTE_COUNT[memory.votes]
    blocks = _largest(cover >= STILL_COVER / 2, (votes >= STILL_VOTES) & (hit > 0), least=1)
    if blocks is None:
        return None
    brightest, vivid = _colours(view, blocks)
    if brightest < STILL_BRIGHT or vivid < VIVID_SHARE:
        return None
    numbers = {
        "unrest_levels": float(unrest[blocks].mean()),
        "vivid_share": vivid,
        f"votes_of_{STILL_OF}": float(votes[blocks].max()),
        "flame_cover": float(cover[blocks].mean()),
    }
    return _region(view, blocks, 0.5 + 0.1 * (numbers[f"votes_of_{STILL_OF}"] - 2), numbers)


def _largest(
    lit: NDArray[np.bool_], sure: NDArray[np.bool_], least: int = MIN_BLOCKS
) -> NDArray[np.bool_] | None:
    """Return the largest connected region of lit blocks that holds a sure one."""
    if not sure.any():
        return None
    _, names, stats, _ = cv2.connectedComponentsWithStats((lit | sure).astype(np.uint8), connectivity=8)
    held = np.unique(names[sure])
    best = int(held[np.argmax(stats[held, cv2.CC_STAT_AREA])])
    return names == best if stats[best, cv2.CC_STAT_AREA] >= least else None


def _colours(view: View, blocks: NDArray[np.bool_]) -> tuple[int, float]:
    """Return the brightest grey level of the blocks' flame-coloured pixels, and the part that is vivid."""
    size_wh = (view.grey.shape[1], view.grey.shape[0])
    whole = np.asarray(
        cv2.resize(blocks.astype(np.uint8), size_wh, interpolation=cv2.INTER_NEAREST), np.uint8
    )
    inside = (whole & view.flame) > 0
    if not inside.any():
        return 0, 0.0
    blue, _, red = view.pixels[inside].astype(np.float32).T
    return int(view.grey[inside].max()), float((red - blue >= VIVID * red).mean())


def _region(view: View, blocks: NDArray[np.bool_], confidence: float, criteria: dict[str, float]) -> Region:
    area = int(np.count_nonzero(blocks))
    return Region(
        box_xyxy=block_box(view, blocks),
        area_blocks=area,
        confidence=min(0.97, confidence + 0.02 * min(area, 8)),
        criteria=criteria | {"area_blocks": float(area)},
    )
