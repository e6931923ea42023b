"""How measured values scatter, and the rows they become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Self

from gridwatch.rates import wilson


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Least, middle and greatest value of several runs."""

    runs: int
    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Sum up one value per run; raise ValueError when there is none."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(runs=len(values), min=min(values), median=median(values), max=max(values))

    def text(self, form: str = ",.0f") -> str:
        """Return it as `median (min – max)`."""
        return f"{self.median:{form}} ({self.min:{form}} – {self.max:{form}})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table of results."""

    what: str
    value: str
    note: str = ""


def share(hits: int, of: int) -> Mapping[str, float | None]:
    """Return a counted share with Wilson's 95 % interval, to print; None where nothing was counted."""
    low, high = wilson(hits, of)
    return {"hits": hits, "of": of, "share": hits / of if of else None, "from": low, "to": high}


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
