"""How often something happens, and how often at most, as far as a count can say."""

import math

CONFIDENCE = 0.95


def most_per(count: int, time: float) -> float:
    """Return the rate that lies above the true one with 95 %, of `count` events in `time`.

    Poisson, one-sided: no event in a time t says no more than 3.0 / t. Infinite where nothing was watched.
    """
    if time <= 0:
        return math.inf
    low, high = 0.0, 10.0 + 3.0 * count
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if _at_most(count, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high / time


def _at_most(count: int, mean: float) -> float:
    """Return the probability of `count` events or fewer where `mean` are expected."""
    logs = (n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(count + 1))
    return math.fsum(map(math.exp, logs))
