"""Clips of a block of flats from which something is thrown, or from which nothing is, with the truth
known."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import cv2
import numpy as np

from gridwatch.model import BoxXyxy, Picture, Pixels
from simulators.facade_actors import (
    THINGS,
    Actor,
    Faller,
    Rain,
    make_bird,
    make_laundry,
    make_leaf,
    make_tree,
    make_walker,
)
from simulators.facade_view import FLOOR_M, WINDOW_M, Facade, Sensor, build_facade
from simulators.rendered import Rendered, Truth

Disturber: TypeAlias = Literal["tree", "bird", "laundry", "leaf", "walker", "rain", "light", "shake"]

USUAL: tuple[Disturber, ...] = ("tree", "bird", "laundry")
"""What moves in front of every house."""

LEAST_FALL_FLOORS = 3
"""Between the window of a throw and the picture's lower edge."""


def render_throw(
    rng: np.random.Generator,
    *,
    start: datetime,
    duration_s: float,
    fps: float,
    size_wh: tuple[int, int],
    throws: bool,
    thing: str | None = None,
    disturbers: Collection[Disturber] = USUAL,
    view_m: float | None = None,
) -> Rendered:
    """Render a static camera's clip of a façade; the same generator state gives the same clip.

    `thing` is one of THINGS (None: any); `view_m` is how many metres of house the picture's height shows
    (None: 24 to 40). Raises ValueError for an unknown thing or a picture too small for a house.
    """
    if view_m is None:
        view_m = float(rng.uniform(24, 40))
    facade = build_facade(rng, size_wh=size_wh, view_m=view_m)
    if not facade.windows:
        raise ValueError(f"{size_wh[0]}×{size_wh[1]} pixels are too few for a house")
    actors = _disturbing_actors(rng, facade, duration_s, disturbers)
    name, faller = _faller(rng, facade, duration_s, thing)
    times = np.arange(0, duration_s, 1 / fps)
    pictures, boxes = _film(
        rng,
        facade,
        [*actors, *([faller] if throws else [])],
        times=times.tolist(),
        start=start,
        disturbers=disturbers,
    )
    truth = [_truth(name, faller, facade, start=start, pictures=pictures, boxes=boxes)] if throws else []
    return Rendered(pictures=pictures, truth=truth)


def _disturbing_actors(
    rng: np.random.Generator, facade: Facade, duration_s: float, disturbers: Collection[Disturber]
) -> list[Actor]:
    height, width = facade.background.shape[:2]
    actors: list[Actor] = []
    if "laundry" in disturbers:
        actors += [make_laundry(rng, facade) for _ in range(2)]
    if "walker" in disturbers:
        actors.append(make_walker(rng, facade))
    if "tree" in disturbers:
        actors.append(make_tree(rng, facade))
    if "bird" in disturbers:
        actors.append(make_bird(rng, facade, duration_s))
    if "leaf" in disturbers:
        actors += [make_leaf(rng, facade, duration_s) for _ in range(3)]
    if "rain" in disturbers:
        actors.append(Rain(rng=rng, size_wh=(width, height), px_per_m=facade.px_per_m))
    return actors


def _faller(
    rng: np.random.Generator, facade: Facade, duration_s: float, thing: str | None
) -> tuple[str, Faller]:
    name = thing if thing is not None else str(rng.choice(sorted(THINGS)))
    if name not in THINGS:
        raise ValueError(f"unknown thing {name!r}: use {', '.join(THINGS)}")
    lowest = facade.background.shape[0] - LEAST_FALL_FLOORS * FLOOR_M * facade.px_per_m
    windows = [corner for corner in facade.windows if corner[1] <= lowest] or [facade.windows[0]]
    x, y = windows[int(rng.integers(len(windows)))]
    return name, Faller(
        thing=THINGS[name],
        released_s=float(rng.uniform(0.2, 0.45) * duration_s),
        from_xy=(x + WINDOW_M[0] * facade.px_per_m / 2, y + WINDOW_M[1] * facade.px_per_m * 0.7),
        aside_ms=float(rng.uniform(-1.5, 1.5)),
        px_per_m=facade.px_per_m,
        spin=float(rng.uniform(-8, 8)),
    )


def _film(
    rng: np.random.Generator,
    facade: Facade,
    actors: Sequence[Actor],
    *,
    times: Sequence[float],
    start: datetime,
    disturbers: Collection[Disturber],
) -> tuple[list[Picture], list[BoxXyxy | None]]:
    """Return the pictures and where the last actor is in each."""
    height, width = facade.background.shape[:2]
    sensor = Sensor(rng, size_wh=(width, height))
    turn_s = float(rng.uniform(0.3, 0.6)) * (times[-1] if times else 0)
    pictures, boxes = [], []
    for t in times:
        canvas = facade.background.copy()
        box: BoxXyxy | None = None
        for actor in actors:
            box = actor.paint(canvas, t)
        if "shake" in disturbers and t > turn_s:
            canvas = _shaken(rng, canvas)
        gain = 0.75 if "light" in disturbers and t > turn_s else 1.0
        pictures.append(Picture(pixels=sensor.expose(canvas, gain=gain), at=start + timedelta(seconds=t)))
        boxes.append(box)
    return pictures, boxes


def _shaken(rng: np.random.Generator, canvas: Pixels) -> Pixels:
    """Return the canvas as a mast in the wind shows it: moved by a few pixels."""
    height, width = canvas.shape[:2]
    dx, dy = rng.normal(0, 0.006 * height, 2)
    moved = cv2.warpAffine(
        canvas, np.array([[1, 0, dx], [0, 1, dy]]), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.uint8)


def _truth(
    name: str,
    faller: Faller,
    facade: Facade,
    *,
    start: datetime,
    pictures: Sequence[Picture],
    boxes: Sequence[BoxXyxy | None],
) -> Truth:
    seen = [picture.at for picture, box in zip(pictures, boxes, strict=True) if box is not None]
    released = start + timedelta(seconds=faller.released_s)
    floor = (facade.background.shape[0] - faller.from_xy[1]) / (FLOOR_M * facade.px_per_m)
    return Truth(
        label="falling_object",
        started_at=released,
        ended_at=seen[-1] if seen else released,
        boxes=tuple(boxes),
        detail={
            "thing": name,
            "size_m": faller.thing.size_m,
            "terminal_ms": faller.thing.terminal_ms,
            "px_per_m": round(facade.px_per_m, 2),
            "floors_above_edge": round(floor, 1),
        },
    )
