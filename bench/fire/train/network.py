"""The network: plain convolutions, which cv2.dnn runs fast."""

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.train_network import export as export_network
from bench.train_network import step
from detectors.fire.patches import CHANNELS, LABELS, PATCH_PX

WIDTHS = (16, 32, 48, 64)
"""Channels of the four stages, each half the size of the one before."""


def network() -> nn.Sequential:
    """Make the network: a patch in, log odds per label out."""
    first, second, third, fourth = WIDTHS
    return nn.Sequential(
        step(CHANNELS, first, 2),
        step(first, second, 2),
        step(second, second),
        step(second, third, 2),
        step(third, third),
        step(third, fourth, 2),
        step(fourth, fourth),
        nn.AvgPool2d(PATCH_PX // 16),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(fourth, len(LABELS)),
    )


def as_inputs(now: Tensor, before: Tensor) -> Tensor:
    """Return what the network takes of pictures × channels × height × width, as `patches.as_input` does."""
    weights = torch.tensor([0.114, 0.587, 0.299]).view(1, 3, 1, 1)
    change = ((now - before) * weights).sum(1, keepdim=True)
    return torch.cat([(now - 128) / 64, (before - 128) / 64, change / 32], dim=1)


def export(made: nn.Module, path: Path) -> None:
    """Write the network as ONNX with an input of one patch."""
    export_network(made, path, (CHANNELS, PATCH_PX, PATCH_PX), ("patch", "odds"))
