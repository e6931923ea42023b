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
from concurrent.futures import ThreadPoolExecutor
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
from bench.elevator.train.rendered import CutOut, rendered
from detectors.elevator.cabin_model import FEATURES_FILE, HEAD_FILE, SHIPPED, CabinModel, Head
from detectors.elevator.learning import REHEARSAL_FILE, Lessons, write_rehearsal
from detectors.elevator.recogniser import LABELS

RENDERED = 4000
VALIDATION_RENDERED = 600
RENDER_SEED, VALIDATION_SEED = 2_000_000, 4_000_000
"""Apart from the seeds of every bench."""

BATCH = 32
STEPS = 3000
HIGHEST_RATE = 3e-3
DECAY = 1e-4
CELL_WEIGHT = 0.5
AVERAGED = 0.995
"""Share of the averaged weights that a step keeps: what is shipped is the average of the last 200 steps."""
REHEARSED = 250
"""Pictures whose features are shipped for learning from a user's own: some 2 MB."""
AHEAD = 6
"""Batches that are drawn while others are learnt from."""

SHARES = {"rendered": 0.42, "ebike": 0.22, "bicycle": 0.14, "shamin_topview": 0.05, "none": 0.17}
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
    chosen = [
        kind[place] for kind in kinds for place in rng.permutation(len(kind))[: REHEARSED // len(kinds)]
    ]
    recogniser = CabinModel(model)
    lessons = Lessons(
        features=np.stack([recogniser.features(one.pixels) for one in chosen]),
        truth=np.stack([truth_of(labels_of(one), one.absent) for one in chosen]),
    )
    write_rehearsal(model / REHEARSAL_FILE, lessons)


def _trained(examples: Sequence[Example], steps: int, seed: int) -> tuple[nn.Module, nn.Module]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    features, head = network.features(), network.head()
    both = nn.ModuleList([features, head]).to(device, memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        both, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGED), use_buffers=True
    )
    learner = torch.optim.AdamW(both.parameters(), lr=HIGHEST_RATE, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(learner, HIGHEST_RATE, total_steps=steps, pct_start=0.15)
    began, told = time.monotonic(), 0.0
    for step, samples in enumerate(_batches(examples, steps, seed)):
        loss = _loss(features, head, samples, device)
        learner.zero_grad()
        loss.backward()
        learner.step()
        pace.step()
        average.update_parameters(both)
        told = loss.item() if step == 0 else 0.98 * told + 0.02 * loss.item()
        if step % 50 == 49:
            print(f"{time.monotonic() - began:.0f} s: step {step + 1}, loss {told:.4f}", flush=True)
    held = average.module.cpu().eval()
    return held[0], held[1]


def _loss(features: nn.Module, head: nn.Module, samples: Sequence[Sample], device: torch.device) -> Tensor:
    pixels = torch.from_numpy(np.stack([sample.pixels for sample in samples])).to(device)
    pictures = torch.from_numpy(np.stack([sample.picture for sample in samples])).to(device)
    truths = torch.from_numpy(np.stack([sample.cells for sample in samples])).to(device)
    inputs = ((pixels.permute(0, 3, 1, 2).float() - 128) / 64).contiguous(memory_format=torch.channels_last)
    cells = head(features(inputs).flatten(2).transpose(1, 2))
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
    if file.exists():
        with np.load(file) as held:
            shown = [*held["pixels"]]
            truths = json.loads(str(held["truths"]))
        return [
            Example(
                pixels=pixels,
                boxes=[(label, tuple(box)) for label, box in boxes],
                whole=frozenset(whole),
                absent=frozenset(absent),
                source="rendered",
            )
            for pixels, (boxes, whole, absent) in zip(shown, truths, strict=True)
        ]
    made = [rendered(seed + number, cuts, rooms) for number in range(count)]
    truths = [(list(one.boxes), sorted(one.whole), sorted(one.absent)) for one in made]
    np.savez(file, pixels=np.stack([one.pixels for one in made]), truths=np.array(json.dumps(truths)))
    return made


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
