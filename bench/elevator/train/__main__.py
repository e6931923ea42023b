"""Train the recogniser and write it where it is shipped from.

`python -m bench.elevator.train --data DIR [--out DIR] [--work DIR] [--steps N] [--seed N]`, from the
repository, in an environment with the extra `train`. Uses a GPU where there is one. What is cut out and
rendered is kept in `--work`, so that a second run begins at once.
"""

import argparse
import json
import time
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.elevator.train import network
from bench.elevator.train.augment import Sample, augmented
from bench.elevator.train.cutting import cut_outs
from bench.elevator.train.examples import Example, labels_of, truth_of
from bench.elevator.train.judging import Judged, judged, lowered
from bench.elevator.train.licensed import licensed
from bench.elevator.train.rendered import NOWHERE, CutOut, rendered
from bench.train_network import fit
from detectors.elevator.background import Mask
from detectors.elevator.cabin_model import FEATURES_FILE, HEAD_FILE, SHIPPED, CabinModel, Head
from detectors.elevator.learning import REHEARSAL_FILE, Lessons, write_rehearsal
from detectors.elevator.recogniser import LABELS
from gridwatch.model import Pixels
from simulators.cabin.still import STILLS_PER_CABIN

RENDERED = 36_000
VALIDATION_RENDERED = 1800
RENDER_SEED, VALIDATION_SEED = 2_000_000, 4_000_000
"""Apart from the seeds of every bench."""

BATCH = 32
STEPS = 24_000
DECAY = 1e-4
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CELL_WEIGHT = 0.5
REHEARSED, REHEARSED_NONE = 250, 250
"""Pictures whose features are shipped for learning from a user's own, and how many more show nothing that
rides: some 2 MB. Who teaches e-bikes must not teach that everything is one."""
PART = 100 * STILLS_PER_CABIN
"""Stills that one process renders at a time."""
AHEAD = 6
"""Batches that are drawn while others are learnt from."""

SHARES = {"rendered": 0.52, "ebike": 0.18, "bicycle": 0.1, "shamin_topview": 0.05, "none": 0.15}
"""Of what a batch is made: a rare class is seen as often as a common one."""


def main() -> None:
    """Train as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the lift's real pictures")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--work", type=Path, default=Path("build/elevator"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    torch.manual_seed(arguments.seed)
    examples = [*licensed(arguments.data, validation=False)]
    checked = [*licensed(arguments.data, validation=True)]
    arguments.work.mkdir(parents=True, exist_ok=True)
    shown = _rendered(arguments.work / "train", examples, RENDER_SEED, RENDERED)
    print(f"{time.monotonic() - began:.0f} s: pictures are ready", flush=True)
    features, head = _trained([*examples, *shown], arguments.steps, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    network.export(features, arguments.out / FEATURES_FILE)
    _as_head(head).write(arguments.out / HEAD_FILE)
    checked += _rendered(arguments.work / "validation", checked, VALIDATION_SEED, VALIDATION_RENDERED)
    found: Judged = judged(arguments.out, checked)
    _as_head(head, lowered(found)).write(arguments.out / HEAD_FILE)
    _rehearse(arguments.out, [*examples, *shown], arguments.seed)
    print(json.dumps({"seconds": round(time.monotonic() - began), **found.told()}, indent=2))


def _rehearse(model: Path, examples: Sequence[Example], seed: int) -> None:
    """Write what a user's learning rehearses: features of some of the pictures learnt from."""
    rng = np.random.default_rng(seed)
    kinds = [[one for one in examples if _kind(one) == kind] for kind in SHARES]
    counts = [REHEARSED // len(kinds) + (REHEARSED_NONE if name == "none" else 0) for name in SHARES]
    chosen = [
        kind[place]
        for kind, count in zip(kinds, counts, strict=True)
        for place in rng.permutation(len(kind))[:count]
    ]
    recogniser = CabinModel(model)
    lessons = Lessons(
        features=np.stack([recogniser.features(one.pixels) for one in chosen]),
        truth=np.stack([truth_of(labels_of(one), one.absent) for one in chosen]),
    )
    write_rehearsal(model / REHEARSAL_FILE, lessons)


def _trained(examples: Sequence[Example], steps: int, seed: int) -> tuple[nn.Module, nn.Module]:
    features, head = network.features().to(DEVICE), network.head().to(DEVICE)
    batches = _batches(examples, steps, seed)
    held = fit(
        nn.ModuleList([features, head]), lambda: _loss(features, head, next(batches)), steps, decay=DECAY
    )
    return held[0], held[1]


def _loss(features: nn.Module, head: nn.Module, samples: Sequence[Sample]) -> Tensor:
    pixels = torch.from_numpy(np.stack([sample.pixels for sample in samples])).to(DEVICE)
    pictures = torch.from_numpy(np.stack([sample.picture for sample in samples])).to(DEVICE)
    truths = torch.from_numpy(np.stack([sample.cells for sample in samples])).to(DEVICE)
    inputs = ((pixels.permute(0, 3, 1, 2).float() - 128) / 64).contiguous(memory_format=torch.channels_last)
    with torch.autocast(DEVICE.type, torch.bfloat16):
        seen = features(inputs)
    cells = head(seen.float().flatten(2).transpose(1, 2))
    return _known_loss(network.pooled(cells), pictures) + CELL_WEIGHT * _known_loss(cells, truths)


def _known_loss(odds: Tensor, truth: Tensor) -> Tensor:
    known = ~torch.isnan(truth)
    return nn.functional.binary_cross_entropy_with_logits(odds[known], truth[known])


def _batches(examples: Sequence[Example], steps: int, seed: int) -> Iterator[Sequence[Sample]]:
    """Yield batches in an order that the seed decides, drawn ahead on another thread."""
    kinds = [[one for one in examples if _kind(one) == kind] for kind in SHARES]
    shares = np.array(list(SHARES.values())) / sum(SHARES.values())

    def batch(number: int) -> Sequence[Sample]:
        rng = np.random.default_rng((seed, number))
        chosen = rng.choice(len(kinds), BATCH, p=shares)
        return [augmented(kinds[kind][int(rng.integers(len(kinds[kind])))], rng) for kind in chosen]

    with ThreadPoolExecutor(1) as others:
        waiting = [others.submit(batch, number) for number in range(min(AHEAD, steps))]
        for number in range(steps):
            yield waiting.pop(0).result()
            if number + AHEAD < steps:
                waiting.append(others.submit(batch, number + AHEAD))


def _kind(example: Example) -> str:
    if example.source in SHARES:
        return example.source
    labels = {label for label, _ in example.boxes}
    return "ebike" if "ebike" in labels else "bicycle" if "bicycle" in labels else "none"


def _rendered(work: Path, examples: Sequence[Example], seed: int, count: int) -> list[Example]:
    """Render pictures with what is cut out of `examples`; what was rendered before is read again."""
    cuts = [*_kept_cuts(work.with_suffix(".cuts.zip"), examples)]
    rooms = [one.pixels for one in examples if one.source in ("doordetect", "coco128") and not one.boxes]
    file = work.with_suffix(".rendered.npz")
    if not file.exists():
        parts = [range(first, min(first + PART, seed + count)) for first in range(seed, seed + count, PART)]
        with ProcessPoolExecutor() as others:
            some = others.map(_render, parts, repeat(cuts), repeat(rooms))
            made = [one for part in some for one in part]
        truths = [([label for label, _ in one.boxes], [*one.whole], [*one.absent]) for one in made]
        np.savez(
            file,
            pixels=np.stack([one.pixels for one in made]),
            masks=np.stack([_mask_of(one) for one in made]),
            truths=np.array(json.dumps(truths)),
        )
    with np.load(file) as held:
        shown, masks, told = held["pixels"], held["masks"], json.loads(str(held["truths"]))
    return [
        Example(
            pixels=pixels,
            boxes=[(label, NOWHERE) for label in labels],
            whole=frozenset(whole),
            absent=frozenset(absent),
            source="rendered",
            mask=mask,
        )
        for pixels, mask, (labels, whole, absent) in zip(shown, masks, told, strict=True)
    ]


def _render(seeds: Sequence[int], cuts: Sequence[CutOut], rooms: Sequence[Pixels]) -> list[Example]:
    cv2.setNumThreads(1)
    return [rendered(seed, cuts, rooms) for seed in seeds]


def _mask_of(example: Example) -> Mask:
    assert example.mask is not None
    return example.mask


def _kept_cuts(file: Path, examples: Sequence[Example]) -> Iterator[CutOut]:
    if not file.exists():
        found = [*cut_outs(examples)]
        with zipfile.ZipFile(file, "w") as folder:
            for number, one in enumerate(found):
                png = cv2.imencode(".png", one.pixels)[1].tobytes()
                folder.writestr(f"{number:05}-{one.label}.png", png)
    with zipfile.ZipFile(file) as folder:
        for name in folder.namelist():
            packed = np.frombuffer(folder.read(name), np.uint8)
            pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), np.uint8)
            yield CutOut(label=name[6:-4], pixels=pixels)


def _as_head(layer: nn.Module, lowered_by: NDArray[np.float32] | None = None) -> Head:
    weight, bias = (value.detach().cpu().numpy() for value in (layer.weight, layer.bias))
    return Head(
        weight=np.ascontiguousarray(weight.T),
        bias=bias if lowered_by is None else bias - lowered_by,
        labels=LABELS,
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
