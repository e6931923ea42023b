"""What differs on a first run: the administrator's password, and the simulated district."""

import asyncio
import secrets
from dataclasses import dataclass

from gridwatch.errors import StoreUnavailable
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.accounts import has_administrator
from gridwatch.store.devices import count_devices
from gridwatch.store.migrate import migrate

PASSWORD_BYTES = 12
"""96 bits, 16 characters: not to be guessed, short enough to be typed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstRun:
    """What the parts need to know about the state of the database."""

    new_password: str | None
    """The password of the administrator to be made; None where there is one, or the settings name it."""
    only_simulated: bool
    """Whether no real device is registered."""


async def look(settings: Settings, database_url: str) -> FirstRun:
    """Bring the database to the newest tables and look into it. Raises StoreError."""
    try:
        await asyncio.to_thread(migrate, database_url)
    except StoreUnavailable as error:
        reason = str(error).splitlines()[0]
        raise StoreUnavailable(
            f"the database can't be reached: start it, or correct GRIDWATCH_DATABASE_URL ({reason})"
        ) from error
    async with Store.open(database_url, connections=1) as store:
        known = await has_administrator(store)
        real, _simulated = await count_devices(store)
    unnamed = not known and settings.admin_password is None
    return FirstRun(
        new_password=secrets.token_urlsafe(PASSWORD_BYTES) if unnamed else None, only_simulated=real == 0
    )
