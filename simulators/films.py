"""What the simulated cameras see, encoded as they would send it.

Rendering takes seconds and memory: it is done in a process of its own (see studio).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from gridwatch.facade import FacadeView
from gridwatch.media import encode_jpeg, encode_mp4
from gridwatch.picture_format import with_preset
from simulators.cabin.still import Site
from simulators.cabin.visit import filmed, render_visit, site_for
from simulators.facade.stage import Stage, draw_stage
from simulators.facade.take import Disturber, Filming, draw_take
from simulators.facade.throws import windows_to_throw_from
from simulators.footage import FACADE_CAMERA, LIFT_CAMERA, RIDGE_CAMERA, RIDGE_FILM_S, Film, Footage
from simulators.publication import clip_publication, frame_publication
from simulators.rendered import Rendered
from simulators.ridge.landscape import draw_landscape
from simulators.ridge.scene import Asked, Trouble, draw_scene
from simulators.ridge.shooting import shoot as shoot_ridge
from simulators.ridge.shooting import truth_of

SIZE_WH = (640, 360)
"""Of every simulated camera: the substream that cameras offer for analysis."""

VISIT_FPS = 4.0
LIFT_DEPTH_M = 2.3
"""Of the simulated lift at least: a stretcher or a moped fits."""
LIFT_LEAST_GAIN = 0.75
"""Of its camera: what a show shows is lit."""
RIDGE_INTERVAL_S = 10.0
"""The camera turns between its presets: each is seen every 20 s."""
RIDGE_PRESETS = 2
RIDGE_HOUR = 11.0
"""Local time on the simulated ridge, whatever it is outside: by night there is little to see."""
RIDGE_IGNITED_S = 15.0
RIDGE_GROWS_S = 60.0
RIDGE_VISIBILITY_M = 40_000.0
RIDGE_SMOKE_G_S_KM = 40.0
"""A fire for show: it can be seen soon, at a kilometre and farther."""
RIDGE_TROUBLES: Sequence[Trouble] = ("clear", "clouds", "insects")
CLIP_FPS = 25.0
CLIP_S = 4.0

FACADE_CROP = 1.5
"""A substream has few pixels: of a third of the façade a thing of 0.3 m still covers some."""

THROWN = ("rubbish_bag", "box", "flower_pot")
BEFORE_A_HOUSE: Mapping[Disturber, int] = {"laundry": 2, "curtain": 1, "bird": 1, "leaf": 1}

CABIN, RIDGE, FACADE = 1, 2, 3
"""Numbers of what the cameras look at."""

Shoot = Callable[[Film, datetime], Footage]


def shoot(film: Film, start: datetime) -> Footage:
    """Render a film that begins at `start`."""
    return SHOTS[film.device](film, start)


def facade_view(seed: int) -> FacadeView:
    """Return what a calibration of the façade's camera finds; takes half a second."""
    return _house(_camera(seed, FACADE)).view()


def _take(film: Film) -> np.random.Generator:
    return np.random.default_rng([film.seed, film.take])


def _camera(seed: int, number: int) -> np.random.Generator:
    """Return the numbers that draw what a camera looks at, the same for all of its films."""
    return np.random.default_rng([seed, 1_000_000 + number])


def _visit(film: Film, start: datetime) -> Footage:
    moments = render_visit(
        int(_take(film).integers(2**31)),
        shows=film.shows,
        size_wh=SIZE_WH,
        fps=VISIT_FPS,
        site=_lift(_camera(film.seed, CABIN)),
    )
    return _as_frames(film, filmed(moments, shows=film.shows, start=start))


def _lift(rng: np.random.Generator) -> Site:
    """Return a lift whose camera sees it lit and from under the ceiling."""
    while True:
        site = site_for(int(rng.integers(2**31)), LIFT_DEPTH_M, SIZE_WH)
        if site.cctv.gain >= LIFT_LEAST_GAIN and not site.cctv.night and site.view != "overhead":
            return site


def _ridge(film: Film, start: datetime) -> Footage:
    rng = _take(film)
    looking_at = _camera(film.seed, RIDGE)
    asked = Asked(
        start=start,
        duration_s=RIDGE_FILM_S[film.shows],
        interval_s=RIDGE_INTERVAL_S,
        fire=film.shows == "fire",
        ignited_s=RIDGE_IGNITED_S,
        trouble=RIDGE_TROUBLES[int(rng.integers(len(RIDGE_TROUBLES)))],
        hour=RIDGE_HOUR,
        size_wh=SIZE_WH,
    )
    scene = draw_scene(
        [film.seed, film.take],
        asked,
        landscapes=tuple(draw_landscape(looking_at, SIZE_WH) for _ in range(RIDGE_PRESETS)),
    )
    scene = replace(scene, air=replace(scene.air, visibility_m=RIDGE_VISIBILITY_M))
    if scene.fire is not None:
        smoke_g_s = RIDGE_SMOKE_G_S_KM * scene.fire.distance_m / 1_000
        scene = replace(scene, fire=replace(scene.fire, smoke_g_s=smoke_g_s, grows_s=RIDGE_GROWS_S))
    shots = list(shoot_ridge(scene))
    frames = [
        frame_publication(
            film.device, with_preset(encode_jpeg(shot.picture.pixels), shot.preset), shot.picture.at
        )
        for shot in shots
    ]
    return Footage(publications=frames, truth=truth_of(scene, shots))


def _facade(film: Film, start: datetime) -> Footage:
    rng = _take(film)
    take = draw_take(
        rng,
        _house(_camera(film.seed, FACADE)),
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
