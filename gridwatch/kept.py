"""What is kept for how long and how much of it: settings of the server, and what the console says instead.

Names are those of the settings; evidence has one for each class: `keep_evidence.alert`. Values are days, or
GB for a quota.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gridwatch.errors import NotFound
from gridwatch.fields import WrongFields
from gridwatch.settings import KEEP_DAYS, MOST_DAYS, Settings

QUOTAS = ("evidence_quota_gb", "quarantine_gb")
EVIDENCE = "keep_evidence."

SHORTEST_DAYS = 1.0
"""What is typed at a page deletes at once and for ever: a slip of the finger leaves a day of it."""
LEAST_GB = 0.1
MOST_GB = 1_000_000.0


NAMES = (
    *("keep_readings_days", "keep_aggregates_days", "quarantine_days"),
    *(f"{EVIDENCE}{name}" for name in KEEP_DAYS),
    *QUOTAS,
)


def kept_by_settings(settings: Settings) -> dict[str, float]:
    """Return what the settings of the server say, by name."""
    return {
        name: settings.keep_evidence[name.removeprefix(EVIDENCE)]
        if name.startswith(EVIDENCE)
        else float(getattr(settings, name))
        for name in NAMES
    }


def evidence_days(kept: Mapping[str, float]) -> dict[str, float]:
    """Return for how many days evidence is kept, by class."""
    return {name: kept[f"{EVIDENCE}{name}"] for name in KEEP_DAYS}


class _Days(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: float = Field(ge=SHORTEST_DAYS, le=MOST_DAYS)


class _Gigabytes(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: float = Field(ge=LEAST_GB, le=MOST_GB)


def checked(name: str, value: float | None) -> float:
    """Return a value that may stand under a name; raise WrongFields, or NotFound for no such name."""
    if name not in NAMES:
        raise NotFound(f"nothing called {name!r} is kept: there is {', '.join(NAMES)}")
    model = _Gigabytes if name in QUOTAS else _Days
    try:
        return model.model_validate({"value": value}).value
    except ValidationError as error:
        raise WrongFields.of(error) from error
