"""Show a finding on a copy of what the camera saw, and keep evidence as files named by their content."""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from gridwatch.errors import EvidenceError
from gridwatch.media import encode_mp4
from gridwatch.model import BoxXyxy, Finding, Picture, Pixels, TrackPoint

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "video/mp4": ".mp4",
    "video/x-matroska": ".mkv",
    "video/x-msvideo": ".avi",
}
"""Media types that are kept, with what their file names end in."""

MEDIA_TYPES = {suffix: media_type for media_type, suffix in SUFFIXES.items()}

SHA256 = re.compile(r"[0-9a-f]{64}")

HALF_WRITTEN, SET_ASIDE = ".new-", ".old-"
"""What the names of files begin with that are being written, and being removed."""

MASK_CELLS = 24
"""Along the longer side of a masked picture. A face that fills a third of it keeps eight cells."""

BOX_MARGIN = 0.1
"""Of a box's sides, left recognisable around it: what the thing is part of, not who stands beside it."""

TRACK_MARGIN = 0.02
"""Of the longer side, left recognisable beside a track: the thing that fell, not the windows it passed."""

MARK = (0, 0, 255)
TRACK = (0, 215, 255)
START = (0, 255, 0)
"""Colours (blue, green, red): red box and last point, amber track, green first point."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvidence:
    """A file of evidence: what it holds is its name. `size` in bytes."""

    sha256: str
    media_type: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundFile:
    """A file that lies in the folder. `written_at`: Unix seconds when it was last stored; `size` in bytes."""

    sha256: str
    media_type: str
    size: int
    written_at: float


class EvidenceFiles:
    """A folder of evidence that only its owner may enter (0700, files 0600, whatever the umask).

    A file's name is the SHA-256 of its content, below two levels of folders; it is there whole or not at all.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises EvidenceError where that is refused."""
        self.folder = folder
        try:
            _make_private(folder)
        except OSError as error:
            raise _explained(error, folder) from error

    def put(self, content: bytes, media_type: str) -> StoredEvidence:
        """Store `content`; the same content again is the same file.

        Raises EvidenceError where the media type is not kept, there is no space or no permission.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path_of(sha256, media_type)
        stored = StoredEvidence(sha256=sha256, media_type=media_type, size=len(content))
        try:
            if not _touch(path):
                self._write(path, content)
        except OSError as error:
            raise _explained(error, self.folder) from error
        return stored

    def remove(self, sha256: str, media_type: str) -> None:
        """Delete a file; one that is not there is no error. Raises EvidenceError where that is refused."""
        try:
            self.path_of(sha256, media_type).unlink(missing_ok=True)
        except OSError as error:
            raise _explained(error, self.folder) from error

    def remove_older(self, sha256: str, media_type: str, *, than: float) -> bool:
        """Delete a file unless it was stored after `than` (Unix seconds); tell whether it is gone.

        A file that is stored again meanwhile stays: it is set aside before its time is looked at. Raises
        EvidenceError where that is refused.
        """
        path = self.path_of(sha256, media_type)
        aside = path.with_name(SET_ASIDE + path.name)
        try:
            path.rename(aside)
            if aside.stat().st_mtime > than:
                aside.rename(path)
                return False
            aside.unlink()
        except FileNotFoundError:
            return True
        except OSError as error:
            raise _explained(error, self.folder) from error
        return True

    def found(self, prefix: str) -> list[FoundFile]:
        """Return the files whose SHA-256 begins with `prefix` (two letters)."""
        files = []
        for path in self._paths(prefix):
            if SHA256.fullmatch(path.stem) and path.suffix in MEDIA_TYPES:
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    files.append(
                        FoundFile(
                            sha256=path.stem,
                            media_type=MEDIA_TYPES[path.suffix],
                            size=status.st_size,
                            written_at=status.st_mtime,
                        )
                    )
        return files

    def clean(self, prefix: str, *, than: float) -> int:
        """Put back what a killed process had set aside, delete what was half written before `than`.

        Returns how many half-written files were deleted; `prefix` and `than` as above.
        """
        cleaned = 0
        for path in self._paths(prefix):
            with contextlib.suppress(FileNotFoundError):
                if path.name.startswith(SET_ASIDE) and path.stat().st_ctime <= than:
                    path.rename(path.with_name(path.name.removeprefix(SET_ASIDE)))
                elif path.name.startswith(HALF_WRITTEN) and path.stat().st_mtime <= than:
                    path.unlink()
                    cleaned += 1
        return cleaned

    def _paths(self, prefix: str) -> list[Path]:
        return [path for path in (self.folder / prefix).glob("*/*") if path.is_file()]

    def path_of(self, sha256: str, media_type: str) -> Path:
        """Return where such evidence lies or would lie; raise EvidenceError where it can be none."""
        if SHA256.fullmatch(sha256) is None:
            raise EvidenceError(f"{sha256[:80]!r} is no SHA-256 in small hexadecimal letters")
        if media_type not in SUFFIXES:
            raise EvidenceError(
                f"evidence of type {media_type[:80]!r} is not kept: use {', '.join(SUFFIXES)}"
            )
        return self.folder / sha256[:2] / sha256[2:4] / (sha256 + SUFFIXES[media_type])

    def _write(self, path: Path, content: bytes) -> None:
        for folder in (path.parent.parent, path.parent):
            _make_private(folder)
        # mkstemp makes files of mode 0600.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=HALF_WRITTEN)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def draw(picture: Picture, finding: Finding, *, masked: bool, until: datetime | None = None) -> Pixels:
    """Return a copy of the picture that shows the finding: box, track, label, confidence and time (UTC).

    `masked` makes all but the neighbourhood of the track, or else of the box, unrecognisable; `until` ends
    the track there.
    """
    pixels = _masked(picture, finding) if masked else picture.pixels.copy()
    width = max(1, round(max(picture.size_wh) / 640))
    if finding.box_xyxy is not None:
        left, top, right, bottom = _clipped(finding.box_xyxy, picture.size_wh)
        cv2.rectangle(pixels, (left, top), (right, bottom), MARK, width)
    _draw_track(pixels, [p for p in finding.track if until is None or p.at <= until], width)
    moment = picture.at.strftime("%Y-%m-%d %H:%M:%S.") + f"{picture.at.microsecond // 100_000} UTC"
    _write_line(pixels, f"{finding.label} {finding.confidence:.0%}  {moment}")
    return pixels


def clip(pictures: Iterable[Picture], finding: Finding, *, masked: bool) -> bytes:
    """Return an MP4 of the pictures on which the finding's track grows as it was seen.

    Raises ValueError where there is no picture.
    """
    return encode_mp4(_drawn(pictures, finding, masked))


def _drawn(pictures: Iterable[Picture], finding: Finding, masked: bool) -> Iterator[Picture]:
    for picture in pictures:
        pixels = draw(picture, finding, masked=masked, until=picture.at)
        yield Picture(pixels=pixels, at=picture.at)


def _masked(picture: Picture, finding: Finding) -> Pixels:
    width, height = picture.size_wh
    cell = max(width, height) / MASK_CELLS
    cells_wh = max(1, round(width / cell)), max(1, round(height / cell))
    coarse = cv2.resize(picture.pixels, cells_wh, interpolation=cv2.INTER_AREA)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return cv2.copyTo(picture.pixels, _neighbourhood(picture.size_wh, finding), pixels).astype(np.uint8)


def _neighbourhood(size_wh: tuple[int, int], finding: Finding) -> Pixels:
    """Return 255 where the picture stays recognisable, else 0 (height × width)."""
    keep = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    if finding.track:
        reach = max(8, round(TRACK_MARGIN * max(size_wh)))
        cv2.polylines(keep, [_corners(finding.track)], False, 255, 2 * reach)
        for point in finding.track[:: max(1, len(finding.track) - 1)]:
            cv2.circle(keep, (round(point.x), round(point.y)), reach, 255, -1)
    elif finding.box_xyxy is not None:
        left, top, right, bottom = finding.box_xyxy
        dx, dy = BOX_MARGIN * (right - left), BOX_MARGIN * (bottom - top)
        left, top, right, bottom = _clipped((left - dx, top - dy, right + dx, bottom + dy), size_wh)
        keep[top : bottom + 1, left : right + 1] = 255
    return keep


def _draw_track(pixels: Pixels, track: list[TrackPoint], width: int) -> None:
    if not track:
        return
    cv2.polylines(pixels, [_corners(track)], False, TRACK, width, cv2.LINE_AA)
    for point, colour in ((track[0], START), (track[-1], MARK)):
        cv2.circle(pixels, (round(point.x), round(point.y)), 4 * width, colour, width, cv2.LINE_AA)


def _corners(track: Iterable[TrackPoint]) -> "np.ndarray[tuple[int, ...], np.dtype[np.int32]]":
    return np.array([(round(point.x), round(point.y)) for point in track], np.int32).reshape(-1, 1, 2)


def _write_line(pixels: Pixels, text: str) -> None:
    """Write light letters on a dark strip along the upper edge, as wide as they fit."""
    letters = cv2.FONT_HERSHEY_SIMPLEX
    (full, _), _ = cv2.getTextSize(text, letters, 1.0, 1)
    scale = min(pixels.shape[0] / 720 + 0.2, 0.96 * pixels.shape[1] / full)
    (_, height), base = cv2.getTextSize(text, letters, scale, 1)
    strip = pixels[: height + base + 6]
    strip[:] = strip // 3
    cv2.putText(pixels, text, (4, height + 4), letters, scale, (255, 255, 255), 1, cv2.LINE_AA)


def _clipped(box: BoxXyxy, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size_wh
    left, right = (min(max(round(x), 0), width - 1) for x in (box[0], box[2]))
    top, bottom = (min(max(round(y), 0), height - 1) for y in (box[1], box[3]))
    return left, top, right, bottom


def _touch(path: Path) -> bool:
    """Tell whether a file is there, and mark it as stored just now: who removes old files lets it be."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explained(error: OSError, folder: Path) -> EvidenceError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return EvidenceError(
                f"no space left for evidence in {folder}: free some or move GRIDWATCH_DATA_DIR"
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return EvidenceError(f"no permission to write evidence in {folder}")
        case _:
            return EvidenceError(f"evidence can't be written in {folder}: {error.strerror or error}")
