"""`gridwatch learn`: teach a scene's recogniser with a user's own pictures."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from detectors.elevator.cabin_model import FEATURES_FILE, HEAD_FILE, SHIPPED, CabinModel, Head
from detectors.elevator.learning import (
    REHEARSAL_FILE,
    Lessons,
    kept_aside,
    learnt,
    mark,
    read_rehearsal,
)
from detectors.elevator.recogniser import EBIKE, EMPTY, LABELS, LENS_COVERED
from gridwatch.errors import SettingsError, UnreadableMedia
from gridwatch.learnt import bring_back, model_in_use, new_folder, put_in_use
from gridwatch.media import read_picture
from gridwatch.model import Pixels
from gridwatch.settings import read_settings

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})

SCENE = "elevator"

LEAST_PICTURES = 8
"""Of a folder; of fewer nothing can be kept aside that says anything."""

NOT, AND = "not_", "+"
"""`not_ebike`: anything but that. `person+suitcase`: both are in the picture."""


def learn_command(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="a folder of pictures per class: ebike, not_ebike, …")
    ] = None,
    scene: Annotated[str, typer.Option(help="elevator")] = SCENE,
    back: Annotated[bool, typer.Option("--back", help="bring the model back that was in use before")] = False,
    seed: Annotated[int, typer.Option(help="which pictures are kept aside to measure on")] = 1,
) -> None:
    """Learn from the pictures in DIR; use the new model only if it is better on pictures kept aside.

    Collectors and `edge` take another model up when they are started again.
    """
    if scene != SCENE:
        raise SettingsError(f"--scene {scene}: only {SCENE} can learn")
    if back == (folder is not None):
        raise SettingsError("give either DIR with pictures to learn from, or --back")
    data_dir = read_settings().data_dir
    if folder is None:
        model = bring_back(data_dir, scene)
        typer.echo(f"in use: {model or 'the shipped model'}; start collectors again to take it up")
        return
    _learn(folder, data_dir, seed)


def _learn(folder: Path, data_dir: Path, seed: int) -> None:
    source = model_in_use(data_dir, SCENE) or SHIPPED
    model = CabinModel(source)
    pictures = _pictures(folder)
    typer.echo(f"{len(pictures)} pictures in {len({name for name, _ in pictures})} folders; looking at them")
    names = sorted({name for name, _ in pictures})
    aside = kept_aside([names.index(name) for name, _ in pictures], seed)
    own = _lessons(
        model, [one for one, is_aside in zip(pictures, aside, strict=True) if not is_aside], flip=True
    )
    checked = _lessons(model, [one for one, is_aside in zip(pictures, aside, strict=True) if is_aside])
    rehearsal = read_rehearsal(source)
    spared = kept_aside([0] * len(rehearsal.truth), seed)
    head = learnt(model.head, own, rehearsal.part(~spared))
    both = checked.joined(rehearsal.part(spared))
    for title, lessons in (("your pictures", checked), ("shipped rehearsal", rehearsal.part(spared))):
        typer.echo(f"kept aside of {title}, {EBIKE}: {_told(model.head, head, lessons)}")
    if not mark(head, both).beats(mark(model.head, both)):
        typer.echo("the new model is not better: the one in use stays")
        raise typer.Exit(1)
    made = new_folder(data_dir, SCENE)
    head.write(made / HEAD_FILE)
    for name in (FEATURES_FILE, REHEARSAL_FILE):
        shutil.copyfile(source / name, made / name)
    for path in made.iterdir():
        path.chmod(0o600)
    CabinModel(made)  # what can't be read again is never put in use
    put_in_use(made)
    typer.echo(f"in use: {made}; start collectors again to take it up, --back brings the old one back")


def _told(old: Head, new: Head, lessons: Lessons) -> str:
    return " → ".join(
        f"{one.found} of {one.of} found, {one.false} of {one.without} falsely"
        for one in (mark(head, lessons) for head in (old, new))
    )


def _pictures(folder: Path) -> Sequence[tuple[str, Path]]:
    """Return (folder's name, file) of all pictures, sorted; raise SettingsError where that can't be used."""
    try:
        inner = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise SettingsError(f"{folder} can't be read: {error.strerror or error}") from error
    found = [
        (path.name, file)
        for path in inner
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    for name in {name for name, _ in found}:
        truth_of_folder(name)
    for name, count in Counter(name for name, _ in found).items():
        if count < LEAST_PICTURES:
            raise SettingsError(f"folder {name} holds {count} pictures: at least {LEAST_PICTURES} are needed")
    if not found:
        raise SettingsError(f"{folder} holds no pictures in folders by class")
    return found


def truth_of_folder(name: str) -> NDArray[np.float32]:
    """Return what a folder's name says of its pictures: 1, 0 or not-a-number (unknown) per class.

    A folder of one thing that rides says that no other rides too, but not whether people are there. Raises
    SettingsError for a name that is no class.
    """
    row = np.full(len(LABELS), np.nan, np.float32)
    if name.startswith(NOT) and name.removeprefix(NOT) in LABELS:
        row[LABELS.index(name.removeprefix(NOT))] = 0
        return row
    labels = name.split(AND)
    if not set(labels) <= set(LABELS):
        known = ", ".join(LABELS)
        raise SettingsError(
            f"folder {name}: name it after what its pictures show ({known}; several with {AND}), "
            f"or {NOT}… for what they don't"
        )
    row[:] = 0
    if not {EMPTY, LENS_COVERED} & set(labels):
        row[LABELS.index("person")] = np.nan
    row[[LABELS.index(label) for label in labels]] = 1
    return row


def _lessons(model: CabinModel, pictures: Sequence[tuple[str, Path]], *, flip: bool = False) -> Lessons:
    """Look at pictures; `flip`: also at their mirror images."""
    looks = [(name, pixels) for name, path in pictures for pixels in _read(path, flip=flip)]
    return Lessons(
        features=np.stack([model.features(pixels) for _, pixels in looks]),
        truth=np.stack([truth_of_folder(name) for name, _ in looks]),
    )


def _read(path: Path, *, flip: bool) -> Iterator[Pixels]:
    try:
        pixels = read_picture(path.read_bytes())
    except (OSError, UnreadableMedia) as error:
        raise SettingsError(f"{path} can't be read: {error}") from error
    yield pixels
    if flip:
        yield np.ascontiguousarray(pixels[:, ::-1])
