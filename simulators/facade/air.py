"""What flies or floats before a façade without being thrown: leaves, paper, birds, insects.

Each maker returns one mover that enters at `starts_s`.
"""

import numpy as np
from numpy.typing import NDArray

from simulators.facade.camera import Matrix
from simulators.facade.light import Colour
from simulators.facade.movers import Mover, mover
from simulators.facade.stage import Stage
from simulators.facade.things import STEP_S, flight

LEAVES: tuple[Colour, ...] = ((40, 110, 60), (40, 140, 180), (30, 90, 140))
PAPERS: tuple[Colour, ...] = ((240, 242, 245), (235, 235, 235), (90, 170, 230), (60, 60, 200))
BIRDS: tuple[Colour, ...] = ((45, 45, 50), (120, 115, 110), (25, 25, 28), (200, 200, 205))


def make_leaf(rng: np.random.Generator, stage: Stage, starts_s: float) -> Mover:
    """Return a leaf that comes loose or blows in, and sinks at its steady speed from side to side."""
    size = float(rng.uniform(0.05, 0.13))
    return _floater(
        rng,
        stage,
        starts_s,
        kind="leaf",
        size_m=(size, size * 0.6),
        terminal_ms=float(rng.uniform(0.8, 2.2)),
        swing_m=float(rng.uniform(0.1, 0.5)),
        colour=LEAVES[int(rng.integers(len(LEAVES)))],
    )


def make_sheet(rng: np.random.Generator, stage: Stage, starts_s: float) -> Mover:
    """Return a sheet of paper, a leaflet or an open plastic bag that glides from side to side."""
    size = float(rng.choice([0.15, 0.3, 0.42]))
    return _floater(
        rng,
        stage,
        starts_s,
        kind="sheet",
        size_m=(size, size * 0.7),
        terminal_ms=float(rng.uniform(0.7, 1.6)),
        swing_m=float(rng.uniform(0.4, 1.5)),
        colour=PAPERS[int(rng.integers(len(PAPERS)))],
    )


def _floater(
    rng: np.random.Generator,
    stage: Stage,
    starts_s: float,
    *,
    kind: str,
    size_m: tuple[float, float],
    terminal_ms: float,
    swing_m: float,
    colour: Colour,
) -> Mover:
    """Return what sinks slowly: it swings, turns its broad and its thin side, and goes with the wind.

    A third of them are let go in the picture, where gravity has them for some tenths of a second.
    """
    out = float(rng.uniform(0.3, 0.6 * stage.camera.at_m[1]))
    place = _somewhere(rng, stage, out, above=bool(rng.random() < 0.5))
    wind = (float(rng.normal(0, 1.2)), float(rng.normal(0, 0.3)), float(rng.normal(0, 0.25)))
    first = (0.0, 0.0, 0.0) if rng.random() < 0.35 else (wind[0], wind[1], wind[2] - terminal_ms)
    places = flight(start=place, speed_ms=first, terminal_ms=terminal_ms, wind_ms=wind, longest_s=9.0)
    t = np.arange(len(places)) * STEP_S
    swing = np.sin(2 * np.pi * float(rng.uniform(0.4, 1.2)) * t)
    grown = np.minimum(1.0, t / 0.6)
    places[:, 0] += swing_m * swing * grown
    places[:, 2] -= 0.3 * swing_m * np.abs(swing) * grown
    shown = 0.25 + 0.75 * np.abs(np.cos(2 * np.pi * float(rng.uniform(0.3, 2.0)) * t))
    sizes = np.column_stack([np.full(len(t), size_m[0]), size_m[1] * shown])
    return mover(
        stage,
        places,
        sizes,
        40 * swing + float(rng.uniform(0, 180)),
        kind=kind,
        starts_s=starts_s,
        colour=colour,
        angular=kind == "sheet",
    )


def make_bird(rng: np.random.Generator, stage: Stage, starts_s: float) -> Mover:
    """Return a bird that crosses on a wave, a third of them gliding down steeply."""
    out = float(rng.uniform(1.0, 0.6 * stage.camera.at_m[1]))
    _, _, z = _somewhere(rng, stage, out, above=False)
    left, right = _sides(stage, out, z)
    speed = float(rng.uniform(6, 14)) * (1 if rng.random() < 0.5 else -1)
    t = np.arange(0, min(6.0, (right - left + 4) / abs(speed)), STEP_S)
    sinking = float(rng.uniform(1, 6)) if rng.random() < 0.35 else float(rng.normal(0, 0.6))
    wave = float(rng.uniform(0.1, 0.6)) * np.sin(float(rng.uniform(2, 6)) * t + float(rng.uniform(0, 6)))
    x = (left - 2 if speed > 0 else right + 2) + speed * t
    places = np.column_stack([x, np.full(len(t), out), z - sinking * t + wave])
    return _bird(rng, stage, places, starts_s, kind="bird")


def make_diving_bird(rng: np.random.Generator, stage: Stage, starts_s: float) -> Mover:
    """Return a bird that drops from a ledge, or dives steeply out of its flight, and pulls out.

    A drop is 0.4 to 0.85 g for a quarter to seven tenths of a second. A dive is fast already, gains at most
    a quarter of g, and goes down by up to 20 m. A falcon's stoop, which is a free fall, is none of them.
    """
    out = float(rng.uniform(0.3, 6.0))
    x, _, z = _somewhere(rng, stage, out, above=False)
    if rng.random() < 0.6:
        before, pull, dive_s = 0.0, float(rng.uniform(0.4, 0.85)), float(rng.uniform(0.25, 0.7))
        aside = float(rng.uniform(0.3, 2))
    else:
        before, pull = float(rng.uniform(5, 11)), float(rng.uniform(0, 0.25))
        dive_s = float(rng.uniform(0.7, 1.5))
        aside = float(rng.uniform(1.5, 8))
    t = np.arange(0, dive_s + 3.0, STEP_S)
    level = np.clip((t - dive_s) / float(rng.uniform(0.4, 0.9)), 0, 1) * np.pi / 2
    fastest = before + 9.81 * pull * dive_s
    down = np.where(t < dive_s, before + 9.81 * pull * t, fastest * np.cos(level))
    along = float(rng.choice([-1, 1])) * (aside + fastest * np.sin(level))
    places = np.column_stack([x + np.cumsum(along) * STEP_S, out + 0.6 * t, z - np.cumsum(down) * STEP_S])
    above = int(np.argmax(places[:, 2] <= 0)) or len(places)
    return _bird(rng, stage, places[:above], starts_s, kind="diving_bird", folded_s=dive_s)


def _bird(
    rng: np.random.Generator,
    stage: Stage,
    places: Matrix,
    starts_s: float,
    *,
    kind: str,
    folded_s: float = 0.0,
) -> Mover:
    """Return a bird on its way, whose wings beat once it no longer dives."""
    t = np.arange(len(places)) * STEP_S
    body = float(rng.uniform(0.14, 0.38))
    beat = np.abs(np.sin(2 * np.pi * float(rng.uniform(3, 9)) * t))
    wings = np.where(t < folded_s, 0.45, 0.4 + 1.1 * beat) * body
    seen = stage.camera.project(places)
    step = np.gradient(seen[:, :2], axis=0)
    angle = np.rad2deg(np.arctan2(step[:, 1], step[:, 0]))
    return mover(
        stage,
        places,
        np.column_stack([np.full(len(t), body), wings]),
        angle,
        kind=kind,
        starts_s=starts_s,
        colour=BIRDS[int(rng.integers(len(BIRDS)))],
    )


def make_insect(rng: np.random.Generator, stage: Stage, starts_s: float) -> Mover:
    """Return an insect half a metre before the lens: large, out of focus, fast, on a crooked way.

    The infrared lamps make it bright.
    """
    width, height = stage.camera.size_wh
    scale = height / 1080
    t = np.arange(0, float(rng.uniform(0.4, 2.5)), STEP_S)
    heading = float(rng.uniform(0, 2 * np.pi)) + np.cumsum(rng.normal(0, 0.18, len(t)))
    if rng.random() < 0.3:  # straight down
        heading = np.pi / 2 + 0.15 * np.sin(5 * t)
    speed = float(rng.uniform(150, 1200)) * scale * (1 + 0.4 * np.sin(float(rng.uniform(2, 9)) * t))
    way = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * speed[:, None], axis=0) * STEP_S
    begin = np.array([rng.uniform(0.1, 0.9) * width, rng.uniform(0.05, 0.8) * height])
    size = float(rng.uniform(4, 22)) * scale
    grey = 235.0 if stage.light.infrared else float(rng.uniform(30, 90))
    return Mover(
        kind="insect",
        starts_s=starts_s,
        xy=begin + way,
        half=np.column_stack([size * (0.6 + 0.4 * np.abs(np.sin(60 * t))), np.full(len(t), size * 0.6)]),
        angle=np.rad2deg(heading),
        colour=(grey, grey, grey),
        exposure_s=stage.exposure_s,
        soft_px=max(0.8, 0.3 * size),
    )


def _somewhere(
    rng: np.random.Generator, stage: Stage, out: float, *, above: bool
) -> tuple[float, float, float]:
    """Return a place in the picture at a distance from the wall, or just above its upper edge."""
    width, height = stage.camera.size_wh
    x = float(rng.uniform(0.08, 0.92)) * width
    y = -0.03 * height if above else float(rng.uniform(0.05, 0.6)) * height
    return _at(stage, x, y, out)


def _at(stage: Stage, x: float, y: float, out: float) -> tuple[float, float, float]:
    """Return the place at a distance from the wall that is seen at a pixel."""
    wall: NDArray[np.float64] = stage.camera.to_facade() @ np.array([x, y, 1.0])
    on_wall = np.array([wall[0] / wall[2], 0.0, wall[1] / wall[2]])
    camera = np.array(stage.camera.at_m)
    place = on_wall + (camera - on_wall) * (out / camera[1])
    return float(place[0]), out, float(place[2])


def _sides(stage: Stage, out: float, z: float) -> tuple[float, float]:
    """Return where the picture's left and right edges are at a height and a distance from the wall."""
    scale = float(stage.camera.project(np.array([(stage.camera.at_m[0], out, z)]))[0, 2])
    half = stage.camera.size_wh[0] / 2 / max(scale, 1.0)
    return stage.camera.at_m[0] - half, stage.camera.at_m[0] + half
