"""Real clips beside the rendered ones: how many alerts, and when. They are not part of the repository."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.throwing.alerts import ALERT, Alert, Method, Ours, span_s
from bench.throwing.baselines import Chain, Fade
from gridwatch.media import read_video

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class RealClip:
    """A clip, and the seconds in which there is something to find (None: nothing in all of it)."""

    file: str
    shows: str
    falls_s: tuple[float, float] | None = None
    judged: bool = True
    """Whether it shows what the detector is for; others are only told of."""


CLIPS = (
    RealClip(
        file="bharath_office1/office1.mp4",
        shows="façade, one throw with its reflection in the glass; trees and sun glare",
        falls_s=(7.0, 9.5),
    ),
    RealClip(file="waving_trees/waving_trees.avi", shows="branches in the wind"),
    RealClip(file="bgslibrary/video02.avi", shows="vehicles that drive down the picture"),
    RealClip(file="heenwee/uno.mp4", shows="indoors, light cups fall one metre", judged=False),
    RealClip(file="heenwee/dos.mp4", shows="indoors, light cups fall one metre", judged=False),
    RealClip(file="heenwee/tre.mp4", shows="indoors, light cups fall one metre", judged=False),
    RealClip(file="heenwee/fire.mp4", shows="indoors, light cups fall one metre", judged=False),
    RealClip(file="collector613/video.mp4", shows="indoors, drops before the lens", judged=False),
)

METHODS: Sequence[Callable[[], Method]] = (lambda: Ours(None), Fade, Chain)


def watch_real(folder: Path) -> list[dict[str, object]]:
    """Return for each clip that is there, and each method, how many alerts are right and how many false."""
    found: list[dict[str, object]] = []
    for clip in CLIPS:
        if not (folder / clip.file).is_file():
            continue
        methods = [make() for make in METHODS]
        pictures, end = 0, START
        for picture in read_video(folder / clip.file, start=START):
            pictures, end = pictures + 1, picture.at
            for method in methods:
                method.see(picture)
        for method in methods:
            told = method.alerts()
            alerts = [alert for alert in told if alert.label == ALERT]
            right = [alert for alert in alerts if clip.falls_s and _within(alert, clip.falls_s)]
            found.append(
                {
                    "file": clip.file,
                    "shows": clip.shows,
                    "judged": clip.judged,
                    "expected": 1 if clip.falls_s else 0,
                    "seconds": round((end - START).total_seconds(), 1),
                    "method": method.name,
                    "right": len(right),
                    "false": len(alerts) - len(right),
                    "suspected": len(told) - len(alerts),
                }
            )
    return found


def _within(alert: Alert, falls_s: tuple[float, float]) -> bool:
    begin, end = ((moment - START).total_seconds() for moment in span_s(alert))
    return falls_s[0] <= begin and end <= falls_s[1]
