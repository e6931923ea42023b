"""Two methods of others, written anew from their descriptions, in the same harness.

Both find what differs from a background of Gaussian mixtures in each picture. The first is the configuration
of FADE's background subtraction (Tu et al., arXiv 2408.05750): MOG2 with a history of 300 and a threshold of
100, an opening of 9×9, contours of more than 5 px² and non-maximum suppression at 0.3. It judges single
pictures; here its boxes are joined to one event where they follow each other nearby, and three make an alert.
The second is the chain of Falling-Object-Detection (Nullkooland): foreground, opening of 3×3, boxes with a
margin of 6 px, SORT with an IoU of 0.25 and an age of 3, and an alert for a track of 16 samples and 128 px
from its lowest to its highest; more than 64 blobs clear the tracker. With MOG2 at a threshold of 16 here,
where that program uses ViBe.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.throwing.alerts import ALERT, Alert
from gridwatch.model import Picture, Pixels, TrackPoint

HISTORY = 300

FADE_THRESHOLD, FADE_OPENING, FADE_LEAST_AREA, FADE_OVERLAP = 100.0, 9, 5.0, 0.3
FADE_BOXES = 3
"""Of one event, from which it is an alert: so many correct ones FADE-Net has in 97 % of its clips."""
FADE_GAP_S, FADE_REACH = 0.3, 0.1
"""Time, and share of the picture's height, between boxes of one event."""

CHAIN_THRESHOLD, CHAIN_OPENING, CHAIN_MARGIN_PX, CHAIN_MOST_BLOBS = 16.0, 3, 6, 64
CHAIN_IOU, CHAIN_AGE = 0.25, 3
CHAIN_SAMPLES, CHAIN_RANGE_PX = 16, 128.0

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(kw_only=True, slots=True)
class Group:
    """Boxes that follow each other."""

    points: list[TrackPoint] = field(default_factory=list)
    told_at: datetime | None = None


class Fade:
    """FADE's background subtraction."""

    name = "FADE MOG2"

    def __init__(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(HISTORY, FADE_THRESHOLD, False)
        self._groups: list[Group] = []
        self._going: list[Group] = []
        self.notes: dict[str, int] = {}

    def see(self, picture: Picture) -> None:
        """Take in the next picture."""
        reach = FADE_REACH * picture.size_wh[1]
        self._going = [
            group for group in self._going if (picture.at - group.points[-1].at).total_seconds() <= FADE_GAP_S
        ]
        for left, top, right, bottom in self._boxes(picture.pixels):
            point = TrackPoint(at=picture.at, x=(left + right) / 2, y=(top + bottom) / 2)
            near = [
                group
                for group in self._going
                if group.points[-1].at < picture.at
                and abs(group.points[-1].x - point.x) <= reach
                and abs(group.points[-1].y - point.y) <= reach
            ]
            group = min(near, key=lambda one: abs(one.points[-1].y - point.y)) if near else Group()
            if not near:
                self._groups.append(group)
                self._going.append(group)
            group.points.append(point)
            if len(group.points) == FADE_BOXES:
                group.told_at = picture.at

    def _boxes(self, pixels: Pixels) -> list[Box]:
        mask = self._background.apply(pixels)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((FADE_OPENING, FADE_OPENING), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = [cv2.boundingRect(one) for one in contours if cv2.contourArea(one) > FADE_LEAST_AREA]
        boxes = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in found]
        boxes.sort(key=lambda box: -float(mask[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])].mean()))
        kept: list[Box] = []
        for box in boxes:
            if all(iou(box, other) <= FADE_OVERLAP for other in kept):
                kept.append(box)
        return kept

    def alerts(self) -> Sequence[Alert]:
        """Return the groups of three boxes or more."""
        return [
            Alert(label=ALERT, told_at=group.told_at, track=group.points)
            for group in self._groups
            if group.told_at is not None
        ]


class Kalman:
    """SORT's filter: centre, area and ratio of a box, and the speeds of the first three, per picture."""

    def __init__(self, box: Box) -> None:
        self.x = np.concatenate([_measured(box), np.zeros(3)])
        self.p = np.diag([10.0, 10, 10, 10, 10_000, 10_000, 10_000])
        self.f = np.eye(7)
        self.f[[0, 1, 2], [4, 5, 6]] = 1.0
        self.h = np.eye(4, 7)
        self.r = np.diag([1.0, 1, 10, 10])
        self.q = np.diag([1.0, 1, 1, 1, 0.01, 0.01, 0.0001])
        self.points: list[TrackPoint] = []
        self.told_at: datetime | None = None
        self.missed = 0

    def predict(self) -> Box:
        """Move on by a picture; return where the box is expected."""
        if self.x[2] + self.x[6] <= 0:
            self.x[6] = 0.0
        self.x = self.f @ self.x
        self.p = self.f @ self.p @ self.f.T + self.q
        width = np.sqrt(max(1.0, self.x[2] * max(self.x[3], 1e-3)))
        height = max(1.0, self.x[2]) / width
        x, y = float(self.x[0]), float(self.x[1])
        return x - float(width) / 2, y - float(height) / 2, x + float(width) / 2, y + float(height) / 2

    def update(self, box: Box, at: datetime) -> None:
        """Take in where it was seen."""
        gain = self.p @ self.h.T @ np.linalg.inv(self.h @ self.p @ self.h.T + self.r)
        self.x = self.x + gain @ (_measured(box) - self.h @ self.x)
        self.p = (np.eye(7) - gain @ self.h) @ self.p
        self.missed = 0
        self.points.append(TrackPoint(at=at, x=(box[0] + box[2]) / 2, y=(box[1] + box[3]) / 2))
        heights = [point.y for point in self.points]
        far = max(heights) - min(heights) >= CHAIN_RANGE_PX
        if self.told_at is None and len(self.points) >= CHAIN_SAMPLES and far:
            self.told_at = at


class Chain:
    """MOG2, opening, SORT by IoU, range."""

    name = "MOG2-SORT chain"

    def __init__(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(HISTORY, CHAIN_THRESHOLD, False)
        self._going: list[Kalman] = []
        self._told: list[Kalman] = []
        self.notes: dict[str, int] = {}

    def see(self, picture: Picture) -> None:
        """Take in the next picture."""
        boxes = self._boxes(picture.pixels)
        if len(boxes) > CHAIN_MOST_BLOBS:
            self._going = []
            return
        expected = [track.predict() for track in self._going]
        free = set(range(len(boxes)))
        pairs = sorted(
            ((iou(place, box), t, b) for t, place in enumerate(expected) for b, box in enumerate(boxes)),
            reverse=True,
        )
        matched: set[int] = set()
        for overlap, t, b in pairs:
            if overlap < CHAIN_IOU:
                break
            if t not in matched and b in free:
                matched.add(t)
                free.discard(b)
                self._update(self._going[t], boxes[b], picture.at)
        for t, track in enumerate(self._going):
            track.missed += t not in matched
        self._going = [track for track in self._going if track.missed <= CHAIN_AGE]
        for b in free:
            track = Kalman(boxes[b])
            track.points.append(
                TrackPoint(
                    at=picture.at, x=(boxes[b][0] + boxes[b][2]) / 2, y=(boxes[b][1] + boxes[b][3]) / 2
                )
            )
            self._going.append(track)

    def _update(self, track: Kalman, box: Box, at: datetime) -> None:
        told = track.told_at
        track.update(box, at)
        if told is None and track.told_at is not None:
            self._told.append(track)

    def _boxes(self, pixels: Pixels) -> list[Box]:
        mask = self._background.apply(pixels)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((CHAIN_OPENING, CHAIN_OPENING), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        m = CHAIN_MARGIN_PX
        return [
            (float(x - m), float(y - m), float(x + w + m), float(y + h + m)) for x, y, w, h, _ in stats[1:]
        ]

    def alerts(self) -> Sequence[Alert]:
        """Return the tracks that were long and high enough."""
        return [
            Alert(label=ALERT, told_at=track.told_at, track=track.points)
            for track in self._told
            if track.told_at is not None
        ]


def iou(one: Box, other: Box) -> float:
    """Return the overlap of two boxes as a share of what they cover together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _measured(box: Box) -> NDArray[np.float64]:
    width, height = box[2] - box[0], box[3] - box[1]
    return np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, width * height, width / height])
