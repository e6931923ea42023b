"""What the simulated cameras see, encoded as they would send it.

Rendering takes seconds and memory: it is done in a process of its own (see studio).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import cast

import numpy as np

from gridwatch.media import encode_jpeg, encode_mp4
from simulators.cabin_view import Cabin
from simulators.cabin_visit import render_visit
from simulators.facade.stage import Stage, draw_stage
from simulators.facade.take import Disturber, Filming, draw_take
from simulators.facade.throws import windows_to_throw_from
from simulators.footage import FACADE_CAMERA, LIFT_CAMERA, RIDGE_CAMERA, Film, Footage
from simulators.publication import clip_publication, frame_publication
from simulators.rendered import Rendered
from simulators.valley.ridge import render_ridge
from simulators.visitors import VisitorKind

SIZE_WH = (640, 360)
"""Of every simulated camera: the substream that cameras offer for analysis."""

VISIT_FPS = 4.0
RIDGE_INTERVAL_S = 2.0
RIDGE_FILM_S = 60.0
RIDGE_IGNITED_S = 10.0
CLIP_FPS = 25.0
CLIP_S = 4.0

FACADE_CROP = 1.5
"""A substream has few pixels: of a third of the façade a thing of 0.3 m still covers some."""

THROWN = ("rubbish_bag", "box", "flower_pot")
BEFORE_A_HOUSE: Mapping[Disturber, int] = {"laundry": 2, "curtain": 1, "bird": 1, "leaf": 1}

Shoot = Callable[[Film, datetime], Footage]


def shoot(film: Film, start: datetime) -> Footage:
    """Render a film that begins at `start`."""
    return SHOTS[film.device](film, start)


def _take(film: Film) -> np.random.Generator:
    return np.random.default_rng([film.seed, film.take])


def _camera(film: Film, number: int) -> np.random.Generator:
    """Return the numbers that draw what a camera looks at, the same for all of its films."""
    return np.random.default_rng([film.seed, 1_000_000 + number])


def _visit(film: Film, start: datetime) -> Footage:
    rendered = render_visit(
        _take(film),
        start=start,
        fps=VISIT_FPS,
        size_wh=SIZE_WH,
        visitor=cast(VisitorKind, film.shows),
        cabin=Cabin.drawn(_camera(film, 1)),
    )
    return _as_frames(film, rendered)


def _ridge(film: Film, start: datetime) -> Footage:
    rendered = render_ridge(
        _camera(film, 2),
        start=start,
        duration_s=RIDGE_FILM_S,
        interval_s=RIDGE_INTERVAL_S,
        size_wh=SIZE_WH,
        fire=film.shows == "fire",
        ignited_s=RIDGE_IGNITED_S,
    )
    return _as_frames(film, rendered)


def _facade(film: Film, start: datetime) -> Footage:
    rng = _take(film)
    take = draw_take(
        rng,
        _house(_camera(film, 3)),
        duration_s=CLIP_S,
        fps=CLIP_FPS,
        throws=[str(rng.choice(THROWN))] if film.shows == "throw" else [],
        disturbers=BEFORE_A_HOUSE,
    )
    filming = Filming(take=take, start=start)
    clip = clip_publication(film.device, encode_mp4(filming.pictures()), start, timedelta(seconds=CLIP_S))
    return Footage(publications=(clip,), truth=filming.truth())


def _house(rng: np.random.Generator) -> Stage:
    """Return a façade from one of whose windows a fall of three floors is seen."""
    while True:
        stage = draw_stage(rng, size_wh=SIZE_WH, crop=FACADE_CROP)
        if windows_to_throw_from(stage):
            return stage


def _as_frames(film: Film, rendered: Rendered) -> Footage:
    frames = [
        frame_publication(film.device, encode_jpeg(picture.pixels), picture.at)
        for picture in rendered.pictures
    ]
    return Footage(publications=frames, truth=rendered.truth)


SHOTS: Mapping[str, Shoot] = {LIFT_CAMERA: _visit, FACADE_CAMERA: _facade, RIDGE_CAMERA: _ridge}
"""How each camera's films are made."""
