"""Train the network of smoke on rendered ridges of the train split and write it where it is shipped from.

`python -m bench.fire.train.smoke [--out FILE] [--work DIR] [--steps N] [--seed N]`, from the repository, in
an environment with the extra `train`. What was rendered is kept in `--work`.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.fire.camera.sequences import FEWEST_VISIBLE, PICTURES, SEED, SIZE_WH, START, Footage, quiet_day
from bench.train_network import export, fit, step
from detectors.fire.changes import (
    CELLS_WH,
    FIRST_PICTURES,
    differences,
    held_still,
    learn,
    new_usual,
    planes_of,
)
from detectors.fire.smoke import (
    BLOCKS_WH,
    CHANGE,
    CHANNELS,
    DEVIATIONS,
    LAGS,
    MOST_INPUT,
    SHIPPED,
    USUAL,
    USUAL_MIDDLE,
)
from simulators.ridge.scene import TROUBLES, Asked, Scene, Trouble, draw_scene
from simulators.ridge.shooting import Shot, shoot

SEQUENCES = (*range(62), *range(134, 544), *range(545, 604, 2))
"""Of the train split; those between are there to choose thresholds by."""
HARD: Mapping[Trouble, int] = {"fog": 917, "wisps": 688, "stove": 688, "drops": 688, "mast": 688}
"""What is most like smoke or hides it; up to which number more sequences of it are learnt from."""
HARD_WEIGHT = 1.5
"""How much oftener their pictures are learnt from."""
FIRST_PACE = 10_000
PACES, PACES_S = 165, (5.0, 10.0, 20.0, 60.0)
"""Sequences with more or less time between their pictures."""
DAYS = (*range(5), 6)
EVERY_OF_DAYS = 4

STEP = MOST_INPUT / 127
"""In which what the network takes is kept, as whole numbers."""
SMOKE_LEVELS, NO_SMOKE_LEVELS = 4.5, 0.6
"""Grey levels by which smoke changes a block that is told, and one that is not; between nothing is learnt."""
SMOKE, UNKNOWN = 1, 2

WIDTHS = (32, 48, 64)
BATCH, STEPS = 12, 4600
DECAY = 1e-3
SMOKE_WEIGHT = 12.0
SHARES = {"smoke": 0.5, "none": 0.4, "day": 0.1}
"""Of what is learnt from: pictures with smoke, without, and of quiet days."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Learnt:
    """All pictures: what they give the network, where they show smoke, and which are learnt from."""

    planes: Tensor
    """Pictures × 12 × rows × columns of cells: deviations, changes and what is usual, in `STEP`."""
    truth: Tensor
    """Pictures × rows × columns of blocks."""
    rows: Tensor
    """Numbers of a picture and of those `LAGS` before it."""
    weights: Tensor
    """How often each of `rows` is drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A scene to learn from."""

    name: str
    draw: Callable[[], Scene]
    is_hard: bool = False
    is_day: bool = False


class Network(nn.Module):  # type: ignore[misc]
    """Three sizes of steps down and two up again, so that a block is judged by what lies far about it."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.one = nn.Sequential(step(CHANNELS, first, 2), step(first, first))
        self.two = nn.Sequential(step(first, second, 2), step(second, second))
        self.three = nn.Sequential(step(second, third, 2), step(third, third), step(third, third))
        self.up2, self.mix2 = _up(third, second), step(second, second)
        self.up1, self.mix1 = _up(second, first), step(first, first)
        self.out = nn.Conv2d(first, 1, 1)
        nn.init.constant_(self.out.bias, -3.0)

    def forward(self, planes: Tensor) -> Tensor:
        """Return log odds of smoke: pictures × 1 × rows × columns of blocks."""
        one = self.one(planes)
        two = self.two(one)
        two = self.mix2(torch.relu(self.up2(self.three(two)) + two))
        found: Tensor = self.out(self.mix1(torch.relu(self.up1(two) + one)))
        return found


def main() -> None:
    """Train as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--work", type=Path, default=Path("build/smoke"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    learnt = _learnt(given.work)
    print(f"{len(learnt.rows)} pictures", flush=True)
    made = _trained(learnt, given.steps)
    export(made, given.out, (CHANNELS, *CELLS_WH[::-1]), ("planes", "odds"))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 2, 2, bias=False), nn.BatchNorm2d(outputs))


def _trained(learnt: Learnt, steps: int) -> nn.Module:
    made = Network()

    def loss_of_batch() -> Tensor:
        chosen = learnt.rows[torch.multinomial(learnt.weights, BATCH, replacement=True)]
        return _loss(*_varied(_inputs(learnt.planes, chosen), learnt.truth[chosen[:, 0]]), made)

    return fit(made, loss_of_batch, steps, decay=DECAY)


def _inputs(planes: Tensor, rows: Tensor) -> Tensor:
    deviations = [planes[rows[:, lag], :4] for lag in range(1 + len(LAGS))]
    return torch.cat([*deviations, planes[rows[:, 0], 4:]], 1).float() * STEP


def _varied(inputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror pictures, move them, make their changes stronger or fainter, and forget a lag."""
    if torch.rand(1) < 0.5:
        inputs, truth = inputs.flip(-1), truth.flip(-1)
    down, right = int(torch.randint(-4, 5, (1,))), int(torch.randint(-10, 11, (1,)))
    inputs, truth = inputs.roll((2 * down, 2 * right), (2, 3)), truth.roll((down, right), (1, 2))
    inputs[:, :-4] *= torch.exp(torch.randn(len(inputs), 1, 1, 1) * 0.1)
    if torch.rand(1) < 0.1:
        inputs[:, 8:12] = inputs[:, 4:8]
    return inputs.contiguous(memory_format=torch.channels_last), truth


def _loss(inputs: Tensor, truth: Tensor, made: nn.Module) -> Tensor:
    """Return the focal loss; a small plume counts nearly as much as a large one."""
    odds, smoke = made(inputs)[:, 0], (truth == SMOKE).float()
    score = torch.sigmoid(odds)
    plain = nn.functional.binary_cross_entropy_with_logits(odds, smoke * 0.96, reduction="none")
    blocks = smoke.sum((1, 2), keepdim=True).clamp(min=1)
    weight = torch.where(smoke > 0, (1 - score) * SMOKE_WEIGHT / blocks**0.7, score**1.5)
    return (plain * weight * (truth != UNKNOWN)).sum((1, 2)).mean() / 20


def _learnt(work: Path) -> Learnt:
    planes, truths, rows, kinds, weights = [], [], [], [], []
    first = 0
    for scene, kept in _kept(work):
        truth = kept["truth"]
        planes.append(torch.from_numpy(kept["planes"]))
        truths.append(torch.from_numpy(truth))
        for number in range(FIRST_PICTURES, len(truth), EVERY_OF_DAYS if scene.is_day else 1):
            rows.append([first + number - lag for lag in (0, *LAGS)])
            kinds.append("day" if scene.is_day else "smoke" if (truth[number] == SMOKE).any() else "none")
            weights.append(HARD_WEIGHT if scene.is_hard else 1.0)
        first += len(truth)
    drawn = torch.tensor(weights)
    for kind, share in SHARES.items():
        of_it = torch.tensor([one == kind for one in kinds])
        drawn[of_it] *= share / drawn[of_it].sum().clamp(min=1)
    return Learnt(planes=torch.cat(planes), truth=torch.cat(truths), rows=torch.tensor(rows), weights=drawn)


def _kept(work: Path) -> Iterator[tuple[Wanted, dict[str, NDArray[np.int8]]]]:
    """Yield what each scene gives; what was rendered before is read again."""
    work.mkdir(parents=True, exist_ok=True)
    for wanted in _wanted():
        path = work / f"{wanted.name}.npz"
        if not path.exists():
            np.savez(path, **_prepared(wanted.draw()))  # type: ignore[arg-type]
        with np.load(path) as kept:
            yield wanted, {key: kept[key] for key in ("planes", "truth")}


def _wanted() -> Iterator[Wanted]:
    more = [number for number in range(604, max(HARD.values())) if number < HARD.get(_trouble(number), 0)]
    for number in (*SEQUENCES, *more):
        is_hard = _trouble(number) in HARD
        yield Wanted(name=f"sequence-{number}", draw=partial(_sequence, number), is_hard=is_hard)
    for number in range(PACES):
        yield Wanted(name=f"pace-{number}", draw=partial(_pace, FIRST_PACE + number))
    for number in DAYS:
        yield Wanted(name=f"day-{number}", draw=partial(quiet_day, "train", number), is_day=True)


def _trouble(number: int) -> Trouble:
    return TROUBLES[number // 2 % len(TROUBLES)]


def _sequence(number: int) -> Scene:
    footage, attempt = Footage(split="train", number=number), 0
    while footage.has_fire and _visible(footage.scene(attempt)) < FEWEST_VISIBLE:
        attempt += 1
    return footage.scene(attempt)


def _visible(scene: Scene) -> int:
    return sum(shot.smoke is not None for shot in shoot(scene))


def _pace(number: int) -> Scene:
    rng = np.random.default_rng([SEED["train"], number, 9])
    gap_s = float(rng.choice(PACES_S))
    asked = Asked(
        start=START,
        duration_s=PICTURES * gap_s,
        interval_s=gap_s,
        fire=number % 2 == 0,
        ignited_s=float(rng.uniform(6, 14)) * gap_s,
        trouble=_trouble(number),
        size_wh=SIZE_WH,
    )
    return draw_scene([SEED["train"], number, 5], asked)


def _prepared(scene: Scene) -> dict[str, NDArray[np.int8]]:
    """Return what the detector sees of each picture of a scene, and where that shows smoke."""
    usual, planes, truth = None, [], []
    for shot in shoot(scene):
        if usual is None:
            usual = new_usual(shot.picture.pixels)
            pixels = shot.picture.pixels
        else:
            pixels = held_still(usual, shot.picture.pixels)
        now = planes_of(pixels)
        change, deviations = differences(usual, now)
        parts = (deviations / DEVIATIONS, change / CHANGE, (usual.planes - USUAL_MIDDLE) / USUAL)
        planes.append(np.clip(np.round(np.concatenate(parts) / STEP), -127, 127).astype(np.int8))
        truth.append(_truth(shot))
        if len(planes) > 1:
            learn(usual, now, change, deviations, scene.interval_s)
    return {"planes": np.stack(planes), "truth": np.stack(truth)}


def _truth(shot: Shot) -> NDArray[np.int8]:
    if shot.change is None:
        return np.zeros(BLOCKS_WH[::-1], np.int8)
    levels = cv2.dilate(shot.change, np.ones((2, 2), np.uint8))
    levels = cv2.resize(levels, BLOCKS_WH, interpolation=cv2.INTER_AREA)
    unknown = np.where(levels > NO_SMOKE_LEVELS, UNKNOWN, 0)
    return np.where(levels >= SMOKE_LEVELS, SMOKE, unknown).astype(np.int8)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
