"""Pixels and readings in, findings out.

A new detector is one file and one line in a dictionary here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detectors.elevator import ElevatorDetector
from detectors.elevator.cabin_model import SHIPPED
from detectors.fire import FireCameraDetector, FireSensorDetector
from detectors.protocol import CameraDetector, SensorDetector
from detectors.throwing import ThrowingDetector


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorOptions:
    """What the settings say about detectors; of `originals` pictures are kept as the camera saw them too."""

    elevator_onnx: Path | None = None
    elevator_classes: Mapping[str, str] = field(default_factory=dict)
    elevator_model: Path | None = None
    """Folder of a recogniser that was learnt from the user's own lifts; unset: the shipped one."""
    fire_onnx: Path | None = None
    fire_classes: Mapping[str, str] = field(default_factory=dict)
    originals: frozenset[str] = frozenset({"fire", "elevator"})


CAMERA_DETECTORS: Mapping[str, Callable[[DetectorOptions], CameraDetector[Any]]] = {
    "fire": lambda options: FireCameraDetector(options.fire_onnx, options.fire_classes or None),
    "elevator": lambda options: ElevatorDetector(
        options.elevator_onnx,
        options.elevator_classes or None,
        model=options.elevator_model or SHIPPED,
    ),
    "throwing": lambda _: ThrowingDetector(),
}
"""By scene: what looks at a camera's pictures. Building one raises DetectorError where an option is wrong."""

SENSOR_DETECTORS: Mapping[str, Callable[[], SensorDetector[Any]]] = {
    "fire": FireSensorDetector,
}
"""By scene: what judges readings. All of them judge every device: smoke in a lift is a fire too."""
