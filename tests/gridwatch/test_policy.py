"""When an event raises, merges or is only kept."""

from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.model import Finding, Severity
from gridwatch.policy import Decision, Held, Ignore, Merge, Raise, decide, scene_of

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def finding(label: str, *, after_s: float = 0, severity: Severity | None = None) -> Finding:
    """Return a finding some seconds after the alert's last event."""
    at = AT + timedelta(seconds=after_s)
    return Finding(label=label, confidence=0.9, observed_at=at, severity=severity)


def held(severity: Severity = Severity.MAJOR) -> Held:
    """Return an alert that holds its group."""
    return Held(id=7, severity=severity, observed_at=AT, last_observed_at=AT)


def decided(found: Finding, scene: str, group: Held | None) -> Decision:
    """Decide without labels that the settings add."""
    return decide(found, scene=scene, group=f"{scene}:d1", held=group, extra_alarms={})


def test_the_first_event_of_a_group_raises() -> None:
    assert decided(finding("ebike"), "elevator", None) == Raise(
        group_key="elevator:d1", severity=Severity.MAJOR, seal=None
    )


def test_an_event_within_the_window_merges_and_keeps_the_worse_severity() -> None:
    assert decided(finding("smoke", after_s=60), "fire", held(Severity.CRITICAL)) == Merge(
        alert_id=7, severity=Severity.CRITICAL, before=Severity.CRITICAL
    )
    assert decided(finding("flame", after_s=60), "fire", held()) == Merge(
        alert_id=7, severity=Severity.CRITICAL, before=held().severity
    )


@pytest.mark.parametrize("after_s", [11, -11])
def test_an_event_outside_the_window_raises_anew_and_seals_the_old_alert(after_s: float) -> None:
    decision = decided(finding("falling_object", after_s=after_s), "throwing", held())
    assert decision == Raise(group_key="throwing:d1", severity=Severity.CRITICAL, seal=7)


def test_a_label_that_raises_nothing_is_kept_unless_a_setting_says_otherwise() -> None:
    assert decided(finding("wheelchair"), "elevator", None) == Ignore()
    decision = decide(
        finding("wheelchair"),
        scene="elevator",
        group="elevator:d1",
        held=None,
        extra_alarms={"wheelchair": Severity.MINOR},
    )
    assert decision == Raise(group_key="elevator:d1", severity=Severity.MINOR, seal=None)


def test_a_finding_may_ask_for_more_severity_and_never_for_less() -> None:
    worse = decided(finding("smoke", severity=Severity.CRITICAL), "fire", None)
    milder = decided(finding("flame", severity=Severity.MINOR), "fire", None)
    assert isinstance(worse, Raise)
    assert isinstance(milder, Raise)
    assert worse.severity is milder.severity is Severity.CRITICAL


def test_a_flame_in_a_lift_is_a_fire() -> None:
    assert scene_of("flame", "elevator") == "fire"
    assert scene_of("ebike", "elevator") == "elevator"
    assert scene_of("lens_covered", "elevator") == "elevator"
