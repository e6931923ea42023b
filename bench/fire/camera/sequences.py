"""Rendered sequences in Pyronear's form: as many with a fire as without, a verdict for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np

from simulators.ridge.scene import TROUBLES, Asked, Scene, draw_scene

Split: TypeAlias = Literal["train", "report"]

SEED: Mapping[Split, int] = {"train": 71, "report": 72}
PICTURES, GAP_S = 40, 30.0
"""Of a sequence, as Pyronear's: their cameras look at each place every half minute."""
SIZE_WH = (640, 360)
FEWEST_VISIBLE = 8
"""Pictures that must show a fire's smoke: one that nobody can see is no test of a camera."""
IGNITED_S = (150.0, 400.0)
DAY_S = 86_400.0
DAY_GAP_S = 60.0
START = datetime(2026, 4, 5, 4, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Footage:
    """A sequence of a split; every second one has a fire, every kind of trouble comes as often with one."""

    split: Split
    number: int

    @property
    def name(self) -> str:
        """Return what it is called."""
        return f"{self.split}-{self.number}"

    @property
    def has_fire(self) -> bool:
        """Tell whether something burns in it."""
        return self.number % 2 == 0

    def scene(self, attempt: int = 0, *, size_wh: tuple[int, int] = SIZE_WH) -> Scene:
        """Draw its scene; the next attempt is another fire."""
        seed = [SEED[self.split], self.number, attempt]
        ignited_s = float(np.random.default_rng([*seed, 3]).uniform(*IGNITED_S))
        asked = Asked(
            start=START,
            duration_s=PICTURES * GAP_S,
            interval_s=GAP_S,
            fire=self.has_fire,
            ignited_s=ignited_s,
            trouble=TROUBLES[self.number // 2 % len(TROUBLES)],
            size_wh=size_wh,
        )
        return draw_scene(seed, asked)


def quiet_day(split: Split, number: int) -> Scene:
    """Draw a day and a night without a fire, a picture a minute."""
    asked = Asked(
        start=START + timedelta(days=number),
        duration_s=DAY_S,
        interval_s=DAY_GAP_S,
        fire=False,
        trouble=TROUBLES[number % len(TROUBLES)],
        hour=4.0,
    )
    return draw_scene([SEED[split], 1_000_000 + number], asked)
