"""What judges a cabin by the outline of what stands in it, until the recogniser holds in rendered visits."""

from detectors.elevator.by_shape.watch import ShapeWatch

__all__ = ["ShapeWatch"]
