"""`gridwatch learn`, as a person types it: a better model is used, and the old one comes back."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from detectors.elevator import learning
from detectors.elevator.cabin_model import SHIPPED
from detectors.elevator.recogniser import LABELS
from gridwatch.cli.every import app
from gridwatch.cli.learn import truth_of_folder
from gridwatch.errors import SettingsError
from gridwatch.learnt import KEPT, bring_back, model_in_use, new_folder, put_in_use


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(folder))
    return folder


def learn(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["learn", *arguments])


def pictures(folder: Path, label: str, count: int, *, chequered: bool, seed: int) -> None:
    """Draw pictures with a chequered board or without one, in noise."""
    (folder / label).mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        pixels = rng.integers(60, 120, (96, 120, 3), np.uint8)
        if chequered:
            x = int(rng.integers(0, 40))
            board = np.indices((10, 10)).sum(axis=0) % 2
            is_pink = np.kron(board, np.ones((6, 6))) == 0
            pixels[20:80, x : x + 60] = np.where(is_pink[:, :, np.newaxis], (255, 0, 255), (0, 255, 0))
        cv2.imwrite(str(folder / label / f"{number:03}.png"), pixels)


def test_what_is_better_on_pictures_kept_aside_is_used_and_the_old_one_comes_back(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike, shown = tmp_path / "alike", tmp_path / "shown"
    pictures(alike, "ebike", 20, chequered=False, seed=1)
    pictures(alike, "not_ebike", 20, chequered=False, seed=2)
    in_vain = learn(str(alike))
    assert (in_vain.exit_code, model_in_use(data, "elevator")) == (1, None), in_vain.output
    assert "the new model is not better: the one in use stays" in in_vain.output
    pictures(shown, "ebike", 20, chequered=True, seed=1)
    pictures(shown, "not_ebike", 20, chequered=False, seed=2)
    # What of the rehearsed pictures is like the board is no matter of this test.
    monkeypatch.setattr(learning, "ALLOWED_FALSE", 0.05)
    done = learn(str(shown))
    assert done.exit_code == 0, done.output
    assert "kept aside of your pictures, ebike: " in done.output
    made = model_in_use(data, "elevator")
    assert made is not None
    assert oct((made / "head.npz").stat().st_mode & 0o777) == "0o600"
    assert (made / "features.onnx").read_bytes() == (SHIPPED / "features.onnx").read_bytes()
    back = learn("--back")
    assert (back.exit_code, model_in_use(data, "elevator")) == (0, None), back.output
    refused = learn("--back")
    assert isinstance(refused.exception, SettingsError)
    assert "none before it" in str(refused.exception)


def test_what_only_contradicts_itself_is_not_used(data: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    pictures(shown, "ebike", 10, chequered=True, seed=1)
    pictures(shown, "not_ebike", 10, chequered=True, seed=1)
    done = learn(str(shown))
    used = model_in_use(data, "elevator")
    assert (done.exit_code == 0) == (used is not None), done.output
    if used is None:
        assert "the new model is not better" in done.output


@pytest.mark.parametrize(
    ("folders", "complaint"),
    [
        ({"moped": 8}, "folder moped: name it after what its pictures show"),
        ({"ebike": 7}, "folder ebike holds 7 pictures: at least 8"),
        ({}, "no pictures in folders by class"),
    ],
)
def test_folders_that_say_nothing_are_refused(
    data: Path, tmp_path: Path, folders: dict[str, int], complaint: str
) -> None:
    assert data.is_dir()
    shown = tmp_path / "shown"
    shown.mkdir()
    for name, count in folders.items():
        pictures(shown, name, count, chequered=True, seed=1)
    done = learn(str(shown))
    assert isinstance(done.exception, SettingsError)
    assert complaint in str(done.exception)


def test_a_folder_says_what_is_there_what_is_not_and_what_nobody_knows() -> None:
    told = dict(zip(LABELS, truth_of_folder("ebike"), strict=True))
    assert (told["ebike"], told["wheelchair"], told["empty"]) == (1, 0, 0)
    assert np.isnan(told["person"])
    told = dict(zip(LABELS, truth_of_folder("not_ebike"), strict=True))
    assert told["ebike"] == 0
    assert np.isnan(told["wheelchair"])
    told = dict(zip(LABELS, truth_of_folder("person+suitcase"), strict=True))
    assert (told["person"], told["suitcase"], told["ebike"]) == (1, 1, 0)
    assert truth_of_folder("empty").tolist() == [float(label == "empty") for label in LABELS]


def test_models_are_kept_by_number_and_the_oldest_goes(tmp_path: Path) -> None:
    assert model_in_use(tmp_path, "elevator") is None
    for _ in range(KEPT + 2):
        put_in_use(new_folder(tmp_path, "elevator"))
    home = tmp_path / "models" / "elevator"
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["3", "4", "5", "6", "7"]
    assert bring_back(tmp_path, "elevator") == home / "6"
    assert model_in_use(tmp_path, "elevator") == home / "6"
    (home / "current").write_text("9")
    with pytest.raises(SettingsError, match="is gone"):
        model_in_use(tmp_path, "elevator")
