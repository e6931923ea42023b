"""A block of flats in metres: floors of differing heights, bays of windows, balconies."""

from dataclasses import dataclass

import numpy as np

from simulators.facade.light import Colour

PARAPET_M = 1.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """An opening; `floor` 1 is the lowest with windows, `column` 1 the leftmost. `x_m`, `z_m`: its lower left
    corner; `balcony_m`: how far the balcony before it reaches out, 0 where there is none."""

    floor: int
    column: int
    x_m: float
    z_m: float
    width_m: float
    height_m: float
    balcony_m: float
    base_m: float
    """Height of its floor's slab."""


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """What stands before the camera. `first_m` is the height of floor 1's slab, `floor_m` from slab to slab,
    `bay_m` from window to window; the first column's windows begin at x = 0."""

    floors: int
    first_m: float
    floor_m: float
    bay_m: float
    columns: int
    window_wh_m: tuple[float, float]
    sill_m: float
    left_m: float
    right_m: float
    wall: Colour
    trim: Colour
    windows: tuple[Window, ...]

    @property
    def roof_m(self) -> float:
        """Height of the wall's upper edge."""
        return self.first_m + self.floors * self.floor_m + 0.8


WALLS: tuple[Colour, ...] = (
    (178, 190, 198),
    (150, 172, 196),
    (120, 138, 165),
    (205, 208, 208),
    (140, 150, 150),
    (110, 125, 175),
    (185, 195, 160),
    (95, 100, 110),
)
"""Plaster, tiles, brick and concrete."""


def draw_house(rng: np.random.Generator, *, floors: int | None = None) -> House:
    """Return a house of 6 to 33 floors (or `floors`), wider than most cameras see."""
    floors = floors or int(rng.integers(6, 34))
    floor_m = round(float(rng.uniform(2.75, 3.3)), 2)
    first_m = round(float(rng.uniform(0.3, 4.8)), 2)
    columns = int(rng.integers(6, 15))
    bay_m = float(rng.uniform(2.6, 4.6))
    window_wh_m = (float(rng.uniform(0.9, min(2.4, bay_m - 0.7))), float(rng.uniform(1.2, 1.9)))
    balcony_share = float(rng.choice([0.0, 0.25, 0.5]))
    balconies = np.where(rng.random(columns) < balcony_share, rng.uniform(0.6, 1.3, columns), 0.0).round(2)
    sill_m = float(rng.uniform(0.7, 1.0))
    wall = WALLS[int(rng.integers(len(WALLS)))]
    return House(
        floors=floors,
        first_m=first_m,
        floor_m=floor_m,
        bay_m=bay_m,
        columns=columns,
        window_wh_m=window_wh_m,
        sill_m=sill_m,
        left_m=-float(rng.uniform(0.5, 2.0)),
        right_m=(columns - 1) * bay_m + window_wh_m[0] + float(rng.uniform(0.5, 2.0)),
        wall=wall,
        trim=(225.0, 228.0, 230.0) if rng.random() < 0.7 else (70.0, 70.0, 75.0),
        windows=tuple(
            Window(
                floor=floor + 1,
                column=column + 1,
                x_m=column * bay_m,
                z_m=first_m + floor * floor_m + sill_m,
                width_m=window_wh_m[0],
                height_m=min(window_wh_m[1], floor_m - sill_m - 0.3),
                balcony_m=float(balconies[column]),
                base_m=first_m + floor * floor_m,
            )
            for floor in range(floors)
            for column in range(columns)
        ),
    )
