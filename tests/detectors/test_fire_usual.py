"""Where a view usually shows something: a chimney is learnt, a fire is told before it could be."""

import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detectors.fire.tubes import Box
from detectors.fire.usual import UsualPlaces, packed, unpacked, unusual
from gridwatch.model import BoxXyxy

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)
SIZE_WH = (640, 360)
CHIMNEY: BoxXyxy = (300, 200, 330, 240)
ELSEWHERE: BoxXyxy = (420, 200, 440, 220)


def smoke(box_xyxy: BoxXyxy, confidence: float = 0.8) -> Box:
    return Box(label="smoke", confidence=confidence, box_xyxy=box_xyxy)


def hours_of(
    usual: UsualPlaces, boxes: list[Box], hours: float, *, start: datetime = NOON, gap_s: float = 30.0
) -> tuple[datetime, list[Box]]:
    at, left = start, boxes
    for number in range(int(hours * 3600 / gap_s)):
        at = start + timedelta(seconds=gap_s * number)
        left = unusual(usual, boxes, at=at, size_wh=SIZE_WH)
    return at, left


@pytest.mark.parametrize("gap_s", [10.0, 60.0])
def test_a_chimney_is_usual_after_some_hours_and_what_burns_beside_it_is_not(gap_s: float) -> None:
    usual, chimney, fire = UsualPlaces(), smoke(CHIMNEY), smoke(ELSEWHERE)
    at, left = hours_of(usual, [chimney], 1, gap_s=gap_s)
    assert left == [chimney]
    at, left = hours_of(usual, [chimney], 2, start=at, gap_s=gap_s)
    assert left == []
    at += timedelta(seconds=gap_s)
    assert unusual(usual, [chimney, fire], at=at, size_wh=SIZE_WH) == [fire]


def test_what_has_not_smoked_for_days_is_unusual_again() -> None:
    usual, chimney = UsualPlaces(), smoke(CHIMNEY)
    at, left = hours_of(usual, [chimney], 4)
    assert left == []
    at, _ = hours_of(usual, [], 36, start=at, gap_s=60)
    assert unusual(usual, [chimney], at=at, size_wh=SIZE_WH) == [chimney]


def test_a_camera_that_was_off_learns_nothing_of_the_time_between() -> None:
    usual, chimney = UsualPlaces(), smoke(CHIMNEY)
    unusual(usual, [chimney], at=NOON, size_wh=SIZE_WH)
    for days in range(1, 4):
        assert unusual(usual, [chimney], at=NOON + timedelta(days=days), size_wh=SIZE_WH) == [chimney]


def test_what_is_hardly_sure_is_not_learnt_and_boxes_at_the_edge_are_held() -> None:
    usual = UsualPlaces()
    faint = [smoke(CHIMNEY, 0.1), smoke((-20, -20, 0, 0)), smoke((630, 350, 700, 400), 0.1)]
    _, left = hours_of(usual, faint, 6)
    assert left == [faint[0], faint[2]]


def test_a_stove_that_is_lit_for_a_meal_each_day_is_usual_on_the_fourth() -> None:
    usual, stove, fire = UsualPlaces(), smoke(CHIMNEY), smoke(ELSEWHERE)
    for days in range(3):
        _, left = hours_of(usual, [stove], 0.3, start=NOON + timedelta(days=days))
        assert left == [stove]
        hours_of(usual, [], 2, start=NOON + timedelta(days=days, hours=1))
    at = NOON + timedelta(days=3, hours=1)
    assert unusual(usual, [stove, fire], at=at, size_wh=SIZE_WH) == [fire]
    grown = smoke((CHIMNEY[0] - 60, CHIMNEY[1] - 90, CHIMNEY[2] + 60, CHIMNEY[3]))
    assert unusual(usual, [grown], at=at, size_wh=SIZE_WH) == [grown]


def test_what_showed_a_moment_on_each_day_is_no_stove() -> None:
    usual, haze = UsualPlaces(), smoke(CHIMNEY)
    for days in range(7):
        _, left = hours_of(usual, [haze], 0.1, start=NOON + timedelta(days=days))
        assert left == [haze]
        hours_of(usual, [], 12, start=NOON + timedelta(days=days, hours=1), gap_s=600)


def test_what_smoked_on_three_days_last_month_is_unusual_again() -> None:
    usual, stove = UsualPlaces(), smoke(CHIMNEY)
    for days in range(3):
        hours_of(usual, [stove], 0.3, start=NOON + timedelta(days=days))
        hours_of(usual, [], 12, start=NOON + timedelta(days=days, hours=1), gap_s=600)
    assert unusual(usual, [stove], at=NOON + timedelta(days=3), size_wh=SIZE_WH) == []
    assert unusual(usual, [stove], at=NOON + timedelta(days=30), size_wh=SIZE_WH) == [stove]


def test_a_place_that_smokes_on_past_midnight_is_not_usual_for_it() -> None:
    usual, fire = UsualPlaces(), smoke(CHIMNEY)
    _, left = hours_of(usual, [fire], 1, start=NOON + timedelta(hours=11, minutes=30))
    assert left == [fire]


def test_what_is_kept_is_known_again_view_by_view() -> None:
    east, west = UsualPlaces(), UsualPlaces()
    stove, chimney = smoke(CHIMNEY), smoke(ELSEWHERE)
    for days in range(3):
        hours_of(east, [stove], 0.3, start=NOON + timedelta(days=days))
    at, _ = hours_of(west, [chimney], 4, start=NOON + timedelta(days=2))
    again = unpacked(packed({"east": east, "west": west, "never seen": UsualPlaces()}))
    assert sorted(again) == ["east", "west"]
    at = NOON + timedelta(days=3)
    assert unusual(again["east"], [stove, chimney], at=at, size_wh=SIZE_WH) == [chimney]
    assert unusual(again["west"], [stove, chimney], at=at, size_wh=SIZE_WH) == [stove]


def test_a_view_that_showed_nothing_is_not_kept() -> None:
    usual = UsualPlaces()
    hours_of(usual, [], 1)
    assert packed({"": usual}) == b""
    assert unpacked(b"") == {}


def test_what_is_broken_or_of_another_version_is_learnt_anew() -> None:
    usual = UsualPlaces()
    hours_of(usual, [smoke(CHIMNEY)], 1)
    whole = packed({"": usual})
    other = UsualPlaces(share=np.ones((9, 16), np.float32), at=NOON)
    for broken in (whole[:-9], b"nonsense", zlib.compress(b"nonsense"), packed({"": other})):
        assert unpacked(broken) == {}
