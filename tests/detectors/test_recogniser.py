"""The recogniser that is shipped, its head, and how a head is learnt anew."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from detectors.elevator.cabin_model import (
    FEATURES_FILE,
    GRID_WH,
    HEAD_FILE,
    SHARPNESS,
    SHIPPED,
    CabinModel,
    Head,
    pooled,
)
from detectors.elevator.learning import (
    Lessons,
    Mark,
    kept_aside,
    learnt,
    mark,
    read_rehearsal,
    write_rehearsal,
)
from detectors.elevator.recogniser import EBIKE, LABELS
from gridwatch.errors import DetectorError

CELLS = GRID_WH[0] * GRID_WH[1]
LARGEST_FILE = 5_000_000


@pytest.fixture(scope="module")
def shipped() -> CabinModel:
    return CabinModel()


def test_what_is_shipped_is_small_and_scores_every_class(shipped: CabinModel) -> None:
    assert all(path.stat().st_size <= LARGEST_FILE for path in SHIPPED.iterdir())
    picture = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    seen = shipped.look(picture)
    assert tuple(seen.scores) == LABELS
    assert all(0 <= score <= 1 for score in seen.scores.values())
    for label, (x1, y1, x2, y2) in seen.boxes.items():
        assert label not in ("empty", "lens_covered")
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 360


def test_the_same_picture_gives_the_same_scores_again(shipped: CabinModel) -> None:
    picture = np.random.default_rng(2).integers(0, 255, (120, 90, 3), np.uint8)
    assert shipped.look(picture) == CabinModel().look(picture)


def test_a_picture_is_scored_by_its_surest_cells() -> None:
    cells = np.full((CELLS, 1), -6.0, np.float32)
    assert pooled(cells) == pytest.approx(-6.0)
    cells[7] = 6.0
    assert pooled(cells) == pytest.approx(6.0 - np.log(CELLS) / SHARPNESS, abs=1e-3)


def test_a_box_holds_the_surest_cell_and_those_joined_to_it(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    model = CabinModel(tmp_path / "model")
    weight = np.zeros_like(model.head.weight)
    features = model.features(np.zeros((128, 160, 3), np.uint8))
    weight[:, 0] = 1 / np.maximum(features.mean(axis=0), 1e-3)
    Head(weight=weight, bias=np.zeros(len(LABELS), np.float32), labels=LABELS).write(
        tmp_path / "model" / HEAD_FILE
    )
    seen = CabinModel(tmp_path / "model").look(np.zeros((256, 320, 3), np.uint8))
    assert seen.scores[EBIKE] > 0.9
    x1, y1, x2, y2 = seen.boxes[EBIKE]
    assert {x1 % 32, y1 % 32, x2 % 32, y2 % 32} == {0.0}  # cells of 16 pixels of a picture twice the input
    assert seen.scores["bicycle"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "complaint"), [(FEATURES_FILE, "can't be read"), (HEAD_FILE, "no head of the recogniser")]
)
def test_a_model_without_one_of_its_files_is_refused(tmp_path: Path, name: str, complaint: str) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(DetectorError, match=complaint):
        CabinModel(tmp_path / "model")


def test_a_head_of_other_classes_or_other_features_is_refused(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    file = tmp_path / "model" / HEAD_FILE
    none = np.zeros(len(LABELS), np.float32)
    Head(weight=np.zeros((7, len(LABELS)), np.float32), bias=none, labels=LABELS).write(file)
    with pytest.raises(DetectorError, match="don't belong together"):
        CabinModel(tmp_path / "model")
    Head(weight=np.zeros((96, len(LABELS)), np.float32), bias=none, labels=LABELS[::-1]).write(file)
    with pytest.raises(DetectorError, match="another kind or version"):
        CabinModel(tmp_path / "model")
    file.write_bytes(b"PK no head")
    with pytest.raises(DetectorError, match="no head of the recogniser"):
        CabinModel(tmp_path / "model")


def lessons(rng: np.random.Generator, count: int, truth: float, *, lit: int) -> Lessons:
    """Make pictures in one cell of which the feature `lit` is strong."""
    features = rng.uniform(0, 0.2, (count, CELLS, 6)).astype(np.float32)
    features[np.arange(count), rng.integers(0, CELLS, count), lit] = 3
    row = np.full(len(LABELS), np.nan, np.float32)
    row[0] = truth
    return Lessons(features=features, truth=np.tile(row, (count, 1)))


def test_a_head_learns_a_new_kind_and_keeps_what_it_rehearses() -> None:
    rng = np.random.default_rng(3)
    weight = np.zeros((6, len(LABELS)), np.float32)
    weight[0, 0] = 4  # knows e-bikes by feature 0
    start = Head(weight=weight, bias=np.full(len(LABELS), -6, np.float32), labels=LABELS)
    rehearsal = lessons(rng, 20, 1, lit=0).joined(lessons(rng, 20, 0, lit=1))
    head = learnt(start, lessons(rng, 20, 1, lit=2).joined(lessons(rng, 20, 0, lit=3)), rehearsal)
    new = lessons(rng, 30, 1, lit=2).joined(lessons(rng, 30, 0, lit=3))
    old = lessons(rng, 30, 1, lit=0).joined(lessons(rng, 30, 0, lit=1))
    assert mark(start, new).found == 0
    assert (mark(head, new).found, mark(head, new).false) == (30, 0)
    assert (mark(head, old).found, mark(head, old).false) == (30, 0)
    assert head.weight[:, 1:] == pytest.approx(start.weight[:, 1:])  # of which nothing was said


def test_who_teaches_one_class_alone_does_not_teach_that_everything_is_it() -> None:
    rng = np.random.default_rng(5)
    weight = np.zeros((6, len(LABELS)), np.float32)
    start = Head(weight=weight, bias=np.zeros(len(LABELS), np.float32), labels=LABELS)
    without = lessons(rng, 100, 0, lit=2)
    head = learnt(start, lessons(rng, 20, 1, lit=2), without)  # what can't be told apart
    assert mark(head, without).false <= 2


def test_a_head_beats_another_by_what_it_tells_rightly_then_by_how_surely() -> None:
    old = Mark(found=5, of=10, false=1, without=20, loss=0.5)
    assert Mark(found=6, of=10, false=1, without=20, loss=0.9).beats(old)
    assert Mark(found=5, of=10, false=1, without=20, loss=0.4).beats(old)
    assert not Mark(found=6, of=10, false=4, without=20, loss=0.1).beats(old)
    assert not Mark(found=10, of=10, false=2, without=20, loss=0.1).beats(old)
    assert not old.beats(old)


def test_pictures_that_follow_one_another_are_kept_aside_together() -> None:
    folders = [0] * 40 + [1] * 10 + [2]
    aside = kept_aside(folders, seed=1)
    assert aside.tolist() == kept_aside(folders, seed=1).tolist()
    assert (int(aside[:40].sum()), int(aside[40:50].sum()), bool(aside[50])) == (12, 3, False)
    assert [set(block.tolist()) for block in np.split(aside[:40], 10) if block.any()] == [{True}] * 3


def test_what_is_rehearsed_survives_its_file(tmp_path: Path) -> None:
    made = lessons(np.random.default_rng(4), 5, 1, lit=2)
    write_rehearsal(tmp_path / "rehearsal.npz", made)
    read = read_rehearsal(tmp_path)
    assert read.features == pytest.approx(made.features, abs=3 / 255)
    assert np.array_equal(read.truth, made.truth, equal_nan=True)
    (tmp_path / "rehearsal.npz").write_bytes(b"")
    with pytest.raises(DetectorError, match="no rehearsal"):
        read_rehearsal(tmp_path)


def test_the_shipped_rehearsal_fits_the_shipped_model(shipped: CabinModel) -> None:
    rehearsal = read_rehearsal(SHIPPED)
    assert rehearsal.features.shape[1:] == (CELLS, len(shipped.head.weight))
    assert {0.0, 1.0} <= set(np.unique(rehearsal.truth[:, 0]).tolist())
