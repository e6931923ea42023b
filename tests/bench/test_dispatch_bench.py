"""The measurements of how fast an alert reaches people run at a tiny size, and lose nothing."""

import shutil

import pytest

from bench.dispatch import escalation, fanout, person, resume, storm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs Mosquitto"),
]


def test_each_alarm_is_on_the_page_and_in_the_service_of_who_answers_for_it() -> None:
    found = person.measure(person.QUICK)
    assert (found.alerts, found.missed) == (person.QUICK.alerts, 0)
    assert 0 < found.feed_p50_ms <= found.feed_p99_ms
    assert 0 < found.told_p50_ms <= found.told_p99_ms
    assert len(person.rows(found)) == 2


def test_an_alert_comes_to_its_own_worker_and_to_all() -> None:
    found = fanout.measure(fanout.QUICK)
    assert [(one.to, one.missed) for one in found.found] == [("one", 0), ("all", 0)]
    assert len(fanout.rows(found)) == 2


def test_who_comes_back_after_a_kill_misses_nothing() -> None:
    found = resume.measure(resume.QUICK)
    assert (found.got, found.missed, found.repeated) == (found.listeners * found.alerts, 0, 0)
    assert len(resume.rows(found)) == 1


def test_a_storm_is_one_alert_for_each_estate_with_every_finding_counted() -> None:
    found = storm.measure(storm.QUICK)
    assert (found.alerts, found.counted) == (storm.QUICK.estates, storm.QUICK.findings)
    assert len(storm.rows(found)) == 1


def test_each_deadline_calls_once_though_dispatchers_are_killed() -> None:
    found = escalation.measure(escalation.QUICK)
    assert [(one.called, one.called_twice) for one in found.runs] == [(escalation.QUICK.alerts, 0)] * 2
    assert all(one.kills for one in found.runs)
    assert len(escalation.rows(found)) == 2
