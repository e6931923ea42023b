"""What single pictures say over time: boxes of one view become tubes, and a tube that holds out is a fire.

Any detector of smoke and flame in one picture feeds this stage, ours or a user's. Its rules are those that
Pyronear measured on 302 real sequences: tubes of boxes that overlap, five pictures in a row, and the mean
confidence over a pool of the last eight (vision-rd, `tracking-fsm-baseline` and `pyro-detector-baseline`).
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gridwatch.model import BoxXyxy, Finding

POOL = 8
"""Pictures over which confidence is averaged."""
POOL_HITS = POOL // 2
"""Of them that must show something."""
IN_A_ROW = 5
SAME_TUBE_IOU = 0.1
"""Smoke changes its shape from picture to picture: boxes of one plume overlap by a little at least."""
MISSES = 2
"""Pictures in a row without it after which a tube ends."""
SAME_BOX_IOU = 0.5
"""Boxes of one label and picture that overlap so much are one."""
MOST_BOXES = 5
"""Of one picture that are followed, the surest first."""
HYSTERESIS = 0.8
"""Part of the alarm's score at which a fire that was told still goes on."""
NEAR_SHARE = 0.05
"""Boxes that are no further apart than this part of the picture's width belong to one fire."""
MASKED_SHARE = 0.5
"""A box that lies in a mask by this much is not looked at."""
FORGET = timedelta(minutes=30)
"""Pictures further apart tell nothing of each other; a fire not seen for so long is over."""
MOST_FIRES = 8
"""That are remembered of one view, the latest seen."""
GROWN = 2.0
"""A fire whose box has grown so many times is told again at once."""

RANK = ("smoke", "flame")
"""Where both are seen of one fire it is told as the later of these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """What one picture shows, by a detector that looks at single pictures; `criteria` says why."""

    label: str
    confidence: float
    box_xyxy: BoxXyxy
    criteria: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """When boxes over time are a fire; a detector may know states of a camera in which they change."""

    least: float = 0.05
    """Confidence below which a box is not looked at."""
    sure: float = 0.5
    """Mean confidence of five boxes in a row."""
    alarm: float = 0.35
    """Score of the pool, the sum of the pictures' confidence over POOL, that is enough alone."""
    widest: float = 0.4
    """Part of the picture's width: no start of a fire is wider, clouds and fog are."""
    again: timedelta = timedelta(minutes=1)
    """How often a fire that goes on is told again."""


@dataclass(slots=True)
class Tube:
    """Boxes of one thing in the latest pictures, None for one that did not show it."""

    label: str
    started_at: datetime
    first: Box
    newest: Box
    boxes: deque[Box | None]
    in_a_row: int = 1
    """Pictures up to the newest that showed it."""
    misses: int = 0
    """Pictures up to the newest that did not."""


@dataclass(slots=True)
class Fire:
    """A fire that was told: its id ties the updates together."""

    id: str
    label: str
    started_at: datetime
    seen_at: datetime
    box_xyxy: BoxXyxy
    base_x: float
    """The column that it rises from: the middle of what all boxes of its first tube share."""
    going_on: bool = True
    told_at: datetime | None = None
    told_label: str = ""
    told_area: float = 0.0


@dataclass(slots=True)
class Watched:
    """The memory of one view: bounded, whatever it shows. `name` is that of a turning camera's preset."""

    name: str = ""
    at: datetime | None = None
    pool: deque[tuple[Box, ...]] = field(default_factory=lambda: deque(maxlen=POOL))
    tubes: list[Tube] = field(default_factory=list)
    fires: list[Fire] = field(default_factory=list)


def watch_boxes(
    watched: Watched,
    boxes: Iterable[Box],
    *,
    at: datetime,
    size_wh: tuple[int, int],
    masks: Sequence[BoxXyxy] = (),
    rules: Rules | None = None,
) -> list[Finding]:
    """Take in what the next picture shows; return the fires that begin, have grown, or go on.

    Boxes and masks are in pixels of a picture of `size_wh`. Pictures come in order of time, at least a second
    apart: smoke does not change faster. All findings of one fire have one id; `started_at` is when the first
    box of its tube was seen.
    """
    rules = rules or Rules()
    if watched.at is not None and not timedelta() <= at - watched.at <= FORGET:
        watched.tubes.clear()
        watched.pool.clear()
    watched.at = at
    seen = _looked_at(boxes, size_wh[0], masks, rules)
    watched.pool.append(tuple(seen))
    _follow(watched, seen, at)
    watched.fires = [fire for fire in watched.fires if abs(at - fire.seen_at) <= FORGET][-MOST_FIRES:]
    for fire in watched.fires:
        score, _ = pool_score(watched.pool, fire.label, fire.box_xyxy)
        fire.going_on = fire.going_on and score > HYSTERESIS * rules.alarm
    told: dict[str, Finding] = {}
    for tube in watched.tubes:
        if tube.in_a_row == 0:
            continue
        known = _near(watched.fires, tube.newest.box_xyxy, NEAR_SHARE * size_wh[0])
        score, hits = pool_score(watched.pool, tube.label, tube.newest.box_xyxy)
        if not (known is not None and known.going_on) and not _is_alarm(tube, score, hits, rules):
            continue
        fire = known or _begin(watched, tube)
        _grow(fire, tube, at)
        if _is_due(fire, at, rules):
            told[fire.id] = _tell(fire, tube, at, {"pool_score": score, f"hits_of_{POOL}": float(hits)})
    return list(told.values())


def pool_score(pool: Sequence[Sequence[Box]], label: str, box_xyxy: BoxXyxy) -> tuple[float, int]:
    """Return the sum of each picture's best confidence there, over POOL; and how many showed anything."""
    best = [
        max(
            (box.confidence for box in boxes if box.label == label and _shared(box.box_xyxy, box_xyxy) > 0),
            default=0.0,
        )
        for boxes in pool
    ]
    return sum(best) / POOL, sum(confidence > 0 for confidence in best)


def overlap(one: BoxXyxy, other: BoxXyxy) -> float:
    """Return the intersection of two boxes over their union."""
    shared = _shared(one, other)
    return shared / max(area(one) + area(other) - shared, 1e-9)


def _looked_at(boxes: Iterable[Box], width_px: float, masks: Sequence[BoxXyxy], rules: Rules) -> list[Box]:
    """Return the boxes that are followed, the surest first, without those that repeat a surer one."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.confidence):
        left, _, right, _ = box.box_xyxy
        if box.confidence < rules.least or right - left > rules.widest * width_px:
            continue
        if any(_shared(box.box_xyxy, mask) > MASKED_SHARE * area(box.box_xyxy) for mask in masks):
            continue
        if not any(_repeats(box, other) for other in kept):
            kept.append(box)
    return kept[:MOST_BOXES]


def _repeats(box: Box, other: Box) -> bool:
    return box.label == other.label and overlap(box.box_xyxy, other.box_xyxy) > SAME_BOX_IOU


def _follow(watched: Watched, boxes: Sequence[Box], at: datetime) -> None:
    """Give each tube the box that overlaps its last one most; what is left begins tubes of its own."""
    pairs = [
        (overlap(tube.newest.box_xyxy, box.box_xyxy), row, column)
        for row, tube in enumerate(watched.tubes)
        for column, box in enumerate(boxes)
        if tube.label == box.label
    ]
    matched: dict[int, int] = {}
    for iou, row, column in sorted(pairs, reverse=True):
        if iou >= SAME_TUBE_IOU and row not in matched and column not in matched.values():
            matched[row] = column
    for row, tube in enumerate(watched.tubes):
        _prolong(tube, boxes[matched[row]] if row in matched else None)
    watched.tubes = [tube for tube in watched.tubes if tube.misses <= MISSES]
    watched.tubes += [
        Tube(
            label=box.label,
            started_at=at,
            first=box,
            newest=box,
            boxes=deque([box], maxlen=POOL),
        )
        for column, box in enumerate(boxes)
        if column not in matched.values()
    ]


def _prolong(tube: Tube, box: Box | None) -> None:
    tube.boxes.append(box)
    if box is None:
        tube.in_a_row, tube.misses = 0, tube.misses + 1
    else:
        tube.newest, tube.in_a_row, tube.misses = box, tube.in_a_row + 1, 0


def _is_alarm(tube: Tube, score: float, hits: int, rules: Rules) -> bool:
    """Tell whether a tube stays at a place, and was seen five times in a row or by a pool that is sure."""
    boxes = [box for box in tube.boxes if box is not None]
    in_a_row = tube.in_a_row >= IN_A_ROW and (
        sum(box.confidence for box in boxes[-IN_A_ROW:]) >= rules.sure * IN_A_ROW
    )
    pooled = hits >= POOL_HITS and score > rules.alarm
    return (in_a_row or pooled) and _place(tube) is not None


def _place(tube: Tube) -> BoxXyxy | None:
    """Return what lies in all boxes of a tube: a plume hangs on its base, a cloud drives on."""
    boxes = [box.box_xyxy for box in tube.boxes if box is not None]
    left, top = (max(box[side] for box in boxes) for side in (0, 1))
    right, bottom = (min(box[side] for box in boxes) for side in (2, 3))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _near(fires: Sequence[Fire], box_xyxy: BoxXyxy, near_px: float) -> Fire | None:
    """Return the fire that a box belongs to: one whose own box it meets when it is widened a little."""
    left, top, right, bottom = box_xyxy
    widened = (left - near_px, top - near_px, right + near_px, bottom + near_px)
    return next((fire for fire in fires if _shared(fire.box_xyxy, widened) > 0), None)


def _begin(watched: Watched, tube: Tube) -> Fire:
    x, y = (round(value) for value in tube.newest.box_xyxy[:2])
    left, _, right, _ = _place(tube) or tube.newest.box_xyxy
    fire = Fire(
        id=f"fire {watched.name} {tube.started_at.isoformat()} {x},{y}",
        label=tube.label,
        started_at=tube.started_at,
        seen_at=tube.started_at,
        box_xyxy=tube.newest.box_xyxy,
        base_x=(left + right) / 2,
    )
    watched.fires.append(fire)
    return fire


def _grow(fire: Fire, tube: Tube, at: datetime) -> None:
    """Let a tube be what is now seen of a fire; where flame is beside smoke, the flame."""
    if fire.seen_at == at and _rank(tube.label) < _rank(fire.label):
        return
    fire.going_on, fire.seen_at, fire.box_xyxy = True, at, tube.newest.box_xyxy
    fire.label = max(fire.label, tube.label, key=_rank)


def _is_due(fire: Fire, at: datetime, rules: Rules) -> bool:
    return (
        fire.told_at is None
        or fire.told_label != fire.label
        or area(fire.box_xyxy) >= GROWN * fire.told_area
        or at - fire.told_at >= rules.again
    )


def _tell(fire: Fire, tube: Tube, at: datetime, criteria: Mapping[str, float]) -> Finding:
    (_, first_top, _, first_foot), (_, top, _, foot) = tube.first.box_xyxy, tube.newest.box_xyxy
    newest_area, first_area = area(tube.newest.box_xyxy), max(area(tube.first.box_xyxy), 1e-9)
    fire.told_at, fire.told_label, fire.told_area = at, fire.label, max(newest_area, fire.told_area)
    seen = [box.confidence for box in tube.boxes if box is not None]
    return Finding(
        id=fire.id,
        label=fire.label,
        confidence=sum(seen) / len(seen),
        observed_at=at,
        started_at=fire.started_at,
        box_xyxy=tube.newest.box_xyxy,
        criteria={
            "in_a_row": float(tube.in_a_row),
            "growth": newest_area / first_area,
            "rise_px": (first_top - top) - abs(first_foot - foot),
            **criteria,
            **tube.newest.criteria,
        },
    )


def _rank(label: str) -> int:
    return RANK.index(label) if label in RANK else -1


def area(box: BoxXyxy) -> float:
    """Return the area of a box, 0 where its sides are crossed."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: BoxXyxy, other: BoxXyxy) -> float:
    """Return the area that lies in both boxes."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down)
