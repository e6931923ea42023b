"""When an event becomes an alert: pure, no clock, no database.

An event raises an alert, merges into the one of its group that is not closed, or is only kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import TypeAlias

from gridwatch.model import Device, Finding, Severity
from gridwatch.scenes import SCENES, alarm_severity, merge_window


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The alert that takes the events of a group now."""

    id: int
    severity: Severity
    observed_at: datetime
    last_observed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignore:
    """The event is kept and shown, and raises nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """The event belongs to an alert that is there; `severity` is what becomes of that alert's `before`."""

    alert_id: int
    severity: Severity
    before: Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Raise:
    """The event is the first of a new alert; the alert `seal` takes no further events."""

    group_key: str
    severity: Severity
    seal: int | None


Decision: TypeAlias = Ignore | Merge | Raise


CHINA = timezone(timedelta(hours=8))
NIGHT_BEGINS, NIGHT_ENDS = time(22), time(7)
"""By local time: what is minor wakes nobody."""


def scene_of(label: str, device_scene: str) -> str:
    """Return the scene an event belongs to: a flame is a fire, whatever camera saw it."""
    if alarm_severity(device_scene, label) is not None:
        return device_scene
    owners = [name for name, scene in SCENES.items() if label in scene.alarms]
    return owners[0] if owners else device_scene


def place_of(device: Device, scene: str) -> str:
    """Return what tells where an incident is: of cameras in a lift the lift, else the device itself."""
    return device.lift or device.id if scene == "elevator" else device.id


def group_key(scene: str, device: str, *, drill: bool) -> str:
    """Return what events of one incident share: scene and place.

    A drill has a group of its own: a fire that follows a test must not vanish in the test's alert.
    """
    return f"drill:{scene}:{device}" if drill else f"{scene}:{device}"


def severity_of(finding: Finding, scene: str, extra_alarms: Mapping[str, Severity]) -> Severity | None:
    """Return the severity that `finding` deserves, or None where it raises nothing.

    `extra_alarms` are the labels that the settings add. A finding's own severity can only raise its label's.
    """
    own = alarm_severity(scene, finding.label) or extra_alarms.get(finding.label)
    if own is None or finding.severity is None:
        return own
    return max(own, finding.severity, key=lambda severity: severity.rank)


def trouble_severity(label: str, extra_alarms: Mapping[str, Severity]) -> Severity:
    """Return the severity of a trouble with a device itself: minor, unless the settings name its label."""
    return extra_alarms.get(label, Severity.MINOR)


def told_at(severity: Severity, now: datetime) -> datetime | None:
    """Return when people are told of a trouble that is raised now: None for at once, else in the morning."""
    local = now.astimezone(CHINA)
    if severity is not Severity.MINOR or NIGHT_ENDS <= local.time() < NIGHT_BEGINS:
        return None
    day = local.date() + timedelta(days=1 if local.time() >= NIGHT_BEGINS else 0)
    return datetime.combine(day, NIGHT_ENDS, CHINA)


def decide(
    finding: Finding, *, scene: str, group: str, held: Held | None, extra_alarms: Mapping[str, Severity]
) -> Decision:
    """Decide what `finding` does, given its group and the alert that holds it now."""
    severity = severity_of(finding, scene, extra_alarms)
    if severity is None:
        return Ignore()
    if held is None:
        return Raise(group_key=group, severity=severity, seal=None)
    if _belongs(finding.observed_at, held, scene):
        worse = max(severity, held.severity, key=lambda severity: severity.rank)
        return Merge(alert_id=held.id, severity=worse, before=held.severity)
    return Raise(group_key=group, severity=severity, seal=held.id)


def _belongs(observed_at: datetime, held: Held, scene: str) -> bool:
    window = merge_window(scene)
    return held.observed_at - window <= observed_at <= held.last_observed_at + window
