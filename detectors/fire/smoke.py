"""Smoke before one camera: a network of our own judges how the view differs from what it usually shows."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.fire.aim import AimMemory, watch_aim
from detectors.fire.changes import (
    CELLS_WH,
    FIRST_PICTURES,
    Layers,
    UsualView,
    differences,
    held_still,
    learn,
    new_usual,
    planes_of,
)
from detectors.fire.tubes import Box
from detectors.fire.view import View, to_picture
from detectors.onnx.net import read_net
from gridwatch.errors import DetectorError

SHIPPED = Path(__file__).parent / "weights" / "smoke.onnx"

SAMPLE_S = 1.0
"""Smoke is slow: of video only one picture in a second is looked at."""
LAGS = (1, 3)
"""Pictures ago whose deviations the network sees beside the newest."""
CHANNELS = 20
BLOCKS_WH = (CELLS_WH[0] // 2, CELLS_WH[1] // 2)
"""The network gives a score for each two by two cells."""
DEVIATIONS = 3.0
"""What the network takes for 1, of deviations, of changes, and of what is usual beside its middle."""
CHANGE = np.array([20.0, 0.1, 0.1, 1 / 15], np.float32)[:, None, None]
USUAL_MIDDLE = np.array([128.0, 0.0, 0.0, 0.12], np.float32)[:, None, None]
USUAL = np.array([40.0, 2 / 15, 2 / 15, 0.08], np.float32)[:, None, None]
MOST_INPUT = 3.175

CALM = 1.0
"""Taken off the log odds, so that the rules over time get as many false fires as they miss true ones."""
JOINED = 0.2
"""Score from which neighbouring blocks are one plume."""


@dataclass(slots=True)
class SmokeMemory:
    """What one view usually shows, and how its last pictures differed from that."""

    usual: UsualView
    last_s: float
    earlier: deque[Layers] = field(default_factory=lambda: deque(maxlen=max(LAGS)))
    aim: AimMemory = field(default_factory=AimMemory)


class SmokeModel:
    """Tells smoke in how a view has changed; building one raises DetectorError for wrong weights."""

    def __init__(self, path: Path = SHIPPED) -> None:
        self._path = path
        self._net = read_net(path)
        if self.scores(np.zeros((CHANNELS, *CELLS_WH[::-1]), np.float32)).shape != BLOCKS_WH[::-1]:
            raise DetectorError(f"{path}: the network of smoke is of another kind or version")

    def scores(self, planes: Layers) -> NDArray[np.float32]:
        """Return a score of 0-1 per block, rows × columns, of what `as_input` gives."""
        try:
            self._net.setInput(planes[None])
            odds = np.asarray(np.squeeze(self._net.forward()), np.float32)
        except cv2.error as error:
            raise DetectorError(f"{self._path}: the network fails on a picture: {error.err}") from error
        return np.asarray(1 / (1 + np.exp(-np.clip(odds - CALM, -30, 30))), np.float32)


def as_input(memory: SmokeMemory, change: Layers, deviations: Layers) -> Layers:
    """Return what the network takes: deviations now and at the lags, the change, and what is usual."""
    past = [deviations, *reversed(memory.earlier)]
    seen = [past[min(lag, len(past) - 1)] / DEVIATIONS for lag in (0, *LAGS)]
    usual = (memory.usual.planes - USUAL_MIDDLE) / USUAL
    planes = np.concatenate([*seen, change / CHANGE, usual])
    return np.asarray(np.clip(planes, -MOST_INPUT, MOST_INPUT), np.float32)


def new_smoke_memory(view: View, moment_s: float, aim: AimMemory | None = None) -> SmokeMemory:
    """Take a picture for what is usual; `aim` is where the camera looked before, if anywhere."""
    memory = SmokeMemory(usual=new_usual(view.pixels), last_s=moment_s, aim=aim or AimMemory())
    watch_aim(memory.aim, memory.usual.planes[3], moment_s)
    memory.earlier.append(np.zeros_like(memory.usual.planes))
    return memory


def watch_smoke(memory: SmokeMemory, view: View, moment_s: float, model: SmokeModel) -> list[Box] | None:
    """Take in the next picture; return the smoke in it, or None: it came too soon.

    Where `memory.aim` then says that the view has moved, its memory is of no more use.
    """
    gap_s = moment_s - memory.last_s
    if gap_s < SAMPLE_S:
        return None
    memory.last_s = moment_s
    planes = planes_of(held_still(memory.usual, view.pixels))
    change, deviations = differences(memory.usual, planes)
    watch_aim(memory.aim, planes[3], moment_s)
    found = []
    if memory.usual.pictures >= FIRST_PICTURES and memory.aim.now == "usual":
        unseen = cv2.resize(view.watched.astype(np.uint8), CELLS_WH, interpolation=cv2.INTER_NEAREST) == 0
        change[:, unseen] = deviations[:, unseen] = 0
        found = _plumes(memory, view, change, model.scores(as_input(memory, change, deviations)))
    learn(memory.usual, planes, change, deviations, gap_s)
    memory.earlier.append(deviations)
    return found


def _plumes(memory: SmokeMemory, view: View, change: Layers, scores: NDArray[np.float32]) -> list[Box]:
    count, names, stats, _ = cv2.connectedComponentsWithStats((scores >= JOINED).astype(np.uint8))
    across, down = view.pixels.shape[1] / BLOCKS_WH[0], view.pixels.shape[0] / BLOCKS_WH[1]
    found = []
    for name in range(1, count):
        x, y, width, height, area = (int(number) for number in stats[name])
        blocks = names == name
        cells = np.repeat(np.repeat(blocks, 2, axis=0), 2, axis=1)
        usual = memory.usual.planes[3][cells]
        kept = float((1 + change[3][cells] / np.maximum(usual, 1e-3)).clip(0, 2).mean())
        found.append(
            Box(
                label="smoke",
                confidence=float(scores[blocks].max()),
                box_xyxy=to_picture(view, x * across, y * down, (x + width) * across, (y + height) * down),
                criteria={
                    "area_blocks": float(area),
                    "contrast_kept": kept,
                    "grey_shift": float(change[0][cells].mean()),
                },
            )
        )
    return found
