"""The fire danger of a day in five levels, in the manner of China's forest fire weather grades: pure.

Index = A (highest temperature) + B (lowest humidity) + C (dry days) + D (strongest wind) - E (month).
The standard LY/T 1172-95 was not read in the original. The form of the index and the bounds of the levels are
as others quote it; the steps are those of a paper that uses it (doi 10.12677/wjf.2020.93016), which may be a
provincial variant; names and colours are as others quote QX/T 77-2007. E is 0 unless an installation says
otherwise. All of it but names, colours and advice is data: a TOML file replaces any table.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gridwatch.errors import SettingsError

LEAST_FACTOR = 0.5
"""Below half of its threshold a detector would alarm of dust and cooking, and nobody would believe it."""


class DangerLevel(IntEnum):
    """The five levels."""

    LOW = 1
    LOWER = 2
    HIGHER = 3
    HIGH = 4
    VERY_HIGH = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What a level is called and shown as, and what patrols are advised to do."""

    name: str
    name_zh: str
    colour: str
    advice: str
    advice_zh: str


MEANINGS: Mapping[DangerLevel, Meaning] = {
    DangerLevel.LOW: Meaning(
        name="low",
        name_zh="低",
        colour="green",
        advice="Patrol as usual.",
        advice_zh="按常规巡护。",
    ),
    DangerLevel.LOWER: Meaning(
        name="lower",
        name_zh="较低",
        colour="blue",
        advice="Patrol as usual, and look out for open fires.",
        advice_zh="按常规巡护，留意野外用火。",
    ),
    DangerLevel.HIGHER: Meaning(
        name="higher",
        name_zh="较高",
        colour="yellow",
        advice="Patrol more at noon and in the afternoon; watch paths, graves and edges of fields.",
        advice_zh="加强中午和下午的巡护，看好路口、坟地和地边。",
    ),
    DangerLevel.HIGH: Meaning(
        name="high",
        name_zh="高",
        colour="orange",
        advice="Patrol from morning to night, keep lookouts manned and control every fire.",
        advice_zh="全天加密巡护，瞭望台不断人，严格管理一切火源。",
    ),
    DangerLevel.VERY_HIGH: Meaning(
        name="very high",
        name_zh="极高",
        colour="red",
        advice="No fire of any kind in the woods; guard the ways in, keep crews ready to leave at once.",
        advice_zh="林区禁止一切用火，入口设岗，扑火队伍随时待命。",
    ),
}


class RainMeaning(StrEnum):
    """What one reading of `rain_mm` says."""

    LAST_HOUR = "last_hour"
    SINCE_LAST = "since_last"
    TOTAL = "total"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Steps(_Table):
    """Points by steps: `points[0]` below `begins[0]`, then one more for each begin that is reached."""

    begins: tuple[float, ...]
    points: tuple[float, ...]
    digits: int = Field(default=1, ge=0, le=3)
    """A value is rounded to so many decimal places before it is looked up, as the printed tables are."""

    @model_validator(mode="after")
    def _fit(self) -> "Steps":
        if list(self.begins) != sorted(set(self.begins)):
            raise ValueError("begins: each more than the one before")
        if len(self.points) != len(self.begins) + 1:
            raise ValueError(f"points: {len(self.begins) + 1}, one more than begins")
        return self

    def of(self, value: float) -> float:
        """Return the points of a value."""
        return self.points[bisect_right(self.begins, round(value, self.digits))]


class DangerTables(_Table):
    """All that the levels follow from; what a file leaves out is as here."""

    rain: RainMeaning = RainMeaning.LAST_HOUR
    dry_day_mm: float = Field(default=0.1, ge=0, le=10)
    """A day with no more rain than that has none."""
    temperature_c: Steps = Steps(begins=(5.1, 10.1, 15.1, 20.1, 25.1), points=(0, 4, 8, 12, 16, 20))
    humidity_pct: Steps = Steps(begins=(25, 35, 45, 55, 65), points=(20, 16, 12, 8, 4, 0), digits=0)
    dry_days: Steps = Steps(begins=tuple(range(1, 11)), points=tuple(range(0, 51, 5)), digits=0)
    wind_ms: Steps = Steps(
        begins=(0.3, 1.6, 3.4, 5.5, 8.0, 10.8, 13.9, 17.2), points=(0, 5, 10, 15, 20, 25, 30, 35, 40)
    )
    season: tuple[float, ...] = Field(default=(0.0,) * 12, min_length=12, max_length=12)
    """Points off by month, for green plants and snow."""
    levels: tuple[float, float, float, float] = (26, 51, 73, 91)
    """Where the levels above the first begin."""
    alarm_factors: tuple[float, float, float, float, float] = (1.0, 1.0, 0.95, 0.9, 0.8)
    """By level: at what part of its usual score a fire detector alarms."""

    @field_validator("levels")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("each more than the one before")
        return value

    @field_validator("alarm_factors")
    @classmethod
    def _never_hiding(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(LEAST_FACTOR <= factor <= 1 for factor in value):
            raise ValueError(f"from {LEAST_FACTOR} to 1: a level may bring an alarm forward, never hide one")
        return value

    def index(self, day: "DangerDay") -> float:
        """Return the danger index of a day, 0 or more."""
        points = (
            self.temperature_c.of(day.temperature_max_c)
            + self.humidity_pct.of(day.humidity_min_pct)
            + self.dry_days.of(day.dry_days)
            + self.wind_ms.of(day.wind_max_ms)
            - self.season[day.month - 1]
        )
        return max(points, 0.0)

    def level(self, index: float) -> DangerLevel:
        """Return the level of an index."""
        return DangerLevel(bisect_right(self.levels, round(index)) + 1)

    def dry_days_after(self, before: int, rain_mm: float) -> int:
        """Return how many days in a row had no rain, the day itself counted."""
        return before + 1 if rain_mm <= self.dry_day_mm else 0

    def score_needed(self, usual: float, level: DangerLevel | None) -> float:
        """Return the score at which a fire detector alarms: never more than usual, whatever the level."""
        return usual if level is None else min(usual, usual * self.alarm_factors[level - 1])


@dataclass(frozen=True, kw_only=True, slots=True)
class DangerDay:
    """What the danger index of a day follows from. `dry_days` without rain, that day counted."""

    month: int
    temperature_max_c: float
    humidity_min_pct: float
    wind_max_ms: float
    dry_days: int


def read_tables(path: Path | None) -> DangerTables:
    """Read the file; without one all is as it stands here. Raise SettingsError: file, key, why."""
    if path is None:
        return DangerTables()
    try:
        return DangerTables.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{path}: " + "; ".join(wrong)) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"GRIDWATCH_FIRE_DANGER={path} can't be read: {error}") from error
