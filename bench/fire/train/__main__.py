"""Train the network of patches and write it where it is shipped from.

`python -m bench.fire.train --data DIR [--out FILE] [--work DIR] [--steps N] [--seed N]`, from the repository,
in an environment with the extra `train`. DIR holds the folders `fire` and `elevator` of real pictures. The
samples are kept in `--work`, so that a second run begins at once.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from bench.fire.train import network, samples
from bench.fire.train.licensed import Example, fires, others
from bench.fire.train.samples import SAMPLE_PX, Sample
from bench.train_network import fit
from detectors.fire.patches import LABELS, PATCH_PX, SHIPPED

SCENES = 2600
"""Pictures that are composed and cut to pieces."""
HELD_BACK_SCENES = 300
RIDGES = 60
REAL_LOOKS = 3
"""Times that a real picture of fire is cut, each a little differently."""

BATCH = 64
STEPS = 1600
DECAY = 2e-4


def main() -> None:
    """Train as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--work", type=Path, default=Path("build/fire"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    began = time.process_time()
    learnt = _kept(given.work / "learnt.npz", given.data, held_back=False)
    checked = _kept(given.work / "held_back.npz", given.data, held_back=True)
    print(
        f"{time.process_time() - began:.0f} s: {len(learnt[0])} samples, {len(checked[0])} held back",
        flush=True,
    )
    made = _trained(*learnt, given.steps)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    network.export(made, given.out)
    print(json.dumps({"cpu_s": round(time.process_time() - began), **_judged(made, *checked)}, indent=2))


def _trained(pixels: Tensor, truths: Tensor, steps: int) -> nn.Module:
    weights = _weights(truths)

    def loss_of_batch() -> Tensor:
        chosen = torch.multinomial(weights, BATCH, replacement=True)
        inputs = _augmented(pixels[chosen].permute(0, 1, 4, 2, 3).float())
        return _loss(made(inputs), truths[chosen])

    made = network.network()
    return fit(made, loss_of_batch, steps, decay=DECAY)


def _weights(truths: Tensor) -> Tensor:
    """Return how often each sample is drawn: flame, smoke and neither about as often as each other."""
    flame, smoke = (truths[:, number] == 1 for number in range(len(LABELS)))
    neither = ~flame & ~smoke
    weights = torch.zeros(len(truths))
    for kind, share in ((flame, 0.35), (smoke, 0.25), (neither, 0.4)):
        weights[kind] += share / kind.sum()
    return weights


def _augmented(pairs: Tensor) -> Tensor:
    """Shift, mirror and light pairs of patches (samples × 2 × 3 × height × width) anew."""
    count, spare = len(pairs), SAMPLE_PX - PATCH_PX
    x, y = (int(number) for number in torch.randint(0, spare + 1, (2,)))
    cut = pairs[..., y : y + PATCH_PX, x : x + PATCH_PX]
    mirrored = torch.rand(count) < 0.5
    cut = torch.where(mirrored.view(-1, 1, 1, 1, 1), cut.flip(-1), cut)
    gain = torch.exp(torch.randn(count, 1, 1, 1, 1) * 0.12)
    tint = torch.exp(torch.randn(count, 1, 3, 1, 1) * 0.06)
    lit = (cut * gain * tint + torch.randn(count, 1, 1, 1, 1) * 8).clamp(0, 255)
    inputs = network.as_inputs(lit[:, 0], lit[:, 1])
    return inputs.contiguous(memory_format=torch.channels_last)


def _loss(odds: Tensor, truths: Tensor) -> Tensor:
    known = ~torch.isnan(truths)
    smooth = truths[known] * 0.96 + 0.02
    return nn.functional.binary_cross_entropy_with_logits(odds[known], smooth)


def _judged(made: nn.Module, pixels: Tensor, truths: Tensor) -> dict[str, object]:
    """Return, per label, what part of held-back samples is found at several lines, rightly and falsely."""
    spare = (SAMPLE_PX - PATCH_PX) // 2
    middle = np.s_[:, :, spare : spare + PATCH_PX, spare : spare + PATCH_PX]
    with torch.no_grad():
        odds = torch.cat(
            [
                made(network.as_inputs(*part[middle].permute(1, 0, 4, 2, 3).float()))
                for part in pixels.split(256)
            ]
        )
    told: dict[str, object] = {}
    for number, label in enumerate(LABELS):
        scores = torch.sigmoid(odds[:, number])
        there, away = scores[truths[:, number] == 1], scores[truths[:, number] == 0]
        told[label] = {
            f"{line}": [round(float((part >= line).float().mean()), 3) for part in (there, away)]
            for line in (0.3, 0.5, 0.7, 0.85)
        } | {"samples": [len(there), len(away)]}
    return told


def _kept(file: Path, data: Path, *, held_back: bool) -> tuple[Tensor, Tensor]:
    """Return pixels (samples × 2 × height × width × 3) and truths; what was made before is read again."""
    if not file.exists():
        pairs, truths = [], []
        for one in _samples(data, held_back=held_back):
            pairs.append(np.stack([one.now, one.before]))
            truths.append(one.truth)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, pixels=np.stack(pairs), truths=np.array(truths, np.float32))
    with np.load(file) as kept:
        return torch.from_numpy(kept["pixels"]), torch.from_numpy(kept["truths"])


def _samples(data: Path, *, held_back: bool) -> Iterator[Sample]:
    burning: Sequence[Example] = [*fires(data / "fire", held_back=held_back)]
    bases = [example.pixels for example in others(data / "elevator", held_back=held_back)]
    cut_outs = samples.flames_of(burning)
    seed = 1 if held_back else 0
    rng = np.random.default_rng([29, seed])
    for _ in range(1 if held_back else REAL_LOOKS):
        for example in burning:
            yield from samples.of_fire(example, rng)
    for _ in range(HELD_BACK_SCENES if held_back else SCENES):
        base = bases[int(rng.integers(len(bases)))]
        roll = rng.random()
        if roll < 0.4:
            yield from samples.of_look_alike(base, rng)
        elif roll < 0.72:
            yield from samples.of_composed_fire(base, cut_outs, rng)
        elif roll < 0.87:
            yield from samples.of_composed_smoke(base, rng)
        else:
            yield from samples.of_no_smoke(base, rng)
    for number in range(RIDGES // 8 if held_back else RIDGES):
        yield from samples.of_ridge(1_000_000 * seed + number, fire=number % 3 != 0)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
