"""How well a camera is judged, in the names that Frigate uses: readings once a minute."""

from dataclasses import dataclass
from datetime import datetime

from gridwatch.model import Observation


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Pictures of one camera since the start, and the seconds that the detector looked at them."""

    read: int = 0
    judged: int = 0
    skipped: int = 0
    damaged: int = 0
    judging_s: float = 0.0


def figures(device: str, before: Counts, now: Counts, *, seconds: float, at: datetime) -> Observation:
    """Return the rates between two counts `seconds` apart; `detector_ms` is per picture."""
    judged = now.judged - before.judged
    values = {
        "camera_fps": (now.read - before.read) / seconds,
        "process_fps": judged / seconds,
        "skipped_fps": (now.skipped - before.skipped) / seconds,
        "damaged_fps": (now.damaged - before.damaged) / seconds,
    }
    if judged:
        values["detector_ms"] = 1000 * (now.judging_s - before.judging_s) / judged
    return Observation(
        device=device, observed_at=at, values={name: round(value, 2) for name, value in values.items()}
    )
