"""A block of flats before a camera that looks up at it: what is thrown from it, and what only moves."""

from simulators.facade.take import Disturber
from simulators.facade.throw import draw_throw_take, film

__all__ = ["Disturber", "draw_throw_take", "film"]
