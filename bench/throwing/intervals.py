"""How sure a counted share or rate is."""

import math
from collections.abc import Mapping

SURE_Z = 1.959964
"""Standard deviations of a two-sided 95 % interval."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; all of 0 to 1 where nothing was counted."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = hits / of, SURE_Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = SURE_Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(hits: int, of: int) -> Mapping[str, float | None]:
    """Return a counted share and its interval, to print; the share is None where nothing was counted."""
    low, high = wilson(hits, of)
    return {"hits": hits, "of": of, "share": hits / of if of else None, "from": low, "to": high}


def poisson_most(count: int, sure: float = 0.95) -> float:
    """Return the largest mean of which so few events are still seen in 1 of 20 (1 - `sure`) such times.

    3.0 for none: the rule of three.
    """
    low, high = float(count), count + 10.0 * math.sqrt(count + 1) + 10
    for _ in range(60):
        mean = (low + high) / 2
        at_most = sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count + 1))
        low, high = (mean, high) if at_most > 1 - sure else (low, mean)
    return high
