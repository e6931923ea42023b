"""A block of flats before a camera that looks up at it: what is thrown from it, and what only moves."""

from simulators.facade.throw import Disturber, render_throw

__all__ = ["Disturber", "render_throw"]
