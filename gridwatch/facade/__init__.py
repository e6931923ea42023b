"""How a camera sees a façade: what it watches, where things are in metres, and which window they left.

Pure geometry: no clock, no files, no pictures.
"""

from gridwatch.facade.calibrating import CalibrationError, calibrate
from gridwatch.facade.locating import locate, with_origin
from gridwatch.facade.presets import Preset
from gridwatch.facade.stating import StatedView, read_landmarks
from gridwatch.facade.view import Calibration, Corner, FacadeView, Landmark, WindowGrid

__all__ = [
    "Calibration",
    "CalibrationError",
    "Corner",
    "FacadeView",
    "Landmark",
    "Preset",
    "StatedView",
    "WindowGrid",
    "calibrate",
    "locate",
    "read_landmarks",
    "with_origin",
]
