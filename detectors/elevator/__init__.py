"""The scene `elevator`: an e-bike, moped or motorcycle in a lift cabin."""

from detectors.elevator.detector import ElevatorDetector

__all__ = ["ElevatorDetector"]
