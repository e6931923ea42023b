"""The file of a backup: a tar of parts, its last one a list of their SHA-256 checksums.

It is readable without Gridwatch: the list is what `sha256sum --check` reads. With a passphrase each part is
an age file (age-encryption.org) of its own, for a key that the first part, `key.age`, holds under the
passphrase.
"""

import errno
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import pyrage

from gridwatch.errors import BackupError
from gridwatch.evidence import sync_folder

KEY = "key.age"
CHECKSUMS = "checksums.txt"
SEALED_SUFFIX = ".age"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One named piece of a backup."""

    name: str
    content: bytes


class ArchiveWriter:
    """Takes the parts of a backup; none may be larger than what fits in memory."""

    def __init__(self, file: BinaryIO, passphrase: str | None) -> None:
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.GNU_FORMAT)
        self._checksums: list[str] = []
        self._key: pyrage.x25519.Recipient | None = None
        if passphrase is not None:
            identity = pyrage.x25519.Identity.generate()
            self._write(KEY, pyrage.passphrase.encrypt(str(identity).encode(), passphrase))
            self._key = identity.to_public()

    def add(self, name: str, content: bytes) -> None:
        """Append a part."""
        self._checksums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        self._seal(name, content)

    def finish(self) -> None:
        """Append the checksums: a backup without them is none."""
        self._seal(CHECKSUMS, "".join(self._checksums).encode())
        self._tar.close()

    def _seal(self, name: str, content: bytes) -> None:
        if self._key is None:
            self._write(name, content)
        else:
            self._write(name + SEALED_SUFFIX, pyrage.encrypt(content, [self._key]))

    def _write(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o600
        self._tar.addfile(entry, io.BytesIO(content))
        _forget(self._tar)


@contextmanager
def new_archive(path: Path, passphrase: str | None) -> Iterator[ArchiveWriter]:
    """Write a backup, for its owner alone (0600), that is at `path` whole or not at all.

    Raises BackupError where there is no space or no permission.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                writer = ArchiveWriter(file, passphrase)
                yield writer
                writer.finish()
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise BackupError(_explained(error, path)) from error


def read_parts(path: Path, passphrase: str | None) -> Iterator[Part]:
    """Yield the parts in order, each as it was put in, the checksums left out.

    A part is yielded before the list at the end of the file confirms it: whoever writes something down
    reads all of it before. Raises BackupError where the passphrase is wrong or missing, or the file damaged.
    """
    found: list[str] = []
    listed: list[str] | None = None
    for part in _unsealed(path, passphrase):
        if part.name == CHECKSUMS:
            listed = part.content.decode(errors="replace").splitlines()
            break
        found.append(f"{hashlib.sha256(part.content).hexdigest()}  {part.name}")
        yield part
    if listed is None:
        raise _damaged(path, "its end is missing")
    if found != listed:
        wrong = next((line for line in found if line not in set(listed)), "a part")
        raise _damaged(path, f"{wrong.partition('  ')[2] or wrong} is not what its checksum says")


def is_sealed(path: Path) -> bool:
    """Say whether a backup needs a passphrase. Raises BackupError where it is none."""
    for entry, _ in _entries(path):
        return entry == KEY
    raise _damaged(path, "it is empty")


def _unsealed(path: Path, passphrase: str | None) -> Iterator[Part]:
    entries = _entries(path)
    identity: pyrage.x25519.Identity | None = None
    for name, content in entries:
        if name == KEY and identity is None:
            identity = _open_key(path, content, passphrase)
        elif identity is None:
            yield Part(name=name, content=content)
        else:
            try:
                plain = pyrage.decrypt(content, [identity])
            except pyrage.DecryptError as error:
                raise _damaged(path, f"{name} can't be decrypted") from error
            yield Part(name=name.removesuffix(SEALED_SUFFIX), content=plain)


def _open_key(path: Path, sealed: bytes, passphrase: str | None) -> pyrage.x25519.Identity:
    if passphrase is None:
        raise BackupError(f"{path} is encrypted: set GRIDWATCH_BACKUP_PASSPHRASE")
    try:
        return _identity(sealed, passphrase)
    except pyrage.DecryptError as error:
        raise BackupError(f"this is not the passphrase that {path} was encrypted with") from error


@lru_cache(maxsize=1)
def _identity(sealed: bytes, passphrase: str) -> pyrage.x25519.Identity:
    """Open a key: seconds of work and half a gigabyte of memory by design, against guessing."""
    return pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(sealed, passphrase).decode())


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path, "r:") as tar:
            while (entry := tar.next()) is not None:
                file = tar.extractfile(entry)
                if file is None:
                    raise _damaged(path, f"{entry.name} is no file")
                content = file.read()
                if len(content) != entry.size:
                    raise _damaged(path, f"{entry.name} is cut off")
                yield entry.name, content
                _forget(tar)
    except tarfile.TarError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror or error}") from error


def _forget(tar: tarfile.TarFile) -> None:
    """Keep memory small: tarfile remembers every entry, and a large installation has millions."""
    tar.members.clear()  # type: ignore[attr-defined]


def _damaged(path: Path, how: str) -> BackupError:
    return BackupError(f"{path} is damaged or no backup ({how}): take another one")


def _explained(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for {path}: free some, or choose another place"
    return f"the backup {path} can't be written: {error}"
