"""`gridwatch ingest`: one collector."""

import asyncio
import logging
import signal

from gridwatch.cli.database import migrate_if_wanted
from gridwatch.settings import read_settings


def ingest_command() -> None:
    """Take in what devices send: from the broker into the database."""
    from ingest.collector import collect

    settings = read_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    migrate_if_wanted(settings)
    asyncio.run(_until_told_to_stop(collect(settings)))


async def _until_told_to_stop(work: object) -> None:
    """Run `work` until SIGTERM or SIGINT, which end it in good order."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("told to stop: stopped")
