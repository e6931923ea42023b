"""The network: a picture in, a grid of feature vectors out; plain convolutions, which cv2.dnn runs fast."""

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.train_network import export as export_network
from bench.train_network import step
from detectors.elevator.cabin_model import INPUT_WH, SHARPNESS
from detectors.elevator.recogniser import LABELS

CHANNELS = (16, 32, 72, 128)
"""Of the four stages, each half the size of the one before."""


class Residual(nn.Module):
    """Two convolutions around which the input is passed on."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = step(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum, cut at 0."""
        return torch.relu(inputs + self.second(self.first(inputs)))


class Context(nn.Module):
    """Tells every cell what the picture as a whole shows."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.whole = nn.Conv2d(channels, channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return each cell's features, weighed by what the whole picture shows."""
        return inputs * torch.sigmoid(self.whole(inputs.mean(dim=(2, 3), keepdim=True)))


def features() -> nn.Sequential:
    """Make the network."""
    first, second, third, fourth = CHANNELS
    return nn.Sequential(
        step(3, first, 2),
        step(first, second, 2),
        step(second, third, 2),
        Residual(third),
        step(third, fourth, 2),
        Residual(fourth),
        Residual(fourth),
        Context(fourth),
    )


def head() -> nn.Linear:
    """Make the layer on top of a cell's features."""
    made = nn.Linear(CHANNELS[-1], len(LABELS))
    nn.init.constant_(made.bias, -2.0)
    return made


def pooled(cells: Tensor) -> Tensor:
    """Return the log odds of pictures from those of their cells, as `cabin_model.pooled` does."""
    count = torch.tensor(float(cells.shape[1]))
    return (torch.logsumexp(SHARPNESS * cells, dim=1) - torch.log(count)) / SHARPNESS


def export(network: nn.Module, path: Path) -> None:
    """Write the network as ONNX with an input of one picture."""
    export_network(network, path, (3, INPUT_WH[1], INPUT_WH[0]), ("picture", "cells"))
