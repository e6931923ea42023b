"""How a view differs from what it usually shows, and what the network of smoke says of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.fire.changes import (
    CELLS_WH,
    UsualView,
    differences,
    held_still,
    learn,
    new_usual,
    planes_of,
)
from detectors.fire.smoke import (
    BLOCKS_WH,
    CHANNELS,
    SAMPLE_S,
    SmokeModel,
    as_input,
    new_smoke_memory,
    watch_smoke,
)
from detectors.fire.tubes import Box, overlap
from detectors.fire.view import look
from gridwatch.errors import DetectorError
from gridwatch.model import Pixels
from simulators.ridge.scene import Asked, draw_scene
from simulators.ridge.shooting import shoot
from tests.detectors.onnx_files import constant_model

NOON = datetime(2026, 4, 5, 4, tzinfo=UTC)
SIZE_WH = (640, 384)


@pytest.fixture(scope="module")
def model() -> SmokeModel:
    return SmokeModel()


def hillside(*, noise: float = 0.0, seed: int = 1) -> Pixels:
    """Return woods under a plain sky."""
    dice = np.random.default_rng(3)
    trees = cv2.resize(dice.uniform(40, 140, (96, 160)).astype(np.float32), SIZE_WH)
    picture = np.stack([0.6 * trees, trees, 0.8 * trees], axis=2)
    picture[:100] = (220, 200, 190)
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def veiled(pixels: Pixels, middle_xy: tuple[int, int], part: float, wide_px: float = 40) -> Pixels:
    """Let grey smoke hide a part of what is behind it."""
    x, y = np.meshgrid(np.arange(SIZE_WH[0]), np.arange(SIZE_WH[1]))
    hidden = part * np.exp(-((x - middle_xy[0]) ** 2 + (y - middle_xy[1]) ** 2) / (2 * (wide_px / 2) ** 2))
    return (pixels + (190 - pixels.astype(np.float32)) * hidden[:, :, None]).astype(np.uint8)


def learnt(pictures: int = 10) -> UsualView:
    usual = new_usual(hillside(noise=2, seed=100))
    for number in range(pictures):
        planes = planes_of(hillside(noise=2, seed=number))
        learn(usual, planes, *differences(usual, planes), gap_s=30)
    return usual


@pytest.mark.parametrize("size_wh", [(640, 360), (640, 480), (32, 640), (320, 240), (33, 40)])
def test_pictures_of_every_size_are_held_in_the_same_cells(size_wh: tuple[int, int]) -> None:
    planes = planes_of(np.asarray(cv2.resize(hillside(), size_wh), np.uint8))
    assert planes.shape == (4, *CELLS_WH[::-1])
    assert np.isfinite(planes).all()


def test_noise_and_the_light_of_the_whole_picture_are_no_deviation_and_a_veil_is() -> None:
    usual = learnt()
    darker = (hillside(noise=2, seed=50) * 0.8).astype(np.uint8)
    _, quiet = differences(usual, planes_of(darker))
    _, smoky = differences(usual, planes_of(veiled(darker, (300, 250), 0.3)))
    at = np.s_[:, 250 // 4, 300 // 4]
    assert abs(quiet[at]).max() < 3
    assert abs(smoky[at] - quiet[at]).max() > 4
    assert np.sqrt((quiet[:, 30:] ** 2).mean()) < 1.5


def test_what_has_changed_is_learnt_slowly_and_in_the_end() -> None:
    usual, at = learnt(), np.s_[0, 250 // 4, 300 // 4]
    before = float(usual.planes[at])
    after = float(planes_of(veiled(hillside(), (300, 250), 0.5))[at])
    shares = []
    for number in range(200):
        planes = planes_of(veiled(hillside(noise=2, seed=number), (300, 250), 0.5))
        learn(usual, planes, *differences(usual, planes), gap_s=30)
        shares.append((float(usual.planes[at]) - before) / (after - before))
    assert shares[9] < 0.2
    assert shares[-1] > 0.7


def test_a_camera_that_sways_is_held_still() -> None:
    usual, still = new_usual(hillside()), hillside()
    shift = np.array([[1.0, 0, 5], [0, 1, -3]])
    moved = np.asarray(cv2.warpAffine(still, shift, SIZE_WH, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    inner = np.s_[20:-20, 20:-20]
    left_over = cv2.absdiff(held_still(usual, moved)[inner], still[inner]).mean()
    assert left_over < 0.3 * cv2.absdiff(moved[inner], still[inner]).mean()


def test_the_network_takes_the_last_pictures_and_gives_a_score_for_each_block(model: SmokeModel) -> None:
    view = look(hillside())
    memory = new_smoke_memory(view, 0.0)
    nothing = np.zeros((4, *CELLS_WH[::-1]), np.float32)
    planes = as_input(memory, nothing, nothing)
    assert planes.shape == (CHANNELS, *CELLS_WH[::-1])
    scores = model.scores(planes)
    assert scores.shape == BLOCKS_WH[::-1]
    assert 0 <= scores.min() <= scores.max() < 0.5


def test_smoke_is_told_where_it_lies_and_nowhere_where_nobody_looks(model: SmokeModel) -> None:
    asked = Asked(
        start=NOON,
        duration_s=16 * 30.0,
        interval_s=30,
        fire=True,
        ignited_s=180,
        trouble="clear",
        hour=11.0,
        size_wh=(480, 270),
    )
    drawn = draw_scene([5, 3], asked)
    assert drawn.fire is not None
    fire = replace(drawn.fire, smoke_g_s=0.03 * drawn.fire.distance_m, grows_s=90.0)
    air = replace(drawn.air, visibility_m=40_000.0)
    shots = list(shoot(replace(drawn, fire=fire, air=air)))
    found: dict[bool, list[Box]] = {}
    for watched in (True, False):
        memory = new_smoke_memory(look(shots[0].picture.pixels), 0.0)
        for number, shot in enumerate(shots[1:], 1):
            view = look(shot.picture.pixels)
            view.watched[:] = watched
            found[watched] = watch_smoke(memory, view, 30.0 * number, model) or []
    assert all(box.confidence < 0.5 for box in found[False])
    sure = [box for box in found[True] if box.confidence >= 0.5]
    truth = shots[-1].smoke
    assert truth is not None
    assert any(overlap(box.box_xyxy, truth) > 0.5 for box in sure)
    assert all({"area_blocks", "grey_shift", "contrast_kept"} <= box.criteria.keys() for box in sure)


def test_pictures_that_come_too_soon_are_not_looked_at(model: SmokeModel) -> None:
    memory = new_smoke_memory(look(hillside()), 0.0)
    assert watch_smoke(memory, look(hillside()), SAMPLE_S / 2, model) is None
    assert watch_smoke(memory, look(hillside()), SAMPLE_S, model) == []


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(constant_model((1, CHANNELS, *CELLS_WH[::-1]), np.zeros((1, 5), np.float32)))
    with pytest.raises(DetectorError, match="fails on a picture"):
        SmokeModel(other)
    with pytest.raises(DetectorError, match="can't be read"):
        SmokeModel(tmp_path / "none.onnx")
