"""Evidence as files that are named by their content."""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gridwatch.errors import EvidenceError

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
