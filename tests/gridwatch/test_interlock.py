"""When a lift is held for an e-bike, and that nothing holds it any longer."""

import math
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gridwatch.commands import HOLD_LONGEST_S
from gridwatch.interlock import (
    COOL_DOWN_S,
    LONGEST_S,
    SPARED,
    STALE_S,
    Ended,
    Interlock,
    Mode,
    Note,
    State,
    Step,
    Wiring,
    vehicle_score,
)
from gridwatch.interlock import Look as LookAt
from gridwatch.model import LiftState
from tests.lifts import standing

EBIKE, NOTHING = {"ebike": 0.9}, {"person": 0.9}
FRAME_S = 0.2


class Lift:
    """An interlock, a clock, and all that the lift was asked: when, what, and for how long."""

    def __init__(self, wiring: Wiring | None = None, **before: float) -> None:
        self.now_s = 1000.0
        self.wiring = wiring or Wiring(mode=Mode.CONTROLLER)
        self.interlock = Interlock(self.wiring, self.now_s, **before)  # type: ignore[arg-type]
        self.steps: list[Step] = []
        self.asked: list[tuple[float, str, float]] = []
        self.picture = 0

    def take(self, step: Step) -> Step:
        """Remember what followed."""
        self.steps.append(step)
        self.asked += [(self.now_s, order.action, order.ttl_s) for order in step.orders]
        return step

    def see(self, scores: Mapping[str, float], times: int = 1, *, every_s: float = FRAME_S) -> None:
        """Look so many times, a new picture each time."""
        for _ in range(times):
            self.now_s += every_s
            self.picture += 1
            self.take(
                self.interlock.see(LookAt(at_s=self.now_s, scores=scores, picture=self.picture), self.now_s)
            )

    def wait(self, seconds: float) -> None:
        """Let time pass without a picture."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 0.25)
            self.take(self.interlock.tick(self.now_s))

    def hear(self, **words: object) -> Step:
        """Let the lift say something of itself."""
        return self.take(self.interlock.hear(standing(**words), self.now_s))

    @property
    def actions(self) -> list[str]:
        """Return what the lift was asked, without the voice."""
        return [action for _, action, _ in self.asked if action != "speak"]

    @property
    def notes(self) -> list[Note]:
        """Return what people were told."""
        return [note for step in self.steps for note in step.notes]

    @property
    def ended(self) -> list[Ended]:
        """Return why holds ended."""
        return [step.ended for step in self.steps if step.ended is not None]

    def state(self) -> State:
        """Return where it stands."""
        return self.interlock.state


def test_four_of_six_looks_ask_the_lift_to_wait_and_it_is_let_go_when_the_bike_left() -> None:
    lift = Lift()
    lift.see(EBIKE, 3)
    assert (lift.state(), lift.asked) == (State.SUSPECT, [])
    lift.see(EBIKE)
    assert lift.state() is State.HOLD
    assert lift.asked[0][1:] == ("hold_open", HOLD_LONGEST_S)
    lift.see(NOTHING, 9)
    assert lift.state() is State.CLEARING
    assert "release" not in lift.actions
    lift.see(NOTHING)
    assert (lift.state(), lift.actions[-1], lift.ended) == (State.CLEAR, "release", [Ended.GONE])


def test_three_of_six_looks_hold_nothing() -> None:
    lift = Lift()
    for _ in range(20):
        lift.see(EBIKE, 3)
        lift.see(NOTHING, 3)
    assert lift.asked == []


def test_a_hold_is_asked_for_again_before_it_lapses_and_never_for_longer_than_3_s() -> None:
    lift = Lift()
    lift.see(EBIKE, 100)
    holds = [(at_s, ttl_s) for at_s, action, ttl_s in lift.asked if action == "hold_open"]
    assert len(holds) > 15
    assert all(ttl_s <= HOLD_LONGEST_S for _, ttl_s in holds)
    assert all(after_s < at_s + ttl_s - 1 for (at_s, ttl_s), (after_s, _) in pairwise(holds)), (
        "one that is lost on its way leaves no gap"
    )


def test_a_look_in_between_lets_go_of_nothing() -> None:
    lift = Lift()
    lift.see(EBIKE, 4)
    for _ in range(20):
        lift.see(NOTHING, 9)
        lift.see({"ebike": 0.45})
    assert lift.ended == []
    assert lift.state() is State.HOLD


@pytest.mark.parametrize("label", sorted(SPARED))
def test_a_lift_is_never_held_for_who_may_ride(label: str) -> None:
    lift = Lift()
    lift.see({label: 0.7, "ebike": 0.65}, 50)
    lift.see({label: 0.99}, 50)
    assert (lift.state(), lift.asked) == (State.CLEAR, [])
    assert vehicle_score({label: 0.3, "motorcycle": 0.8, "person": 0.95}) == 0.8


def test_a_slow_camera_holds_and_lets_go_in_time() -> None:
    lift = Lift()
    lift.see(EBIKE, 4, every_s=0.5)
    assert lift.state() is State.HOLD
    lift.see(NOTHING, 5, every_s=0.5)
    assert lift.ended == [Ended.GONE]


def test_a_fast_camera_decides_no_sooner() -> None:
    lift = Lift()
    lift.see(EBIKE, 12, every_s=0.04)
    assert lift.asked == []
    lift.see(EBIKE, 12, every_s=0.04)
    assert lift.state() is State.HOLD
    lift.see(NOTHING, 12, every_s=0.04)
    assert lift.state() is State.CLEARING


def test_without_pictures_the_lift_is_let_go_before_3_s_and_needs_a_new_look_at_it() -> None:
    lift = Lift()
    lift.see(EBIKE, 6)
    last_s = lift.now_s
    lift.wait(60)
    assert (lift.state(), lift.ended) == (State.FAULT, [Ended.FAULT])
    assert all(
        at_s + ttl_s <= last_s + HOLD_LONGEST_S for at_s, _, ttl_s in lift.asked if ttl_s <= HOLD_LONGEST_S
    )
    (released_s,) = [at_s for at_s, action, _ in lift.asked if action == "release"]
    assert released_s - last_s <= STALE_S + 0.5
    lift.see(EBIKE, 3)
    assert len(lift.ended) == 1
    assert not lift.interlock.is_holding
    lift.see(EBIKE, 2)
    assert lift.state() is State.HOLD


def test_a_camera_that_repeats_one_picture_holds_nothing_for_long() -> None:
    lift = Lift()
    frozen = LookAt(at_s=0, scores=EBIKE, picture=7)
    first_s = lift.now_s
    for _ in range(100):
        step = lift.interlock.see(LookAt(at_s=lift.now_s, scores=frozen.scores, picture=7), lift.now_s)
        lift.take(step)
        lift.now_s += FRAME_S
    assert lift.state() is State.FAULT
    assert max(at_s + ttl_s for at_s, action, ttl_s in lift.asked if action == "hold_open") <= first_s + 3


def test_looks_that_are_old_or_out_of_order_count_for_nothing() -> None:
    lift = Lift()
    for _ in range(20):
        lift.now_s += FRAME_S
        lift.take(lift.interlock.see(LookAt(at_s=lift.now_s - 3, scores=EBIKE), lift.now_s))
    assert lift.state() is State.CLEAR
    for _ in range(20):
        lift.take(lift.interlock.see(LookAt(at_s=lift.now_s, scores=EBIKE), lift.now_s))
    assert lift.state() is State.SUSPECT, "one moment is one look, however often it is told"


def test_after_180_s_people_decide_until_the_cabin_was_clear() -> None:
    lift = Lift()
    lift.see(EBIKE, 1200)
    assert (lift.state(), lift.notes, lift.ended) == (State.OVERRIDE, [Note.HELD_TOO_LONG], [Ended.TOO_LONG])
    holds = [(at_s, ttl_s) for at_s, action, ttl_s in lift.asked if action == "hold_open"]
    assert LONGEST_S - 2 <= max(at_s + ttl_s for at_s, ttl_s in holds) - holds[0][0] <= LONGEST_S
    lift.see(NOTHING, 10)
    lift.wait(COOL_DOWN_S)
    lift.see(EBIKE, 4)
    assert lift.state() is State.HOLD


def test_short_pauses_add_up_to_180_s() -> None:
    lift = Lift()
    for _ in range(5):
        lift.see(EBIKE, 200)
        lift.see(NOTHING, 12)
    assert Note.HELD_TOO_LONG in lift.notes
    assert _held_s(lift) <= LONGEST_S


def test_a_restart_takes_what_was_spent_along() -> None:
    lift = Lift(spent_s=170)
    lift.see(EBIKE, 200)
    assert lift.ended == [Ended.TOO_LONG]
    assert _held_s(lift) <= 10
    overridden = Lift(waits_for_clear=True)
    overridden.see(EBIKE, 500)
    assert overridden.asked == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"mode": "fire"}, "mode fire"),
        ({"mode": "inspection"}, "mode inspection"),
        ({"mode": "rescue"}, "mode rescue"),
        ({"moving": True}, "is moving"),
        ({"door_zone": False}, "not where its door may open"),
        ({"door": "closed"}, "door is closed"),
    ],
)
def test_a_lift_is_not_held_where_it_says_so_before_or_meanwhile(words: dict[str, object], why: str) -> None:
    before = Lift()
    before.hear(**words)
    before.see(EBIKE, 30)
    assert before.asked == []
    assert why in before.interlock.why
    meanwhile = Lift()
    meanwhile.hear()
    meanwhile.see(EBIKE, 4)
    step = meanwhile.hear(**words)
    assert ([order.action for order in step.orders], step.ended) == (["release"], Ended.LIFT)
    meanwhile.see(EBIKE, 30)
    assert meanwhile.actions == ["hold_open", "release"]


def test_a_bike_that_rides_is_told_once_and_not_held_at_the_next_landing() -> None:
    lift = Lift()
    lift.hear(moving=True, door="closed")
    lift.see(EBIKE, 20)
    lift.hear()
    lift.see(EBIKE, 20)
    assert (lift.notes, lift.asked, lift.interlock.why) == ([Note.IN_TRANSIT], [], "it rode along")
    lift.see(NOTHING, 10)
    lift.see(EBIKE, 4)
    assert lift.state() is State.HOLD


def test_fire_service_is_no_ride_and_the_lift_is_held_when_it_is_over() -> None:
    lift = Lift()
    lift.hear(mode="fire")
    lift.see(EBIKE, 20)
    lift.hear()
    lift.see(EBIKE)
    assert (lift.notes, lift.state()) == ([], State.HOLD)


def test_a_person_lets_go_and_the_lift_is_left_alone_for_a_while() -> None:
    lift = Lift()
    lift.see(EBIKE, 4)
    step = lift.take(lift.interlock.release(lift.now_s, is_false=False))
    assert (step.ended, lift.actions[-1]) == (Ended.RELEASED, "release")
    lift.see(EBIKE, math.ceil(COOL_DOWN_S / FRAME_S) - 2)
    assert (lift.state(), lift.actions) == (State.OVERRIDE, ["hold_open", "release"])
    lift.see(EBIKE, 8)
    assert lift.state() is State.HOLD


def test_what_a_person_calls_no_vehicle_is_not_held_for_again() -> None:
    lift = Lift()
    lift.see(EBIKE, 4)
    lift.take(lift.interlock.release(lift.now_s, is_false=True))
    lift.see(EBIKE, 1000)
    assert lift.actions == ["hold_open", "release"]
    lift.see(NOTHING, 10)
    lift.see(EBIKE, 6)
    assert lift.state() is State.HOLD


def test_a_lift_that_is_switched_off_or_only_observed_is_asked_nothing() -> None:
    off = Lift(Wiring(mode=Mode.RELAY, is_disabled=True))
    off.see(EBIKE, 30)
    assert (off.state(), off.asked) == (State.OVERRIDE, [])
    observed = Lift(Wiring())
    observed.see(EBIKE, 30)
    assert (observed.state(), observed.interlock.is_holding, observed.asked) == (State.HOLD, True, [])
    observed.see(NOTHING, 10)
    assert (observed.ended, observed.asked) == ([Ended.GONE], [])


def test_what_people_choose_while_it_holds_takes_effect_at_once() -> None:
    lift = Lift()
    lift.see(EBIKE, 4)
    step = lift.interlock.rewire(Wiring(mode=Mode.CONTROLLER, is_disabled=True), lift.now_s)
    assert (step.ended, [order.action for order in step.orders]) == (Ended.DISABLED, ["release"])
    lift = Lift()
    lift.see(EBIKE, 4)
    step = lift.interlock.rewire(Wiring(), lift.now_s)
    assert (step.ended, [order.action for order in step.orders]) == (Ended.CHANGED, ["release"])


def test_the_voice_speaks_each_language_again_every_12_s() -> None:
    lift = Lift()
    lift.see(EBIKE, 4 + math.ceil(30 / FRAME_S))
    spoken = [order.params["lang"] for step in lift.steps for order in step.orders if order.action == "speak"]
    assert spoken == ["zh", "en"] * 3
    silent = Lift(Wiring(mode=Mode.RELAY, voice={}))
    silent.see(EBIKE, 30)
    assert "speak" not in [action for _, action, _ in silent.asked]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"repeat_s": 9}, "from 10 to 15"),
        ({"repeat_s": 16}, "from 10"),
        ({"voice": {"zh": ""}}, "params.text"),
    ],
)
def test_a_wiring_that_makes_no_sense_is_refused(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Wiring(**wrong)  # type: ignore[arg-type]


def _held_s(lift: Lift) -> float:
    """Return how long a lift stood that never heard of a release: the union of all requests."""
    held_s, until_s = 0.0, 0.0
    for at_s, action, ttl_s in lift.asked:
        if action == "hold_open":
            held_s += max(0.0, at_s + ttl_s - max(at_s, until_s))
            until_s = max(until_s, at_s + ttl_s)
    return held_s


SCORES = st.sampled_from(
    [
        EBIKE,
        EBIKE,
        EBIKE,
        {"motorcycle": 0.61},
        {"ebike": 0.5},
        NOTHING,
        {},
        {"wheelchair": 0.9, "ebike": 0.8},
        {"stretcher": 0.6},
        {"bicycle": 0.95, "person": 0.9},
    ]
)
DOORS = st.sampled_from([None, "open", "closing", "closed", "opening"])
MODES = st.sampled_from([None, "normal", "normal", "fire", "inspection", "rescue"])
MAYBE = st.sampled_from([None, False, True])
PASSES_S = st.floats(0, 40)


class AnyLife(RuleBasedStateMachine):
    """Whatever comes, in whatever order, with a lift that loses messages and never hears of a release."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 100.0
        """True time: a lift counts its seconds in it."""
        self.wiring = Wiring(mode=Mode.CONTROLLER)
        self.interlock = Interlock(self.wiring, self.now_s)
        self.lift: LiftState | None = None
        self.newest_s = -math.inf
        self.picture = 0
        self.has_begun = False
        self.until_s = -math.inf
        self.stretch_s = 0.0

    def take(self, step: Step) -> None:
        """Check each request when it is made, and let the lift obey all of them."""
        for order in step.orders:
            if order.action != "hold_open":
                continue
            end_s = self.now_s + order.ttl_s
            assert order.ttl_s <= HOLD_LONGEST_S
            assert end_s <= self.newest_s + HOLD_LONGEST_S + 1e-6, "past what the newest picture is good for"
            assert self.wiring.mode is not Mode.OBSERVE
            assert not self.wiring.is_disabled
            assert self.lift is None or self.lift.mode in (None, "normal")
            assert self.lift is None or (not self.lift.moving and self.lift.door != "closed")
            if self.now_s - self.until_s >= COOL_DOWN_S:
                self.stretch_s = 0.0
            self.stretch_s += max(0.0, end_s - max(self.now_s, self.until_s))
            self.until_s = max(self.until_s, end_s)
            assert self.stretch_s <= LONGEST_S + 1e-6

    @rule(
        scores=SCORES,
        times=st.integers(1, 40),
        every_s=st.sampled_from([0.05, 0.2, 0.5, 1.0]),
        old_s=PASSES_S,
    )
    def look(self, scores: Mapping[str, float], times: int, every_s: float, old_s: float) -> None:
        late_s = 0.0 if old_s < 30 else old_s
        for _ in range(times):
            self.now_s += every_s
            self.picture += 1
            self.has_begun = False
            at_s = self.now_s - late_s
            self.newest_s = max(self.newest_s, at_s)
            self.take(self.interlock.see(LookAt(at_s=at_s, scores=scores, picture=self.picture), self.now_s))

    @rule(minutes=st.integers(1, 4))
    def stand(self, minutes: int) -> None:
        """An e-bike that stays."""
        self.look(EBIKE, minutes * 60, 1.0, 0)

    @precondition(lambda self: self.picture)
    @rule(times=st.integers(1, 30))
    def freeze(self, times: int) -> None:
        """The camera repeats its last picture, which is new to a process that has just begun."""
        for _ in range(times):
            self.now_s += 0.2
            if self.has_begun:
                self.newest_s, self.has_begun = self.now_s, False
            look = LookAt(at_s=self.now_s, scores=EBIKE, picture=self.picture)
            self.take(self.interlock.see(look, self.now_s))

    @rule(at_s=st.floats(-1e6, 1e6), clock_s=st.floats(-1e6, 0))
    def clock_jumps_back(self, at_s: float, clock_s: float) -> None:
        """Somebody hands in a time that is nonsense."""
        self.newest_s = max(self.newest_s, min(at_s, self.now_s))
        self.picture += 1
        self.has_begun = False
        self.take(
            self.interlock.see(LookAt(at_s=at_s, scores=EBIKE, picture=self.picture), self.now_s + clock_s)
        )

    @rule(seconds=PASSES_S)
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.take(self.interlock.tick(self.now_s))

    @rule(door=DOORS, moving=MAYBE, zone=MAYBE, mode=MODES)
    def speak(self, door: object, moving: object, zone: object, mode: object) -> None:
        self.lift = standing(door=door, moving=moving, door_zone=zone, mode=mode)
        self.take(self.interlock.hear(self.lift, self.now_s))

    @rule()
    def be_well(self) -> None:
        self.lift = standing()
        self.take(self.interlock.hear(self.lift, self.now_s))

    @rule(is_false=st.booleans())
    def release(self, is_false: bool) -> None:
        self.take(self.interlock.release(self.now_s, is_false=is_false))

    @rule(mode=st.sampled_from([*Mode]), is_disabled=st.booleans())
    def rewire(self, mode: Mode, is_disabled: bool) -> None:
        self.wiring = Wiring(mode=mode, is_disabled=is_disabled)
        self.take(self.interlock.rewire(self.wiring, self.now_s))

    @rule(back_s=PASSES_S)
    def restart(self, back_s: float) -> None:
        """The process is killed and comes back with what was written, the lift's last word too."""
        self.now_s += back_s
        self.has_begun = True
        self.interlock = Interlock(self.wiring, self.now_s, spent_s=self.interlock.spent_s)
        self.take(self.interlock.hear(self.lift, self.now_s))

    @invariant()
    def no_hold_outlasts_the_last_picture(self) -> None:
        assert self.until_s <= self.newest_s + HOLD_LONGEST_S + 1e-6 or self.until_s == -math.inf


def test_no_sequence_of_inputs_outlasts_a_hold() -> None:
    run_state_machine_as_test(
        AnyLife, settings=settings(max_examples=25, stateful_step_count=30, deadline=None)
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_sequence_of_inputs_outlasts_a_hold_however_many_are_tried() -> None:
    many = settings(max_examples=1500, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(AnyLife, settings=many)
