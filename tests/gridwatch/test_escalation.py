"""Whom an alert calls, and when: the pure policy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridwatch.duty.ladder import OnDuty, Rung, RungLevel
from gridwatch.errors import SettingsError
from gridwatch.escalation.case import Case, Decision, Muted, MuteKind, Trigger, name_of
from gridwatch.escalation.plan import at_deadline
from gridwatch.escalation.policy import decide
from gridwatch.escalation.times import USUAL, read_times
from gridwatch.model import LIVE_STATES, AlertState, Severity

AT = datetime(2026, 11, 23, 14, tzinfo=UTC)
"""A Monday, 22:00 in China."""


def somebody(key: int) -> OnDuty:
    """Return a person."""
    return OnDuty(key=key, code=f"w{key}", name=f"P{key}", language="zh-CN", why="on duty", why_zh="值班")


def rung(level: RungLevel, *keys: int) -> Rung:
    """Return a rung of people by key."""
    return Rung(level=level, area=f"a-{level.value}", people=tuple(somebody(key) for key in keys))


LADDER = (
    rung(RungLevel.RESPONSIBLE, 1),
    rung(RungLevel.STAND_IN, 2),
    rung(RungLevel.ESTATE, 3, 4),
    rung(RungLevel.COMMUNITY, 5),
    rung(RungLevel.TOWN, 6),
    rung(RungLevel.DISTRICT, 7),
    Rung(level=RungLevel.ADMINISTRATOR, area=None, people=()),
)
NOBODY = LADDER[-1:]


def case(**given: Any) -> Case:
    """Return a major alert that is new."""
    usual: dict[str, Any] = {
        "severity": Severity.MAJOR,
        "scene": "elevator",
        "state": AlertState.OPEN,
        "now": AT,
        "trigger": Trigger.RAISED,
        "ladder": LADDER,
    }
    return Case(**{**usual, **given})


def called(decision: Decision) -> list[int | None]:
    """Return the keys of who is told now."""
    return [None if ask.person is None else ask.person.key for ask in decision.asks]


def later(before: Case, decision: Decision) -> Case:
    """Return the case at its deadline, nobody having done anything."""
    due = at_deadline(before, decision)
    assert due is not None
    return due


def climbed(first: Case, steps: int) -> list[tuple[list[int | None], float]]:
    """Return who is told, and how many minutes after the start, when nobody does anything."""
    told, now = [], first
    for _ in range(steps):
        decision = decide(now)
        told.append((called(decision), (now.now - first.now) / timedelta(minutes=1)))
        now = later(now, decision)
    return told


def test_who_does_not_answer_is_followed_by_the_next_rung_until_all_were_called() -> None:
    assert climbed(case(), 8) == [
        ([1], 0),
        ([2], 10),
        ([3, 4], 20),
        ([5], 30),
        ([6], 40),
        ([7], 50),
        ([None], 60),
        ([7], 120),
    ]


def test_life_safety_skips_levels_and_does_not_give_up() -> None:
    assert climbed(case(severity=Severity.CRITICAL), 5) == [
        ([1, 2, 3, 4], 0),
        ([5, 6, 7], 2),
        ([None], 4),
        ([1, 2, 3, 4, 5, 6, 7, None], 9),
        ([1, 2, 3, 4, 5, 6, 7, None], 19),
    ]


def test_what_is_minor_waits_for_working_hours() -> None:
    decision = decide(case(severity=Severity.MINOR))
    # 22:00 on Monday and two hours of work: 10:30 on Tuesday.
    assert decision.due_at == datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
    friday = case(severity=Severity.MINOR, now=datetime(2026, 11, 27, 9, tzinfo=UTC))
    assert decide(friday).due_at == datetime(2026, 11, 30, 2, tzinfo=UTC)


def test_each_step_of_an_alert_has_a_name_of_its_own() -> None:
    now, names = case(severity=Severity.CRITICAL), []
    for _ in range(5):
        decision = decide(now)
        names += [(ask.step, ask.person and ask.person.key) for ask in decision.asks]
        now = later(now, decision)
    assert len(set(names)) == len(names)
    assert names[0] == ("raised", 1)
    assert ("escalated:town:1", 6) in names


def test_seeing_it_in_the_control_room_changes_no_deadline_and_in_the_field_gives_time() -> None:
    due_at = AT + timedelta(minutes=3)
    state = case(state=AlertState.ACKNOWLEDGED, trigger=Trigger.ACTED, due_at=due_at, turn=1)
    in_office = decide(state)
    assert (in_office.asks, in_office.due_at) == ((), due_at)
    assert "the field is called all the same" in in_office.because
    in_field = decide(replace(state, seen_at=AT))
    assert (in_field.asks, in_field.due_at) == ((), AT + timedelta(minutes=10))


def test_who_took_it_is_reminded_when_late_and_then_the_next_rung_is_called() -> None:
    taken = case(
        state=AlertState.ACCEPTED,
        trigger=Trigger.ACTED,
        assignee=somebody(1),
        called=frozenset({name_of(LADDER[0])}),
        turn=1,
    )
    assert climbed(taken, 4) == [([], 0), ([1], 30), ([2], 60), ([3, 4], 70)]
    assert decide(taken).because == "P1 took it: nobody else is called"
    at_work = replace(taken, state=AlertState.HANDLING)
    assert climbed(at_work, 2) == [([], 0), ([1], 240)]


def test_who_gave_it_back_is_not_called_again_and_the_next_is_at_once() -> None:
    returned = case(
        trigger=Trigger.RETURNED, called=frozenset({name_of(LADDER[0])}), declined=frozenset({1, 3}), turn=1
    )
    decision = decide(returned)
    assert called(decision) == [2]
    assert decision.because == "it was given back"
    assert called(decide(later(returned, decision))) == [4]


def test_a_silence_holds_back_what_is_not_about_life() -> None:
    muted = Muted(id=3, kind=MuteKind.SILENCE, reason="roof works", ends_at=AT + timedelta(hours=2))
    held = decide(case(muted=muted))
    assert (held.asks, held.due_at) == ((), muted.ends_at)
    assert "roof works" in held.because
    assert called(decide(later(case(muted=muted), held))) == []
    after = replace(later(case(muted=muted), held), muted=None)
    assert called(decide(after)) == [1]
    assert called(decide(case(muted=muted, severity=Severity.CRITICAL))) == [1, 2, 3, 4]
    assert called(decide(case(muted=muted, trigger=Trigger.ESCALATE))) == [1]


def test_what_something_wider_explains_calls_nobody_until_that_is_over() -> None:
    explained = case(severity=Severity.MINOR, part_of=9)
    decision = decide(explained)
    assert called(decision) == []
    assert "alert 9" in decision.because
    assert called(decide(replace(later(explained, decision), part_of=None))) == [1]


def test_what_becomes_worse_is_told_again_to_who_knew_of_less() -> None:
    known = case(trigger=Trigger.WORSE, called=frozenset({name_of(LADDER[0])}), turn=1)
    assert called(decide(known)) == [1]
    critical = decide(replace(known, severity=Severity.CRITICAL))
    assert called(critical) == [1, 2, 3, 4]
    assert {ask.step for ask in critical.asks} == {"now critical"}


def test_an_installation_without_a_roster_is_told_once_unless_life_is_in_danger() -> None:
    major = decide(case(ladder=NOBODY))
    assert (called(major), major.due_at) == ([None], None)
    assert [told for told, _ in climbed(case(ladder=NOBODY, severity=Severity.CRITICAL), 3)] == [[None]] * 3


def test_what_is_over_is_verified_and_closes_by_itself_unless_it_was_about_life() -> None:
    resolved = case(state=AlertState.RESOLVED, trigger=Trigger.ACTED, turn=1)
    steps, now = [], resolved
    for _ in range(4):
        decision = decide(now)
        steps.append(called(decision))
        now = later(now, decision)
    assert steps == [[], [None], [None], [None]]
    assert decide(now).closes
    assert not decide(replace(now, severity=Severity.CRITICAL)).closes
    assert decide(replace(resolved, by_person=False)).due_at is None
    assert decide(replace(resolved, ladder=NOBODY)).due_at is None
    verified = replace(resolved, state=AlertState.VERIFIED)
    assert decide(later(verified, decide(verified))).closes


def test_of_what_is_simulated_nobody_is_told_and_of_a_device_in_test_its_tester_alone() -> None:
    assert called(decide(case(severity=Severity.CRITICAL, simulated=True))) == []
    drill = decide(case(severity=Severity.CRITICAL, drill=True, tester="li"))
    assert (called(drill), drill.due_at) == ([None], None)


people = st.lists(st.integers(1, 30), max_size=4, unique=True)


@st.composite
def ladders(draw: st.DrawFn) -> list[Rung]:
    """Return any ladder that there can be: some rungs, the administrators' last."""
    levels = draw(st.lists(st.sampled_from(list(RungLevel)[:-1]), max_size=6, unique=True))
    rungs = [rung(level, *draw(people)) for level in sorted(levels, key=list(RungLevel).index)]
    rungs = [one for one in rungs if one.people]
    admins = tuple(somebody(key) for key in draw(people))
    return [*rungs, Rung(level=RungLevel.ADMINISTRATOR, area=None, people=admins)]


@given(
    ladder=ladders(),
    next_ladder=ladders(),
    state=st.sampled_from(sorted(LIVE_STATES)),
    trigger=st.sampled_from(sorted(Trigger)),
    called_before=st.sets(st.sampled_from([name_of(one) for one in LADDER])),
    declined=st.frozensets(st.integers(1, 30)),
    rounds=st.integers(0, 200),
    turn=st.integers(1, 200),
    is_assigned=st.booleans(),
    is_seen=st.booleans(),
    is_muted=st.booleans(),
    part_of=st.none() | st.integers(1, 9),
    scene=st.sampled_from(["fire", "elevator", "throwing", "other"]),
    minute=st.integers(0, 60 * 24 * 400),
)
def test_no_critical_alert_is_ever_without_a_next_person_and_a_time(
    ladder: list[Rung],
    next_ladder: list[Rung],
    state: AlertState,
    trigger: Trigger,
    called_before: set[str],
    declined: frozenset[int],
    rounds: int,
    turn: int,
    is_assigned: bool,
    is_seen: bool,
    is_muted: bool,
    part_of: int | None,
    scene: str,
    minute: int,
) -> None:
    now = AT + timedelta(minutes=minute)
    muted = Muted(id=1, kind=MuteKind.MAINTENANCE, reason="x", ends_at=now + timedelta(days=9))
    critical = case(
        severity=Severity.CRITICAL,
        scene=scene,
        state=state,
        trigger=trigger,
        now=now,
        ladder=ladder,
        called=frozenset(called_before),
        declined=declined,
        rounds=rounds,
        turn=turn,
        assignee=somebody(1) if is_assigned else None,
        seen_at=now if is_seen else None,
        due_at=now + timedelta(minutes=1),
        muted=muted if is_muted else None,
        part_of=part_of,
    )
    decision = decide(critical)
    assert decision.due_at is not None
    assert now < decision.due_at <= now + timedelta(hours=1)
    # The roster may be another one by then.
    assert decide(replace(later(critical, decision), ladder=next_ladder)).asks


def test_a_file_replaces_single_times_and_what_is_wrong_in_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "times.toml"
    file.write_text('[major]\nanswer_min = 3\n["throwing.critical"]\nat_once = 7\n')
    times = read_times(file)
    assert times["major"].answer_min == 3
    assert times["major"].arrive_min == USUAL["major"].arrive_min
    assert len(decide(case(severity=Severity.CRITICAL, scene="throwing"), times).rungs) == 7
    for text, wrong in (
        ("[critical]\nworking = true", "life safety runs round the clock"),
        ("[major]\nanswer = 3", r"\[major\]: answer"),
        ("[urgent]\nanswer_min = 3", r"\[urgent\]: write a table for"),
        ("[major]\nanswer_min = 0", "answer_min"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=wrong):
            read_times(file)
