"""How long people have, by severity and category, in working or calendar time.

What somebody changes at the console (gridwatch/store/escalation.py) wins. Else a TOML file
(GRIDWATCH_ESCALATION) replaces single times: a table for each severity (`[critical]`), or for a
severity in a scene (`["fire.major"]`), in minutes. The defaults are ours, of no standard.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from gridwatch.duty.calendar import after_working_time
from gridwatch.errors import SettingsError
from gridwatch.fields import WrongFields
from gridwatch.model import LABEL, Severity


class Times(BaseModel):
    """What one kind of alert goes by. Lengths in minutes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer_min: float = Field(gt=0, le=10_080, description="nobody took it: the next rung is called")
    accept_min: float = Field(gt=0, le=10_080, description="who was called has seen it, and does not take it")
    arrive_min: float = Field(gt=0, le=10_080, description="who took it is not there")
    handle_min: float = Field(gt=0, le=43_200, description="it is not resolved")
    verify_min: float = Field(gt=0, le=43_200, description="nobody confirmed that it is over")
    close_min: float = Field(gt=0, le=525_600, description="confirmed: it closes by itself")
    again_min: float = Field(gt=0, le=10_080, description="all were called: again, each time twice as late")
    again_most_min: float = Field(gt=0, le=43_200, description="but at least so often")
    at_once: int = Field(default=1, ge=1, le=7, description="rungs of the ladder that are called together")
    working: bool = Field(default=False, description="only working hours count")

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.again_most_min < self.again_min:
            raise PydanticCustomError("again_most", "again_most_min must not be less than again_min")
        return self

    def after(self, at: datetime, minutes: float) -> datetime:
        """Return when so many minutes of this kind of time have passed."""
        span = timedelta(minutes=minutes)
        return after_working_time(at, span) if self.working else at + span

    def again(self, at: datetime, rounds: int) -> datetime:
        """Return when all are called anew for the `rounds`-th time; 0 for the first."""
        return self.after(at, min(self.again_most_min, self.again_min * 2 ** min(rounds, 20)))


USUAL: Mapping[str, Times] = {
    # Life safety: the responsible, stand-ins and the estate at once, then community to district, at any hour.
    "critical": Times(
        answer_min=2,
        accept_min=2,
        arrive_min=10,
        handle_min=30,
        verify_min=120,
        close_min=1440,
        again_min=5,
        again_most_min=60,
        at_once=3,
    ),
    "major": Times(
        answer_min=10,
        accept_min=10,
        arrive_min=30,
        handle_min=240,
        verify_min=1440,
        close_min=4320,
        again_min=60,
        again_most_min=480,
    ),
    "fire.major": Times(
        answer_min=5,
        accept_min=5,
        arrive_min=15,
        handle_min=60,
        verify_min=480,
        close_min=1440,
        again_min=15,
        again_most_min=240,
    ),
    "minor": Times(
        answer_min=120,
        accept_min=240,
        arrive_min=480,
        handle_min=1440,
        verify_min=2880,
        close_min=2880,
        again_min=480,
        again_most_min=2400,
        working=True,
    ),
}
"""By severity, or by scene and severity."""


def times_of(table: Mapping[str, Times], severity: Severity, scene: str) -> Times:
    """Return the times of a severity in a scene."""
    return table.get(f"{scene}.{severity.value}") or table[severity.value]


def read_times(path: Path | None) -> Mapping[str, Times]:
    """Return the usual times with what a file replaces; raise SettingsError that names what is wrong."""
    if path is None:
        return USUAL
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"GRIDWATCH_ESCALATION: {path}: {error}") from error
    return {**USUAL, **{name: _times(path, name, table) for name, table in given.items()}}


def _times(path: Path, name: str, table: object) -> Times:
    try:
        return made_times(name, table)
    except WrongFields as error:
        raise SettingsError(f"GRIDWATCH_ESCALATION: {path}: [{name}]: {error}") from error


def made_times(name: str, table: object) -> Times:
    """Return the usual times of a kind of alert with what a table replaces.

    Raises WrongFields that names each wrong field and why.
    """
    scene, _, severity = name.rpartition(".")
    if (
        severity not in list(Severity)
        or (scene and not LABEL.fullmatch(scene))
        or not isinstance(table, dict)
    ):
        why = "write a table for critical, major or minor, or scene.severity"
        raise WrongFields.one("", "no_kind", why)
    usual = (USUAL.get(name) or USUAL[severity]).model_dump()
    try:
        times = Times(**{**usual, **table})
    except ValidationError as error:
        raise WrongFields.of(error) from error
    if severity == Severity.CRITICAL and times.working:
        raise WrongFields.one("working", "round_the_clock", "life safety runs round the clock")
    return times
