"""What may be asked of a device, for how long, and how it travels.

A command is a request that lapses: nobody obeys it after its time. What concerns a lift's door travels with
QoS 0 and lapses in seconds, so that a lift goes on by itself when anything on our side stands still.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

from gridwatch.model import LiftState, check_label

SHORTEST_S = 1.0
LONGEST_S = 7 * 86_400.0
USUAL_S = 60.0

HOLD_LONGEST_S = 3.0
"""A hold that is not asked for again ends by itself: the lift must never wait for us."""

LONGEST_TEXT = 500
LARGEST_PARAMS = 16_384
"""Characters as JSON."""

FIRST_AGAIN_S, LAST_AGAIN_S = 2.0, 300.0
"""Between attempts while nobody answers: doubled each time. A device that comes back does not wait for it."""


class Action(StrEnum):
    """The actions that have rules of their own; a device may know others."""

    HOLD_OPEN = "hold_open"
    RELEASE = "release"
    SPEAK = "speak"


class CommandState(StrEnum):
    """Where a command stands."""

    WAITING = "waiting"
    SENT = "sent"
    """Published at least once, and not answered."""
    DONE = "done"
    FAILED = "failed"
    """The device answered that it could not, or would not."""
    EXPIRED = "expired"
    """Nobody answered in time. An answer that comes late is kept, and marked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked of a device, and for how long."""

    action: str
    params: Mapping[str, object]
    ttl_s: float

    def __post_init__(self) -> None:
        check_label(self.action)
        longest_s = HOLD_LONGEST_S if self.action == Action.HOLD_OPEN else LONGEST_S
        if not (math.isfinite(self.ttl_s) and SHORTEST_S <= self.ttl_s <= longest_s):
            limits = f"from {SHORTEST_S:g} to {longest_s:g} s"
            raise ValueError(f"ttl_s {self.ttl_s:g}: {self.action} lasts {limits}")
        if len(json.dumps(self.params, ensure_ascii=False)) > LARGEST_PARAMS:
            raise ValueError(f"params: at most {LARGEST_PARAMS} characters as JSON")
        match self.action:
            case Action.HOLD_OPEN | Action.RELEASE:
                _check_names(self.params, self.action)
            case Action.SPEAK:
                _check_names(self.params, self.action, "text", "lang")
                _check_words(self.params)

    @classmethod
    def of(cls, action: str, params: Mapping[str, object], ttl_s: float | None = None) -> Self:
        """Make one that lasts as long as such a command usually does, unless said otherwise."""
        usual_s = HOLD_LONGEST_S if action == Action.HOLD_OPEN else USUAL_S
        return cls(action=action, params=params, ttl_s=usual_s if ttl_s is None else ttl_s)

    @property
    def qos(self) -> int:
        """Return 0 for what must not wait anywhere on its way."""
        return 0 if self.action == Action.HOLD_OPEN else 1

    @property
    def ends_holds(self) -> bool:
        """Say whether earlier holds end with it: none may be sent again after a release."""
        return self.action in (Action.HOLD_OPEN, Action.RELEASE)


def why_not(action: str, state: LiftState | None, *, age: timedelta) -> str | None:
    """Say why a lift is not asked to keep its door open now, by its last word, `age` old, and how old it is.

    None: it may be asked. The lift decides for itself in any case.
    """
    if action != Action.HOLD_OPEN or state is None:
        return None
    against = against_waiting(state)
    heard = timedelta(seconds=max(0, round(age.total_seconds())))
    return None if against is None else f"{against}, by its last word {heard} ago"


def against_waiting(lift: LiftState) -> str | None:
    """Say what of a lift's last word is against keeping its door open; None: nothing.

    However old: one that moved and was not heard of since may still be moving.
    """
    if lift.mode is not None and lift.mode != "normal":
        return f"the lift is in mode {lift.mode}"
    if lift.moving:
        return "the lift is moving"
    return "the lift is not where its door may open" if lift.door_zone is False else None


def _check_names(params: Mapping[str, object], action: str, *names: str) -> None:
    unknown = sorted(params.keys() - set(names))
    if unknown:
        raise ValueError(f"params {', '.join(unknown)[:80]}: {action} has {', '.join(names) or 'none'}")


def _check_words(params: Mapping[str, object]) -> None:
    text, lang = params.get("text"), params.get("lang", "")
    if not (isinstance(text, str) and len(text.strip()) > 0 and len(text) <= LONGEST_TEXT):
        raise ValueError(f"params.text: 1 to {LONGEST_TEXT} characters to speak")
    if not isinstance(lang, str):
        raise ValueError("params.lang: a language, as zh or en")
