"""The real pictures whose licence lets them train weights that are shipped, as the inventory names them.

Validation is split off by source and scene, never by picture: blocks of a film, or of neighbouring numbers,
stay together.
"""

import csv
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from bench.elevator.train.examples import NO_VEHICLE, WHOLE, Box, Example
from gridwatch.model import Pixels

VALIDATION_SHARE = 0.15

COCO = {0: "person", 1: "bicycle", 3: "ebike", 28: "suitcase"}

MEANING: Mapping[str, str] = {"motorcycle": "ebike", "bike": "ebike", "bicycle": "bicycle"}
"""Labels of the tables; all others are of things that no class is for."""


def licensed(data: Path, *, validation: bool) -> Iterator[Example]:
    """Yield the pictures of one side of the split from the folder of the lift's real pictures."""
    known = NO_VEHICLE | WHOLE | {"suitcase"}
    for folder, absent in (
        ("openimages_vehicles", known),
        ("shamin_bicycles", known),
        ("shamin_topview", known),
        ("modes_of_transport", known),
        ("doordetect", known - {"empty"}),
    ):
        boxes = _table(data / folder / "labels.csv")
        for name in sorted(boxes):
            if _is_validation(folder, name) == validation:
                pixels = cv2.imread(str(data / folder / name))
                if pixels is not None:
                    yield Example(
                        pixels=np.asarray(pixels, np.uint8),
                        boxes=boxes[name],
                        absent=frozenset(absent - {label for label, _ in boxes[name]}),
                        source=folder,
                    )
    # Pictures of val2017 are measured on, so they train nothing.
    yield from _coco(data / "coco128", validation=validation)


def _table(path: Path) -> dict[str, list[Box]]:
    boxes: dict[str, list[Box]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            found = boxes.setdefault(row["file"], [])
            label = MEANING.get(row["label"])
            if label is not None and row["x1"]:
                x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
                found.append((label, (x1, y1, x2, y2)))
    return boxes


def _coco(data: Path, *, validation: bool) -> Iterator[Example]:
    known = NO_VEHICLE | WHOLE | {"suitcase", "person"}
    for path in sorted((data / "images" / "train2017").glob("*.jpg")):
        if _is_validation("coco128", path.name) != validation:
            continue
        pixels: Pixels = np.asarray(cv2.imread(str(path)), np.uint8)
        height, width = pixels.shape[:2]
        labels = data / "labels" / "train2017" / f"{path.stem}.txt"
        boxes: list[Box] = []
        for line in labels.read_text().splitlines() if labels.exists() else ():
            number, x, y, w, h = (float(word) for word in line.split()[:5])
            if int(number) in COCO:
                box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
                boxes.append((COCO[int(number)], box))
        yield Example(
            pixels=pixels,
            boxes=boxes,
            absent=frozenset(known - {label for label, _ in boxes}),
            source="coco128",
        )


def _is_validation(folder: str, name: str) -> bool:
    """Decide by the scene a picture belongs to."""
    if folder == "shamin_topview":
        return "evening" in name  # a film of its own, with other light and another visitor
    if folder == "modes_of_transport":
        name = name[:15]  # pictures of one walk along a street are numbered on
    elif folder == "shamin_bicycles":
        name = name.split("-")[1][:-1] if name.startswith("bicycle-") else name
    return zlib.crc32(f"{folder}/{name}".encode()) % 1000 < VALIDATION_SHARE * 1000
