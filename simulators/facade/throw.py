"""Short takes of a house from which something is thrown, or from which nothing is, with the truth known."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from simulators.facade.sensor import ShakeName
from simulators.facade.stage import Stage, draw_stage
from simulators.facade.take import Disturber, Filming, Take, draw_take
from simulators.facade.throws import windows_to_throw_from
from simulators.rendered import Rendered

USUAL: Mapping[Disturber, int] = {"laundry": 2, "bird": 1, "leaf": 1}
"""What moves before every house."""

CROP = 2.0
"""Small pictures are parts of a picture with so many times the pixels: whole ones of their size would show
bottles as dots."""


def draw_throw_take(
    rng: np.random.Generator,
    *,
    duration_s: float,
    fps: float,
    size_wh: tuple[int, int],
    throws: bool,
    thing: str | None = None,
    disturbers: Mapping[Disturber, int] = USUAL,
    shake: ShakeName = "none",
    light_changes: int = 0,
) -> Take:
    """Draw a take by day in which a thing is thrown two to three seconds after its start, or nothing is.

    `thing` is one of THINGS (None: any).
    """
    return draw_take(
        rng,
        _stage_with_windows(rng, size_wh),
        duration_s=duration_s,
        fps=fps,
        throws=[thing] if throws else [],
        disturbers=disturbers,
        shake=shake,
        light_changes=light_changes,
    )


def film(take: Take, *, start: datetime) -> Rendered:
    """Return the pictures of a take and what truly happens in them."""
    filming = Filming(take=take, start=start)
    return Rendered(pictures=list(filming.pictures()), truth=filming.truth())


def _stage_with_windows(rng: np.random.Generator, size_wh: tuple[int, int]) -> Stage:
    """Return a house on which three floors are seen below some window."""
    while not windows_to_throw_from(stage := draw_stage(rng, size_wh=size_wh, crop=CROP)):
        pass
    return stage
