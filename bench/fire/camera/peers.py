"""What our rules over time are held against, on the same boxes; and a plain rule of colour.

The two of Pyronear are written anew after what they publish: `FSM` after vision-rd's tracking-fsm-baseline
(confidence 0.3, overlap 0.1, five in a row, at most 5 % of the picture), `Pool` after pyro-predictor.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from detectors.fire.tubes import Box, area, overlap
from gridwatch.model import BoxXyxy, Pixels

SINGLE_CONFIDENCE = 0.3
FSM_CONFIDENCE, FSM_IOU, FSM_IN_A_ROW, FSM_LARGEST = 0.3, 0.1, 5, 0.05
POOL, POOL_NMS, POOL_WIDEST = 8, 0.2, 0.4

GREY_WITHIN, GREY_LEVELS = 20, (80, 220)
"""Smoke is grey: its channels differ by little, and it is neither dark nor white (after Chen et al. 2006)."""
GREY_SHARE = 0.001


@dataclass(slots=True)
class Single:
    """Takes every sure box of every picture for a fire."""

    def see(self, boxes: Sequence[Box], size_wh: tuple[int, int]) -> list[BoxXyxy]:
        """Return the boxes of the alarm that this picture gives."""
        return [box.box_xyxy for box in boxes if box.confidence >= SINGLE_CONFIDENCE]


@dataclass(slots=True)
class Fsm:
    """Takes what is seen in five pictures in a row for a fire."""

    rows: list[tuple[BoxXyxy, int]] = field(default_factory=list)

    def see(self, boxes: Sequence[Box], size_wh: tuple[int, int]) -> list[BoxXyxy]:
        """Return the boxes of the alarm that this picture gives."""
        largest = FSM_LARGEST * size_wh[0] * size_wh[1]
        now = [b.box_xyxy for b in boxes if b.confidence >= FSM_CONFIDENCE and area(b.box_xyxy) <= largest]
        pairs = sorted(
            ((overlap(old, new), o, n) for o, (old, _) in enumerate(self.rows) for n, new in enumerate(now)),
            reverse=True,
        )
        long = [1] * len(now)
        taken: set[int] = set()
        for iou, old, new in pairs:
            if iou >= FSM_IOU and old not in taken and long[new] == 1:
                long[new] = self.rows[old][1] + 1
                taken.add(old)
        self.rows = list(zip(now, long, strict=True))
        return [box for box, row in self.rows if row >= FSM_IN_A_ROW]


@dataclass(slots=True)
class Pool:
    """Takes the mean confidence over the last eight pictures, as Pyronear's cameras do."""

    alarm: float
    last: deque[Sequence[Box]] = field(default_factory=lambda: deque(maxlen=POOL))
    ongoing: bool = False

    def see(self, boxes: Sequence[Box], size_wh: tuple[int, int]) -> list[BoxXyxy]:
        """Return the boxes of the alarm that this picture gives."""
        self.last.append(
            [box for box in boxes if box.box_xyxy[2] - box.box_xyxy[0] < POOL_WIDEST * size_wh[0]]
        )
        pooled = sorted((box for seen in self.last for box in seen), key=lambda box: -box.confidence)
        kept: list[Box] = []
        for box in pooled:
            if all(overlap(box.box_xyxy, other.box_xyxy) <= POOL_NMS for other in kept):
                kept.append(box)
        limit = self.alarm * (0.8 if self.ongoing else 1)
        alarms = []
        for one in kept:
            near = [box for box in pooled if overlap(one.box_xyxy, box.box_xyxy) > 0]
            if len(near) >= POOL // 2 and sum(box.confidence for box in near) / POOL > limit:
                alarms.append(one.box_xyxy)
        self.ongoing = bool(alarms)
        return alarms


def grey_regions(pixels: Pixels) -> list[BoxXyxy]:
    """Return where a picture has the colour of smoke: the rule of colour alone."""
    spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    level = pixels.mean(axis=2)
    grey = (spread <= GREY_WITHIN) & (level >= GREY_LEVELS[0]) & (level <= GREY_LEVELS[1])
    opened = cv2.morphologyEx(grey.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(opened)
    least = GREY_SHARE * grey.size
    return [
        (float(x), float(y), float(x + w), float(y + h))
        for x, y, w, h, area in stats[1:count].tolist()
        if area >= least
    ]
