"""`gridwatch dispatch` beside a measurement."""

import subprocess
import sys

from bench.servers import Servers
from bench.up import clean_environment
from bench.waiting import wait_until

WORKS_WITHIN_S = 60.0


def start(at: Servers) -> "subprocess.Popen[bytes]":
    """Start a dispatcher; who starts it ends it."""
    environment = clean_environment() | {
        "GRIDWATCH_DATABASE_URL": at.database_url,
        "GRIDWATCH_DATA_DIR": str(at.folder),
        "GRIDWATCH_MIGRATE": "0",
        "OMP_NUM_THREADS": "1",
    }
    with (at.folder / "dispatch.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gridwatch", "dispatch"], env=environment, stdout=log, stderr=log
        )


def until_working(at: Servers, dispatchers: int) -> None:
    """Wait until so many work."""
    wait_until(
        lambda: at.ask("SELECT count(*) FROM procrastinate_workers")[0][0] >= dispatchers,
        timeout_s=WORKS_WITHIN_S,
        what="the dispatchers work",
    )
