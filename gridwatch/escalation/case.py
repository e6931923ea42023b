"""What the policy is given of an alert, and what it decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gridwatch.duty.ladder import OnDuty, Rung, RungLevel
from gridwatch.model import AlertState, Severity


class Trigger(StrEnum):
    """Why an alert is looked at now."""

    RAISED = "raised"
    """It is new, or open again."""
    WORSE = "worse"
    DUE = "due"
    """Its deadline has passed."""
    ESCALATE = "escalate"
    """Somebody asks for the next level."""
    RETURNED = "returned"
    ASSIGNED = "assigned"
    ACTED = "acted"
    """Somebody did something else: only its deadline is new."""


class MuteKind(StrEnum):
    """Why nobody is called for a while."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, kw_only=True, slots=True)
class Muted:
    """A silence or maintenance that covers an alert."""

    id: int
    kind: MuteKind
    reason: str
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """An alert as it stands now, whom its place has, and why it is looked at.

    `called`: the rungs called since it was opened. `declined`: who gave it back. `turn`: how often somebody
    was called for it, ever. `rounds`: how often since it is in its state. `seen_at`: when somebody in the
    field said that they had seen it. `part_of`: an alert of something wider that explains it.
    `by_person`: whether somebody resolved it, not the house itself. `tester`: who tests its device now.
    """

    severity: Severity
    scene: str
    state: AlertState
    now: datetime
    trigger: Trigger
    ladder: Sequence[Rung]
    called: frozenset[str] = frozenset()
    declined: frozenset[int] = frozenset()
    turn: int = 0
    rounds: int = 0
    assignee: OnDuty | None = None
    seen_at: datetime | None = None
    due_at: datetime | None = None
    muted: Muted | None = None
    part_of: int | None = None
    drill: bool = False
    tester: str = ""
    simulated: bool = False
    by_person: bool = True

    @property
    def is_vital(self) -> bool:
        """Say whether it is about life: nothing holds it back."""
        return self.severity is Severity.CRITICAL and not self.drill and not self.simulated

    @property
    def has_people(self) -> bool:
        """Say whether anybody on the roster could be called."""
        return any(rung.people for rung in self.ladder)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Somebody to be told now; `person` None stands for the channels of the installation."""

    person: OnDuty | None
    step: str
    level: RungLevel | None
    area: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Who is told now, when it is looked at again, and why: in English and Chinese.

    `due_at` None: it is not looked at again. `rungs` were called now, for the first time.
    """

    asks: tuple[Ask, ...] = ()
    rungs: tuple[Rung, ...] = ()
    due_at: datetime | None = None
    rounds: int = 0
    closes: bool = False
    because: str
    because_zh: str


def name_of(rung: Rung) -> str:
    """Return what a rung is remembered by."""
    return f"{rung.level.value}:{rung.area or ''}"
