"""Check a backup, and restore it in another place."""

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

import msgspec

from gridwatch.backup.archive import Part, read_parts
from gridwatch.backup.making import DATABASE, EVIDENCE, FOLDERS, MANIFEST, SETTINGS, Manifest
from gridwatch.errors import BackupError
from gridwatch.evidence import SUFFIXES, EvidenceFiles
from gridwatch.store.dump import check_fits, load, make_room

MEDIA_TYPES = {suffix: media_type for media_type, suffix in SUFFIXES.items()}

SETTINGS_FOLDER = "settings-of-backup"
"""In the data directory. Nothing reads it by itself: addresses may differ in another place."""

GUNZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A backup in which every part is what its checksum says."""

    manifest: Manifest
    parts: int


@dataclass(slots=True)
class Restored:
    """How much of what was restored."""

    rows: int = 0
    evidence: int = 0
    files: int = 0


def check_backup(path: Path, passphrase: str | None) -> Checked:
    """Read all of a backup. Raises BackupError where it is damaged, or the passphrase wrong or missing."""
    parts = read_parts(path, passphrase)
    manifest = _manifest(path, parts)
    return Checked(manifest=manifest, parts=1 + sum(1 for _ in parts))


def restore_backup(path: Path, passphrase: str | None, url: str, data_dir: Path, *, force: bool) -> Restored:
    """Put a checked backup into the database at `url` and into `data_dir`.

    Raises BackupError where it comes from a newer program or, unless `force`, the database was ever used;
    EvidenceError, StoreUnavailable or StoreError where something can't be written: then the database holds
    nothing, or all, and the same can be tried again.
    """
    parts = read_parts(path, passphrase)
    manifest = _manifest(path, parts)
    check_fits(manifest.contents)
    make_room(url, force=force)
    restored = Restored()
    others: list[Part] = []
    restored.rows = load(url, manifest.contents, _tables(parts, others))
    files = EvidenceFiles(data_dir / EVIDENCE)
    for part in _chain(others, parts):
        _put(part, files, data_dir, restored)
    return restored


def _chain(first: Iterable[Part], rest: Iterable[Part]) -> Iterator[Part]:
    yield from first
    yield from rest


def _tables(parts: Iterator[Part], others: list[Part]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each table's name and pieces; the first part behind them goes to `others`."""
    for table, pieces in groupby(parts, _table):
        if table is None:
            others.append(next(pieces))
            return
        yield table, (zlib.decompress(piece.content, GUNZIP) for piece in pieces)


def _table(part: Part) -> str | None:
    kind, _, rest = part.name.partition("/")
    return rest.partition("/")[0] if kind == DATABASE else None


def _put(part: Part, files: EvidenceFiles, data_dir: Path, restored: Restored) -> None:
    kind, _, name = part.name.partition("/")
    if kind == EVIDENCE:
        files.put(part.content, MEDIA_TYPES[PurePosixPath(name).suffix])
        restored.evidence += 1
    elif kind == FOLDERS:
        _write(data_dir, name, part.content)
        restored.files += 1
    elif kind == SETTINGS:
        _write(data_dir, f"{SETTINGS_FOLDER}/{name}", part.content)
    else:
        raise BackupError(f"the backup has a part that this Gridwatch does not know: {part.name}")


def _write(data_dir: Path, name: str, content: bytes) -> None:
    """Write a private file below the data directory; a name that leads out of it is refused."""
    path = (data_dir / name).resolve()
    if not path.is_relative_to(data_dir.resolve()):
        raise BackupError(f"the backup names a file outside of the data directory: {name}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror or error}") from error


def _manifest(path: Path, parts: Iterator[Part]) -> Manifest:
    first = next(parts, None)
    try:
        if first is None or first.name != MANIFEST:
            raise msgspec.ValidationError("its first part is another")
        return msgspec.json.decode(first.content, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"{path} is no backup that this Gridwatch can read: {error}") from error
