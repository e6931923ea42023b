"""Show clips: render them as they are seen, or once into a folder and read them from there ever after.

A rendered clip is a video, and beside it what was where in each picture, as JSON. Both lie in a folder
named after the state of the simulator and of the sets: what another state rendered is never shown.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bench.throwing.sets import Clip
from gridwatch.facade import FacadeView
from gridwatch.model import Picture
from simulators.facade.coding import read_coded, recoded, write_coded
from simulators.facade.movers import Seen
from simulators.facade.take import Filming
from simulators.facade.weather import Falling

START = datetime(2026, 3, 1, 8, tzinfo=UTC)

ROOT = Path(__file__).resolve().parents[2]
RENDERED = ("simulators/facade", "bench/throwing/sets.py")
"""What a clip's pictures depend on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """A clip while it is shown: once `pictures` are through, `filming` knows the truth."""

    clip: Clip
    filming: Filming
    view: FacadeView
    file: Path | None = None
    """Where its pictures are, if they were rendered before."""

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures as they come out of the decoder."""
        if self.file is not None:
            return read_coded(self.file, self.filming.moments)
        return recoded(self.filming.pictures(), kbit_s=self.clip.kbit_s, fps=self.clip.fps)


def show(clip: Clip, clips: Path | None = None) -> Showing:
    """Draw a clip's façade and what happens there; its pictures are rendered as they are taken.

    With `clips`, the folder of rendered ones, they come from there; a clip that is missing is rendered first.
    """
    take = clip.take()
    filming = Filming(take=take, start=START)
    file = None
    if clips is not None:
        file = render(clip, clips)
        _recall(filming, json.loads(gzip.decompress(_truth(file).read_bytes())))
    return Showing(clip=clip, filming=filming, view=take.view(), file=file)


def render(clip: Clip, clips: Path) -> Path:
    """Return a clip's file; it is rendered where it is missing."""
    folder = clips / digest(RENDERED)
    file = folder / f"{clip.name}.ts"
    if _truth(file).exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    filming = Filming(take=clip.take(), start=START)
    unfinished = file.with_suffix(f".{os.getpid()}.part")
    write_coded(unfinished, filming.pictures(), kbit_s=clip.kbit_s, fps=clip.fps)
    unfinished.replace(file)
    truth = gzip.compress(json.dumps(_known(filming)).encode())
    unfinished.write_bytes(truth)
    unfinished.replace(_truth(file))
    return file


@cache
def digest(parts: tuple[str, ...]) -> str:
    """Return a name of the state of some files and folders of the repository, as it was first asked for."""
    files = [
        file
        for part in parts
        for file in ([ROOT / part] if part.endswith(".py") else (ROOT / part).rglob("*.py"))
    ]
    summed = hashlib.sha256()
    for file in sorted(files):
        summed.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return summed.hexdigest()[:12]


def _truth(file: Path) -> Path:
    return file.with_suffix(".json.gz")


def _known(filming: Filming) -> dict[str, Any]:
    """Return what a take's filming knows after its last picture, as JSON."""
    return {
        "moments": [at.isoformat() for at in filming.moments],
        "thrown": [[seen and astuple(seen) for seen in one] for one in filming.thrown],
        "mirrored": [[(at.isoformat(), box) for at, box in one] for one in filming.mirrored],
        "disturbing": [
            (number, [(at.isoformat(), box) for at, box in boxes])
            for number, boxes in filming.disturbing.items()
        ],
        "falls": [actor.tracks for actor in filming.take.actors if isinstance(actor, Falling)],
    }


def _recall(filming: Filming, known: dict[str, Any]) -> None:
    """Let a filming know what another of the same take knew."""

    def boxes(given: list[Any]) -> list[Any]:
        return [(datetime.fromisoformat(at), tuple(box)) for at, box in given]

    filming.moments = [datetime.fromisoformat(at) for at in known["moments"]]
    filming.thrown = [[seen and _seen(*seen) for seen in one] for one in known["thrown"]]
    filming.mirrored = [boxes(one) for one in known["mirrored"]]
    filming.disturbing = {number: boxes(given) for number, given in known["disturbing"]}
    falling = [actor for actor in filming.take.actors if isinstance(actor, Falling)]
    for actor, tracks in zip(falling, known["falls"], strict=True):
        actor.tracks = tracks


def _seen(box: list[float], centre: list[float], contrast: float, size_px: float) -> Seen:
    left, top, right, bottom = box
    x, y = centre
    return Seen(box_xyxy=(left, top, right, bottom), centre_xy=(x, y), contrast=contrast, size_px=size_px)
