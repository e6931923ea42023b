"""Where models lie that were learnt from a user's own pictures, and which of them is in use.

`DATA/models/SCENE/` holds one folder a model, numbered as they were learnt, and the file `current` with the
number of the one in use; without it, or with 0, that is the shipped one.
"""

import contextlib
import os
import shutil
from pathlib import Path

from gridwatch.errors import SettingsError

KEPT = 5
"""So many models are kept; the oldest goes."""


def model_in_use(data_dir: Path, scene: str) -> Path | None:
    """Return the folder of the model in use, or None for the shipped one.

    Raises SettingsError where the file that says so is broken or its model is gone.
    """
    home = _home(data_dir, scene)
    number = _current(home)
    if number == 0:
        return None
    folder = home / str(number)
    if not folder.is_dir():
        raise SettingsError(
            f"{folder} is gone: `gridwatch learn --scene {scene} --back` takes the one before"
        )
    return folder


def new_folder(data_dir: Path, scene: str) -> Path:
    """Make the folder (0700) of a model that is not in use yet."""
    home = _home(data_dir, scene)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home / str(max([*_numbers(home), 0]) + 1)
    folder.mkdir(mode=0o700)
    return folder


def put_in_use(folder: Path) -> None:
    """Use a model from now on; drop the oldest of more than KEPT."""
    home = folder.parent
    _write_current(home, int(folder.name))
    for number in sorted(_numbers(home))[:-KEPT]:
        shutil.rmtree(home / str(number))


def bring_back(data_dir: Path, scene: str) -> Path | None:
    """Use the model that was learnt before the one in use, or None: the shipped one; return it.

    Raises SettingsError where the shipped one is in use already.
    """
    home = _home(data_dir, scene)
    number = _current(home)
    if number == 0:
        raise SettingsError(f"scene {scene}: the shipped model is in use, there is none before it")
    before = max([other for other in _numbers(home) if other < number], default=0)
    _write_current(home, before)
    # What was taken back must not come back as "the one before" of the next that is learnt.
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(home / str(number))
    return home / str(before) if before else None


def _home(data_dir: Path, scene: str) -> Path:
    return data_dir / "models" / scene


def _numbers(home: Path) -> list[int]:
    return [int(path.name) for path in home.iterdir() if path.name.isdigit()] if home.is_dir() else []


def _current(home: Path) -> int:
    file = home / "current"
    try:
        return int(file.read_text()) if file.exists() else 0
    except ValueError as error:
        raise SettingsError(f"{file} is broken: write the number of a model into it, or remove it") from error


def _write_current(home: Path, number: int) -> None:
    new = home / "current.new"
    new.write_text(str(number))
    os.chmod(new, 0o600)
    new.replace(home / "current")
