"""How well a lift's interlock did: its holds, those that were false, and how often that may be."""

import math
from dataclasses import dataclass
from enum import StrEnum

from gridwatch.errors import NotAllowed
from gridwatch.interlock import Mode
from gridwatch.rates import most_per

DAY_S = 86_400.0


class Reason(StrEnum):
    """Why somebody lets go of a lift."""

    FALSE_ALARM = "false_alarm"
    """What stands there is no e-bike: it counts as a false hold."""
    TAKEN_OUT = "taken_out"
    EMERGENCY = "emergency"
    OTHER = "other"


def in_words(reason: Reason, note: str) -> str:
    """Return a reason with what somebody adds to it."""
    return f"{reason}: {note}" if note else str(reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class FalseHolds:
    """What is known of a lift's false holds. In mode observe a hold is what would have been one.

    Only holds that a person judged can be known as false.
    """

    watched_s: float
    holds: int
    judged: int
    false_alarms: int

    @property
    def watched_days(self) -> float:
        """Return for how many days its cabin was watched."""
        return self.watched_s / DAY_S

    @property
    def per_day(self) -> float | None:
        """Return the false holds per day, None where nothing was watched."""
        return self.false_alarms / self.watched_days if self.watched_s > 0 else None

    @property
    def per_day_most(self) -> float | None:
        """Return the rate that is not exceeded with 95 %, holds that nobody judged counted as false."""
        worst = self.false_alarms + self.holds - self.judged
        most = most_per(worst, self.watched_days)
        return None if math.isinf(most) else most

    def sentence(self) -> str:
        """Return it in words."""
        if self.per_day is None or self.per_day_most is None:
            return "its cabin was never watched: nothing is known of false holds"
        return (
            f"in {self.watched_days:.1f} days watched there were {self.holds} holds, {self.judged} of them "
            f"judged, {self.false_alarms} false: {self.per_day:.2f} a day, with 95 % at most "
            f"{self.per_day_most:.2f} (what nobody judged counted as false)"
        )


def check_holding(before: Mode, after: Mode, false_holds: FalseHolds, *, is_confirmed: bool) -> None:
    """Raise NotAllowed where holding is switched on by somebody who has not seen how often it is false."""
    if before is Mode.OBSERVE and after is not Mode.OBSERVE and not is_confirmed:
        raise NotAllowed(f"mode {after} holds the door: {false_holds.sentence()}. Confirm it to switch it on")
