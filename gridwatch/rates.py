"""How often something happens, how often at most, and how large a share is, as far as a count can say."""

import math

CONFIDENCE = 0.95

SURE_Z = 1.959964
"""Standard deviations of a two-sided 95 % interval."""


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


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; all of 0 to 1 where nothing was counted."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = hits / of, SURE_Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = SURE_Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def _at_most(count: int, mean: float) -> float:
    """Return the probability of `count` events or fewer where `mean` are expected."""
    logs = (n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(count + 1))
    return math.fsum(map(math.exp, logs))
