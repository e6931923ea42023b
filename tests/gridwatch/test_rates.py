"""How often something happens at most."""

import math

import pytest

from gridwatch.rates import most_per, wilson


@pytest.mark.parametrize(
    ("count", "most"), [(0, 2.996), (1, 4.744), (2, 6.296), (10, 16.962), (100, 118.079)]
)
def test_the_bound_is_that_of_poisson(count: int, most: float) -> None:
    """The exact one: half of the 95 % quantile of chi-squared with 2 (count + 1) degrees of freedom."""
    assert most_per(count, 1) == pytest.approx(most, abs=0.002)
    assert most_per(count, 43) == pytest.approx(most / 43, abs=0.001)


def test_where_nothing_was_watched_nothing_is_known() -> None:
    assert math.isinf(most_per(0, 0))


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson(97, 100) == pytest.approx((0.9155, 0.9897), abs=2e-4)
    assert wilson(0, 0) == (0.0, 1.0)
