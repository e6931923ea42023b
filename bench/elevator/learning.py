"""What learning from a user's own pictures brings: half of etoilesha learnt from, the other half measured.

`python -m bench.elevator.learning DATA` from the repository. Five random halves by fixed seeds, beside the
shipped model on the same half; false alarms of both on pictures that neither has seen. The pictures learnt
from are used as a user's would be: nothing of them is shipped. Prints one JSON object.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.elevator.images import questions
from bench.spread import share
from detectors.elevator.cabin_model import SHIPPED, CabinModel
from detectors.elevator.learning import Lessons, learnt, mark, read_rehearsal
from detectors.elevator.recogniser import EBIKE, LABELS
from gridwatch.cli.learn import truth_of_folder
from gridwatch.media import read_picture

HALVES = 5


def measure(data: Path) -> Mapping[str, Any]:
    """Learn and measure each half."""
    model = CabinModel(SHIPPED)
    rehearsal = read_rehearsal(SHIPPED)
    sets = {one.name: one.files for one in questions(data / "elevator") if one.label == EBIKE}
    names = [name for name in sets if name.startswith(("etoilesha", "lexra", "coco128"))]
    ebikes, *others = ([read_picture(path.read_bytes()) for path in sets[name]] for name in names)
    negatives = [_lessons(model, pictures, "not_ebike") for pictures in others]
    rows = []
    for seed in range(HALVES):
        order = np.random.default_rng(seed).permutation(len(ebikes))
        half = len(ebikes) // 2
        taught = [ebikes[place] for place in order[:half]]
        mirrored = [np.ascontiguousarray(pixels[:, ::-1]) for pixels in taught]
        head = learnt(model.head, _lessons(model, [*taught, *mirrored], EBIKE), rehearsal)
        asked = _lessons(model, [ebikes[place] for place in order[half:]], EBIKE)
        rows.append(
            {
                "seed": seed,
                **{
                    title: {
                        "found": share(mark(one, asked).found, mark(one, asked).of),
                        **{
                            name: share(mark(one, lessons).false, mark(one, lessons).without)
                            for name, lessons in zip(names[1:], negatives, strict=True)
                        },
                    }
                    for title, one in (("shipped", model.head), ("learnt", head))
                },
            }
        )
    return {"halves": rows}


def _lessons(model: CabinModel, pictures: Sequence[Any], folder: str) -> Lessons:
    return Lessons(
        features=np.stack([model.features(pixels) for pixels in pictures]),
        truth=np.tile(truth_of_folder(folder), (len(pictures), 1)).reshape(-1, len(LABELS)),
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    print(json.dumps(measure(Path(sys.argv[1])), indent=2))
