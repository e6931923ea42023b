"""Colours drawn at random, wide enough that none of them tells what a thing is."""

import colorsys

import numpy as np

from simulators.cabin.mesh import Colour


def paint(rng: np.random.Generator) -> Colour:
    """Draw a colour of paint or cloth: a third without hue, the others of any hue."""
    value = float(rng.uniform(0.08, 0.95))
    if rng.random() < 0.35:
        return grey(rng, 255 * value)
    return _of_hue(float(rng.random()), float(rng.uniform(0.15, 0.95)), value)


def skin(rng: np.random.Generator) -> Colour:
    """Draw a colour of skin."""
    return _of_hue(
        float(rng.uniform(0.04, 0.09)), float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.3, 0.9))
    )


def hair(rng: np.random.Generator) -> Colour:
    """Draw a colour of hair: mostly dark, sometimes grey."""
    return grey(rng, float(rng.choice([rng.uniform(15, 55), rng.uniform(90, 200)], p=[0.8, 0.2])))


def grey(rng: np.random.Generator, level: float) -> Colour:
    """Draw a nearly grey colour of about a level."""
    b, g, r = np.clip(level + rng.uniform(-10, 10, 3), 8, 245)
    return float(b), float(g), float(r)


def _of_hue(hue: float, saturation: float, value: float) -> Colour:
    r, g, b = colorsys.hsv_to_rgb(hue, saturation, value)
    return 255 * b, 255 * g, 255 * r
