"""The scenes: what a device can watch for, and which labels raise an alert of what severity.

A scene is one entry here and one detector in `detectors/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from gridwatch.model import Severity


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """A scene's labels that raise alerts, and how long after its last event an alert takes further ones."""

    alarms: Mapping[str, Severity]
    merge_window: timedelta


SCENES: Mapping[str, Scene] = {
    # A fire goes on: what comes within half an hour belongs to it.
    "fire": Scene(
        alarms={"flame": Severity.CRITICAL, "smoke": Severity.MAJOR, "heat": Severity.MAJOR},
        merge_window=timedelta(minutes=30),
    ),
    # A visit to a lift is over when nothing was seen for two minutes.
    "elevator": Scene(
        alarms={"ebike": Severity.MAJOR, "motorcycle": Severity.MAJOR},
        merge_window=timedelta(minutes=2),
    ),
    # Each throw is an act of its own; a reflection or a second piece falls within seconds.
    "throwing": Scene(
        alarms={"falling_object": Severity.CRITICAL},
        merge_window=timedelta(seconds=10),
    ),
}


SURE = tuple(sorted({label for scene in SCENES.values() for label in scene.alarms}))
"""Labels that raise an alert by themselves: one that holds such a finding is not called by a suspicion."""

TROUBLES = frozenset({"tampered", "device_fault"})
"""What a device tells of itself that somebody should see to: alerts of their own, never of a scene's."""

USUAL_MERGE_WINDOW = timedelta(minutes=10)
"""Of a scene that has no entry here; only labels of the settings raise alerts in it."""


def alarm_severity(scene: str, label: str) -> Severity | None:
    """Return the severity that `label` raises in `scene`, or None where it raises nothing."""
    known = SCENES.get(scene)
    return None if known is None else known.alarms.get(label)


def merge_window(scene: str) -> timedelta:
    """Return how long after its last event an alert of `scene` takes further ones."""
    known = SCENES.get(scene)
    return USUAL_MERGE_WINDOW if known is None else known.merge_window
