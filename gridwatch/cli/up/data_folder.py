"""The data directory: made, checked and held for one `up` alone."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridwatch.cli.up.account import Account
from gridwatch.errors import SettingsError

ENOUGH_BYTES = 1 << 30
"""A new database with its first WAL takes 350 MB; below this, evidence would fill the rest within hours."""


@contextmanager
def hold(folder: Path, account: Account | None) -> Iterator[None]:
    """Hold `folder` for this process, made where it is missing. Raises SettingsError."""
    _make(folder, account)
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"the data directory {folder} can't be written ({error.strerror}): "
            "give it to this user, or choose another with --data DIR"
        ) from error
    try:
        _lock(lock, folder)
        check_space(folder)
        yield
    finally:
        os.close(lock)


def check_space(folder: Path, *, enough_bytes: int = ENOUGH_BYTES) -> None:
    """Raise SettingsError when the disk of `folder` is nearly full."""
    free = shutil.disk_usage(folder).free
    if free < enough_bytes:
        raise SettingsError(
            f"only {free / 1e6:,.0f} MB are free on the disk of {folder}, {enough_bytes / 1e6:,.0f} MB are "
            "needed: make room there, or choose another disk with --data DIR"
        )


def make_private(folder: Path) -> Path:
    """Make a folder that only its owner can open, and return it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    return folder


def _make(folder: Path, account: Account | None) -> None:
    """Make the directory, 0700; as root the database's account may pass through it (0710) to its own."""
    try:
        if folder.is_dir():
            return
        folder.mkdir(mode=0o700, parents=True)
        if account is not None:
            os.chown(folder, 0, account.gid)
            folder.chmod(0o710)
    except OSError as error:
        raise SettingsError(
            f"the data directory {folder} can't be made ({error.strerror}): choose another with --data DIR"
        ) from error


def _lock(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        raise SettingsError(
            f"another gridwatch up (process {holder}) is using the data directory {folder}: "
            "stop that one, or give this one a directory of its own with --data DIR"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
