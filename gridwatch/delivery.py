"""By which way a person is told next, and when: pure, no clock, no database.

The ways of a person are taken in their order. One that fails or does not confirm in time is followed by the
next at once; when all failed, another round begins later. Where life is in danger, rounds are repeated until
a person gave a sign: answered, took up the phone. Each way is used once in a round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias

from gridwatch.policy import CHINA

ARRIVES_WITHIN = timedelta(seconds=60)
"""For the report that a text message arrived; then the next way is taken."""

ANSWERED_WITHIN = timedelta(seconds=45)
"""For a sign of a person where life is in danger: a call rings, is taken up and listened to in so long."""

FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=10), timedelta(minutes=10)
"""Between rounds, doubled each time."""
LONGEST_URGENT_BACK_OFF = timedelta(minutes=3)

SETTLED_WITHIN = timedelta(seconds=30)
"""What was begun longer ago was left by a process that was killed."""
LOOK_AGAIN = timedelta(seconds=5)

ROUNDS = 8
"""Of what is not urgent: 20 minutes. Who could not be told by then is a matter of escalation."""


class Outcome(StrEnum):
    """What became of one message."""

    WAITING = "waiting"
    """Its service takes no more of it for now."""
    SENDING = "sending"
    """It is on its way, or who sent it was killed: then nobody knows whether it went."""
    SENT = "sent"
    ARRIVED = "arrived"
    FAILED = "failed"
    REFUSED = "refused"
    """The service will not take it however often."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A way to a person: `reports` says whether it tells when a message arrived."""

    key: int
    reports: bool
    quiet: tuple[time, time] | None = None
    """From and to by local time, when only what is urgent goes this way; may pass midnight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Try:
    """A message that went, or should have gone, a way in a round; `by_person` once a person gave a sign."""

    way: int
    round: int
    outcome: Outcome
    at: datetime
    by_person: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """Send by this way now."""

    way: int
    round: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Nothing is to be done before `until`."""

    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """Nothing more is to be done: the person was reached, or can't be."""

    reached: bool


Next: TypeAlias = Send | Wait | Done


def next_step(ways: Sequence[Way], tries: Sequence[Try], *, urgent: bool, now: datetime) -> Next:
    """Return what to do next for a person who has these ways, in their order, after what was tried."""
    if any(one.by_person for one in tries):
        return Done(reached=True)
    refused = {one.way for one in tries if one.outcome is Outcome.REFUSED}
    usable = [way for way in ways if way.key not in refused]
    under_way = [one.at + SETTLED_WITHIN for one in tries if one.outcome is Outcome.SENDING]
    if under_way:
        return Wait(until=max(*under_way, now + LOOK_AGAIN))
    if urgent:
        return _urgent(usable, tries, now)
    if _told(ways, tries):
        return Done(reached=True)
    return _usual([way for way in usable if not _maybe_told(way, tries)], tries, now)


def _urgent(ways: Sequence[Way], tries: Sequence[Try], now: datetime) -> Next:
    if not ways:
        return Done(reached=False)
    newest = max(tries, key=lambda one: one.at, default=None)
    if newest is not None and newest.outcome in {Outcome.SENT, Outcome.ARRIVED, Outcome.UNKNOWN}:
        answers_until = newest.at + ANSWERED_WITHIN
        if now < answers_until:
            return Wait(until=answers_until)
    return _in_rounds(ways, tries, now, longest=LONGEST_URGENT_BACK_OFF)


def _usual(ways: Sequence[Way], tries: Sequence[Try], now: datetime) -> Next:
    waiting = [one.at for one in tries if one.outcome is Outcome.WAITING]
    if waiting:
        return Wait(until=min(waiting)) if min(waiting) > now else _claim_again(tries)
    arrives = [one.at + ARRIVES_WITHIN for one in tries if one.outcome is Outcome.SENT]
    if arrives and now < max(arrives):
        return Wait(until=max(arrives))
    asleep = [way for way in ways if _is_quiet(way, now)]
    awake = [way for way in ways if way not in asleep]
    if awake and _round(awake, tries) < ROUNDS:
        return _in_rounds(awake, tries, now, longest=LONGEST_BACK_OFF)
    if asleep and _round(asleep, tries) < ROUNDS:
        return Wait(until=min(_quiet_ends(way, now) for way in asleep))
    return Done(reached=False)


def _claim_again(tries: Sequence[Try]) -> Next:
    first = min((one for one in tries if one.outcome is Outcome.WAITING), key=lambda one: one.at)
    return Send(way=first.way, round=first.round)


def _in_rounds(ways: Sequence[Way], tries: Sequence[Try], now: datetime, *, longest: timedelta) -> Next:
    number = _round(ways, tries)
    used = {one.way for one in tries if one.round == number}
    if number > 0 and not used:
        last = max(one.at for one in tries)
        begins = last + min(longest, FIRST_BACK_OFF * 2 ** min(number - 1, ROUNDS))
        if now < begins:
            return Wait(until=begins)
    left = [way for way in ways if way.key not in used]
    return Send(way=left[0].key, round=number)


def _round(ways: Sequence[Way], tries: Sequence[Try]) -> int:
    """Return the number of the round that is under way: the first in which not every way was used."""
    used = {(one.way, one.round) for one in tries}
    number = 0
    while all((way.key, number) in used for way in ways):
        number += 1
    return number


def _told(ways: Sequence[Way], tries: Sequence[Try]) -> bool:
    silent = {way.key for way in ways if not way.reports}
    return any(
        one.outcome is Outcome.ARRIVED or (one.outcome is Outcome.SENT and one.way in silent) for one in tries
    )


def _maybe_told(way: Way, tries: Sequence[Try]) -> bool:
    """Say whether a message that nobody knows the end of went this way: it is not sent again."""
    return any(one.way == way.key and one.outcome in {Outcome.SENT, Outcome.UNKNOWN} for one in tries)


def _is_quiet(way: Way, now: datetime) -> bool:
    if way.quiet is None:
        return False
    (begins, ends), local = way.quiet, now.astimezone(CHINA).time()
    return begins <= local < ends if begins <= ends else local >= begins or local < ends


def _quiet_ends(way: Way, now: datetime) -> datetime:
    if way.quiet is None:
        return now
    local = now.astimezone(CHINA)
    today = datetime.combine(local.date(), way.quiet[1], CHINA)
    return today if today > local else today + timedelta(days=1)
