"""What the networks of all detectors are made of, and how they are written as ONNX for cv2.dnn."""

from pathlib import Path

import torch
from torch import nn


def step(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Make a convolution of 3 × 3 with its normalisation, cut at 0."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def export(network: nn.Module, path: Path, input_shape: tuple[int, ...], names: tuple[str, str]) -> None:
    """Write a network as ONNX; `input_shape` without the first axis, names of its input and output."""
    program = torch.onnx.export(
        network.eval(),
        (torch.zeros(1, *input_shape),),
        dynamo=True,
        verbose=False,
        input_names=[names[0]],
        output_names=[names[1]],
        external_data=False,
    )
    model = program.model_proto
    for node in model.graph.node:
        # Each tells in which files it was written on the machine that trained it.
        node.ClearField("metadata_props")
    path.write_bytes(model.SerializeToString())
