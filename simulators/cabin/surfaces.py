"""What floors, walls, doors and posters of lifts look like."""

import cv2
import numpy as np

from gridwatch.model import Pixels
from simulators.cabin.carriages import pram, wheelchair
from simulators.cabin.colours import grey, paint
from simulators.cabin.mesh import Mesh
from simulators.cabin.two_wheelers import EBIKES, cycle

PX_PER_M = 96
"""Of textures: a cabin of 1.6 m on 240 pixels has not more."""


def _plain(rng: np.random.Generator, width_m: float, height_m: float) -> Pixels:
    size = (max(2, round(height_m * PX_PER_M)), max(2, round(width_m * PX_PER_M)), 3)
    colour = grey(rng, rng.uniform(50, 210)) if rng.random() < 0.7 else paint(rng)
    return np.full(size, colour, np.uint8)


def _grained(rng: np.random.Generator, picture: Pixels, levels: float, *, run_px: int) -> Pixels:
    """Add grain that runs down: brushed steel, wood, stone where `run_px` is 1."""
    height, width = picture.shape[:2]
    drawn = rng.normal(0, levels, (max(2, height // run_px), width)).astype(np.float32)
    grain = np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.asarray(np.clip(picture + grain[..., None], 0, 255), np.uint8)


def wall(rng: np.random.Generator, width_m: float, height_m: float, *, posters: int = 0) -> Pixels:
    """Paint a wall: steel, panels, wood or stone, sometimes with posters."""
    picture = _plain(rng, width_m, height_m)
    kind = rng.integers(4)
    if kind < 2:
        picture = _grained(rng, picture, rng.uniform(2, 14), run_px=int(rng.integers(8, 40)))
    elif kind == 2:
        picture = _grained(rng, picture, rng.uniform(2, 18), run_px=1)
    height = picture.shape[0]
    if rng.random() < 0.5:
        step = round(PX_PER_M * rng.uniform(0.25, 0.6))
        seam = grey(rng, rng.uniform(20, 200))
        picture[:, step::step] = seam
        if rng.random() < 0.4:
            picture[step :: 2 * step] = seam
    if rng.random() < 0.3:
        band = round(height * rng.uniform(0.5, 0.75))
        picture[band:] = np.clip(picture[band:] * rng.uniform(0.5, 1.3), 0, 255).astype(np.uint8)
    for _ in range(posters):
        _hang(rng, picture)
    return picture


def floor(rng: np.random.Generator, width_m: float, depth_m: float) -> Pixels:
    """Paint a floor: stone, tiles, rubber, with a mat or dirt."""
    picture = _grained(rng, _plain(rng, width_m, depth_m), rng.uniform(1, 16), run_px=int(rng.integers(1, 4)))
    height, width = picture.shape[:2]
    if rng.random() < 0.4:
        step = round(PX_PER_M * rng.uniform(0.2, 0.6))
        if rng.random() < 0.5:
            rows, columns = np.indices((height, width)) // step
            dim = np.where((rows + columns) % 2 == 0, 1.0, rng.uniform(0.4, 0.9))
            picture = np.asarray(picture * dim[..., None], np.uint8)
        else:
            picture[::step] = picture[:, ::step] = grey(rng, rng.uniform(20, 180))
    if rng.random() < 0.25:
        m = round(0.12 * PX_PER_M)
        picture[m:-m, m:-m] = paint(rng)
        if rng.random() < 0.6:
            _write(rng, picture, (width // 5, height // 2), 0.9)
    return picture


def door(rng: np.random.Generator, width_m: float, height_m: float, *, seams: tuple[float, ...]) -> Pixels:
    """Paint the door's side of a cabin's front; `seams` are metres from its left."""
    picture = wall(rng, width_m, height_m)
    for seam in seams:
        at = round(seam * PX_PER_M)
        picture[:, max(0, at - 1) : at + 1] = 35
    return picture


def buttons(rng: np.random.Generator, picture: Pixels) -> None:
    """Put a panel of buttons onto a wall."""
    height, width = picture.shape[:2]
    x, y = round(width * rng.uniform(0.05, 0.8)), round(height * 0.42)
    picture[y : y + 70, x : x + 16] = grey(rng, rng.uniform(30, 220))
    lit = paint(rng)
    for row in range(8):
        for column in (4, 11):
            cv2.circle(
                picture, (x + column, y + 6 + 8 * row), 2, lit if rng.random() < 0.3 else (90, 90, 90), -1
            )


def _hang(rng: np.random.Generator, picture: Pixels) -> None:
    height, width = picture.shape[:2]
    wide, high = round(PX_PER_M * rng.uniform(0.3, 0.75)), round(PX_PER_M * rng.uniform(0.35, 0.9))
    if wide >= width - 4:
        return
    x, y = int(rng.integers(2, width - wide)), round(height * rng.uniform(0.18, 0.35))
    place = picture[y : y + high, x : x + wide]
    place[...] = poster(rng, place.shape[1], place.shape[0])


def poster(rng: np.random.Generator, wide: int, high: int) -> Pixels:
    """Paint a poster: an advertisement, or a notice with a vehicle on it, often struck out."""
    picture = np.full((high, wide, 3), paint(rng), np.uint8)
    for _ in range(int(rng.integers(0, 5))):
        a, b = rng.integers(0, (wide, high), (2, 2))
        cv2.rectangle(picture, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), paint(rng), -1)
    for line in range(int(rng.integers(0, 5))):
        _write(rng, picture, (3, high - 6 - 9 * line), rng.uniform(0.25, 0.5))
    if rng.random() < 0.6:
        size = max(8, min(wide, round(0.6 * high)))
        part = picture[2 : 2 + size, (wide - size) // 2 : (wide - size) // 2 + size]
        part[...] = paint(rng)
        _print(rng, part, _printed(rng))
        if rng.random() < 0.5:
            half, red = part.shape[0] // 2, (30, 30, 210)
            cv2.circle(part, (half, half), half - 2, red, 2, cv2.LINE_AA)
            cv2.line(
                part,
                (half // 3, half // 3),
                (2 * half - half // 3, 2 * half - half // 3),
                red,
                2,
                cv2.LINE_AA,
            )
    return picture


def _printed(rng: np.random.Generator) -> Mesh:
    kind = rng.integers(6)
    if kind == 0:
        return wheelchair(rng)[0]
    if kind == 1:
        return pram(rng)[0]
    if kind == 2:
        return cycle(rng).mesh
    return EBIKES[str(rng.choice(list(EBIKES)))](rng).mesh


def _print(rng: np.random.Generator, part: Pixels, mesh: Mesh) -> None:
    """Print a thing as seen from its side, in its colours or as a silhouette."""
    quads = mesh.quads[np.argsort(-mesh.quads[..., 1].mean(axis=1))]
    colours = mesh.colours[np.argsort(-mesh.quads[..., 1].mean(axis=1))]
    ink = paint(rng) if rng.random() < 0.5 else None
    size = part.shape[0]
    flat = quads[..., [0, 2]]
    low, high = flat.reshape(-1, 2).min(axis=0), flat.reshape(-1, 2).max(axis=0)
    scale = 0.84 * size / float((high - low).max())
    where = (flat - (low + high) / 2) * scale * np.array([1, -1]) + size / 2
    for corners, colour in zip(np.round(where).astype(np.int32), colours, strict=True):
        cv2.fillConvexPoly(part, corners, ink or colour.tolist())


def _write(rng: np.random.Generator, picture: Pixels, at: tuple[int, int], size: float) -> None:
    text = "".join(chr(code) for code in rng.integers(65, 91, int(rng.integers(3, 10))))
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, paint(rng), 1, cv2.LINE_AA)
