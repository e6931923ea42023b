"""How a camera sees a façade: what it watches, where things are in metres, and which window they left.

Pure geometry: no clock, no files, no pictures.
"""

from gridwatch.facade.view import Calibration, Corner, FacadeView, Landmark, WindowGrid

__all__ = ["Calibration", "Corner", "FacadeView", "Landmark", "WindowGrid"]
