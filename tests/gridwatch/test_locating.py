"""The window that a thing came from: how often it is right, and whether its probabilities are true."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from gridwatch.facade import FacadeView, locate
from gridwatch.model import Origin
from tests.gridwatch.facade_geometry import make_scene, throw


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was said of one throw, and what was true."""

    floor: int
    window: int
    where: tuple[Origin, ...]

    @property
    def floors(self) -> Counter[int]:
        """Probability by floor."""
        shares: Counter[int] = Counter()
        for origin in self.where:
            if origin.floor is not None:
                shares[origin.floor] += origin.p  # type: ignore[assignment]
        return shares

    @property
    def likeliest(self) -> tuple[int, float]:
        """The floor that is likeliest, and its probability."""
        return self.floors.most_common(1)[0]


def told_of_throws(
    count: int, away_m: float, pitch_deg: float, *, seed: int, first_seen_s: float, anywhere: bool
) -> list[Told]:
    """Throw from random windows, five for each newly clicked scene."""
    rng = np.random.default_rng(seed)
    told = []
    for number in range(count):
        if number % 5 == 0:
            scene = make_scene(rng, away_m, pitch_deg)
            view = scene.view()
        floor, window = scene.seen[int(rng.integers(len(scene.seen)))]
        track = throw(
            rng,
            scene,
            floor,
            window,
            first_seen_s=first_seen_s,
            outward_ms=abs(float(rng.normal(0, 2))),
            anywhere_on_floor=anywhere,
        )
        told.append(Told(floor=floor, window=window, where=locate(view, track)))
    return told


def exact_and_near(told: list[Told]) -> tuple[float, float]:
    off = [abs(one.likeliest[0] - one.floor) for one in told]
    return float(np.mean([o == 0 for o in off])), float(np.mean([o <= 1 for o in off]))


def test_probabilities_sum_to_one_and_name_window_and_floor() -> None:
    for one in told_of_throws(10, 25, 42, seed=1, first_seen_s=0.1, anywhere=False):
        assert sum(origin.p for origin in one.where) == pytest.approx(1, abs=1e-9)
        assert [origin.p for origin in one.where] == sorted((o.p for o in one.where), reverse=True)
        assert one.where[0].window is not None


def test_the_floor_is_right_at_25_m() -> None:
    exact, near = exact_and_near(told_of_throws(40, 25, 42, seed=2, first_seen_s=0.2, anywhere=False))
    assert exact >= 0.9
    assert near >= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("away_m", "pitch_deg"), [(25, 42), (40, 33)])
@pytest.mark.parametrize("first_seen_s", [0.04, 0.2, 0.4])
def test_the_floor_is_right_even_where_things_leave_at_any_height_of_it(
    away_m: float, pitch_deg: float, first_seen_s: float
) -> None:
    """No window's sill helps: the figures to reach are 0.80 and 0.98."""
    told = told_of_throws(200, away_m, pitch_deg, seed=7, first_seen_s=first_seen_s, anywhere=True)
    exact, near = exact_and_near(told)
    assert exact >= 0.80
    assert near >= 0.98


@pytest.mark.slow
def test_what_is_said_with_probability_p_is_true_in_p_of_the_cases() -> None:
    told = [
        one
        for away_m, pitch_deg in ((15, 50), (25, 42), (40, 33))
        for one in told_of_throws(150, away_m, pitch_deg, seed=9, first_seen_s=0.2, anywhere=True)
    ]
    said = np.array([one.likeliest[1] for one in told])
    true = np.array([one.likeliest[0] == one.floor for one in told])
    assert abs(said.mean() - true.mean()) < 0.04
    for low, high in ((0.4, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
        among = (said >= low) & (said < high)
        assert among.sum() >= 15
        assert true[among].mean() == pytest.approx(said[among].mean(), abs=0.13)


def test_a_thing_from_the_roof_is_not_said_to_come_from_a_window() -> None:
    rng = np.random.default_rng(4)
    scene = make_scene(rng, 40, 33)
    top = scene.grid.numbers[-1]
    for _ in range(5):
        track = throw(rng, scene, top, 3, first_seen_s=0.1, outward_ms=1.0)
        # The same throw, 3 m higher: the pixels of a camera that stands 3 m lower, and still means the same.
        scale = scene.view().px_per_m(track[0].x, track[0].y)
        assert scale is not None
        raised = [type(p)(at=p.at, x=p.x, y=p.y - 3 * float(scale)) for p in track]
        where = locate(scene.view(), raised)
        assert where[0].place == "roof"
        assert where[0].floor is None


def test_without_calibration_or_track_nothing_is_said() -> None:
    rng = np.random.default_rng(5)
    scene = make_scene(rng, 25, 42)
    track = throw(rng, scene, scene.grid.numbers[3], 2, first_seen_s=0.1, outward_ms=1.0)
    assert locate(FacadeView(size_wh=(1080, 1920)), track) == ()
    assert locate(scene.view(), track[:2]) == ()


def test_the_same_track_is_told_alike_in_a_picture_of_half_the_size() -> None:
    rng = np.random.default_rng(6)
    scene = make_scene(rng, 30, 38)
    floor, window = scene.seen[len(scene.seen) // 2]
    track = throw(rng, scene, floor, window, first_seen_s=0.1, outward_ms=1.0, noise_px=0.2)
    half = [type(point)(at=point.at, x=point.x / 2, y=point.y / 2) for point in track]
    view = scene.view().fitted((540, 960))
    assert view is not None
    whole, small = locate(scene.view(), track)[0], locate(view, half)[0]
    assert (small.floor, small.window) == (whole.floor, whole.window) == (floor, window)
