"""Clips for tuning and clips for reporting never show the same house."""

from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.throwing.sets import FAMILIES, Family, draw_clip
from bench.throwing.showing import show
from bench.throwing.watching import tracks
from simulators.facade.stage import draw_stage


@pytest.mark.parametrize("family", ["air", "street"])
def test_a_clip_is_the_same_again_and_another_in_the_other_split(family: Family) -> None:
    clip, other = draw_clip("train", family, 2), draw_clip("report", family, 2)
    assert draw_clip("train", family, 2) == clip
    assert clip.stage().house != other.stage().house
    first, again = (next(iter(show(clip).pictures())) for _ in range(2))
    assert np.array_equal(first.pixels, again.pixels)


def test_a_camera_that_would_see_only_what_stands_below_the_facade_is_drawn_again() -> None:
    clip = draw_clip("report", "street", 46)
    first_drawn = draw_stage(
        np.random.default_rng([2, FAMILIES.index("street"), 46, 1]),
        size_wh=clip.size_wh,
        light=clip.light,
        crop=clip.crop,
        lowest_m=-2.5,
    )
    assert not len(first_drawn.polygon())
    assert len(clip.take().view().polygon) >= 3


def test_throws_lie_far_enough_apart_to_be_events_of_their_own() -> None:
    showing = show(draw_clip("report", "throws", 3))
    take = showing.filming.take
    for earlier, later in pairwise(take.throws):
        assert later.released_s > earlier.body.leaves_s(take.stage.camera.size_wh) + 1
    assert take.duration_s > take.throws[-1].body.leaves_s(take.stage.camera.size_wh)
    assert len(list(islice(showing.pictures(), 3))) == 3


@pytest.mark.parametrize("family", ["throws", "rain"])
def test_a_kept_clip_shows_the_same_pictures_and_knows_the_same_truth(family: Family, tmp_path: Path) -> None:
    clip = replace(draw_clip("train", family, 1), duration_s=4.0)
    rendered, kept = show(clip), show(clip, tmp_path)
    pictures = list(rendered.pictures())
    for _ in range(2):
        again = list(kept.pictures())
        assert [one.at for one in again] == [one.at for one in pictures]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(again, pictures, strict=True))
        kept = show(clip, tmp_path)
    assert kept.filming.thrown == rendered.filming.thrown
    assert kept.filming.mirrored == rendered.filming.mirrored
    assert kept.filming.disturbing == rendered.filming.disturbing
    assert kept.filming.truth() == rendered.filming.truth()
    assert tracks(kept.filming) == tracks(rendered.filming)
    assert len(list(tmp_path.rglob("*.ts"))) == 1
