"""The sign of the page on a telephone's screen, drawn as large as it is asked for."""

from functools import cache

import cv2
import numpy as np

from gridwatch.model import Pixels

GROUND, QUIET, LOUD = (43, 32, 22), (192, 143, 79), (80, 83, 239)
"""Blue, green, red: the console's night blue, three quiet grids, and one that calls."""

CELL, GAP, EDGE = 0.23, 0.06, 0.24
"""Of a side. What lies outside of the middle four fifths may be cut off by the telephone."""

FINER = 4
"""Drawn so much larger, then shrunk: smooth corners."""


@cache
def icon_png(side: int) -> bytes:
    """Return the sign as PNG, `side` pixels wide and high: four grids, one of them red."""
    large = side * FINER
    picture = np.full((large, large, 3), GROUND, np.uint8)
    for row in range(2):
        for column in range(2):
            left, top = (round((EDGE + one * (CELL + GAP)) * large) for one in (column, row))
            colour = LOUD if row == column == 1 else QUIET
            _rounded(picture, left, top, round(CELL * large), colour)
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small)[1].tobytes()


def _rounded(picture: Pixels, left: int, top: int, side: int, colour: tuple[int, int, int]) -> None:
    radius = side // 6
    cv2.rectangle(picture, (left + radius, top), (left + side - radius, top + side), colour, -1)
    cv2.rectangle(picture, (left, top + radius), (left + side, top + side - radius), colour, -1)
    for x in (left + radius, left + side - radius):
        for y in (top + radius, top + side - radius):
            cv2.circle(picture, (x, y), radius, colour, -1)
