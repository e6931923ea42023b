"""What is usual at an hour of day."""

import numpy as np
import pytest

from gridwatch.usual import LEARN_DAYS, Usual, learn, none_usual


def after(means: list[float], variances: list[float] | None = None, readings: int = 60) -> Usual:
    """Return one slot after days with these means."""
    usual = none_usual(1)
    for mean, variance in zip(means, variances or [0.25] * len(means), strict=True):
        usual = learn(usual, np.array([readings]), np.array([mean]), np.array([variance]))
    return usual


def test_a_slot_has_the_mean_and_the_variances_of_the_days_it_saw() -> None:
    rng = np.random.default_rng(1)
    means = (20 + 2 * rng.standard_normal(LEARN_DAYS)).tolist()
    usual = after(means)
    assert usual.days[0] == LEARN_DAYS
    assert usual.mean[0] == pytest.approx(np.mean(means), abs=0.3)
    assert usual.within[0] == pytest.approx(0.25)
    assert usual.between[0] ** 0.5 == pytest.approx(np.std(means), rel=0.3)
    assert usual.spread[0] == pytest.approx((usual.within[0] + usual.between[0]) ** 0.5)


def test_a_slot_follows_the_season() -> None:
    assert after([10.0] * 20 + [12.0] * 40).mean[0] == pytest.approx(12.0, abs=0.15)


def test_one_day_far_out_moves_a_slot_by_little() -> None:
    calm = after([1.0, 1.2, 0.9, 1.1] * 4)
    burnt = after([1.0, 1.2, 0.9, 1.1] * 4 + [80.0], [0.25] * 16 + [900.0])
    assert burnt.mean[0] - calm.mean[0] < 0.2
    assert burnt.spread[0] < 2 * calm.spread[0]


@pytest.mark.parametrize(("readings", "mean"), [(2, 5.0), (60, float("nan"))])
def test_an_hour_that_says_nothing_teaches_nothing(readings: int, mean: float) -> None:
    before = after([1.0] * 5)
    usual = learn(before, np.array([readings]), np.array([mean]), np.array([0.1]))
    assert [float(column[0]) for column in usual] == [float(column[0]) for column in before]
