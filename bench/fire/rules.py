"""Time the rules for ground sensors: 100,000 channels at one reading a minute, on one thread.

`python -m bench.fire.rules`. All that is judged of a reading is in it: what is usual of its hour, sums, votes
and the hour's change; receiving, storing and the neighbours' vote are not.
"""

import time
from datetime import UTC, datetime, timedelta

import numpy as np

from detectors.fire import FireSensorDetector
from detectors.fire.memory import SensorStates
from gridwatch.model import Observation
from gridwatch.usual import Expected

CHANNELS, MINUTES, BATCHES_A_MINUTE = 100_000, 30, 60
USUAL = {
    "smoke_pct_m": (0.1, 0.04),
    "co_ppm": (0.6, 0.3),
    "co2_ppm": (430.0, 10.0),
    "temperature_c": (18.0, 0.5),
    "humidity_pct": (70.0, 2.0),
    "pm25_ugm3": (12.0, 3.2),
}
DEVICES = CHANNELS // len(USUAL)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BLOCK = 10_000
"""Observations that one device sends in one message, after it was away for long."""


def states_of(detector: FireSensorDetector) -> SensorStates:
    """Return a memory of sensors of which it is known what is usual."""
    states = detector.new_states()
    states.begin_hour(NOON.timestamp())
    states.expect(
        Expected(f"post-{number}", name, mean, mean, spread)
        for number in range(DEVICES)
        for name, (mean, spread) in USUAL.items()
    )
    return states


def batch(rng: np.random.Generator, numbers: range, at: datetime) -> list[Observation]:
    """Return what some devices send in a moment."""
    rows = zip(
        *(rng.normal(mean, spread, len(numbers)).tolist() for mean, spread in USUAL.values()), strict=True
    )
    return [
        Observation(device=f"post-{number}", observed_at=at, values=dict(zip(USUAL, row, strict=True)))
        for number, row in zip(numbers, rows, strict=True)
    ]


def main() -> None:
    """Print the part of one core that the rules take, and how long a block of one device does."""
    detector, rng = FireSensorDetector(), np.random.default_rng(7)
    began = time.process_time()
    states = states_of(detector)
    hour_s = time.process_time() - began
    each = -(-DEVICES // BATCHES_A_MINUTE)
    judged_s, told = 0.0, 0
    for step in range(MINUTES * BATCHES_A_MINUTE):
        begin = step % BATCHES_A_MINUTE * each
        at = NOON + timedelta(seconds=step * 60 / BATCHES_A_MINUTE)
        observations = batch(rng, range(begin, min(DEVICES, begin + each)), at)
        began = time.process_time()
        told += len(detector.feel(states, observations))
        judged_s += time.process_time() - began
    part = judged_s / (MINUTES * 60)
    print(
        f"{DEVICES:,} devices, {DEVICES * len(USUAL):,} channels, one reading a minute each, {MINUTES} "
        f"minutes: {part:.2%} of one core, {judged_s / MINUTES / DEVICES * 1e6:.1f} µs a message; "
        f"the usual of an hour: {hour_s:.2f} s an hour, {hour_s / 3600:.2%}; {told} findings of noise"
    )
    block = [one for n in range(BLOCK) for one in batch(rng, range(1), NOON + timedelta(minutes=60 + n))]
    began = time.process_time()
    detector.feel(states, block)
    print(f"{BLOCK:,} observations of one device at once: {time.process_time() - began:.2f} s")


if __name__ == "__main__":
    main()
