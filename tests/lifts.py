"""What a lift says of itself in a test."""

from datetime import UTC, datetime

from gridwatch.model import LiftState

STANDING = {"door": "open", "moving": False, "door_zone": True, "mode": "normal"}


def standing(**otherwise: object) -> LiftState:
    """Return the word of a lift that stands with its door open, in normal service, unless said otherwise."""
    words = STANDING | otherwise
    return LiftState(device="lift", observed_at=datetime(2026, 11, 23, tzinfo=UTC), **words)  # type: ignore[arg-type]
