"""ONNX files for tests, written field by field (onnx.proto): whatever the picture, one output."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gridwatch.protobuf import encoded

FLOAT, INT64 = 1, 7


def constant_model(
    input_shape: Sequence[int], output: NDArray[np.float32], notes: Mapping[str, str] | None = None
) -> bytes:
    """Encode a model that gives `output` for every picture: 0 times the picture's mean, plus that."""
    nodes = [
        _node("GlobalAveragePool", ["images"], "mean"),
        _node("Reshape", ["mean", "flat_shape"], "flat"),
        _node("MatMul", ["flat", "zeros"], "nothing"),
        _node("Reshape", ["nothing", "shape"], "shaped"),
        _node("Add", ["shaped", "constant"], "output"),
    ]
    tensors = [
        _tensor("flat_shape", np.array([1, 1, 3], np.int64)),
        _tensor("zeros", np.zeros((1, 3, output.size), np.float32)),
        _tensor("shape", np.array(output.shape, np.int64)),
        _tensor("constant", output.astype(np.float32)),
    ]
    graph = b"".join(encoded(1, node) for node in nodes) + encoded(2, b"graph")
    graph += b"".join(encoded(5, tensor) for tensor in tensors)
    graph += encoded(11, _value("images", input_shape)) + encoded(12, _value("output", output.shape))
    model = encoded(1, 8) + encoded(7, graph) + encoded(8, encoded(1, b"") + encoded(2, 13))
    for key, value in (notes or {}).items():
        model += encoded(14, encoded(1, key.encode()) + encoded(2, value.encode()))
    return model


def _node(kind: str, inputs: Sequence[str], output: str) -> bytes:
    named = b"".join(encoded(1, name.encode()) for name in inputs)
    return named + encoded(2, output.encode()) + encoded(3, output.encode()) + encoded(4, kind.encode())


def _tensor(name: str, values: NDArray[np.float32] | NDArray[np.int64]) -> bytes:
    sides = b"".join(encoded(1, side) for side in values.shape)
    kind = INT64 if values.dtype == np.int64 else FLOAT
    return sides + encoded(2, kind) + encoded(8, name.encode()) + encoded(9, values.tobytes())


def _value(name: str, shape: Sequence[int]) -> bytes:
    sides = b"".join(encoded(1, encoded(1, side)) for side in shape)
    return encoded(1, name.encode()) + encoded(2, encoded(1, encoded(1, FLOAT) + encoded(2, sides)))
