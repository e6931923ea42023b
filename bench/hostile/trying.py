"""How much of each is tried, and what those who try have in common."""

from dataclasses import dataclass

from bench.hostile.target import Target
from bench.raw_mqtt import Wire


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much of each is tried."""

    calm_s: float = 30.0
    guesses: int = 1_000
    silent: int = 500
    connections: int = 2_000
    tokens: int = 300
    packets: int = 5_000
    watch_slow_s: float = 100.0


FULL = Sizes()
QUICK = Sizes(calm_s=3.0, guesses=50, silent=30, connections=60, tokens=20, packets=200, watch_slow_s=0.0)


Outcome = tuple[str, bool]
"""What came of it in words, and whether that is as it must be."""


def as_mallory(target: Target) -> Wire:
    """Come in as a device with a credential of its own that means no good."""
    wire = target.device("mallory")
    if wire is None:
        raise RuntimeError("mallory is not let in")
    return wire
