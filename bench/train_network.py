"""What the networks of all detectors are made of, and how they are written as ONNX for cv2.dnn."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

HIGHEST_RATE = 3e-3
AVERAGED = 0.995
"""Share of the averaged weights that a step keeps."""


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


def fit(network: nn.Module, loss_of_batch: Callable[[], Tensor], steps: int, *, decay: float) -> nn.Module:
    """Train a network, where it lies, by the loss of so many batches, each drawn anew.

    Returns it with averaged weights, on the CPU.
    """
    made = network.to(memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(
        made, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGED), use_buffers=True
    )
    learner = torch.optim.AdamW(made.parameters(), lr=HIGHEST_RATE, weight_decay=decay)
    pace = torch.optim.lr_scheduler.OneCycleLR(learner, HIGHEST_RATE, total_steps=steps, pct_start=0.15)
    told, began = 0.0, time.process_time()
    made.train()
    for number in range(steps):
        loss = loss_of_batch()
        learner.zero_grad()
        loss.backward()
        learner.step()
        pace.step()
        average.update_parameters(made)
        told = loss.item() if number == 0 else 0.98 * told + 0.02 * loss.item()
        if number % 200 == 199:
            print(
                f"{time.process_time() - began:.0f} s of CPU: step {number + 1}, loss {told:.4f}", flush=True
            )
    return average.module.cpu().eval()
