"""Day, dusk and night as a cheap camera shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

LightName: TypeAlias = Literal["day", "dusk", "night"]

Colour: TypeAlias = tuple[float, float, float]
"""Blue, green, red; 0..255."""

LUMA = np.array([0.114, 0.587, 0.299])

INFRARED_M = 22.0
"""Distance at which a night camera's own lamps light a white wall as bright as the street lamps do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """What light does to colours and to the camera: exposure in seconds, noise in grey levels."""

    name: LightName
    tint: Colour
    """Factors of blue, green and red."""
    sky: Colour
    lamps_on: float
    """Share of windows with a lamp on behind them."""
    exposure_s: tuple[float, float]
    """Shortest and longest; one is drawn per scene."""
    noise: tuple[float, float]
    infrared: bool = False

    def shade(self, colour: Colour, distance_m: float) -> Colour:
        """Return a thing's colour as the camera sees it at a distance."""
        if not self.infrared:
            blue, green, red = (min(255.0, c * f) for c, f in zip(colour, self.tint, strict=True))
            return blue, green, red
        grey = min(255.0, float(LUMA @ np.array(colour)) * float(self.fall_off(np.array(distance_m))))
        return grey, grey, grey

    def fall_off(self, distance_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the factor of what street lamps and infrared lamps light, brighter near the camera."""
        return np.asarray(0.22 + 0.22 * (INFRARED_M / np.maximum(distance_m, 2.0)) ** 2)


LIGHTS: Mapping[LightName, Light] = {
    "day": Light(
        name="day",
        tint=(1.0, 1.0, 1.0),
        sky=(235, 220, 205),
        lamps_on=0.0,
        exposure_s=(1 / 500, 1 / 100),
        noise=(1.2, 2.5),
    ),
    "dusk": Light(
        name="dusk",
        tint=(0.62, 0.5, 0.45),
        sky=(140, 115, 110),
        lamps_on=0.3,
        exposure_s=(1 / 100, 1 / 50),
        noise=(2.5, 4.0),
    ),
    "night": Light(
        name="night",
        tint=(0.3, 0.3, 0.3),
        sky=(18, 18, 18),
        lamps_on=0.25,
        exposure_s=(1 / 60, 1 / 30),
        noise=(3.5, 6.0),
        infrared=True,
    ),
}
