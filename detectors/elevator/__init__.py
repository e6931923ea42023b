"""The scene `elevator`: an e-bike, moped or motorcycle in a lift cabin."""

from detectors.elevator.detector import CabinMemory, ElevatorDetector

__all__ = ["CabinMemory", "ElevatorDetector"]
