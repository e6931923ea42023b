"""Files that commands remove and write."""

import os
from pathlib import Path

from gridwatch.errors import SettingsError
from gridwatch.settings import Settings
from gridwatch.store.devices import Deleted


def remove_files(settings: Settings, deleted: Deleted) -> None:
    """Remove the files of what was deleted from the data directory."""
    from gridwatch.evidence import EvidenceFiles

    files = EvidenceFiles(settings.data_dir / "evidence")
    for sha256, media_type in deleted.files:
        files.remove(sha256, media_type)


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read; raise SettingsError where that can't be."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as written:
            os.fchmod(written.fileno(), 0o600)
            written.write(content)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
