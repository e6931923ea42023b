"""Fit and measure the shape judgement of the lift scene on rendered cabins.

`python -m bench.cabin_shape fit` prints the text of detectors/elevator/by_shape/fit.py; `… rates` prints how
many rendered visits of each kind raise. The seeds of the two never meet.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from detectors.elevator import ElevatorDetector
from detectors.elevator.background import EmptyCabin, at_work_size
from detectors.elevator.by_shape.shape import Outline, measure, standing_body
from gridwatch.model import Picture
from simulators.cabin_view import Cabin, CabinView
from simulators.cabin_visit import render_visit, resting_place
from simulators.solids import Part, placed
from simulators.visitors import VISITORS, VisitorKind

Floats = NDArray[np.float64]

START = datetime(2026, 1, 1, tzinfo=UTC)
FIT_SEED, REPORT_SEED = 1_000_000, 9_000_000
FIT_VISITS = 500
"""Per kind of visitor: some three minutes of rendering."""
WEIGHTS = {"ebike": 3.0, "person": 1.5, "wheelchair": 1.0, "bicycle": 0.3, "pram": 1.0}
"""A bicycle is nearly an e-bike and harmless to report: it must not bend the judgement."""
RIDGE = 3.0
"""Keeps the coefficients small; chosen by the error on held-out seeds."""


def outlines(kind: str, seeds: Sequence[int]) -> Iterator[Outline]:
    """Render one still look per seed at a visitor standing in a cabin that was seen empty; measure it."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        cabin = Cabin.drawn(rng)
        view, guest = CabinView(cabin, (640, 360)), VISITORS[kind](rng)
        x, y, heading = resting_place(rng, cabin, guest)[1]
        parts = placed(
            guest.parts(float(rng.uniform(-0.12, 0.12))), x=float(x), y=float(y), heading=float(heading)
        )
        seen = [_look(view, rng, (), index) for index in range(3)]
        empty = EmptyCabin.first_seen(seen[0])
        for picture in seen[1:]:
            empty.take_in(picture)
        visited = _look(view, rng, parts, 3)
        body = standing_body(empty.take_in(visited))
        if body is not None:
            yield measure(body, at_work_size(visited.pixels))


def _look(view: CabinView, rng: np.random.Generator, parts: Sequence[Part], index: int) -> Picture:
    return Picture(pixels=view.draw(rng, parts, 0.0), at=START + timedelta(seconds=2 * index))


def fit(rows: Floats, kinds: NDArray[np.str_]) -> dict[str, Floats]:
    """Fit the logistic judgement (Newton's method with a ridge) of rows of measures."""
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    scaled = (rows - centre) / spread
    first, second = np.triu_indices(rows.shape[1])
    terms = np.hstack([np.ones((len(rows), 1)), scaled, scaled[:, first] * scaled[:, second]])
    weight = np.array([WEIGHTS[kind] for kind in kinds])
    truth = (kinds == "ebike").astype(float)
    ridge = RIDGE * np.eye(terms.shape[1])
    ridge[0, 0] = 0
    factors = np.zeros(terms.shape[1])
    for _ in range(25):
        likely = 1 / (1 + np.exp(-np.clip(terms @ factors, -30, 30)))
        slope = terms.T @ (weight * (likely - truth)) + ridge @ factors
        bend = (terms * (weight * likely * (1 - likely))[:, None]).T @ terms + ridge
        factors -= np.linalg.solve(bend, slope)
    square = np.zeros((rows.shape[1],) * 2)
    square[first, second] = factors[1 + rows.shape[1] :]
    return {
        "CENTRE": centre,
        "SPREAD": spread,
        "LINEAR": factors[1 : 1 + rows.shape[1]],
        "SQUARE": square,
        "BIAS": factors[:1],
    }


def as_module(found: dict[str, Floats]) -> str:
    """Write the coefficients as the Python module that the detector imports."""
    lines = [
        '"""Coefficients of the shape judgement, in the order of Outline\'s fields.',
        "",
        "Fitted by `python -m bench.cabin_shape fit` on rendered cabins only; no real picture was used.",
        '"""',
        "",
        "import numpy as np",
        "",
        f"BIAS = {found['BIAS'][0]:.4f}",
    ]
    for name in ("CENTRE", "SPREAD", "LINEAR", "SQUARE"):
        values = np.array2string(
            found[name], separator=", ", precision=4, suppress_small=True, max_line_width=104
        )
        lines += ["", f"{name} = np.array(", f"{values}", ")"]
    return "\n".join(lines) + "\n"


def raised(kind: VisitorKind, seed: int) -> str:
    """Render one visit and return the strongest label that the detector without weights gives."""
    detector = ElevatorDetector()
    state = detector.new_state()
    visit = render_visit(np.random.default_rng(seed), start=START, visitor=kind)
    labels = [finding.label for picture in visit.pictures for finding in detector.see(state, picture)]
    return "ebike" if "ebike" in labels else labels[0] if labels else "nothing"


def main(arguments: Sequence[str]) -> None:
    """Fit, or report rates over as many seeds a kind as the second argument says (40 by default)."""
    if arguments[:1] == ["fit"]:
        measured = {
            kind: list(
                outlines(kind, range(FIT_SEED + 100_000 * place, FIT_SEED + 100_000 * place + FIT_VISITS))
            )
            for place, kind in enumerate(VISITORS)
        }
        rows = np.array([astuple(outline) for found in measured.values() for outline in found])
        kinds = np.array([kind for kind, found in measured.items() for _ in found])
        sys.stdout.write(as_module(fit(rows, kinds)))
        return
    count = int(arguments[1]) if len(arguments) > 1 else 40
    everyone: tuple[VisitorKind, ...] = ("ebike", "person", "wheelchair", "pram", "bicycle", "empty")
    for kind in everyone:
        labels = [raised(kind, REPORT_SEED + seed) for seed in range(count)]
        counts = {label: labels.count(label) for label in sorted(set(labels))}
        sys.stdout.write(f"{kind}: {counts} of {count}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
