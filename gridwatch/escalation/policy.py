"""The policy: the first stage that has an answer decides. Pure: no clock, no database.

* What is simulated calls nobody; what a device in test tells, its tester alone.
* A drill that was raised on purpose climbs the ladder once; it wakes nobody, and then closes by itself.
* What is over waits to be verified and closed.
* Who is on the way, or there, has a time; past it they are reminded, then the next rung is called.
* What something wider explains, or a silence or maintenance covers, calls nobody until that is over. Life
  safety is never held back.
* Else the ladder is climbed, rung by rung (life safety: several at once); when all were called, all again.

Seeing an alert in the control room changes no deadline: the field is called all the same. A person of the
field who says that they saw it has a while to take it. Taking it stops the calls.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from gridwatch.duty.ladder import OnDuty, Rung, RungLevel
from gridwatch.escalation.case import Ask, Case, Decision, Trigger, name_of
from gridwatch.escalation.times import USUAL, Times, times_of
from gridwatch.model import AlertState

Stage: TypeAlias = Callable[[Case, Times], Decision | None]

LOOK_AGAIN = timedelta(minutes=10)
"""Whether what explains an alert is still so."""

ASKED_TO_VERIFY = 3
"""So often; then it is closed unverified, unless it was about life."""

LONGEST_MIN = 10_080
"""A week: nobody waits longer to be asked again."""


def decide(case: Case, table: Mapping[str, Times] = USUAL) -> Decision:
    """Decide whom an alert calls now, and when it is looked at again."""
    times = times_of(table, case.severity, case.scene)
    for stage in STAGES:
        decision = stage(case, times)
        if decision is not None:
            return decision
    raise AssertionError("the last stage always decides")


def _simulated(case: Case, _: Times) -> Decision | None:
    if not case.simulated:
        return None
    return Decision(because="simulated: nobody is called", because_zh="模拟告警，不通知任何人")


def _over(case: Case, times: Times) -> Decision | None:
    match case.state:
        case AlertState.RESOLVED:
            return _unverified(case, times)
        case AlertState.VERIFIED if case.trigger is Trigger.DUE:
            return Decision(
                closes=True, because="verified, and nobody objected", because_zh="已核查且无异议，自动结案"
            )
        case AlertState.VERIFIED:
            return Decision(
                due_at=times.after(case.now, times.close_min),
                because="verified: it closes by itself unless somebody opens it again",
                because_zh="已核查，如无人重新打开将自动结案",
            )
        case AlertState.CLOSED | AlertState.FALSE_ALARM | AlertState.DUPLICATE:
            return Decision(because="it is over: nobody is called any more", because_zh="已结束，停止通知")
    return None


def _unverified(case: Case, times: Times) -> Decision:
    """Ask the control room to verify what somebody says is over; of what ended by itself nobody need."""
    is_late_news = case.trigger in (Trigger.RAISED, Trigger.WORSE)
    if case.drill or is_late_news or not case.by_person or not case.has_people:
        return Decision(because="it is over: nobody is called any more", because_zh="已解决，停止通知")
    due_at = times.after(case.now, min(LONGEST_MIN, times.verify_min * 2 ** min(case.rounds, 20)))
    if case.trigger is not Trigger.DUE:
        return Decision(due_at=due_at, because="resolved: to be verified", because_zh="已解决，待核查")
    if case.rounds >= ASKED_TO_VERIFY and not case.is_vital:
        return Decision(
            closes=True,
            because=f"asked {case.rounds} times, and nobody verified it",
            because_zh=f"已提醒 {case.rounds} 次仍无人核查，自动结案",
        )
    return Decision(
        asks=_asks(case, [case.ladder[-1]], "verify"),
        due_at=due_at,
        rounds=case.rounds + 1,
        because="nobody verified yet that it is over",
        because_zh="尚未核查",
    )


def _tested(case: Case, _: Times) -> Decision | None:
    if not case.tester:
        return None
    asks: tuple[Ask, ...] = ()
    if case.trigger in (Trigger.RAISED, Trigger.WORSE):
        step = "raised" if case.turn == 0 else f"{case.trigger.value}:{case.turn}"
        asks = (Ask(person=None, step=step, level=None, area=None),)
    return Decision(
        asks=asks,
        because="its device is in test: its tester alone is told",
        because_zh="设备测试中，仅通知测试人",
    )


def _taken(case: Case, times: Times) -> Decision | None:
    """Give who took it their time; then remind them, and after that call the next rung."""
    if case.state not in (AlertState.ACCEPTED, AlertState.HANDLING):
        return None
    name = case.assignee.name if case.assignee else ""
    accepted = case.state is AlertState.ACCEPTED
    minutes = times.arrive_min if accepted else times.handle_min
    due_at = times.after(case.now, minutes)
    late = f"{name} is not there yet" if accepted else f"{name} has not resolved it yet"
    late_zh = f"{name}尚未到达" if accepted else f"{name}尚未处置完毕"
    if case.trigger in (Trigger.ACTED, Trigger.RAISED):
        return Decision(
            due_at=due_at,
            because=f"{name} took it: nobody else is called" if accepted else f"{name} is at work on it",
            because_zh=f"{name}已接单，停止通知其他人" if accepted else f"{name}正在处置",
        )
    if case.trigger is Trigger.DUE and case.rounds == 0:
        ask = Ask(person=case.assignee, step=f"remind:{case.turn}", level=None, area=None)
        return Decision(asks=(ask,), due_at=due_at, rounds=1, because=late, because_zh=late_zh)
    if not case.has_people and not case.is_vital:
        return Decision(
            rounds=1, because=f"{late}; nobody else is on the roster", because_zh=f"{late_zh}，未排班"
        )
    climbed = _climb(case, times)
    return replace(
        climbed,
        due_at=min(due_at, climbed.due_at or due_at),
        rounds=max(1, climbed.rounds),
        because=f"{late}: {climbed.because}",
        because_zh=f"{late_zh}：{climbed.because_zh}",
    )


def _assigned(case: Case, times: Times) -> Decision | None:
    if case.trigger is not Trigger.ASSIGNED:
        return None
    ask = Ask(person=case.assignee, step=f"assigned:{case.turn}", level=None, area=None)
    return Decision(
        asks=(ask,),
        due_at=times.after(case.now, times.answer_min),
        because="the control room gave it to this person",
        because_zh="值班室指派",
    )


def _explained(case: Case, _: Times) -> Decision | None:
    if case.part_of is None or not _may_wait(case):
        return None
    return Decision(
        due_at=case.now + LOOK_AGAIN,
        because=f"alert {case.part_of} explains it: nobody is called for this one",
        because_zh=f"属于告警 {case.part_of} 的影响，不另行通知",
    )


def _muted(case: Case, _: Times) -> Decision | None:
    muted = case.muted
    if muted is None or not _may_wait(case):
        return None
    word = {"silence": "静默", "maintenance": "维护"}[muted.kind.value]
    return Decision(
        due_at=muted.ends_at,
        because=f"{muted.kind.value} {muted.id} ({muted.reason}): nobody is called until it ends",
        because_zh=f"{word} {muted.id}（{muted.reason}）期间不通知",
    )


def _may_wait(case: Case) -> bool:
    """Say whether a silence or something wider may hold an alert back."""
    return not case.is_vital and case.trigger is not Trigger.ESCALATE


def _seen(case: Case, times: Times) -> Decision | None:
    """Somebody saw it. In the field they have a while to take it; in the control room nothing changes."""
    if case.trigger is not Trigger.ACTED:
        return None
    if case.seen_at is not None:
        return Decision(
            due_at=times.after(case.seen_at, times.accept_min),
            rounds=case.rounds,
            because="seen in the field: somebody has to take it in time",
            because_zh="现场人员已看到，需在时限内接单",
        )
    return Decision(
        due_at=case.due_at,
        rounds=case.rounds,
        because="the control room saw it: the field is called all the same",
        because_zh="值班室已看到，仍继续通知现场人员",
    )


def _worse(case: Case, times: Times) -> Decision | None:
    """Tell everybody again who was told of less, and as many more as are called at once now."""
    if case.trigger is not Trigger.WORSE or (_may_wait(case) and (case.muted or case.part_of)):
        return None
    told = [rung for rung in case.ladder if name_of(rung) in case.called]
    fewer = times.at_once - len(told)
    more = _left(case)[: max(0, fewer)]
    step = f"now {case.severity.value}"
    known = replace(case, called=case.called | {name_of(rung) for rung in more})
    return Decision(
        asks=_asks(case, [*told, *more], step, is_whole_step=True),
        rungs=tuple(more),
        due_at=case.due_at if case.assignee and case.due_at else _next(known, times, 0),
        because=f"it is {case.severity.value} now",
        because_zh={"critical": "升级为紧急", "major": "升级为重要"}.get(case.severity.value, "情况变化"),
    )


def _climb(case: Case, times: Times) -> Decision:
    left = _left(case)
    if not left:
        return _again(case, times)
    rungs = left[: times.at_once]
    known = replace(case, called=case.called | {name_of(rung) for rung in rungs})
    first = not case.called
    return Decision(
        asks=_asks(case, rungs, "raised" if first else "escalated"),
        rungs=tuple(rungs),
        due_at=_next(known, times, 0),
        because=FIRST if first else BECAUSE[case.trigger][0],
        because_zh=FIRST_ZH if first else BECAUSE[case.trigger][1],
    )


FIRST, FIRST_ZH = "they are the first to call for this place", "本处的首要责任人"
BECAUSE: Mapping[Trigger, tuple[str, str]] = {
    Trigger.RAISED: ("it is open again", "重新打开"),
    Trigger.DUE: ("nobody took it in time", "无人按时接单"),
    Trigger.ESCALATE: ("somebody asked for the next level", "有人要求升级"),
    Trigger.RETURNED: ("it was given back", "已被退回"),
}


def _again(case: Case, times: Times) -> Decision:
    """Call all anew when all were called: of what is about life everybody, else the widest level."""
    if case.drill:
        return Decision(
            closes=True,
            because="a drill: all were called once, and nobody took it",
            because_zh="演练：已通知所有层级，无人接单，自动结束",
        )
    if not case.has_people and not case.is_vital:
        return Decision(
            rounds=case.rounds,
            because="nobody is on the roster: the channels of the installation were told",
            because_zh="未排班，已通知系统渠道",
        )
    rungs = case.ladder if case.is_vital else [_top(case)]
    return Decision(
        asks=_asks(case, rungs, "again"),
        due_at=times.again(case.now, case.rounds + 1),
        rounds=case.rounds + 1,
        because="all were called, and nobody took it",
        because_zh="已通知所有层级，仍无人接单",
    )


def _next(case: Case, times: Times, rounds: int) -> datetime | None:
    """Return when the next rung is due, or all anew; None where nobody is left who could be called."""
    if _left(case):
        return times.after(case.now, times.answer_min)
    if not case.has_people and not case.is_vital:
        return None
    return times.again(case.now, rounds)


def _left(case: Case) -> list[Rung]:
    """Return the rungs that were not called and have somebody to call."""
    return [
        rung
        for rung in case.ladder
        if name_of(rung) not in case.called
        and (not rung.people or any(one.key not in case.declined for one in rung.people))
    ]


def _top(case: Case) -> Rung:
    """Return the widest rung that has people."""
    return [rung for rung in case.ladder if rung.people][-1]


def _asks(case: Case, rungs: Iterable[Rung], word: str, *, is_whole_step: bool = False) -> tuple[Ask, ...]:
    """Return whom to tell on some rungs, each person once; never nobody."""
    asks: dict[int | None, Ask] = {}
    for rung in rungs:
        step = word if is_whole_step else _step(case, rung.level, word)
        willing = [one for one in rung.people if one.key not in case.declined]
        people: list[OnDuty | None] = [*willing] if rung.people else [None]
        for person in people:
            ask = Ask(person=person, step=step, level=rung.level, area=rung.area)
            asks.setdefault(None if person is None else person.key, ask)
    if not asks:
        step = word if is_whole_step else _step(case, RungLevel.ADMINISTRATOR, word)
        asks[None] = Ask(person=None, step=step, level=RungLevel.ADMINISTRATOR, area=None)
    return tuple(asks.values())


def _step(case: Case, level: RungLevel, word: str) -> str:
    """Return what a call is single by. The first of an alert is `raised`, whoever is called."""
    if case.turn == 0:
        return "raised"
    return f"escalated:{level.value}:{case.turn}" if word == "escalated" else f"{word}:{case.turn}"


STAGES: Sequence[Stage] = (
    _simulated,
    _over,
    _tested,
    _assigned,
    _worse,
    _taken,
    _explained,
    _muted,
    _seen,
    _climb,
)
"""In this order."""
