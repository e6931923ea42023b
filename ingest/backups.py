"""Backups on a timer, each made by a process of its own: the collector's line shares no time with it."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from gridwatch.backup.rotation import is_due
from gridwatch.errors import BackupError
from gridwatch.settings import Settings
from gridwatch.store import Store
from ingest.upkeep import Chore

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(minutes=10)
"""A backup that failed is tried again so soon."""


def backup_chores(settings: Settings, *, every: timedelta = LOOK_EVERY) -> Sequence[Chore]:
    """Return the chore that makes a backup when one is due, where the settings want any."""
    folder = settings.backup_dir
    if folder is None:
        return ()

    async def back_up(_store: Store) -> None:
        if await asyncio.to_thread(is_due, settings, folder):
            await _make(folder)

    return (Chore(name="backup", every=every, work=back_up),)


async def _make(folder: Path) -> None:
    """Run `gridwatch backup` with our own environment. Raises BackupError with what it said last."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gridwatch",
        "backup",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said = (await process.communicate())[0].decode(errors="replace").strip()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()
    if process.returncode:
        raise BackupError(
            f"no backup was made in {folder}: {said.splitlines()[-1] if said else 'no word why'}"
        )
    log.info("backup: %s", said.replace("\n", "; "))
