"""Flame in one picture alone: what has its colours, and by its numbers is one."""

from detectors.fire.glow import Glow, GlowModel
from detectors.fire.patches import PatchModel, places_that_glow
from detectors.fire.tubes import Box
from gridwatch.model import BoxXyxy, Pixels

SURE = 0.39
"""Score from which a place counts as flame: one in twenty held-back pictures without fire has one."""


class StillModel:
    """Tells flame in lone pictures; building one raises DetectorError for wrong weights."""

    def __init__(self) -> None:
        self._patches = PatchModel()
        self._glow = GlowModel()

    def scores(self, pixels: Pixels) -> list[tuple[float, BoxXyxy]]:
        """Return the places of a picture that glow, each with its score of 0-1, the highest first."""
        glow = Glow(pixels)
        across, down = glow.across, glow.down
        found = []
        for x1, y1, x2, y2 in places_that_glow(glow.small):
            place = (x1 * across, y1 * down, x2 * across, y2 * down)
            features = glow.features(place, self._patches)
            if features is not None:
                found.append((self._glow.score(features), place))
        return sorted(found, reverse=True)


def judge_still(pixels: Pixels, model: StillModel) -> list[Box]:
    """Return the flames of one picture."""
    return [
        Box(label="flame", confidence=score, box_xyxy=place)
        for score, place in model.scores(pixels)
        if score >= SURE
    ]
