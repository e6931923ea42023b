"""What people throw from windows: mass, size and drag, and how it flies."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.facade.light import Colour

GRAVITY_MS2 = 9.81
AIR_KGM3 = 1.2
STEP_S = 0.005
"""Of the reckoning of paths: at 40 m/s a thing moves 0.2 m in it."""

WHITE: Colour = (240, 242, 245)
BLACK: Colour = (28, 26, 25)
RED: Colour = (40, 45, 185)
BLUE: Colour = (160, 90, 40)
GREEN: Colour = (60, 130, 50)
BROWN: Colour = (75, 115, 160)
CLAY: Colour = (60, 80, 150)
PALE: Colour = (190, 205, 215)


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """Something to throw. `area_m2` is what the air meets on average while it tumbles, `drag` the coefficient
    C_d for it; `size_m` its two visible sides."""

    mass_kg: float
    size_m: tuple[float, float]
    area_m2: float
    drag: float
    colours: tuple[Colour, ...]

    @property
    def terminal_ms(self) -> float:
        """Return √(2mg/ρC_dA)."""
        return math.sqrt(2 * self.mass_kg * GRAVITY_MS2 / (AIR_KGM3 * self.drag * self.area_m2))


def _thing(
    mass_kg: float, size_m: tuple[float, float], area_m2: float, drag: float, *colours: Colour
) -> Thing:
    return Thing(mass_kg=mass_kg, size_m=size_m, area_m2=area_m2, drag=drag, colours=colours)


THINGS: Mapping[str, Thing] = {
    "brick": _thing(2.5, (0.24, 0.115), 0.0232, 1.2, CLAY, PALE),
    "flower_pot": _thing(1.5, (0.18, 0.17), 0.024, 0.9, CLAY, WHITE),
    "full_bottle": _thing(0.52, (0.21, 0.065), 0.0115, 1.1, GREEN, PALE, BROWN),
    "glass_bottle": _thing(0.45, (0.24, 0.065), 0.0125, 1.1, GREEN, BLACK, BROWN),
    "apple": _thing(0.18, (0.075, 0.075), 0.00442, 0.47, RED, GREEN),
    "egg": _thing(0.058, (0.055, 0.042), 0.0016, 0.47, PALE, WHITE),
    "rubbish_bag": _thing(0.8, (0.34, 0.28), 0.0616, 0.75, BLACK, WHITE, RED, BLUE),
    "box": _thing(1.2, (0.36, 0.28), 0.09, 1.1, BROWN, PALE),
    "nappy": _thing(0.2, (0.2, 0.15), 0.024, 1.1, WHITE),
    "can": _thing(0.02, (0.12, 0.065), 0.0062, 1.0, RED, PALE, BLUE),
    "tissue_ball": _thing(0.0022, (0.05, 0.045), 0.0016, 0.6, WHITE),
    "cigarette_end": _thing(0.00027, (0.028, 0.008), 0.00016, 1.1, WHITE, BROWN),
    "empty_bottle": _thing(0.016, (0.21, 0.065), 0.0115, 1.1, PALE, BLUE),
    "t_shirt": _thing(0.15, (0.5, 0.35), 0.12, 1.5, WHITE, RED, BLUE, BLACK),
}
"""Masses, sizes and coefficients give the terminal speeds of 38 (brick) to 3.7 m/s (T-shirt)."""


def fallen_m(t: float, terminal_ms: float) -> float:
    """Return how far something fell in `t` seconds from rest with quadratic drag: v²/g · ln cosh(g·t/v)."""
    return terminal_ms**2 / GRAVITY_MS2 * math.log(math.cosh(GRAVITY_MS2 * t / terminal_ms))


def flight(
    *,
    start: tuple[float, float, float],
    speed_ms: tuple[float, float, float],
    terminal_ms: float,
    wind_ms: tuple[float, float, float] = (0.0, 0.0, 0.0),
    longest_s: float = 12.0,
) -> NDArray[np.float64]:
    """Return places x, o, z every STEP_S seconds from release until the ground or `longest_s`.

    Drag is quadratic in the speed against the air, and such that the thing falls at `terminal_ms` in the end.
    """
    place, speed, wind = np.array(start), np.array(speed_ms), np.array(wind_ms)
    down = np.array([0.0, 0.0, -GRAVITY_MS2])
    drag = GRAVITY_MS2 / terminal_ms**2
    places = [place]
    while place[2] > 0 and len(places) * STEP_S < longest_s:
        against = speed - wind
        # Drag is taken in at the step's end: very light things would swing otherwise.
        slowed = (speed + STEP_S * (down + drag * np.linalg.norm(against) * wind)) / (
            1 + STEP_S * drag * np.linalg.norm(against)
        )
        place = place + STEP_S * (speed + slowed) / 2
        speed = slowed
        places.append(place)
    return np.array(places)
