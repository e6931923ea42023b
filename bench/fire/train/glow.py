"""Train the small networks that tell flame by the numbers of a place that glows.

`python -m bench.fire.train.glow --data DIR [--out FILE] [--work DIR] [--seed N]`, from the repository, in an
environment with the extra `train`, after `bench.fire.train`: the score of the network of patches is among the
numbers. DIR holds the folders `fire` and `elevator` of real pictures. The numbers are kept in `--work`.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from bench.fire.stills import sets
from bench.fire.train import samples
from bench.fire.train.licensed import fires, others
from bench.fire.train.samples import Sample
from detectors.fire.glow import FEATURES, MOST, SHIPPED, Floats, Glow
from detectors.fire.patches import PatchModel
from detectors.fire.still import StillModel

SCENES = 2400
"""Pictures that are composed, every second one with a fire."""
REAL_LOOKS = 3
REAL, PLAIN, LOOK_ALIKE, COMPOSED = range(4)
SHARES = {REAL: 0.3, PLAIN: 0.2, LOOK_ALIKE: 0.25, COMPOSED: 0.25}
"""How much each kind of picture counts; in one with and without flame, half each."""

NETS, HIDDEN, STEPS, BATCH = 6, 32, 1500, 256
RATE, DECAY = 2e-3, 0.03
JITTER, SMOOTH = 0.15, 0.05
LINES = np.round(np.arange(0.3, 0.8, 0.01), 2)
MOST_FALSE = 0.05
"""Part of the held-back pictures without fire that may be told: the lowest line that keeps it is the one."""


def main() -> None:
    """Train as the arguments say, and say which line held-back pictures ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--work", type=Path, default=Path("build/fire"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    began = time.process_time()
    features, truths, kinds = _kept(given.work / "glow.npz", given.data)
    print(
        f"{time.process_time() - began:.0f} s: {len(truths)} places, {int(truths.sum())} of flame", flush=True
    )
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    seen = torch.from_numpy(np.clip((features - mean) / spread, -MOST, MOST))
    weights = torch.from_numpy(_weights(truths, kinds))
    nets = [_trained(seen, torch.from_numpy(truths), weights, given.seed + net) for net in range(NETS)]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    layers = [(net[1], net[4]) for net in nets]
    np.savez(
        given.out,
        mean=mean,
        spread=spread,
        first=_stacked([first.weight for first, _ in layers]),
        first_bias=_stacked([first.bias for first, _ in layers]),
        second=_stacked([second.weight[0] for _, second in layers]),
        second_bias=_stacked([second.bias[0] for _, second in layers]),
    )
    print(f"{time.process_time() - began:.0f} s of one thread")
    _choose(given.data)


def _kept(file: Path, data: Path) -> tuple[Floats, Floats, Floats]:
    """Return numbers (places × FEATURES), truths and kinds; what was made before is read again."""
    if not file.exists():
        made = [*_places(data)]
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            file,
            features=np.stack([one for one, _, _ in made]),
            truths=np.array([truth for _, truth, _ in made], np.float32),
            kinds=np.array([kind for _, _, kind in made], np.float32),
        )
    with np.load(file) as kept:
        return kept["features"], kept["truths"], kept["kinds"]


def _places(data: Path) -> Iterator[tuple[Floats, float, int]]:
    """Yield the numbers of places in pictures that may train, whether they are flame, and of what kind."""
    patches, rng = PatchModel(), np.random.default_rng(31)
    for kind, sample in _samples(data, rng):
        if sample.place is not None and not np.isnan(sample.truth[0]):
            features = Glow(sample.picture).features(sample.place, patches)
            if features is not None:
                yield features, sample.truth[0], kind


def _samples(data: Path, rng: np.random.Generator) -> Iterator[tuple[int, Sample]]:
    burning = [*fires(data / "fire", held_back=False)]
    bases = [example.pixels for example in others(data / "elevator", held_back=False)]
    cut_outs = samples.flames_of(burning)
    for _ in range(REAL_LOOKS):
        for example in burning:
            yield from ((REAL, sample) for sample in samples.of_fire(example, rng))
    for base in bases:
        yield from ((PLAIN, sample) for sample in samples.of_plain(base))
    for _ in range(SCENES):
        base = bases[int(rng.integers(len(bases)))]
        if rng.random() < 0.5:
            yield from ((LOOK_ALIKE, sample) for sample in samples.of_look_alike(base, rng))
        else:
            yield from ((COMPOSED, sample) for sample in samples.of_composed_fire(base, cut_outs, rng))


def _weights(truths: Floats, kinds: Floats) -> Floats:
    weights = np.zeros(len(truths), np.float32)
    for kind, share in SHARES.items():
        parts = [(kinds == kind) & (truths == truth) for truth in (0, 1)]
        some = [part for part in parts if part.any()]
        for part in some:
            weights[part] = share / len(some) / part.sum()
    return weights


def _trained(seen: Tensor, truths: Tensor, weights: Tensor, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Dropout(0.15), nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Dropout(0.3), nn.Linear(HIDDEN, 1)
    )
    steps = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        chosen = torch.multinomial(weights, BATCH, replacement=True)
        odds = net(seen[chosen] + torch.randn(BATCH, FEATURES) * JITTER)[:, 0]
        wanted = truths[chosen] * (1 - SMOOTH) + SMOOTH / 2
        loss = nn.functional.binary_cross_entropy_with_logits(odds, wanted)
        steps.zero_grad()
        loss.backward()
        steps.step()
    return net.eval()


def _stacked(parts: list[Tensor]) -> Floats:
    return np.asarray(torch.stack(parts).detach().numpy(), np.float32)


def _choose(data: Path) -> None:
    """Print the line, and what held-back pictures of fire give at it."""
    model = StillModel()
    best = {
        name: [
            (max((score for score, _ in model.scores(still.pixels)), default=0.0), still.burns)
            for still in sets(data)[name]()
        ]
        for name in ("no fire, held back", "abonia1, scenes held back")
    }
    quiet = [score for score, _ in best["no fire, held back"]]
    line = next(line for line in LINES if np.mean([score >= line for score in quiet]) <= MOST_FALSE)
    print(f"line {line}: {sum(score >= line for score in quiet)} of {len(quiet)} without fire")
    for burns in (True, False):
        told = [score >= line for score, is_fire in best["abonia1, scenes held back"] if is_fire == burns]
        print(f"abonia1 held back, {'burning' if burns else 'not'}: {sum(told)} of {len(told)}")


if __name__ == "__main__":
    main()
