"""Boxes of single pictures become fires over time: tubes, the pool, five in a row, one id for one fire."""

import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from detectors.fire.tubes import Box, Rules, Watched, overlap, watch_boxes
from gridwatch.model import BoxXyxy, Finding

NOON = datetime(2026, 4, 5, 12, tzinfo=UTC)
SIZE_WH = (1280, 720)
PLUME: BoxXyxy = (600, 300, 660, 360)


def smoke(box: BoxXyxy = PLUME, confidence: float = 0.6) -> list[Box]:
    return [Box(label="smoke", confidence=confidence, box_xyxy=box)]


def watch(
    pictures: Sequence[Sequence[Box]],
    *,
    gap_s: float = 30,
    watched: Watched | None = None,
    masks: Sequence[BoxXyxy] = (),
    rules: Rules | None = None,
    begin: datetime = NOON,
) -> list[list[Finding]]:
    """Return what each picture, one of boxes, let conclude."""
    memory = watched or Watched()
    return [
        watch_boxes(
            memory,
            boxes,
            at=begin + number * timedelta(seconds=gap_s),
            size_wh=SIZE_WH,
            masks=masks,
            rules=rules,
        )
        for number, boxes in enumerate(pictures)
    ]


def first(told: Sequence[Sequence[Finding]]) -> int | None:
    return next((number for number, findings in enumerate(told) if findings), None)


def test_five_pictures_in_a_row_are_a_fire_that_began_with_the_first() -> None:
    told = watch([[], *[smoke()] * 5])
    assert first(told) == 5
    (fire,) = told[5]
    assert (fire.label, fire.box_xyxy, fire.confidence) == ("smoke", PLUME, 0.6)
    assert fire.started_at == NOON + timedelta(seconds=30)
    assert fire.criteria["in_a_row"] == 5
    assert fire.criteria["pool_score"] == pytest.approx(5 * 0.6 / 8)


def test_one_picture_without_it_starts_the_row_again_and_three_end_the_tube() -> None:
    rules = Rules(alarm=1.0)
    told = watch([*[smoke()] * 4, [], *[smoke()] * 5], rules=rules)
    assert first(told) == 9
    assert told[9][0].started_at == NOON
    told = watch([*[smoke()] * 4, [], [], [], *[smoke()] * 5], rules=rules)
    assert told[11][0].started_at == NOON + timedelta(seconds=7 * 30)


def test_boxes_that_flicker_over_the_picture_are_no_fire() -> None:
    elsewhere = [(x, 100.0 + x % 300, x + 50.0, 160.0 + x % 300) for x in range(0, 1200, 60)]
    assert first(watch([smoke(box) for box in elsewhere])) is None


def test_a_cloud_that_drives_on_is_no_fire_though_its_boxes_overlap_from_one_to_the_next() -> None:
    cloud = [(40.0 * n, 300.0, 40.0 * n + 80, 350.0) for n in range(20)]
    assert overlap(cloud[0], cloud[1]) > 0.1
    assert first(watch([smoke(box) for box in cloud])) is None


def test_weak_boxes_in_a_row_are_no_fire_until_they_are_surer() -> None:
    told = watch([*[smoke(confidence=0.3)] * 8, *[smoke(confidence=0.6)] * 4])
    assert first(told) == 9
    assert first(watch([smoke(confidence=0.04)] * 20)) is None


def test_a_pool_that_is_sure_is_enough_where_pictures_miss_it() -> None:
    now_and_then = [smoke(confidence=0.8), smoke(confidence=0.8), []] * 4
    assert first(watch(now_and_then)) == 4
    assert first(watch([smoke(confidence=0.45), smoke(confidence=0.45), []] * 4)) is None


def test_a_box_wider_than_two_fifths_of_the_picture_is_refused() -> None:
    assert first(watch([smoke((100, 300, 100 + 0.41 * 1280, 400))] * 10)) is None
    assert first(watch([smoke((100, 300, 100 + 0.39 * 1280, 400))] * 10)) == 4


def test_what_lies_in_a_mask_is_not_looked_at() -> None:
    assert first(watch([smoke()] * 10, masks=[(590, 290, 640, 400)])) is None
    assert first(watch([smoke()] * 10, masks=[(590, 290, 620, 400)])) == 4


def test_a_fire_is_told_again_each_minute_and_at_once_when_it_has_doubled_under_one_id() -> None:
    grown: BoxXyxy = (590, 260, 680, 360)
    told = watch([*[smoke()] * 14, smoke(grown)], gap_s=10)
    at = [number for number, findings in enumerate(told) if findings]
    assert at == [4, 10, 14]
    fires = [finding for findings in told for finding in findings]
    assert len({fire.id for fire in fires}) == 1
    assert fires[-1].box_xyxy == grown
    assert fires[-1].criteria["growth"] == pytest.approx(2.5)
    assert fires[-1].criteria["rise_px"] == 40


def test_flame_beside_smoke_makes_one_fire_that_is_told_as_flame_from_then_on() -> None:
    flame = Box(label="flame", confidence=0.8, box_xyxy=(625, 362, 640, 375))
    told = watch([*[smoke()] * 6, *[[*smoke(), flame]] * 8, *[smoke()] * 4])
    fires = [finding for findings in told for finding in findings]
    assert len({fire.id for fire in fires}) == 1
    labels = [fire.label for fire in fires]
    assert labels[0] == "smoke"
    begun = labels.index("flame")
    assert set(labels[begun:]) == {"flame"}
    assert fires[begun].observed_at <= NOON + timedelta(seconds=30 * 7)


def test_two_fires_far_apart_are_two() -> None:
    far: BoxXyxy = (100, 400, 150, 440)
    told = watch([[*smoke(), *smoke(far)]] * 5)
    assert {fire.box_xyxy for fire in told[4]} == {PLUME, far}
    assert len({fire.id for fire in told[4]}) == 2


def test_a_fire_goes_on_at_four_fifths_of_the_score_that_it_began_with() -> None:
    rules = Rules(sure=0.5, alarm=0.3, again=timedelta())
    weaker = [smoke(confidence=0.26)] * 12
    told = watch([*[smoke()] * 8, *weaker], rules=rules)
    assert all(told[4:])
    assert first(watch(weaker, rules=rules)) is None
    told = watch([*[smoke()] * 8, *[smoke(confidence=0.2)] * 12], rules=rules)
    assert not any(told[-5:])


def test_a_fire_that_comes_back_within_half_an_hour_is_the_same_and_later_another() -> None:
    def ids(pause: int) -> list[str | None]:
        told = watch([*[smoke()] * 5, *[[]] * pause, *[smoke()] * 5], gap_s=60)
        return [finding.id for findings in (told[4], told[-1]) for finding in findings]

    same, other = ids(20), ids(40)
    assert len(same) == len(other) == 2
    assert len(set(same)) == 1
    assert len(set(other)) == 2


def test_pictures_more_than_half_an_hour_apart_tell_nothing_of_each_other() -> None:
    watched = Watched()
    watch([smoke()] * 4, watched=watched)
    assert first(watch([smoke()] * 4, watched=watched, begin=NOON + timedelta(hours=1))) is None


def test_the_memory_of_a_view_stays_bounded() -> None:
    watched = Watched()
    sizes = []
    for number in range(400):
        boxes = [
            Box(label="smoke", confidence=0.9, box_xyxy=(x, y, x + 30, y + 30))
            for x in range(0, 1200, 100)
            for y in [(37 * (number // 7) * (x + 1)) % 600]
        ]
        watch_boxes(watched, boxes, at=NOON + number * timedelta(seconds=10), size_wh=SIZE_WH)
        sizes.append(len(pickle.dumps(watched)))
    assert max(sizes[200:]) <= 1.3 * max(sizes[50:200])
    assert max(sizes) < 40_000
