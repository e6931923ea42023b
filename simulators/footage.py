"""What the simulated cameras see: a film is asked for, footage is what the camera sends of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.publication import Publication
from simulators.rendered import Truth

LIFT_CAMERA, FACADE_CAMERA, RIDGE_CAMERA = "sim-lift-1", "sim-facade-1", "sim-ridge-1"

RIDGE_FILM_S = {"nothing": 150.0, "fire": 260.0}
"""Smoke takes minutes to be sure of, where each view is seen every 20 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """A piece of what one camera sees."""

    at_s: float
    """Seconds after the start of the scenario."""
    device: str
    shows: str
    """A visitor of the lift, `throw` for the façade, `fire` for the ridge, or `nothing` of the kind."""
    seed: int
    """Of the whole simulation: the camera looks at the same place in all of its films."""
    take: int
    """Number of the film."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Footage:
    """A film as its camera sends it, in order of time, and what happens in it."""

    publications: Sequence[Publication]
    truth: Sequence[Truth]
