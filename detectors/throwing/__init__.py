"""Objects that fall from height, seen by a static camera that looks at a façade."""

from detectors.throwing.detector import ThrowingDetector

__all__ = ["ThrowingDetector"]
