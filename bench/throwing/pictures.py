"""Draw the truth into a few rendered pictures, small enough to be kept beside the tables."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np

from bench.throwing.sets import Family, draw_clip
from bench.throwing.showing import show
from gridwatch.media import encode_jpeg
from gridwatch.model import BoxXyxy, Pixels

SHOWN: Sequence[tuple[Family, int]] = (("throws", 0), ("throws", 2), ("throws", 3), ("air", 1), ("street", 0))
"""Clips for tuning: those for reporting are shown to nobody."""

WIDTH_PX = 640
THING, WINDOW, OTHER = (40, 40, 230), (60, 200, 255), (200, 160, 60)
"""Blue, green, red."""


def draw_pictures(folder: Path) -> None:
    """Write one picture of each clip: what was thrown along its way, whence, and what else moves."""
    for family, number in SHOWN:
        name = f"{family}-{number}.jpg"
        (folder / name).write_bytes(encode_jpeg(_annotated(family, number), quality=72))


def _annotated(family: Family, number: int) -> Pixels:
    showing = show(draw_clip("train", family, number))
    filming = showing.filming
    take = filming.take
    begin_s = take.throws[0].released_s if take.throws else 5.0
    until_s = begin_s + 1.2
    picture: Pixels | None = None
    for shown in showing.pictures():
        picture = shown.pixels
        if shown.at >= filming.start + timedelta(seconds=until_s):
            break
    assert picture is not None
    canvas = picture.copy()
    scale = canvas.shape[1] / WIDTH_PX
    at = filming.start + timedelta(seconds=until_s)
    for index, boxes in filming.disturbing.items():
        near = [box for moment, box in boxes if abs((moment - at).total_seconds()) < 0.05]
        for box in near[:1]:
            _frame(canvas, box, OTHER, take.actors[index].kind.replace("_", " "), scale)
    if take.throws:
        corners = take.stage.camera.project(take.stage.corners(take.throws[0].window))[:, :2]
        cv2.polylines(canvas, [np.rint(corners).astype(np.int32)], True, WINDOW, max(1, round(2 * scale)))
        seen = [one for one in filming.thrown[0] if one is not None]
        for one in seen[::3]:
            _frame(canvas, one.box_xyxy, THING, "", scale)
        if seen:
            label = f"{take.throws[0].thing.replace('_', ' ')}, floor {take.throws[0].window.floor}"
            _frame(canvas, seen[-1].box_xyxy, THING, label, scale)
    size = (WIDTH_PX, round(canvas.shape[0] / scale))
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)


def _frame(canvas: Pixels, box: BoxXyxy, colour: tuple[int, int, int], text: str, scale: float) -> None:
    margin = 3 * scale
    left, top, right, bottom = (round(v) for v in box)
    a = (round(left - margin), round(top - margin))
    b = (round(right + margin), round(bottom + margin))
    cv2.rectangle(canvas, a, b, colour, max(1, round(scale)))
    if text:
        cv2.putText(
            canvas,
            text,
            (b[0] + 2, b[1]),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42 * scale,
            colour,
            max(1, round(scale)),
            cv2.LINE_AA,
        )
