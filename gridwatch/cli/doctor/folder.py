"""The data directory: whose it is, who may look into it, and how much room is left."""

import os
import shutil
import stat
from pathlib import Path

from gridwatch.cli.doctor.check import Check, fail, ok, warn
from gridwatch.cli.up.data_folder import ENOUGH_BYTES
from gridwatch.settings import Settings

SCARCE_BYTES = 5 * ENOUGH_BYTES
"""At 5,000 messages a second that is some hours."""


def check_folder(settings: Settings) -> list[Check]:
    """Look at the data directory."""
    folder = settings.data_dir
    if not folder.is_dir():
        return [
            warn("data directory", f"{folder} is not there", "gridwatch up or ingest makes it at its start")
        ]
    return [_access(folder), _room(folder)]


def _access(folder: Path) -> Check:
    if not os.access(folder, os.W_OK | os.X_OK):
        todo = f"chown it to the user that runs Gridwatch, or set GRIDWATCH_DATA_DIR: {folder}"
        return fail("data directory", f"{folder} can't be written by this user", todo)
    open_to_others = [
        path for path in (folder, folder / "evidence") if path.is_dir() and path.stat().st_mode & stat.S_IRWXO
    ]
    readable = [path for path in (folder,) if path.stat().st_mode & (stat.S_IRGRP | stat.S_IWGRP)]
    if found := sorted({*open_to_others, *readable}):
        names = ", ".join(map(str, found))
        return fail("data directory", f"other users may look into {names}", f"chmod 700 {names}")
    return ok("data directory", f"{folder} is its owner's alone")


def _room(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:,.1f} GB are free on the disk of {folder}"
    if free < ENOUGH_BYTES:
        return fail("disk", found, "make room: nothing can be stored on a full disk")
    if free < SCARCE_BYTES:
        return warn("disk", found, "make room soon, or let less be kept")
    return ok("disk", found)
