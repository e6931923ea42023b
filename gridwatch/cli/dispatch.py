"""`gridwatch dispatch`: the process that tells people."""

import asyncio
import logging

from gridwatch.cli.database import migrate_if_wanted
from gridwatch.cli.stopping import until_stopped
from gridwatch.settings import read_settings


def dispatch_command() -> None:
    """Tell people about alerts, over the channels of GRIDWATCH_NOTIFY_URLS."""
    from api.dispatch.worker import dispatch

    settings = read_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Its every step, several times a second, is of no use to those who read our log.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    migrate_if_wanted(settings)
    asyncio.run(until_stopped(dispatch(settings)))
