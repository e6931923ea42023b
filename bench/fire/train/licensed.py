"""The real pictures whose licence lets them train weights that are shipped, as the inventory names them.

What is held back to choose by is split off by scene and source, never by picture.
"""

import re
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gridwatch.model import BoxXyxy, Pixels

HELD_BACK_SHARE = 0.15

HELD_BACK_SCENES = ("fire1", "img_0085", "test1", "img_0100", "pexels", "smoke1", "smoke2", "img_0000")
"""Of abonia1: a burning room, sparks at night, a town under smoke, a window behind smoke. Stills of one scene
lie in blocks of image numbers."""
BLOCKS = (0, 25, 50, 85, 100, 200, 241, 325, 401, 459, 600, 661, 700, 800, 900, 2000)
"""First image numbers of abonia1's scenes, or of what belongs together."""
BLEACHED = "img_0700"
"""A scene of abonia1 that is too bleached to say where it burns."""

NAMES = {"0": "flame", "2": "smoke"}
FURG_EVERY = 12
"""Frames between those that are learnt from."""

NEGATIVES = (
    "doordetect",
    "modes_of_transport",
    "openimages_vehicles",
    "shamin_bicycles",
    "coco128/images/train2017",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One picture, the one before it of the same scene where there is one, and its boxes.

    What is in no box holds neither flame nor smoke, unless `is_known` says that nobody looked.
    """

    pixels: Pixels
    before: Pixels | None = None
    boxes: Sequence[tuple[str, BoxXyxy]] = ()
    is_known: bool = True
    scene: str = ""


def fires(data: Path, *, held_back: bool) -> Iterator[Example]:
    """Yield abonia1's pictures of one side of the split, and furg's on the side to learn from."""
    for scene, paths in abonia1(data / "abonia1").items():
        if scene == BLEACHED or scene.startswith(HELD_BACK_SCENES) != held_back:
            continue
        pictures = [_read(path) for path in paths]
        for number, (path, pixels) in enumerate(zip(paths, pictures, strict=True)):
            before = pictures[number - 1] if number else None
            yield Example(
                pixels=pixels,
                before=before if before is not None and _is_near(before, pixels) else None,
                boxes=labels_of(path, pixels),
                scene=scene,
            )
    if not held_back:
        yield from furg(data / "furg" / "house6.mp4", every=FURG_EVERY)


def abonia1(folder: Path) -> dict[str, list[Path]]:
    """Return the pictures of each scene, in the order of their numbers."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted(folder.glob("*/images/*.jpg")):
        named = re.match(r"(.*?)(?:_mp4)?[-_](\d+)(?:--\d+)?_jpg", path.name)
        if named is None:
            continue
        name, number = named[1], int(named[2])
        if name == "img":
            name = f"img_{max(block for block in BLOCKS if block <= number):04}"
        found.setdefault(name, []).append((number, path))
    return {scene: [path for _, path in sorted(those)] for scene, those in sorted(found.items())}


def labels_of(path: Path, pixels: Pixels) -> list[tuple[str, BoxXyxy]]:
    """Return the boxes of one of abonia1's pictures."""
    height, width = pixels.shape[:2]
    boxes: list[tuple[str, BoxXyxy]] = []
    for line in (path.parent.parent / "labels" / f"{path.stem}.txt").read_text().splitlines():
        name, x, y, w, h = line.split()[:5]
        if name in NAMES:
            left, top = (float(x) - float(w) / 2) * width, (float(y) - float(h) / 2) * height
            boxes.append((NAMES[name], (left, top, left + float(w) * width, top + float(h) * height)))
    return boxes


def furg(clip: Path, *, every: int) -> Iterator[Example]:
    """Yield each so manieth frame of the burning house with the one before it, and its flames."""
    rectangles: dict[int, list[BoxXyxy]] = {}
    for entry in ET.parse(clip.with_suffix(".xml")).getroot().iterfind("frames/_"):  # noqa: S314
        numbers = [[float(n) for n in (box.text or "").split()] for box in entry.iterfind("annotations/_")]
        frame = int(entry.findtext("frameNumber", "-1"))
        rectangles[frame] = [(x, y, x + width, y + height) for x, y, width, height in numbers]
    film = cv2.VideoCapture(str(clip))
    before, number = None, 0
    while True:
        there, pixels = film.read()
        if not there:
            return
        if number % every == 0 and number in rectangles:
            frame_now = np.asarray(pixels, np.uint8)
            boxes = [("flame", box) for box in rectangles[number]]
            yield Example(pixels=frame_now, before=before, boxes=boxes, is_known=False, scene="furg")
        before, number = np.asarray(pixels, np.uint8), number + 1


def others(data: Path, *, held_back: bool) -> Iterator[Example]:
    """Yield pictures without fire from the folder of the lift's real pictures, of one side of the split."""
    for folder in NEGATIVES:
        for path in sorted((data / folder).glob("*.jpg")):
            scene = path.name[:15] if folder == "modes_of_transport" else path.name
            back = zlib.crc32(f"{folder}/{scene}".encode()) % 1000 < HELD_BACK_SHARE * 1000
            if back == held_back:
                yield Example(pixels=_read(path), scene=folder)


def _read(path: Path) -> Pixels:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def _is_near(before: Pixels, pixels: Pixels) -> bool:
    """Say whether a picture shows the view of the one before it."""
    if before.shape != pixels.shape:
        return False
    one, other = (cv2.resize(cv2.cvtColor(p, cv2.COLOR_BGR2GRAY), (16, 16)) for p in (before, pixels))
    return float(np.mean(cv2.absdiff(one, other))) < 25
