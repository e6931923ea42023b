"""The installation's secret, the accounts of those who work with it, and the tokens of programs."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime

from gridwatch.errors import NotAllowed, NotFound, StoreError
from gridwatch.model import Role
from gridwatch.store.connection import Connection, Row, Store, one, queries
from gridwatch.store.trail import What, note

SQL = queries("accounts")

SECRET_BYTES = 32
"""As long as the hash that signs with it (SHA-256)."""

TOKEN_MARK = "gwt_"  # noqa: S105 - how every token of a program begins
TOKEN_BYTES = 32

LOOK_AGAIN_S = 1.0
"""So long after a change at most a process still takes an account for what it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody who may sign in; the password is kept as an argon2 hash, None for who has none.

    `area` is the part of the tree that it sees, None for all. `epoch` counts the passwords that it has had.
    """

    username: str
    password_hash: str | None
    role: Role
    area: str | None = None
    disabled: bool = False
    epoch: int = 0

    @classmethod
    def from_row(cls, row: Row) -> "Account":
        """Make it from a row of the table."""
        return cls(**{**row, "role": Role(row["role"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """What a program brings instead of a password; only its SHA-256 is known. `ends_at`: None for never."""

    name: str
    username: str
    created_at: datetime
    created_by: str
    ends_at: datetime | None
    sha256: bytes = field(repr=False)


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
    return None if row is None else Account.from_row(row)


async def list_accounts(store: Store) -> list[Account]:
    """Return all accounts in the order of their names."""
    return [Account.from_row(row) for row in await store.rows(SQL["list"])]


async def add_account(store: Store, account: Account, *, by: str) -> bool:
    """Add an account; return False, and change nothing, where the name is taken."""
    given = {name: value for name, value in asdict(account).items() if name != "epoch"}
    async with store.transaction() as connection:
        added = (await connection.execute(SQL["add"], given)).rowcount == 1
        if added:
            await _note(connection, {}, [account.username], by=by)
    return added


async def put_accounts(store: Store, accounts: Sequence[Account], *, by: str) -> None:
    """Add accounts or change those of the same names; without a password the old one stays.

    Raises NotAllowed where an area is unknown, or nobody were left to administer the whole installation.
    """
    columns = ("username", "password_hash", "role", "area", "disabled")
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        await _check_areas(connection, {one.area for one in accounts if one.area is not None})
        had_one = await _has_administrator(connection)
        names = [one.username for one in accounts]
        before = await _told(connection, names)
        given = {name: [getattr(one, name) for one in accounts] for name in columns}
        await connection.execute(SQL["put"], given)
        # Before the first start nobody is there yet.
        if had_one:
            await _check_administrator(connection)
        await _note(connection, before, names, by=by)


async def _check_areas(connection: Connection, codes: set[str]) -> None:
    rows = await (await connection.execute(SQL["area codes"], {"codes": list(codes)})).fetchall()
    unknown = codes - {row["code"] for row in rows}
    if unknown:
        raise NotAllowed(f"no area {', '.join(sorted(unknown)[:10])}")


async def _has_administrator(connection: Connection) -> bool:
    return await (await connection.execute(SQL["administrator"])).fetchone() is not None


async def _check_administrator(connection: Connection) -> None:
    if not await _has_administrator(connection):
        raise NotAllowed("somebody must be left who administers the whole installation")


async def delete_account(store: Store, username: str, *, by: str) -> None:
    """Delete an account with its tokens; raise NotFound, or NotAllowed for the last administrator."""
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        before = await _told(connection, [username])
        if (await connection.execute(SQL["delete"], {"username": username})).rowcount == 0:
            raise NotFound(f"no account {username!r}")
        await _check_administrator(connection)
        await _note(connection, before, [username], by=by)


async def set_password(store: Store, username: str, password_hash: str, *, by: str) -> None:
    """Give an account another password; whoever is signed in with the old one is not any more."""
    given = {"username": username, "password_hash": password_hash}
    async with store.transaction() as connection:
        await connection.execute(SQL["lock"])
        before = await _told(connection, [username])
        if (await connection.execute(SQL["set password"], given)).rowcount == 0:
            raise NotFound(f"no account {username!r}")
        await _note(connection, before, [username], by=by)


async def _told(connection: Connection, usernames: Sequence[str]) -> Mapping[str, Row]:
    """Return what the trail says of accounts, by name; `passwords` counts those that it has had."""
    rows = await (await connection.execute(SQL["told"], {"usernames": list(usernames)})).fetchall()
    return {row.pop("username"): row for row in rows}


async def _note(
    connection: Connection, before: Mapping[str, Row], usernames: Sequence[str], *, by: str
) -> None:
    """Write down what became of accounts; one that is as it was is no change."""
    after = await _told(connection, usernames)
    for username in usernames:
        was, now = before.get(username), after.get(username)
        if was != now:
            await note(connection, What.ACCOUNTS, username, by=by, before=was, after=now)


async def has_administrator(store: Store) -> bool:
    """Say whether anybody can administer this installation yet."""
    return await store.row(SQL["administrator"]) is not None


async def issue_token(store: Store, name: str, username: str, *, by: str, ends_at: datetime | None) -> str:
    """Return a new token of an account with the role integration: it is told now and never again.

    Raises NotAllowed where the name is taken or there is no such account.
    """
    token = TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)
    given = {"name": name, "username": username, "sha256": sha256_of(token), "created_by": by}
    async with store.transaction() as connection:
        told = await one(connection, SQL["issue"], **given, ends_at=ends_at)
        if told is None:
            why = f"there is a token {name!r} already, or no account {username!r} of role integration"
            raise NotAllowed(why)
        await note(connection, What.TOKENS, name, by=by, before=None, after=told)
    return token


async def list_tokens(store: Store) -> list[AccessToken]:
    """Return the tokens of programs in the order of their names."""
    return [AccessToken(**{**row, "sha256": bytes(row["sha256"])}) for row in await store.rows(SQL["tokens"])]


async def revoke_token(store: Store, name: str, *, by: str) -> None:
    """Take a token back; raise NotFound."""
    async with store.transaction() as connection:
        told = await one(connection, SQL["revoke"], name=name)
        if told is None:
            raise NotFound(f"no token {name!r}")
        await note(connection, What.TOKENS, name, by=by, before=told, after=None)


def sha256_of(token: str) -> bytes:
    """Return what is kept of a token; it is random enough to need no salt."""
    return hashlib.sha256(token.encode()).digest()


class CurrentAccounts:
    """All accounts and tokens in memory, LOOK_AGAIN_S old at most, or the last known without the database."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounts: Mapping[str, Account] = {}
        self._tokens: Mapping[bytes, AccessToken] = {}
        self._version, self._looked_at = -1, -LOOK_AGAIN_S
        self._looking = asyncio.Lock()
        self._changed = asyncio.Event()

    async def wait_for_change(self, within_s: float) -> None:
        """Return as soon as something is seen to have changed, or after so long; for one who waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        self._changed.clear()

    async def version(self) -> int:
        """Return what changes whenever an account or a token does; raise StoreUnavailable before any look."""
        await self._look(LOOK_AGAIN_S)
        return self._version

    async def account(self, username: str, epoch: int | None) -> Account | None:
        """Return an account, that of this epoch where one is given; raise StoreUnavailable before any look.

        What is not as it should be may be news: it is looked up at once.
        """
        for within_s in (LOOK_AGAIN_S, 0.0):
            await self._look(within_s)
            account = self._accounts.get(username)
            if account is not None and epoch in (None, account.epoch):
                return account
        return None

    async def token(self, sha256: bytes) -> AccessToken | None:
        """Return a token by its hash; raise StoreUnavailable before the first look."""
        for within_s in (LOOK_AGAIN_S, 0.0):
            await self._look(within_s)
            if sha256 in self._tokens:
                return self._tokens[sha256]
        return None

    async def _look(self, within_s: float) -> None:
        """Take in what changed, unless somebody did so not long ago."""
        asked_at = time.monotonic()
        if asked_at - self._looked_at < within_s:
            return
        async with self._looking:
            if self._looked_at > asked_at:
                return
            try:
                await self._load()
            except StoreError:
                if self._version < 0:
                    raise
            self._looked_at = time.monotonic()

    async def _load(self) -> None:
        row = await self._store.row(SQL["version"])
        version = int(row["version"]) if row else 0
        if version != self._version:
            self._accounts = {one.username: one for one in await list_accounts(self._store)}
            self._tokens = {one.sha256: one for one in await list_tokens(self._store)}
            self._version = version
            self._changed.set()
