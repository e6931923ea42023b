"""What commands do with the database before they begin."""

import logging
import time

from gridwatch.errors import StoreUnavailable
from gridwatch.running import database_url
from gridwatch.settings import Settings, read_settings
from gridwatch.store.migrate import migrate

log = logging.getLogger(__name__)

RETRY_S = 2.0


def migrate_command() -> None:
    """Bring the database to the newest tables, and do nothing else."""
    migrate(database_url(read_settings()))


def migrate_if_wanted(settings: Settings) -> None:
    """Apply pending migrations, unless the settings say not to; wait for a database that is away."""
    while settings.migrate:
        try:
            migrate(database_url(settings))
        except StoreUnavailable as error:
            log.warning("waiting for the database: %s", error)
            time.sleep(RETRY_S)
            continue
        return
