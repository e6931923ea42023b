"""The rendered clips: which family shows what, and which seeds are for tuning and which for reporting.

Every clip has a façade, a camera and a light of its own, drawn from its split, family and number. No façade
is in both splits. All pictures have been through H.264 at 2 to 4 Mbit/s (for 1080p; smaller ones get their
share).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from simulators.facade.light import LightName
from simulators.facade.sensor import ShakeName
from simulators.facade.stage import Stage, draw_stage
from simulators.facade.take import Disturber, Take, draw_take
from simulators.facade.throws import windows_to_throw_from

Split: TypeAlias = Literal["train", "report"]
Weather: TypeAlias = Literal["dry", "wind", "rain", "snow"]

Family: TypeAlias = Literal["throws", "air", "home", "street", "rain", "snow", "light", "shake", "calm"]
FAMILIES: tuple[Family, ...] = get_args(Family)

SPLITS: Mapping[Split, int] = {"train": 1, "report": 2}
"""First number of every seed."""

FULL_WH, UPRIGHT_WH, HALF_WH, THIRD_WH = (1920, 1080), (1080, 1920), (960, 540), (640, 360)

THROWS_PER_CLIP = 4

USUAL: Mapping[Disturber, int] = {"laundry": 2, "curtain": 1, "lamp": 1, "leaf": 1, "bird": 1}
"""What moves before a house while something is thrown."""

CROWDS: Mapping[Family, Mapping[Disturber, int]] = {
    "air": {"leaf": 14, "sheet": 13, "bird": 14, "diving_bird": 14, "insect": 16},
    "home": {"laundry": 10, "curtain": 10, "window": 10, "lamp": 10, "glare": 15},
    "street": {"vehicle": 13, "walker": 13, "tree": 1},
    "rain": {"rain": 10, "laundry": 1},
    "snow": {"snow": 10, "laundry": 1},
    "light": {"lamp": 6, "glare": 4, "tree": 1},
    "shake": {"laundry": 2, "tree": 1},
    "calm": {"laundry": 1, "tree": 1},
}
"""How many of each come in the twelve seconds of a clip without a throw."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One rendered clip, before it is rendered: everything follows from its three first fields."""

    split: Split
    family: Family
    number: int
    light: LightName
    weather: Weather
    shake: ShakeName
    size_wh: tuple[int, int]
    crop: float
    """Times that it is a smaller part of a larger picture: pixels per metre stay those of the larger."""
    fps: float
    kbit_s: float
    duration_s: float | None
    """None: as long as its throws take, one after the other."""

    @property
    def name(self) -> str:
        """Return what it is called in the results."""
        return f"{self.split}-{self.family}-{self.number:04d}"

    def _rng(self, part: int) -> np.random.Generator:
        return np.random.default_rng([SPLITS[self.split], FAMILIES.index(self.family), self.number, part])

    def stage(self) -> Stage:
        """Return its façade, of which the camera sees some; for throws three floors below some window."""
        rng = self._rng(1)
        lowest_m = -2.5 if self.family == "street" else None
        while True:
            stage = draw_stage(rng, size_wh=self.size_wh, light=self.light, crop=self.crop, lowest_m=lowest_m)
            if len(stage.polygon()) and (self.family != "throws" or windows_to_throw_from(stage)):
                return stage

    def take(self) -> Take:
        """Return what happens in it."""
        throws = THROWS_PER_CLIP if self.family == "throws" else 0
        disturbers = dict(USUAL if throws else CROWDS[self.family])
        if throws and self.weather in ("rain", "snow"):
            disturbers |= {"rain": 10} if self.weather == "rain" else {"snow": 10}
        if throws and self.number % 3 == 0:
            disturbers["tree"] = 1
        return draw_take(
            self._rng(2),
            self.stage(),
            duration_s=self.duration_s,
            fps=self.fps,
            throws=[None] * throws,
            disturbers=disturbers,
            shake=self.shake,
            light_changes={"light": 3, "throws": int(self.number % 4 == 0)}.get(self.family, 0),
            wind_ms=3.0 if self.weather == "wind" else 0.7,
        )


def draw_clip(split: Split, family: Family, number: int) -> Clip:
    """Return the clip of a family with a number; conditions are drawn, so that each number has its own."""
    rng = np.random.default_rng([SPLITS[split], FAMILIES.index(family), number])
    light: LightName = rng.choice(["day", "day", "dusk", "night"])
    weather: Weather = "dry"
    if family in ("rain", "snow"):
        weather = family
    elif family in ("throws", "shake"):
        weather = rng.choice(["dry", "dry", "dry", "wind", "rain", "snow"])
    size_wh, crop = THIRD_WH, float(rng.uniform(1.0, 2.5))
    if family == "throws":
        size_wh = [FULL_WH, HALF_WH, HALF_WH, HALF_WH, UPRIGHT_WH, HALF_WH, HALF_WH, HALF_WH][number % 8]
        crop = float(rng.uniform(1.2, 2.2)) if size_wh == HALF_WH else 1.0
    shake: ShakeName = "sway" if weather == "wind" else "none"
    if family == "shake":
        shake = rng.choice(["sway", "knock"])
    return Clip(
        split=split,
        family=family,
        number=number,
        light=str(light),  # type: ignore[arg-type]
        weather=str(weather),  # type: ignore[arg-type]
        shake=str(shake),  # type: ignore[arg-type]
        size_wh=size_wh,
        crop=crop,
        fps=float(rng.choice([25, 25, 15, 30])),
        kbit_s=float(rng.uniform(2000, 4000)),
        duration_s=None if family == "throws" else 12.0,
    )
