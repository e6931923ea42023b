"""Clips for tuning and clips for reporting never show the same house."""

from itertools import islice, pairwise

import numpy as np
import pytest

from bench.throwing.sets import Family, draw_clip, show


@pytest.mark.parametrize("family", ["air", "street"])
def test_a_clip_is_the_same_again_and_another_in_the_other_split(family: Family) -> None:
    clip, other = draw_clip("train", family, 2), draw_clip("report", family, 2)
    assert draw_clip("train", family, 2) == clip
    assert clip.stage().house != other.stage().house
    first, again = (next(iter(show(clip).pictures())) for _ in range(2))
    assert np.array_equal(first.pixels, again.pixels)


def test_throws_lie_far_enough_apart_to_be_events_of_their_own() -> None:
    showing = show(draw_clip("report", "throws", 3))
    take = showing.filming.take
    for earlier, later in pairwise(take.throws):
        assert later.released_s > earlier.body.leaves_s(take.stage.camera.size_wh) + 1
    assert take.duration_s > take.throws[-1].body.leaves_s(take.stage.camera.size_wh)
    assert len(list(islice(showing.pictures(), 3))) == 3
