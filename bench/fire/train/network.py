"""The network: plain convolutions, which cv2.dnn runs fast."""

from pathlib import Path

import torch
from torch import Tensor, nn

from detectors.fire.patches import CHANNELS, LABELS, PATCH_PX

WIDTHS = (16, 32, 48, 64)
"""Channels of the four stages, each half the size of the one before."""


def _step(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def network() -> nn.Sequential:
    """Make the network: a patch in, log odds per label out."""
    first, second, third, fourth = WIDTHS
    return nn.Sequential(
        _step(CHANNELS, first, 2),
        _step(first, second, 2),
        _step(second, second),
        _step(second, third, 2),
        _step(third, third),
        _step(third, fourth, 2),
        _step(fourth, fourth),
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
    program = torch.onnx.export(
        made.eval(),
        (torch.zeros(1, CHANNELS, PATCH_PX, PATCH_PX),),
        dynamo=True,
        verbose=False,
        input_names=["patch"],
        output_names=["odds"],
        external_data=False,
    )
    program.save(path)
