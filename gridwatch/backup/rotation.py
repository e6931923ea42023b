"""The folder of backups that are made on a timer: when the next is due, which are kept."""

import time
from datetime import UTC, datetime
from pathlib import Path

from gridwatch.errors import BackupError
from gridwatch.settings import Settings

STALE_S = 600.0
"""A backup under way is written to all the time; one that was not for so long was cut off."""


def next_path(settings: Settings, folder: Path) -> Path:
    """Return where the next backup goes, in a folder made where it is missing (0700). Raises BackupError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError(f"the folder {folder} can't be made: {error.strerror or error}") from error
    return folder / f"{settings.installation}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"


def is_due(settings: Settings, folder: Path) -> bool:
    """Say whether the newest backup is older than it may be and none is under way."""
    if any(_age_s(file) < STALE_S for file in _unfinished(settings, folder)):
        return False
    newest = _finished(settings, folder)[-1:]
    return not newest or _age_s(newest[0]) >= settings.backup_every_hours * 3600


def drop_old(settings: Settings, folder: Path) -> list[Path]:
    """Delete all but the newest backups, and what was cut off; return the deleted backups."""
    old = _finished(settings, folder)[: -settings.backup_keep]
    for file in [*old, *(f for f in _unfinished(settings, folder) if _age_s(f) >= STALE_S)]:
        file.unlink(missing_ok=True)
    return old


def _finished(settings: Settings, folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{settings.installation}-{'[0-9]' * 8}T{'[0-9]' * 6}Z.tar"))


def _unfinished(settings: Settings, folder: Path) -> list[Path]:
    return list(folder.glob(f"{settings.installation}-*.tar.part"))


def _age_s(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
