"""Something leaves a window: how it flies, and its likeness in the panes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulators.facade.house import PARAPET_M, Window
from simulators.facade.movers import Mover, mover
from simulators.facade.stage import Stage
from simulators.facade.things import STEP_S, THINGS, flight

LEAST_FALL_FLOORS = 3.0
"""Seen between the window of a throw and the picture's lower edge."""

OUTWARD_MS = (0.3, 4.0)
"""Let go over the sill, to thrown as far as one can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Throw:
    """What is thrown, when and whence. `reflection` is its likeness in the façade's glass; `heights_m` its
    height every STEP_S seconds."""

    thing: str
    released_s: float
    window: Window
    outward_ms: float
    start: tuple[float, float, float]
    body: Mover
    reflection: Mover
    heights_m: NDArray[np.float64]

    def fallen_m(self, until_s: float) -> float:
        """Return how far it has fallen by a time of the take."""
        step = round((until_s - self.released_s) / STEP_S)
        return float(self.heights_m[0] - self.heights_m[min(max(step, 0), len(self.heights_m) - 1)])


def draw_throw(
    rng: np.random.Generator,
    stage: Stage,
    *,
    released_s: float,
    thing: str | None = None,
    wind_ms: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Throw:
    """Draw one throw from a window that is seen with three floors below it; raises ValueError where there is
    none."""
    windows = windows_to_throw_from(stage)
    if not windows:
        raise ValueError("no window of the house has three floors below it in the picture")
    window = windows[int(rng.integers(len(windows)))]
    name = thing or str(rng.choice(list(THINGS)))
    what = THINGS[name]
    outward = float(rng.uniform(*OUTWARD_MS))
    start = _release(rng, window)
    speed = (float(rng.normal(0, 0.8)), outward, float(rng.uniform(-0.5, 1.5)))
    places = flight(start=start, speed_ms=speed, terminal_ms=what.terminal_ms, wind_ms=wind_ms)
    colour = what.colours[int(rng.integers(len(what.colours)))]
    sizes, angle = _tumbling(rng, what.size_m, len(places))
    body = mover(
        stage,
        places,
        sizes,
        angle,
        kind=name,
        starts_s=released_s,
        colour=colour,
        angular=name in {"brick", "box", "t_shirt"},
        stays=True,
    )
    mirrored = places * np.array([1.0, -1.0, 1.0])
    seen = stage.camera.project(mirrored)
    reflection = replace(body, xy=seen[:, :2], half=sizes / 2 * seen[:, 2:], mirror=stage.glass, stays=False)
    return Throw(
        thing=name,
        released_s=released_s,
        window=window,
        outward_ms=outward,
        start=start,
        body=body,
        reflection=reflection,
        heights_m=places[:, 2],
    )


def windows_to_throw_from(stage: Stage) -> Sequence[Window]:
    """Return the windows in the picture that have LEAST_FALL_FLOORS below them in the picture."""
    found = []
    height = stage.camera.size_wh[1]
    for window in stage.windows_seen():
        end = window.z_m - LEAST_FALL_FLOORS * stage.house.floor_m
        if end > 0 and stage.camera.project(np.array([(window.x_m, 0.0, end)]))[0, 1] < height:
            found.append(window)
    return found


def _release(rng: np.random.Generator, window: Window) -> tuple[float, float, float]:
    """Return where the hand lets go: before the pane, or over the parapet."""
    x = window.x_m + float(rng.uniform(0.2, 0.8)) * window.width_m
    out = window.balcony_m + float(rng.uniform(0.2, 0.5))
    low = window.base_m + PARAPET_M if window.balcony_m else window.z_m
    return x, out, low + float(rng.uniform(0.05, 0.6))


def _tumbling(
    rng: np.random.Generator, size_m: tuple[float, float], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sides and angle per step of a thing that turns about two axes."""
    t = np.arange(count) * STEP_S
    long, short = size_m
    turned = np.abs(np.cos(float(rng.uniform(-6, 6)) * t + float(rng.uniform(0, 6))))
    sizes = np.column_stack([short + (long - short) * turned, np.full(count, short)])
    return sizes, np.rad2deg(float(rng.uniform(-8, 8)) * t)
