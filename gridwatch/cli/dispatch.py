"""`gridwatch dispatch`: the process that tells people."""

import asyncio
import logging
import signal
from contextlib import suppress

from gridwatch.cli.database import migrate_if_wanted
from gridwatch.settings import Settings, read_settings


def dispatch_command() -> None:
    """Tell people about alerts, over the channels of GRIDWATCH_NOTIFY_URLS."""
    settings = read_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Its every step, several times a second, is of no use to those who read our log.
    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    migrate_if_wanted(settings)
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_told_to_stop(settings))


async def _until_told_to_stop(settings: Settings) -> None:
    from api.dispatch.worker import dispatch

    working = asyncio.create_task(dispatch(settings), name="dispatch")
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    await working
