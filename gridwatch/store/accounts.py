"""The installation's secret and the accounts of those who work with it."""

import secrets
from dataclasses import dataclass

from gridwatch.errors import StoreError
from gridwatch.model import Role
from gridwatch.store.connection import Store, queries

SQL = queries("accounts")

SECRET_BYTES = 32
"""As long as the hash that signs with it (SHA-256)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody who may sign in; the password is kept as an argon2 hash."""

    username: str
    password_hash: str
    role: Role


async def token_secret(store: Store) -> bytes:
    """Return the secret that this installation signs with; make it the first time."""
    await store.execute(SQL["make installation"], {"token_secret": secrets.token_bytes(SECRET_BYTES)})
    row = await store.row(SQL["secret"])
    if row is None:
        raise StoreError("the installation lost its secret just now")
    return bytes(row["token_secret"])


async def find_account(store: Store, username: str) -> Account | None:
    """Return the account of that name, if there is one."""
    row = await store.row(SQL["find"], {"username": username})
    return None if row is None else Account(**{**row, "role": Role(row["role"])})


async def add_account(store: Store, account: Account) -> bool:
    """Add an account; return False, and change nothing, where the name is taken."""
    given = {
        "username": account.username,
        "password_hash": account.password_hash,
        "role": account.role.value,
    }
    return await store.execute(SQL["add"], given) == 1


async def has_administrator(store: Store) -> bool:
    """Say whether anybody can administer this installation yet."""
    return await store.row(SQL["administrator"]) is not None
