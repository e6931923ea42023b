"""Who may do what with an alert in which state."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gridwatch.alerts_page import page
from gridwatch.errors import NotAllowed
from gridwatch.model import LIVE_STATES, AlertState, Role
from gridwatch.workflow import RULES, after, allowed_actions

OPERATOR, WORKER = Role.OPERATOR, Role.GRID_WORKER


def test_an_alert_goes_its_way_from_open_to_closed() -> None:
    state = AlertState.OPEN
    way = []
    for action in ("acknowledge", "accept", "arrive", "resolve", "verify", "close"):
        state = after(action, state, OPERATOR)
        way.append(state.value)
    assert way == ["acknowledged", "accepted", "handling", "resolved", "verified", "closed"]
    assert allowed_actions(state, OPERATOR) == ["reopen", "comment", "call_119"]


def test_what_a_state_does_not_allow_is_refused_with_who_was_first_and_what_is_allowed() -> None:
    since = datetime(2026, 11, 23, 8, tzinfo=UTC)
    with pytest.raises(NotAllowed) as refused:
        after("accept", AlertState.ACCEPTED, WORKER, whose="李四", since=since)
    said = str(refused.value)
    assert said.startswith(
        "the alert is accepted by 李四 since 2026-11-23T08:00:00+00:00; it can't be changed"
    )
    assert said.endswith("allowed: escalate, comment, call_119")


def test_what_another_took_a_grid_worker_leaves_alone() -> None:
    for action in ("arrive", "handle", "resolve", "return", "false_alarm"):
        assert action in allowed_actions(AlertState.ACCEPTED, WORKER, is_own=True)
        with pytest.raises(NotAllowed, match="for the one whose alert it is"):
            after(action, AlertState.ACCEPTED, WORKER)
        assert action in allowed_actions(AlertState.ACCEPTED, OPERATOR)
    assert after("return", AlertState.OPEN, WORKER) is AlertState.OPEN


def test_verifying_and_closing_is_for_the_control_room() -> None:
    for action, state in (("verify", AlertState.RESOLVED), ("close", AlertState.VERIFIED)):
        for role in (WORKER, Role.INTEGRATION):
            with pytest.raises(NotAllowed, match=f"not for the role {role.value}"):
                after(action, state, role, is_own=True)


def test_every_state_can_be_left_and_only_the_live_ones_are_at_work() -> None:
    for state in AlertState:
        leads = {rule.leads[state] for rule in RULES.values() if state in rule.leads}
        assert leads - {state}, f"nothing leads out of {state}"
    ended = {rule.leads[state] for rule in RULES.values() for state in LIVE_STATES if state in rule.leads}
    assert ended - LIVE_STATES == {AlertState.RESOLVED, AlertState.FALSE_ALARM, AlertState.DUPLICATE}


def test_the_documentation_is_written_from_the_tables() -> None:
    written = Path(__file__).parents[2] / "docs" / "alerts.md"
    assert written.read_text(encoding="utf-8") == page(), "python -m gridwatch.alerts_page > docs/alerts.md"
