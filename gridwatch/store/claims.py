"""Bootstrap tokens: each lets one device of a fleet fetch its credential, once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.secret import new_secret
from gridwatch.store.accounts import sha256_of
from gridwatch.store.connection import Store, queries
from gridwatch.store.credentials import NewCredential, give_first_secret, lookup_of, write_down

SQL = queries("claims")

TOKEN_BYTES = 24
MOST_TOKENS = 100_000

REFUSAL = "this token is unknown, used or too old, or the device is not one that it can be used for"
"""The same for all: who guesses learns nothing of tokens or devices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What was done with credentials and tokens, and by whom."""

    at: datetime
    actor: str
    action: str
    device: str
    detail: str


async def make_tokens(
    store: Store, count: int, *, batch: str, good_for: timedelta, actor: str
) -> Sequence[str]:
    """Return new tokens. They are known here and now, and never again."""
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _ in range(count)]
    given = {"digests": [sha256_of(token) for token in tokens], "batch": batch, "good_for": good_for}
    async with store.transaction() as connection:
        await connection.execute(SQL["make"], given | {"actor": actor})
        await write_down(connection, actor, "tokens made", "", f"{count} of {batch!r}")
    return tokens


async def claim(store: Store, token: str, device: str, *, address: str) -> NewCredential:
    """Use a token up for the first credential of a registered device; both uses and refusals are logged.

    Raises NotAllowed, with the same words for whatever is wrong.
    """
    secret = new_secret()
    lookup = await lookup_of(store, secret)
    try:
        async with store.transaction() as connection:
            row = await (
                await connection.execute(SQL["use"], {"digest": sha256_of(token), "device": device})
            ).fetchone()
            if row is None:
                raise NotAllowed(REFUSAL)
            by = f"token of {row['batch']!r}"
            new = await give_first_secret(connection, device, secret, lookup, actor=by)
            await write_down(connection, address, "claimed", device, by)
    except (NotAllowed, NotFound) as error:
        async with store.transaction() as connection:
            await write_down(connection, address, "claim refused", device)
        raise NotAllowed(REFUSAL) from error
    return new


async def access_log(store: Store, device: str | None = None, *, limit: int = 1000) -> list[Entry]:
    """Return what was done with credentials and tokens, newest first."""
    rows = await store.rows(SQL["log"], {"device": device, "limit": limit})
    return [Entry(**row) for row in rows]
