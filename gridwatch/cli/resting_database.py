"""The database of an installation that does not run: started for one command, then stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gridwatch.cli.up import leftovers
from gridwatch.cli.up.account import as_account, database_account
from gridwatch.cli.up.data_folder import hold, make_private
from gridwatch.cli.up.parts import SYSTEM_ENVIRONMENT, log_folder
from gridwatch.cli.up.postgres import ELSEWHERE_NOTE, EmbeddedPostgres, prepare
from gridwatch.errors import StoreUnavailable
from gridwatch.running import FILE as RUNNING_FILE
from gridwatch.running import database_url
from gridwatch.settings import Settings

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 60.0
LOOK_EVERY_S = 0.05


@contextmanager
def running_or_resting_database(settings: Settings) -> Iterator[str]:
    """Give the address of the database in use; where none runs, that of the data directory is started."""
    folder = settings.data_dir
    there = (folder / "database").exists() or (folder / ELSEWHERE_NOTE).exists()
    if there and settings.database_url is None and not (folder / RUNNING_FILE).exists():
        with resting_database(settings) as url:
            yield url
    else:
        yield database_url(settings)


@contextmanager
def resting_database(settings: Settings) -> Iterator[str]:
    """Give the address of the database that the settings name, else start that of the data directory.

    Raises SettingsError where `gridwatch up` is running there, StoreUnavailable where it does not start.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    account = database_account()
    with hold(settings.data_dir, account):
        database = prepare(settings.data_dir.resolve(), account)
        leftovers.stop_postgres(database)
        log = make_private(log_folder(settings.data_dir)) / "database.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                database.command(),
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=database.folder,
                env=SYSTEM_ENVIRONMENT | {"PATH": os.defpath},
                **as_account(account),
            )
        try:
            _wait(process, database, str(log))
            yield database.url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_WITHIN_S)


def _wait(process: subprocess.Popen[bytes], database: EmbeddedPostgres, log: str) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while not database.serves(process.pid):
        if process.poll() is not None or time.monotonic() > end:
            raise StoreUnavailable(f"the database in {database.folder} does not start: see {log}")
        time.sleep(LOOK_EVERY_S)
