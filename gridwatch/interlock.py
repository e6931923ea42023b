"""When a lift is asked to keep its door open for an e-bike, and when it is let go: pure, no clock, no lift.

All that comes out are requests that lapse by themselves. A request lasts 3 s at most from the newest picture
that was looked at, so that whatever dies on our side, the lift goes on: nothing here can hold it any longer.
All times are seconds of one monotonic clock that the caller reads; what people write by the wall clock is not
used here, so that no jump of it can lengthen a hold.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gridwatch.commands import HOLD_LONGEST_S, SHORTEST_S, Action, Order, against_waiting
from gridwatch.model import LiftState

HELD_FOR = frozenset({"ebike", "motorcycle"})
"""What a lift is asked to wait for, and nothing else."""

SPARED = frozenset({"wheelchair", "pram", "stroller", "stretcher", "bicycle"})
"""Where one of these is the likelier, the lift goes."""

SEEN_SCORE, GONE_SCORE = 0.60, 0.40
"""A look speaks for a vehicle from the one, against it below the other; between them it changes nothing."""

LOOKS, AGREEING_LOOKS = 6, 4
LOOKS_WITHIN_S = 3.5
"""So long may the looks that agree be apart: a camera of two pictures a second is enough."""
LOOK_EVERY_S = 0.15
"""Of a camera that is faster than five pictures a second the looks in between count for nothing."""

CLEAR_LOOKS = 10
CLEAR_S, CLEAR_LOOKS_LEAST = 2.0, 3
"""Of a slow camera so many clear looks over so long are enough."""

STALE_S = 2.0
"""Without a new picture for so long nobody knows what is in the cabin."""
RENEW_S = 1.0
"""A request that is lost on its way is made good before the last one lapses."""

LONGEST_S = 180.0
"""A lift is held so long in all before people must decide; a pause shorter than the cool-down starts no new
count."""
COOL_DOWN_S = 60.0

SPEAK_SHORTEST_S, SPEAK_LONGEST_S = 10.0, 15.0


class State(StrEnum):
    """Where a lift's interlock stands."""

    CLEAR = "clear"
    SUSPECT = "suspect"
    """Something was seen; the lift is not asked, or may not be asked now."""
    HOLD = "hold"
    CLEARING = "clearing"
    """The vehicle is not seen any more; the door is held until that is sure."""
    OVERRIDE = "override"
    """People decided, or have to: a release, the longest hold, or switched off for a while."""
    FAULT = "fault"
    """No new picture while something was in the cabin: the lift goes on by itself."""


HOLDING = frozenset({State.HOLD, State.CLEARING})


class Mode(StrEnum):
    """How a lift is wired."""

    OBSERVE = "observe"
    """Nothing is sent: people are told, and what would have been held is counted."""
    RELAY = "relay"
    """A relay in parallel with the door-open button, with an off-timer of its own."""
    CONTROLLER = "controller"
    """A controller that takes commands over MQTT and tells its state."""


class Ended(StrEnum):
    """Why a hold ended."""

    GONE = "gone"
    """The vehicle left."""
    LIFT = "lift"
    """The lift may not be held now: it moves, or its door is closed, or it is not in normal service."""
    TOO_LONG = "too_long"
    RELEASED = "released"
    DISABLED = "disabled"
    FAULT = "fault"
    CHANGED = "changed"
    """The lift was wired or set otherwise meanwhile."""


class Note(StrEnum):
    """What people are told, beside the e-bike itself; each is the label of an event of the lift."""

    IN_TRANSIT = "ebike_in_transit"
    HELD_TOO_LONG = "door_held_too_long"


USUAL_VOICE: Mapping[str, str] = {
    "zh": "电动自行车不能进电梯，请您把车推出电梯。",
    "en": "Electric bikes may not ride in this lift. Please take yours out.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wiring:
    """What people chose for one lift. `is_disabled`: no hold for now."""

    mode: Mode = Mode.OBSERVE
    is_disabled: bool = False
    voice: Mapping[str, str] = field(default_factory=lambda: dict(USUAL_VOICE))
    """What its speaker says while it is held, by language; empty: nothing."""
    repeat_s: float = 12.0

    def __post_init__(self) -> None:
        if not SPEAK_SHORTEST_S <= self.repeat_s <= SPEAK_LONGEST_S:
            raise ValueError(
                f"repeat_s {self.repeat_s:g}: from {SPEAK_SHORTEST_S:g} to {SPEAK_LONGEST_S:g} s"
            )
        for lang, text in self.voice.items():
            _speak(lang, text, self.repeat_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one picture showed: how surely what. `picture` tells pictures apart; None: it is a new one."""

    at_s: float
    scores: Mapping[str, float]
    picture: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What follows: what the lift is asked, what people are told, and why a hold ended if one did."""

    orders: tuple[Order, ...] = ()
    notes: tuple[Note, ...] = ()
    ended: Ended | None = None


class Interlock:
    """The state of one lift. Every input gives what follows from it; `tick` at least each half second."""

    def __init__(
        self,
        wiring: Wiring,
        now_s: float,
        *,
        spent_s: float = 0.0,
        cool_down_s: float = 0.0,
        waits_for_clear: bool = False,
    ) -> None:
        """Begin with nothing seen; the rest is what is left over from before a restart."""
        self.state, self.why = State.CLEAR, ""
        self._wiring = wiring
        self._now_s = now_s
        self._looks: deque[tuple[float, float]] = deque(maxlen=LOOKS)
        self._clear_looks, self._clear_since_s = 0, now_s
        self._picture: int | None = None
        self._new_s = -math.inf
        """When the newest picture was taken that differs from the one before."""
        self._lift: LiftState | None = None
        self._has_left = False
        """Whether the lift left with what is seen: it is not held at the next landing either."""
        self._began_s: float | None = None
        self._until_s = now_s
        """When the last request lapses."""
        self._spent_s = spent_s
        self._renewed_s = self._spoke_s = now_s
        self._cool_until_s = now_s + cool_down_s
        self._waits_for_clear = waits_for_clear
        if cool_down_s > 0 or waits_for_clear:
            self.state, self.why = State.OVERRIDE, "people decided before a restart"

    @property
    def is_holding(self) -> bool:
        """Say whether the lift is being asked to wait, or would be if it were wired."""
        return self._began_s is not None

    @property
    def spent_s(self) -> float:
        """Return how long the lift is held in this stretch, all requests that are out included."""
        return self._spent_s + (0.0 if self._began_s is None else self._until_s - self._began_s)

    def see(self, look: Look, now_s: float) -> Step:
        """Take in a look; one that is older than what is known already, or stale, counts for nothing."""
        self._turn(now_s)
        at_s = min(look.at_s, self._now_s)
        if look.picture is None or look.picture != self._picture:
            self._picture, self._new_s = look.picture, max(at_s, self._new_s)
        if self._now_s - at_s > STALE_S or (self._looks and at_s <= self._looks[-1][0]):
            return self._advance()
        if not self._looks or at_s - self._looks[-1][0] >= LOOK_EVERY_S:
            self._count(at_s, vehicle_score(look.scores))
        return self._advance()

    def hear(self, lift: LiftState | None, now_s: float) -> Step:
        """Take in the lift's last word about itself; None: it never said anything."""
        self._turn(now_s)
        self._lift = lift
        return self._advance()

    def release(self, now_s: float, *, is_false: bool) -> Step:
        """Let go because a person says so; `is_false`: there is no vehicle, so not in this visit again."""
        self._turn(now_s)
        self._cool_until_s = self._now_s + COOL_DOWN_S
        self._waits_for_clear |= is_false
        return self._let_go(Ended.RELEASED, State.OVERRIDE, "released, cooling down")

    def rewire(self, wiring: Wiring, now_s: float) -> Step:
        """Take in what people chose; a hold of the old kind ends."""
        self._turn(now_s)
        before, self._wiring = self._wiring, wiring
        if before.mode is not wiring.mode and self._began_s is not None:
            step = self._let_go(Ended.CHANGED, State.CLEAR, "", was=before.mode)
            self._forget()
            return step
        return self._advance()

    def tick(self, now_s: float) -> Step:
        """Take in that time passes."""
        self._turn(now_s)
        return self._advance()

    def _turn(self, now_s: float) -> None:
        """Move the clock on; it never goes back."""
        self._now_s = max(self._now_s, now_s)
        if self._began_s is None and self._now_s - self._until_s >= COOL_DOWN_S:
            self._spent_s = 0.0

    def _count(self, at_s: float, score: float) -> None:
        if self._looks and at_s - self._looks[-1][0] > STALE_S:
            self._clear_looks = 0
        self._looks.append((at_s, score))
        if score >= GONE_SCORE:
            self._clear_looks = 0
            return
        if not self._clear_looks:
            self._clear_since_s = at_s
        self._clear_looks += 1

    def _advance(self) -> Step:
        """Do what the facts as they stand now ask for."""
        if self._wiring.is_disabled:
            return self._let_go(Ended.DISABLED, State.OVERRIDE, "disabled")
        if self.state is State.OVERRIDE:
            return self._leave_override()
        if self.state is not State.CLEAR and self._is_stale:
            self._forget()
            return self._let_go(Ended.FAULT, State.FAULT, "no new picture")
        if self.state is State.FAULT:
            self._forget()
            self.state, self.why = State.CLEAR, ""
        if self._is_clear:
            self._has_left = False
            return self._let_go(Ended.GONE, State.CLEAR, "")
        if self._began_s is not None:
            return self._go_on(self._began_s)
        return self._suspect()

    def _suspect(self) -> Step:
        if self.state is State.CLEAR and not (self._looks and self._looks[-1][1] >= SEEN_SCORE):
            return Step()
        self.state, self.why = State.SUSPECT, ""
        if not self._agree:
            return Step()
        if (why := why_never(self._lift)) is not None:
            self.why = why
            return self._leaves_with_it()
        if self._has_left:
            self.why = "it rode along"
            return Step()
        self._began_s = self._until_s = self._now_s
        # Both are due at once.
        self._renewed_s, self._spoke_s = self._now_s - RENEW_S, self._now_s - self._wiring.repeat_s
        return self._go_on(self._now_s)

    def _go_on(self, began_s: float) -> Step:
        """Hold, for as long as the lift may be held and people need not decide."""
        if (why := why_never(self._lift)) is not None:
            left = self._leaves_with_it()
            step = self._let_go(Ended.LIFT, State.SUSPECT, why)
            return Step(orders=step.orders, notes=left.notes, ended=step.ended)
        left_s = LONGEST_S - self._spent_s - (self._now_s - began_s)
        if left_s <= 0 or (left_s < SHORTEST_S and self._now_s >= self._until_s):
            self._cool_until_s, self._waits_for_clear = self._now_s + COOL_DOWN_S, True
            step = self._let_go(Ended.TOO_LONG, State.OVERRIDE, "held too long, people decide")
            return Step(orders=step.orders, notes=(Note.HELD_TOO_LONG,), ended=step.ended)
        self.state, self.why = (State.CLEARING if self._clear_looks else State.HOLD), ""
        ttl_s = min(HOLD_LONGEST_S, self._new_s + HOLD_LONGEST_S - self._now_s, left_s)
        return Step(orders=self._sent((*self._renewal(ttl_s), *self._words())))

    def _renewal(self, ttl_s: float) -> Sequence[Order]:
        if self._now_s - self._renewed_s < RENEW_S or ttl_s < SHORTEST_S:
            return ()
        self._renewed_s = self._now_s
        self._until_s = max(self._until_s, self._now_s + ttl_s)
        return (Order.of(Action.HOLD_OPEN, {}, ttl_s),)

    def _words(self) -> Sequence[Order]:
        if self._now_s - self._spoke_s < self._wiring.repeat_s:
            return ()
        self._spoke_s = self._now_s
        return [_speak(lang, text, self._wiring.repeat_s) for lang, text in self._wiring.voice.items()]

    def _leaves_with_it(self) -> Step:
        """Note once for each visit that the lift leaves with the vehicle in it."""
        if self._has_left or self._lift is None or not leaves(self._lift):
            return Step()
        self._has_left = True
        return Step(notes=(Note.IN_TRANSIT,))

    def _leave_override(self) -> Step:
        if self._is_clear:
            self._waits_for_clear = self._has_left = False
        if self._now_s >= self._cool_until_s and not self._waits_for_clear:
            self._forget()
            self.state, self.why = State.CLEAR, ""
        return Step()

    def _let_go(self, ended: Ended, state: State, why: str, *, was: Mode | None = None) -> Step:
        """Go over into a state that holds nothing; a release goes to the lift where it was asked to wait."""
        self.state, self.why = state, why
        if self._began_s is None:
            return Step()
        self._spent_s = self.spent_s
        self._began_s = None
        orders = (Order.of(Action.RELEASE, {}),)
        return Step(orders=self._sent(orders, was=was), ended=ended)

    def _sent(self, orders: tuple[Order, ...], *, was: Mode | None = None) -> tuple[Order, ...]:
        return () if (was or self._wiring.mode) is Mode.OBSERVE else orders

    def _forget(self) -> None:
        """Forget what was seen: it says nothing about what comes."""
        self._looks.clear()
        self._clear_looks = 0

    @property
    def _is_stale(self) -> bool:
        return self._now_s - self._new_s > STALE_S

    @property
    def _agree(self) -> bool:
        recent = [score for at_s, score in self._looks if self._now_s - at_s <= LOOKS_WITHIN_S]
        return sum(score >= SEEN_SCORE for score in recent) >= AGREEING_LOOKS

    @property
    def _is_clear(self) -> bool:
        lasted_s = self._looks[-1][0] - self._clear_since_s if self._looks else 0.0
        is_long = self._clear_looks >= CLEAR_LOOKS_LEAST and lasted_s >= CLEAR_S
        return self._clear_looks >= CLEAR_LOOKS or is_long


def vehicle_score(scores: Mapping[str, float]) -> float:
    """Return how surely a picture shows what a lift is held for: 0 where something spared is as likely."""
    vehicle = max((score for label, score in scores.items() if label in HELD_FOR), default=0.0)
    spared = max((score for label, score in scores.items() if label in SPARED), default=0.0)
    return vehicle if vehicle > spared else 0.0


def why_never(lift: LiftState | None) -> str | None:
    """Say why a lift must not be held, by its last word, however old: it would have said that this is over.

    None: nothing that it said is against it. Of a lift that says nothing, nothing is claimed.
    """
    if lift is None:
        return None
    return against_waiting(lift) or ("the door is closed" if lift.door == "closed" else None)


def leaves(lift: LiftState) -> bool:
    """Say whether a lift in normal service is on its way, or about to be, with its door closed."""
    normal = lift.mode in (None, "normal")
    return normal and (bool(lift.moving) or lift.door_zone is False or lift.door == "closed")


def _speak(lang: str, text: str, ttl_s: float) -> Order:
    return Order.of(Action.SPEAK, {"text": text, "lang": lang}, ttl_s)
