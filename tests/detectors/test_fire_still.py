"""Flame in one picture alone: where a patch is cut, and what the network says of it."""

from pathlib import Path

import numpy as np
import pytest

from detectors.fire.glow import FEATURES, Glow, GlowModel
from detectors.fire.patches import PATCH_PX, PatchModel, as_input, patch, places_that_glow
from detectors.fire.still import StillModel, judge_still
from gridwatch.errors import DetectorError
from gridwatch.media import read_video
from gridwatch.model import EARLIEST, Pixels
from tests.detectors.onnx_files import constant_model


@pytest.fixture(scope="module")
def model() -> StillModel:
    return StillModel()


@pytest.fixture(scope="module")
def patches() -> PatchModel:
    return PatchModel()


def dark_with(colour: tuple[int, int, int]) -> Pixels:
    picture = np.full((120, 200, 3), 30, np.uint8)
    picture[40:80, 50:70] = colour
    return picture


def test_what_glows_is_a_place_and_what_does_not_is_none() -> None:
    [place] = places_that_glow(dark_with((40, 140, 250)))
    assert place == pytest.approx((50, 40, 70, 80), abs=3)
    assert places_that_glow(dark_with((200, 140, 60))) == []


def test_a_patch_is_square_and_holds_what_lies_about() -> None:
    cut = patch(dark_with((40, 140, 250)), (50, 40, 70, 80))
    assert cut.shape == (PATCH_PX, PATCH_PX, 3)
    glow = cut[:, :, 2] > 150
    # 40 of 60 pixels high and 20 of 60 wide, in the middle.
    assert glow.any(axis=1).sum() == pytest.approx(PATCH_PX * 2 / 3, abs=2)
    assert glow.any(axis=0).sum() == pytest.approx(PATCH_PX / 3, abs=2)


@pytest.mark.parametrize(
    "box", [(-30.0, -30.0, 5.0, 5.0), (195.0, 115.0, 260.0, 180.0), (0.0, 0.0, 200.0, 120.0)]
)
def test_a_patch_at_the_edge_is_whole_too(box: tuple[float, float, float, float]) -> None:
    assert patch(dark_with((40, 140, 250)), box).shape == (PATCH_PX, PATCH_PX, 3)


def test_the_input_holds_now_before_and_their_difference() -> None:
    now, before = (np.full((PATCH_PX, PATCH_PX, 3), level, np.uint8) for level in (160, 96))
    planes = as_input(now, before)
    assert [float(plane.mean()) for plane in planes] == pytest.approx(
        [0.5] * 3 + [-0.5] * 3 + [2.0], abs=0.01
    )


def test_a_burning_house_is_flame_and_a_plain_orange_board_is_none(
    model: StillModel, shared_data: Path
) -> None:
    clip = shared_data / "fire" / "furg" / "house6.mp4"
    frame = next(iter(read_video(clip, start=EARLIEST))).pixels
    assert [box.label for box in judge_still(frame, model)][:1] == ["flame"]
    board = np.full((240, 320, 3), 150, np.uint8)
    board[60:180, 80:240] = (30, 120, 230)
    assert judge_still(board, model) == []


def test_weights_that_take_no_patches_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(constant_model((1, 7, PATCH_PX, PATCH_PX), np.zeros((1, 5), np.float32)))
    with pytest.raises(DetectorError, match="fails on a patch"):
        PatchModel(other)
    with pytest.raises(DetectorError, match="can't be read"):
        PatchModel(tmp_path / "none.onnx")


def test_the_numbers_of_a_place_do_not_depend_on_the_size_of_the_picture(patches: PatchModel) -> None:
    picture = dark_with((40, 140, 250))
    large = np.repeat(np.repeat(picture, 8, axis=0), 8, axis=1)
    one = Glow(np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)).features((100, 80, 140, 160), patches)
    other = Glow(large).features((400, 320, 560, 640), patches)
    assert one is not None
    assert other is not None
    assert one.shape == other.shape == (FEATURES,)
    # Shape, colours and surroundings; edges are a little softer in the reduced one.
    assert one[:33] == pytest.approx(other[:33], abs=0.15)


@pytest.mark.parametrize(
    "place", [(0.0, 0.0, 20.0, 20.0), (50.0, 40.0, 51.0, 41.0), (300.0, 300.0, 400.0, 400.0)]
)
def test_a_place_that_does_not_glow_has_no_numbers(
    patches: PatchModel, place: tuple[float, float, float, float]
) -> None:
    assert Glow(dark_with((40, 140, 250))).features(place, patches) is None


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_of_one_colour_or_all_aglow_is_judged_too(model: StillModel, level: int) -> None:
    assert judge_still(np.full((90, 160, 3), level, np.uint8), model) == []
    for size in ((16, 16), (16, 900), (720, 1280)):
        for score, place in model.scores(np.full((*size, 3), (30, 150, 250), np.uint8)):
            assert 0 <= score <= 1
            assert place[2] <= size[1] + 1


def test_weights_that_take_other_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="no weights"):
        GlowModel(tmp_path / "none.npz")
    none = np.zeros((2, 2, 2), np.float32)
    np.savez(
        tmp_path / "other.npz",
        mean=none,
        spread=none,
        first=none,
        first_bias=none,
        second=none,
        second_bias=none,
    )
    with pytest.raises(DetectorError, match="another kind"):
        GlowModel(tmp_path / "other.npz")
