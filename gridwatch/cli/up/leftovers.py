"""What an `up` that was killed left running: found and stopped before the next one starts."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from gridwatch.cli.up.postgres import EmbeddedPostgres
from gridwatch.errors import SettingsError

MARK = "GRIDWATCH_UP"
"""Environment variable of everything that `up` starts: the data directory it belongs to."""

STOP_WITHIN_S = 5.0


def stop_marked(data_dir: Path) -> list[str]:
    """Stop the processes of an earlier `up` on `data_dir` and return their names.

    The caller holds the directory, so no living `up` owns them.
    """
    found = [process for process in psutil.process_iter() if _is_marked(process, data_dir)]
    return _stop(found, signal.SIGTERM)


def stop_postgres(database: EmbeddedPostgres) -> list[str]:
    """Stop a server that still runs on the database folder, or remove a note that names a stranger."""
    lines = database.status()
    if not lines or not lines[0].isdigit():
        return []
    server = _server(int(lines[0]), database.folder)
    if server is not None:
        return _stop([server], signal.SIGINT)
    if psutil.pid_exists(int(lines[0])):
        # After a reboot another program may have that number; PostgreSQL would refuse to start.
        (database.folder / "postmaster.pid").unlink(missing_ok=True)
    return []


def _server(pid: int, folder: Path) -> psutil.Process | None:
    """Return the process `pid` if it is PostgreSQL at work in `folder`."""
    try:
        process = psutil.Process(pid)
        ours = process.name().startswith("postgres") and Path(process.cwd()) == folder.resolve()
    except psutil.Error:
        return None
    return process if ours else None


def _is_marked(process: psutil.Process, data_dir: Path) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        return process.environ().get(MARK) == str(data_dir)
    except (psutil.Error, OSError):
        return False


def _stop(processes: Iterable[psutil.Process], number: signal.Signals) -> list[str]:
    stopped = []
    asked = []
    for process in processes:
        try:
            stopped.append(f"{process.name()} ({process.pid})")
            process.send_signal(number)
            asked.append(process)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(asked, timeout=STOP_WITHIN_S)
    for process in alive:
        process.kill()
    _, alive = psutil.wait_procs(alive, timeout=STOP_WITHIN_S)
    if alive:
        raise SettingsError(f"processes of an earlier gridwatch up can't be stopped: {alive}")
    return stopped
