"""Which way is taken next: in order, once in a round, until somebody was reached where life is in danger."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from gridwatch.delivery import (
    LOOK_AGAIN,
    ROUNDS,
    SETTLED_WITHIN,
    Done,
    Outcome,
    Send,
    Try,
    Wait,
    Way,
    next_step,
)

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""12:00 in China."""
CARD, TEXT, PHONE = (
    Way(key=1, reports=False),
    Way(key=2, reports=True),
    Way(key=3, reports=True),
)


def tried(way: Way, outcome: Outcome, *, round: int = 0, at: datetime = NOON, by_person: bool = False) -> Try:
    """Return what became of one message."""
    return Try(way=way.key, round=round, outcome=outcome, at=at, by_person=by_person)


def test_the_first_way_is_enough_where_it_takes_the_message() -> None:
    assert next_step([CARD, TEXT], [], urgent=False, now=NOON) == Send(way=1, round=0)
    done = next_step([CARD, TEXT], [tried(CARD, Outcome.SENT)], urgent=False, now=NOON)
    assert done == Done(reached=True)


def test_a_way_that_fails_is_followed_by_the_next_at_once() -> None:
    tries = [tried(CARD, Outcome.FAILED)]
    assert next_step([CARD, TEXT], tries, urgent=False, now=NOON) == Send(way=2, round=0)


def test_a_text_message_without_a_report_is_followed_by_the_next_way() -> None:
    tries = [tried(TEXT, Outcome.SENT)]
    assert next_step([TEXT, PHONE], tries, urgent=False, now=NOON) == Wait(until=NOON + timedelta(seconds=60))
    later = NOON + timedelta(seconds=60)
    assert next_step([TEXT, PHONE], tries, urgent=False, now=later) == Send(way=3, round=0)
    arrived = [tried(TEXT, Outcome.ARRIVED)]
    assert next_step([TEXT, PHONE], arrived, urgent=False, now=NOON) == Done(reached=True)


def test_what_is_urgent_goes_on_until_a_person_gave_a_sign() -> None:
    tries = [tried(CARD, Outcome.SENT)]
    assert isinstance(next_step([CARD, PHONE], tries, urgent=True, now=NOON), Wait)
    later = NOON + timedelta(minutes=1)
    assert next_step([CARD, PHONE], tries, urgent=True, now=later) == Send(way=3, round=0)
    picked_up = [*tries, tried(PHONE, Outcome.ARRIVED, at=later, by_person=True)]
    assert next_step([CARD, PHONE], picked_up, urgent=True, now=later) == Done(reached=True)


def test_quiet_hours_hold_back_what_is_not_urgent() -> None:
    night = datetime(2026, 11, 23, 16, tzinfo=UTC)
    sleeping = replace(CARD, quiet=(time(22), time(7)))
    morning = datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert next_step([sleeping], [], urgent=False, now=night) == Wait(until=morning)
    assert next_step([sleeping], [], urgent=False, now=morning) == Send(way=1, round=0)
    assert next_step([sleeping, TEXT], [], urgent=False, now=night) == Send(way=2, round=0)
    assert next_step([sleeping], [], urgent=True, now=night) == Send(way=1, round=0)


def test_what_may_have_gone_is_sent_again_only_where_life_is_in_danger() -> None:
    tries = [tried(CARD, Outcome.UNKNOWN)]
    assert next_step([CARD], tries, urgent=False, now=NOON) == Done(reached=False)
    assert next_step([CARD, TEXT], tries, urgent=False, now=NOON) == Send(way=2, round=0)
    later = NOON + timedelta(minutes=5)
    assert next_step([CARD], tries, urgent=True, now=later) == Send(way=1, round=1)


def test_who_has_no_way_or_only_refused_ones_cannot_be_reached() -> None:
    for urgent in (False, True):
        assert next_step([], [], urgent=urgent, now=NOON) == Done(reached=False)
        refused = [tried(CARD, Outcome.REFUSED)]
        assert next_step([CARD], refused, urgent=urgent, now=NOON) == Done(reached=False)


ENDS = some.sampled_from([Outcome.SENT, Outcome.ARRIVED, Outcome.FAILED, Outcome.REFUSED, Outcome.UNKNOWN])
QUIET = some.sampled_from([None, (time(22), time(7)), (time(12), time(14))])


@settings(deadline=None, max_examples=60)
@given(
    reports=some.lists(some.tuples(some.booleans(), QUIET), min_size=1, max_size=4),
    ends=some.lists(ENDS, min_size=1, max_size=60),
    urgent=some.booleans(),
)
def test_whatever_becomes_of_messages_each_goes_once_and_the_end_is_always_reached(
    reports: list[tuple[bool, tuple[time, time] | None]], ends: list[Outcome], urgent: bool
) -> None:
    ways = [Way(key=key, reports=one, quiet=quiet) for key, (one, quiet) in enumerate(reports)]
    tries: list[Try] = []
    now = NOON
    for _ in range(150):
        match next_step(ways, tries, urgent=urgent, now=now):
            case Send() as send:
                assert (send.way, send.round) not in {(one.way, one.round) for one in tries}
                end = ends[len(tries) % len(ends)]
                tries.append(Try(way=send.way, round=send.round, outcome=end, at=now))
            case Wait(until=until):
                assert until > now, "a wait that is over would be asked for ever"
                now = until
            case Done(reached=reached):
                refused = {one.way for one in tries if one.outcome is Outcome.REFUSED}
                if urgent:
                    assert not reached
                    assert len(refused) == len(ways), "what is urgent ends only where no way is left"
                assert all(one.round < ROUNDS for one in tries) or urgent
                return
    assert urgent, "what is not urgent comes to an end"
    assert now > NOON + timedelta(hours=1), "and what is urgent does not hammer"


def test_a_message_that_is_under_way_is_waited_for() -> None:
    for urgent in (False, True):
        tries = [tried(CARD, Outcome.SENDING)]
        assert next_step([CARD, TEXT], tries, urgent=urgent, now=NOON) == Wait(until=NOON + SETTLED_WITHIN)
        late = NOON + timedelta(hours=1)
        assert next_step([CARD, TEXT], tries, urgent=urgent, now=late) == Wait(until=late + LOOK_AGAIN)


def test_a_message_for_which_there_is_no_room_yet_waits_and_is_asked_for_again() -> None:
    room_at = NOON + timedelta(seconds=20)
    tries = [tried(CARD, Outcome.WAITING, at=room_at)]
    assert next_step([CARD, TEXT], tries, urgent=False, now=NOON) == Wait(until=room_at)
    assert next_step([CARD, TEXT], tries, urgent=False, now=room_at) == Send(way=1, round=0)
