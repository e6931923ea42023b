"""A folder of pictures is one sequence: in the order of times in names, or of the names."""

from datetime import timedelta
from pathlib import Path

import pytest

from gridwatch.cli.folder import in_time
from gridwatch.model import EARLIEST


def order(names: list[str], interval_s: float | None = None) -> list[tuple[str, float]]:
    interval = None if interval_s is None else timedelta(seconds=interval_s)
    pairs = in_time([Path(name) for name in names], interval)
    return [(file.name, (moment - EARLIEST).total_seconds()) for file, moment in pairs]


@pytest.mark.parametrize(
    "names",
    [
        ["cam_2026-04-05T12-30-00.jpg", "cam_2026-04-05T12-30-30.jpg", "cam_2026-04-05T12-31-10.jpg"],
        ["20260405_123000.jpg", "20260405_123030.jpg", "20260405_123110.jpg"],
        ["1775392200_+00000.jpg", "1775392230_+00030.jpg", "1775392270_+00070.jpg"],
        ["1775392200000.png", "1775392230000.png", "1775392270000.png"],
    ],
)
def test_times_in_names_give_order_and_moments(names: list[str]) -> None:
    assert order(names[::-1]) == [(names[0], 0), (names[1], 30), (names[2], 70)]
    assert order(names[::-1], 10) == [(names[0], 0), (names[1], 10), (names[2], 20)]


def test_names_without_times_go_by_their_numbers_one_second_apart() -> None:
    assert order(["p-10.jpg", "p-9.jpg", "p-1.jpg"]) == [("p-1.jpg", 0), ("p-9.jpg", 1), ("p-10.jpg", 2)]
    assert order(["b.jpg", "a.jpg"], 30) == [("a.jpg", 0), ("b.jpg", 30)]


def test_names_of_which_one_has_no_time_or_two_have_the_same_go_by_name() -> None:
    mixed = ["20260405_123000.jpg", "last.jpg"]
    assert order(mixed) == [("20260405_123000.jpg", 0), ("last.jpg", 1)]
    same = ["b-20260405_123000.jpg", "a-20260405_123000.jpg"]
    assert [name for name, _ in order(same)] == sorted(same)
    assert order(["20269905_123000.jpg", "20260405_123000.jpg"])[0][0] == "20260405_123000.jpg"
