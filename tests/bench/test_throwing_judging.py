"""What the bench calls right, false and a duplicate, and how sure its figures are."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bench.throwing.__main__ import page, run
from bench.throwing.alerts import ALERT, Alert
from bench.throwing.baselines import Chain, Fade, iou
from bench.throwing.judging import Verdict, judge
from bench.throwing.sets import draw_clip
from gridwatch.model import Picture, TrackPoint
from simulators.facade.stage import draw_stage
from simulators.facade.take import Filming, draw_take

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def filming() -> Filming:
    """Return what is known of a clip with one throw and some birds."""
    stage = draw_stage(np.random.default_rng(3), size_wh=(480, 270), distance_m=25)
    take = draw_take(
        np.random.default_rng(2), stage, duration_s=5, throws=["rubbish_bag"], disturbers={"bird": 6}
    )
    film = Filming(take=take, start=START)
    for _ in film.pictures():
        pass
    return film


def thrown(filming: Filming, *, later_s: float = 0.0, aside_px: float = 0.0) -> Alert:
    """Return an alert whose track is the truth, told at its end."""
    points = [
        TrackPoint(at=at + timedelta(seconds=later_s), x=seen.centre_xy[0] + aside_px, y=seen.centre_xy[1])
        for at, seen in zip(filming.moments, filming.thrown[0], strict=True)
        if seen is not None
    ]
    return Alert(label=ALERT, told_at=points[-1].at, track=points)


def judged(filming: Filming, alerts: Sequence[Alert]) -> Verdict:
    """Return the verdict on these alerts."""
    return judge(alerts, [], filming, filming.take.view())


def test_a_track_on_the_thing_answers_the_event_and_names_its_floor(filming: Filming) -> None:
    verdict = judged(filming, [thrown(filming)])
    (answer,) = verdict.answers
    assert answer.found
    assert answer.overlap > 0.9
    assert answer.delay_s == pytest.approx(
        (thrown(filming).told_at - filming.truth()[0].started_at).total_seconds()
    )
    assert answer.floors_off is not None
    assert abs(answer.floors_off) <= 1
    assert verdict.false == []


def test_a_second_alert_for_the_same_throw_is_a_duplicate(filming: Filming) -> None:
    verdict = judged(filming, [thrown(filming), thrown(filming)])
    assert (verdict.duplicates, list(verdict.false)) == (1, [])


def test_an_alert_beside_the_thing_is_false_and_the_throw_is_missed(filming: Filming) -> None:
    verdict = judged(filming, [thrown(filming, aside_px=120)])
    assert not verdict.answers[0].found
    assert len(verdict.false) == 1


def test_a_false_alert_is_counted_against_what_it_lies_on(filming: Filming) -> None:
    number, boxes = max(filming.disturbing.items(), key=lambda one: len(one[1]))
    track = [TrackPoint(at=at, x=(box[0] + box[2]) / 2, y=(box[1] + box[3]) / 2) for at, box in boxes]
    verdict = judged(filming, [Alert(label=ALERT, told_at=track[-1].at, track=track)])
    assert verdict.false == [filming.take.actors[number].kind] == ["bird"]


def test_a_suspicion_is_no_answer(filming: Filming) -> None:
    verdict = judge([], [thrown(filming)], filming, filming.take.view())
    assert not verdict.answers[0].found
    assert verdict.answers[0].suspected


def falling_square(size: int, step: int) -> list[Picture]:
    """Return fifty pictures of a still, noisy wall, in which a square falls in the second half."""
    rng = np.random.default_rng(0)
    wall = rng.integers(90, 110, (300, 260, 3), dtype=np.uint8)
    pictures = []
    for index in range(50):
        pixels = wall.copy()
        y = 5 + step * (index - 20)
        if index >= 20:
            pixels[y : y + size, 200 : 200 + size] = 240
        pictures.append(Picture(pixels=pixels, at=START + timedelta(seconds=index / 25)))
    return pictures


@pytest.mark.parametrize(
    ("size", "step", "fade", "chain"),
    [(24, 6, True, True), (6, 6, False, True), (6, 20, False, False)],
    ids=["large and slow", "small and slow", "small and fast"],
)
def test_the_baselines_find_what_they_can_and_lose_what_they_must(
    size: int, step: int, fade: bool, chain: bool
) -> None:
    """An opening of 9×9 deletes what is small, and boxes of what is fast no longer overlap."""
    methods = Fade(), Chain()
    for picture in falling_square(size, step):
        for method in methods:
            method.see(picture)
    assert [bool(method.alerts()) for method in methods] == [fade, chain]


def test_overlap_is_the_share_of_what_both_cover() -> None:
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_and_begins_anew_when_what_it_judges_has_changed(
    tmp_path: Path,
) -> None:
    results = tmp_path / "results.jsonl"
    clip = draw_clip("train", "calm", 0)
    (first,) = run([clip], results, minutes=None)
    kept = results.read_text()
    assert run([clip], results, minutes=None) == [first]
    assert results.read_text() == kept
    results.write_text(kept.replace(first["state"], "old"))
    assert run([clip], results, minutes=0) == []
    assert "### By condition" in page([first])
