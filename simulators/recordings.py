"""Real pictures and videos as a device would send them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import av
import av.error

from gridwatch.errors import SettingsError
from gridwatch.media import encode_jpeg, encode_mp4, read_picture, read_video
from gridwatch.model import Picture
from gridwatch.picture_format import JPEG_START, PNG_START
from simulators.publication import Publication, clip_publication, frame_publication

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".ts", ".mpg", ".flv"})

WHOLE_UP_TO = timedelta(seconds=31)
"""A file of half a minute is sent as it is; containers round its length up."""
WHOLE_BYTES = 40_000_000
MOST_BYTES = 60_000_000
"""Of one message: brokers of this system take 64 MiB."""

CLIP_LENGTH = timedelta(seconds=10)
OVERLAP = timedelta(seconds=2)
"""Longer files are cut, and what falls across a cut lies whole in the next clip. What lies in both clips is
found twice, at the same time of the content, and merges into one alert."""
OVERLAP_BYTES = 300_000_000
"""Of decoded pictures kept for the next clip: 2 s of full HD at 24 pictures per second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """One file and how long it lasts in the replay; `kind` is how it is published."""

    path: Path
    kind: Literal["picture", "clip", "frames"]
    duration: timedelta


def find_recordings(
    paths: Iterable[Path], *, interval: timedelta, videos_as: Literal["clip", "frames"]
) -> Sequence[Recording]:
    """Return the pictures and videos of `paths`; those of a folder and its subfolders in the order of names.

    A picture lasts `interval`; a video that can't be opened lasts no time. Raises SettingsError for a path
    that is not there, and where there is nothing at all.
    """
    found = [_recording(file, interval, videos_as) for path in paths for file in _files(path)]
    if not found:
        raise SettingsError("no picture or video: JPEG, PNG, MP4, MKV and AVI files are published")
    return found


def publications(recording: Recording, device: str, start: datetime, *, fps: float) -> Iterator[Publication]:
    """Yield the messages of one recording that begins at `start`; raises UnreadableMedia, maybe at its end.

    A video that is sent as one clip is decoded to its end before it is sent.
    """
    if recording.kind == "picture":
        image = recording.path.read_bytes()
        read_picture(image)
        yield frame_publication(device, image, start)
    elif recording.kind == "frames":
        for picture in _sampled(read_video(recording.path, start=start), 1 / fps):
            yield frame_publication(device, encode_jpeg(picture.pixels), picture.at)
    elif recording.duration <= WHOLE_UP_TO and recording.path.stat().st_size <= WHOLE_BYTES:
        for _ in read_video(recording.path, start=start):
            pass
        yield clip_publication(device, recording.path.read_bytes(), start, recording.duration)
    else:
        yield from _cut(device, read_video(recording.path, start=start))


def raw_publication(recording: Recording, device: str, start: datetime) -> Publication:
    """Return a file's bytes as one message, whatever they are; raises SettingsError for too many."""
    size = recording.path.stat().st_size
    if size > MOST_BYTES:
        raise SettingsError(f"{recording.path}: {size:,} bytes are too many for one message")
    content = recording.path.read_bytes()
    if recording.kind == "clip":
        return clip_publication(device, content, start, recording.duration)
    return frame_publication(device, content, start)


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        files = (file for file in path.rglob("*") if file.is_file())
        return sorted(file for file in files if file.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES)
    if not path.is_file():
        raise SettingsError(f"{path}: there is no such file or folder")
    return [path]


def _recording(path: Path, interval: timedelta, videos_as: Literal["clip", "frames"]) -> Recording:
    try:
        with path.open("rb") as file:
            beginning = file.read(len(PNG_START))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    is_picture = beginning.startswith((PNG_START, JPEG_START)) or path.suffix.lower() in PICTURE_SUFFIXES
    if is_picture:
        return Recording(path=path, kind="picture", duration=interval)
    return Recording(path=path, kind=videos_as, duration=_video_duration(path))


def _video_duration(path: Path) -> timedelta:
    try:
        with av.open(str(path)) as container:
            return timedelta(microseconds=container.duration or 0)
    except (av.error.FFmpegError, ValueError):
        return timedelta()


def _sampled(pictures: Iterator[Picture], interval_s: float) -> Iterator[Picture]:
    """Yield the first picture of each interval."""
    step, due = timedelta(seconds=interval_s), None
    for picture in pictures:
        if due is None or picture.at >= due:
            due = picture.at + step if due is None else due + step * ((picture.at - due) // step + 1)
            yield picture


def _cut(device: str, pictures: Iterator[Picture]) -> Iterator[Publication]:
    """Encode clips that overlap.

    They are encoded anew: a copied stream can only be cut at key frames, and not every codec fits into MP4.
    """
    cutter = _Cutter(pictures)
    while (started_at := cutter.begins_at) is not None:
        video = encode_mp4(cutter.next_clip())
        yield clip_publication(device, video, started_at, cutter.lasted)


class _Cutter:
    """Hands out the pictures of one clip after another, holding only those that the next one begins with."""

    def __init__(self, pictures: Iterator[Picture]) -> None:
        self._pictures = pictures
        self._held: list[Picture] = []
        self._fresh = next(pictures, None)
        self.lasted = timedelta()
        """From the first to the last picture of the clip that was handed out."""

    @property
    def begins_at(self) -> datetime | None:
        """Return when the next clip begins; None when every picture was handed out."""
        if self._fresh is None:
            return None
        if self._held and self._fresh.at - self._held[0].at >= CLIP_LENGTH:
            self._held.clear()
        return self._held[0].at if self._held else self._fresh.at

    def next_clip(self) -> Iterator[Picture]:
        """Yield a clip's pictures: those held, then new ones."""
        begins_at = self.begins_at
        yield from tuple(self._held)
        while self._fresh is not None and begins_at is not None and self._fresh.at - begins_at < CLIP_LENGTH:
            picture, self._fresh = self._fresh, next(self._pictures, None)
            self.lasted = picture.at - begins_at
            self._hold(picture)
            yield picture

    def _hold(self, picture: Picture) -> None:
        """Keep a picture for the next clip; let go of those that it does not begin with."""
        self._held.append(picture)
        most = max(1, OVERLAP_BYTES // picture.pixels.nbytes)
        while len(self._held) > most or picture.at - self._held[0].at > OVERLAP:
            self._held.pop(0)
