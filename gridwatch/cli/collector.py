"""`gridwatch ingest`: one collector."""

import asyncio
import logging

from gridwatch.cli.database import migrate_if_wanted
from gridwatch.cli.stopping import until_stopped
from gridwatch.settings import read_settings


def ingest_command() -> None:
    """Take in what devices send: from the broker into the database."""
    from ingest.collector import collect

    settings = read_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Its lines of each request name addresses.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    migrate_if_wanted(settings)
    asyncio.run(until_stopped(collect(settings)))
