"""Notice that something covers the lens of a cabin camera."""

from dataclasses import dataclass

import cv2

from gridwatch.model import Pixels

DARK_LEVEL = 14.0
"""Mean grey level (0-255) under which a picture shows nothing; a cabin at night lies above 30."""

FLAT_LEVELS = 7.0
"""Standard deviation of grey under which a picture is one surface; an empty cabin lies above 20."""

CLEAR_FACTOR = 1.6
"""How far above both limits a picture must be to count as clear again, so that noise can't flap."""

CLEAR_PICTURES = 5
"""Clear pictures in a row after which the lens counts as free again."""

SMALL_WH = (64, 36)
"""Size at which grey levels are compared: camera noise averages out, a cabin's edges stay."""


@dataclass(kw_only=True, slots=True)
class LensMemory:
    """Whether the lens was ever free, is covered now, and for how many pictures it has been clear."""

    was_clear: bool = False
    covered: bool = False
    clear_run: int = 0

    def newly_covered(self, pixels: Pixels) -> bool:
        """Take in a picture; return True for the first covered one after a clear one."""
        level, spread = _level_and_spread(pixels)
        if level < DARK_LEVEL or spread < FLAT_LEVELS:
            self.clear_run = 0
            newly = self.was_clear and not self.covered
            self.covered = True
            return newly
        if level > DARK_LEVEL * CLEAR_FACTOR and spread > FLAT_LEVELS * CLEAR_FACTOR:
            self.clear_run += 1
            if not self.covered or self.clear_run >= CLEAR_PICTURES:
                self.was_clear, self.covered = True, False
        return False


def _level_and_spread(pixels: Pixels) -> tuple[float, float]:
    small = cv2.cvtColor(cv2.resize(pixels, SMALL_WH, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    mean, deviation = cv2.meanStdDev(small)
    return float(mean[0, 0]), float(deviation[0, 0])
