"""Turn an example into what a lift's camera may show of it: other crops, lenses, light, compression."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.elevator.train.examples import NUMBER, WHOLE, Example, standing_of, truth_of
from detectors.elevator.background import Mask
from detectors.elevator.cabin_model import CELL_PX, GRID_WH, INPUT_WH, evened, faint_around
from gridwatch.model import BoxXyxy, Pixels

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]

LEAST_PX = 14
"""On the network's input; of what is smaller nobody can say what it is."""
CLEARLY, HARDLY = 0.55, 0.05
"""Share of a box inside the picture from which its class is there, and below which it is not."""


FAINT_SHARE = 0.6
"""Of the looks at rendered cabins so many are before a faint cabin, as all are at run time, over time."""
DEGRADED_SHARE = 0.3
"""Rendered cabins come from a rendered CCTV: the rest of the looks stays as that shows them."""
SEEN_SHARE = 0.012
"""Of the input so much of a thing must be seen to say what it is."""
CELL_SHARE = 0.2
"""From this share on a cell shows a thing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Input pixels; per class 1, 0 or not-a-number (unknown), for the picture and for each cell."""

    pixels: Pixels
    picture: Floats
    cells: Floats


def augmented(example: Example, rng: np.random.Generator) -> Sample:
    """Draw one look at an example."""
    matrix = _geometry(example, rng)
    bend = float(rng.uniform(0.3, 1.1)) if rng.random() < 0.3 else 0.0
    if example.mask is None:
        pixels = _warped(example.pixels, matrix, bend, rng)
        picture, cells = _truth(example, matrix, bend)
        return Sample(pixels=evened(_degraded(pixels, rng)), picture=picture, cells=cells)
    pixels = example.pixels
    if rng.random() < FAINT_SHARE:
        pixels = faint_around(pixels, _outline(example.mask, rng), rng.uniform(0.01, 0.04) * pixels.shape[1])
    pixels = _warped(pixels, matrix, 0.0, rng)
    mask = cv2.warpAffine(example.mask, matrix, INPUT_WH, flags=cv2.INTER_NEAREST)
    picture, cells = _seen(example, np.asarray(mask, np.uint8))
    if rng.random() < DEGRADED_SHARE:
        pixels = _degraded(pixels, rng)
    return Sample(pixels=evened(pixels), picture=picture, cells=cells)


def _geometry(example: Example, rng: np.random.Generator) -> Wide:
    """Return the matrix (2 × 3) from the example's pixels to the input's."""
    height, width = example.pixels.shape[:2]
    vehicles = [box for label, box in example.boxes if label != "person"]
    is_cabin = example.source in ("rendered", "shamin_topview")
    if vehicles and not is_cabin and rng.random() < 0.85:
        x1, y1, x2, y2 = vehicles[int(rng.integers(len(vehicles)))]
        longest = max(x2 - x1, y2 - y1)
        scale = rng.uniform(0.3, 1.05) * INPUT_WH[1] / longest
        middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + rng.normal(0, 0.12, 2) * longest
    else:
        fit = min(INPUT_WH[0] / width, INPUT_WH[1] / height)
        least, most = (0.8, 1.25) if example.mask is not None else (0.85, 1.9 if is_cabin else 2.5)
        scale = fit * rng.uniform(least, most)
        slack = np.maximum(0, np.array([width, height]) - np.array(INPUT_WH) / scale) / 2
        middle = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * slack
    spread = 3.2 if example.source == "shamin_topview" and rng.random() < 0.4 else 0.15
    turn = rng.normal(0, 0.15) if spread < 1 else rng.uniform(-spread, spread)
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    flip = -1 if rng.random() < 0.5 else 1
    squeeze = np.exp(rng.normal(0, 0.12))
    linear = np.array([[cos * flip * squeeze, -sin], [sin * flip * squeeze, cos]])
    linear[0, 1] += rng.normal(0, 0.08) * scale
    return np.column_stack([linear, np.array(INPUT_WH) / 2 - linear @ middle])


def _warped(pixels: Pixels, matrix: Wide, bend: float, rng: np.random.Generator) -> Pixels:
    border = int(rng.choice([114, 0]))
    if bend == 0:
        return np.asarray(
            cv2.warpAffine(
                pixels,
                matrix,
                INPUT_WH,
                flags=cv2.INTER_AREA if abs(np.linalg.det(matrix[:, :2])) < 0.4 else cv2.INTER_LINEAR,
                borderValue=(border, border, border),
            ),
            np.uint8,
        )
    columns, rows = np.meshgrid(np.arange(INPUT_WH[0]), np.arange(INPUT_WH[1]))
    flat = _straightened(np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64), bend)
    source = (flat - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    across, down = source.reshape(INPUT_WH[1], INPUT_WH[0], 2).astype(np.float32).transpose(2, 0, 1)
    return np.asarray(
        cv2.remap(pixels, across, down, cv2.INTER_LINEAR, borderValue=(border, border, border)), np.uint8
    )


def _straightened(points: Wide, bend: float) -> Wide:
    """Undo the bending of a fisheye: distances from the middle grow as a tangent."""
    middle, unit = np.array(INPUT_WH) / 2, np.hypot(*INPUT_WH) / 2
    radius = np.linalg.norm(points - middle, axis=1, keepdims=True) / unit
    factor = np.where(radius > 1e-6, np.tan(radius * bend) / np.maximum(radius, 1e-6) / np.tan(bend), 1.0)
    return middle + (points - middle) * factor


def _bent(points: Wide, bend: float) -> Wide:
    middle, unit = np.array(INPUT_WH) / 2, np.hypot(*INPUT_WH) / 2
    radius = np.linalg.norm(points - middle, axis=1, keepdims=True) / unit
    factor = np.where(radius > 1e-6, np.arctan(radius * np.tan(bend)) / np.maximum(radius, 1e-6) / bend, 1.0)
    return middle + (points - middle) * factor


def _moved(box: BoxXyxy, matrix: Wide, bend: float) -> Wide:
    x1, y1, x2, y2 = box
    xs, ys = np.linspace(x1, x2, 5), np.linspace(y1, y2, 5)
    rim = np.array(
        [*((x, y) for x in xs for y in (y1, y2)), *((x, y) for y in ys for x in (x1, x2))], np.float64
    )
    moved = rim @ matrix[:, :2].T + matrix[:, 2]
    moved = moved if bend == 0 else _bent(moved, bend)
    # The rectangle around a turned rectangle is too large: take the middle between it and the moved sides.
    return np.concatenate([moved.min(axis=0), moved.max(axis=0)])


def _truth(example: Example, matrix: Wide, bend: float) -> tuple[Floats, Floats]:
    picture = truth_of(example.whole, example.absent)
    shown: dict[str, list[tuple[Wide, float]]] = {}
    for label, box in example.boxes:
        moved = _moved(box, matrix, bend)
        inside = np.clip(moved, 0, (*INPUT_WH, *INPUT_WH))
        share = _area(inside) / max(1.0, _area(moved))
        is_clear = share >= CLEARLY and max(inside[2:] - inside[:2]) >= LEAST_PX
        shown.setdefault(label, []).append((inside, 1.0 if is_clear else 0.0 if share < HARDLY else np.nan))
    for label, some in shown.items():
        known = [certainty for _, certainty in some]
        picture[NUMBER[label]] = 1 if 1.0 in known else 0 if all(one == 0 for one in known) else np.nan
    cells = np.tile(picture, (GRID_WH[0] * GRID_WH[1], 1))
    cells[:, [NUMBER[label] for label in WHOLE]] = np.nan
    for label, some in shown.items():
        if picture[NUMBER[label]] == 1:
            cells[:, NUMBER[label]] = _cells([box for box, _ in some], [certain for _, certain in some])
    return picture, cells


def _outline(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return what would stand out from the empty cabin: not all that stands, and shadows and doors beside."""
    standing = standing_of(mask)
    height, width = mask.shape
    for _ in range(int(rng.integers(0, 4))):
        w, h = int(rng.uniform(0.03, 0.2) * width), int(rng.uniform(0.03, 0.2) * height)
        x, y = int(rng.uniform(0, width - w)), int(rng.uniform(0, height - h))
        standing[y : y + h, x : x + w] = 0
    for _ in range(int(rng.integers(0, 3))):
        w, h = int(rng.uniform(0.05, 0.4) * width), int(rng.uniform(0.05, 0.6) * height)
        x, y = int(rng.uniform(0, width - w)), int(rng.uniform(0, height - h))
        standing[y : y + h, x : x + w] = 255
    return standing


def _seen(example: Example, mask: Mask) -> tuple[Floats, Floats]:
    """Return the truth of a picture of which every pixel is known."""
    picture = truth_of(example.whole, example.absent)
    cells = np.tile(picture, (GRID_WH[0] * GRID_WH[1], 1))
    cells[:, [NUMBER[label] for label in WHOLE]] = np.nan
    for label in {label for label, _ in example.boxes}:
        number = NUMBER[label]
        own = (mask == number + 1).astype(np.float32)
        shares = np.asarray(cv2.resize(own, GRID_WH, interpolation=cv2.INTER_AREA))
        share = float(shares.mean())
        picture[number] = 1 if share >= SEEN_SHARE else 0 if share == 0 else np.nan
        cells[:, number] = np.where(shares >= CELL_SHARE, 1, np.where(shares == 0, 0, np.nan)).ravel()
    return picture, cells


def _area(box: Wide) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _cells(boxes: list[Wide], certain: list[float]) -> Floats:
    columns, rows = np.meshgrid(np.arange(GRID_WH[0]) + 0.5, np.arange(GRID_WH[1]) + 0.5)
    x, y = columns.ravel() * CELL_PX, rows.ravel() * CELL_PX
    truth = np.zeros(len(x), np.float32)
    for grow, inside_value in ((0.65, np.nan), (0.3, 1.0)):
        for (x1, y1, x2, y2), certainty in zip(boxes, certain, strict=True):
            half_w, half_h = grow * (x2 - x1), grow * (y2 - y1)
            inside = (abs(x - (x1 + x2) / 2) <= half_w) & (abs(y - (y1 + y2) / 2) <= half_h)
            truth[inside] = inside_value if certainty == 1 else np.nan
    return truth


def _degraded(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    look = pixels.astype(np.float32)
    if rng.random() < 0.25:
        look[:] = look.mean(axis=2, keepdims=True)
    elif rng.random() < 0.6:
        look *= rng.uniform(0.8, 1.2, 3)
    look = 255 * (np.clip(look, 0, 255) / 255) ** np.exp(rng.normal(0, 0.3))
    look = (look - 128) * rng.uniform(0.6, 1.25) + 128 + rng.normal(0, 18)
    if rng.random() < 0.12:
        look *= rng.uniform(0.2, 0.6)
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.35 else 0):
        w, h = rng.uniform(0.08, 0.3) * INPUT_WH[0], rng.uniform(0.15, 0.5) * INPUT_WH[1]
        x, y = int(rng.uniform(0, INPUT_WH[0] - w)), int(rng.uniform(0, INPUT_WH[1] - h))
        look[y : y + int(h), x : x + int(w)] = rng.uniform(0, 220, 3)
    if rng.random() < 0.35:
        look = cv2.GaussianBlur(look, (0, 0), float(rng.uniform(0.4, 1.3)))
    look += rng.standard_normal(look.shape, np.float32) * rng.uniform(0, 8)
    degraded = np.clip(look, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        packed = cv2.imencode(".jpg", degraded, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 85))])[1]
        degraded = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    if rng.random() < 0.1:  # bars of a picture that was fitted into another shape
        bar = int(rng.integers(8, 20))
        degraded[:bar], degraded[-bar:] = 0, 0
    return np.asarray(degraded, np.uint8)
