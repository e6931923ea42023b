"""Tracks without pictures: thousands of each kind through the tracker and its judgement.

    python -m bench.throwing.tracks [train|report] [COUNT] [KIND…]

A simulated thing's way in the picture becomes one spot per picture, as noisy as spots are, now and then
missed, and among spots that mean nothing. Pixels, codec and noise map are left out: rendered clips measure
those. Prints, per kind, how many were confirmed and suspected, with and without a calibrated view.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from bench.throwing.sets import SPLITS, Split
from detectors.throwing.events import Events
from detectors.throwing.spots import CELL, LAG_S, Spots
from detectors.throwing.watched import Watched
from gridwatch.model import latest
from simulators.facade.air import make_bird, make_diving_bird, make_insect, make_leaf, make_sheet
from simulators.facade.movers import Mover
from simulators.facade.stage import Stage, draw_stage
from simulators.facade.things import STEP_S, THINGS
from simulators.facade.throws import draw_throw
from simulators.facade.weather import Falling, make_rain, make_snow

ORIGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)

DISTURBERS = {
    "leaf": make_leaf,
    "sheet": make_sheet,
    "bird": make_bird,
    "diving_bird": make_diving_bird,
    "insect": make_insect,
}
WEATHER = {"rain": make_rain, "snow": make_snow}
KINDS = (*THINGS, *DISTURBERS, *WEATHER)

SIZE_WH, CROPS = (960, 540), (1.2, 2.2)
"""A part of a 1080p picture, at its pixels per metre: a quarter of the painting."""

TRACKS_PER_STAGE = 10
LONGEST_S = 7.0
WEATHER_S = 12.0

MISSED = 0.05
CLUTTER = 3.0
"""Spots per picture that mean nothing, on average."""

NOISE_PX = (0.3, 0.8)
LEAST_SIZE_PX = 4.0
"""Of a thrown thing that must be found. Smaller ones are left out of the count."""

HIDDEN_SHARE = 0.6
"""Of its size that a thing must move within LAG_S to be seen between two pictures."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What became of the tracks of one kind. `after_s` from release to the first confirmed finding."""

    kind: str
    tracks: int = 0
    confirmed: int = 0
    suspected: int = 0
    after_s: list[float]


def tally(split: Split, kind: str, count: int, *, calibrated: bool) -> Tally:
    """Run `count` tracks of a kind."""
    found = Tally(kind=kind, after_s=[])
    number = 0
    while found.tracks < count:
        rng = np.random.default_rng([SPLITS[split], KINDS.index(kind), 77, number])
        number += 1
        stage = draw_stage(rng, size_wh=SIZE_WH, light="day", crop=float(rng.uniform(*CROPS)))
        watched = Watched(size_wh=SIZE_WH, view=stage.view() if calibrated else None)
        fps = float(rng.choice([25, 25, 15, 30]))
        if kind in WEATHER:
            _count(found, watched, _weather(rng, stage, kind, fps, found), 0.0)
        else:
            for _ in range(TRACKS_PER_STAGE):
                mover = _mover(rng, stage, kind)
                if mover is not None:
                    found.tracks += 1
                    _count(found, watched, _sightings(rng, mover, watched, fps), mover.starts_s)
    return found


def _mover(rng: np.random.Generator, stage: Stage, kind: str) -> Mover | None:
    """Return something on its way; None where the stage or the size does not suit."""
    if kind in DISTURBERS:
        return DISTURBERS[kind](rng, stage, 0.5)
    try:
        body = draw_throw(rng, stage, released_s=0.5, thing=kind).body
    except ValueError:
        return None
    return body if 2 * float(np.median(body.half.max(axis=1))) >= LEAST_SIZE_PX else None


def _count(found: Tally, watched: Watched, sightings: Iterator[tuple[float, Spots]], starts_s: float) -> None:
    events = Events(watched=watched, detector="bench")
    findings = []
    confirmed_t: float | None = None
    t = 0.0
    for t, spots in sightings:
        told = events.take(t, spots, ORIGIN)
        findings += told
        if confirmed_t is None and any(finding.label == "falling_object" for finding in told):
            confirmed_t = t
    findings += events.break_off(ORIGIN)
    labels = [finding.label for finding in latest(findings)]
    found.confirmed += labels.count("falling_object")
    found.suspected += labels.count("suspected_fall")
    if "falling_object" in labels:
        found.after_s.append((t if confirmed_t is None else confirmed_t) + LAG_S - starts_s)


def _sightings(
    rng: np.random.Generator, mover: Mover, watched: Watched, fps: float
) -> Iterator[tuple[float, Spots]]:
    """Yield what is seen of one thing, in each picture until a second after it has gone."""
    noise, seen_in = float(rng.uniform(*NOISE_PX)), watched.cells(CELL)
    end = min(mover.ends_s, mover.starts_s + LONGEST_S) + 1
    for t in np.arange(float(rng.uniform(0, 1 / fps)), end, 1 / fps).tolist():
        spots = _clutter(rng)
        step = (t + mover.exposure_s / 2 - mover.starts_s) / STEP_S
        lag = LAG_S / STEP_S
        if 0 <= step < len(mover.xy) and rng.random() > MISSED:
            xy, past = (mover.xy[max(0, int(s))] for s in (step, step - lag))
            size = 2 * float(mover.half[int(step)].max())
            cell = (int(xy[1]) // CELL, int(xy[0]) // CELL)
            within = min(cell) >= 0 and cell[0] < seen_in.shape[0] and cell[1] < seen_in.shape[1]
            if within and seen_in[cell] and np.hypot(*(xy - past)) > HIDDEN_SHARE * size:
                off = rng.normal(0, noise + 0.03 * size, 2)
                seen = max(2.0, size * float(rng.uniform(0.8, 1.2)))
                spots = np.vstack([spots, [[xy[0] + off[0], xy[1] + off[1], seen, 60.0]]])
        yield t, spots


def _weather(
    rng: np.random.Generator, stage: Stage, kind: str, fps: float, found: Tally
) -> Iterator[tuple[float, Spots]]:
    """Yield the nearest drops or flakes of a rain or snow, and count the falls that end."""
    weather: Falling = WEATHER[kind](rng, stage, float(rng.uniform(0.1, 1.0)))
    canvas = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8)
    for t in np.arange(0, WEATHER_S, 1 / fps).tolist():
        weather.paint(canvas, t)
        canvas[:] = 0
        ends = weather.places + weather.speeds * stage.exposure_s / 2
        seen = stage.camera.project(ends)
        width = weather.sizes_m * seen[:, 2]
        inside = (seen[:, 0] > 0) & (seen[:, 0] < SIZE_WH[0]) & (seen[:, 1] > 0) & (seen[:, 1] < SIZE_WH[1])
        shown = np.flatnonzero(inside & (width > 0.5) & (rng.random(len(width)) > MISSED))
        shown = shown[np.argsort(-width[shown])][:96]
        streak = np.linalg.norm(weather.speeds[shown], axis=1) * stage.exposure_s * seen[shown, 2]
        xy = seen[shown, :2] + rng.normal(0, 0.6, (len(shown), 2))
        yield t, np.column_stack([xy, np.maximum(2, width[shown] + streak), np.full(len(shown), 40.0)])
    found.tracks += weather.tracks


def _clutter(rng: np.random.Generator) -> Spots:
    count = int(rng.poisson(CLUTTER))
    xy = rng.uniform((0, 0), SIZE_WH, (count, 2))
    return np.column_stack([xy, rng.uniform(2, 12, count), rng.uniform(10, 60, count)])


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    split: Split = "report" if "report" in arguments else "train"
    count = next((int(word) for word in arguments if word.isdigit()), 200)
    kinds = [kind for kind in KINDS if kind in arguments] or KINDS
    print("kind | view | tracks | confirmed | suspected | median s | p95 s")
    for kind in kinds:
        for calibrated in (True, False):
            row = tally(split, kind, count, calibrated=calibrated)
            times = np.percentile(row.after_s, [50, 95]) if row.after_s else (np.nan, np.nan)
            print(
                f"{kind} | {'measured' if calibrated else 'unknown'} | {row.tracks} | {row.confirmed} | "
                f"{row.suspected} | {times[0]:.2f} | {times[1]:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
