"""Make the first administrator, so that somebody can sign in."""

import secrets

from api.sign_in import Passwords
from gridwatch.model import Role
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.accounts import Account, add_account, has_administrator

NAME = "admin"
OURSELVES = "gridwatch"
"""Who makes it, as the trail of changes has it."""

PASSWORD_BYTES = 12
"""96 bits, 16 characters: not to be guessed, short enough to be typed."""


async def make_first_administrator(store: Store, passwords: Passwords, settings: Settings) -> str | None:
    """Make `admin` where there is no administrator; return its password where one had to be thought up."""
    if await has_administrator(store):
        return None
    given = settings.admin_password
    password = secrets.token_urlsafe(PASSWORD_BYTES) if given is None else given.get_secret_value()
    account = Account(username=NAME, password_hash=await passwords.hash(password), role=Role.ADMINISTRATOR)
    made = await add_account(store, account, by=OURSELVES)
    return password if made and given is None else None
