"""Fire: smoke, CO and heat in readings; flame and smoke in pictures and video."""

from detectors.fire.camera import FireCameraDetector
from detectors.fire.sensor import FireSensorDetector

__all__ = ["FireCameraDetector", "FireSensorDetector"]
