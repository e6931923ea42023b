"""Who may come in: passwords, tokens, who is behind them now, and a limit on guesses."""

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.accounts import TOKEN_MARK, Account, CurrentAccounts, find_account, sha256_of

ALGORITHM = "HS256"

TOKEN_LIFETIME = timedelta(hours=12)
"""One shift with its handover."""

GUESSES = 10
GUESSES_WITHIN_S = 60.0
"""Wrong passwords that one address may send for one name in this time."""

REMEMBERED = 10_000
"""Names and addresses whose guesses are counted; the longest untouched is forgotten first."""

HASHING_AT_ONCE = 2
"""Each takes 64 MiB and a core for a moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who asks; `area` is the part of the tree that they see, None for all.

    `epoch` counts the passwords of the account; `token` is the hash of a program's token, where it is one.
    """

    username: str
    role: Role
    area: str | None = None
    epoch: int = 0
    ends_at: datetime | None = None
    token: bytes | None = None

    @classmethod
    def of(cls, account: Account, *, ends_at: datetime | None = None, token: bytes | None = None) -> Self:
        """Return who has an account."""
        return cls(
            username=account.username,
            role=account.role,
            area=account.area,
            epoch=account.epoch,
            ends_at=ends_at,
            token=token,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a good token of ours says."""

    username: str
    epoch: int
    ends_at: datetime


class Tokens:
    """Signs and reads the tokens of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, person: Person) -> str:
        """Return a token that says who `person` is."""
        now = datetime.now(UTC)
        claims = {
            "sub": person.username,
            "epoch": person.epoch,
            "iat": now,
            "exp": now + TOKEN_LIFETIME,
        }
        return jwt.encode(claims, self._secret, ALGORITHM)

    def read(self, token: str) -> Claims | None:
        """Return what the token says, or None where it is not ours or too old."""
        try:
            claims = jwt.decode(
                token, self._secret, [ALGORITHM], options={"require": ["sub", "epoch", "exp"]}
            )
        except jwt.InvalidTokenError:
            return None
        ends_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Claims(username=claims["sub"], epoch=claims["epoch"], ends_at=ends_at)


class Callers:
    """Who is behind a token now: its account is looked up, so that one that is disabled is out at once."""

    def __init__(self, accounts: CurrentAccounts, tokens: Tokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    async def behind(self, token: str) -> Person | None:
        """Return who brings a token, or None where it is not good; raise StoreUnavailable."""
        if token.startswith(TOKEN_MARK):
            return await self._program(sha256_of(token))
        claims = self._tokens.read(token)
        if claims is None:
            return None
        return await self._person(claims.username, claims.epoch, claims.ends_at)

    async def version(self) -> int:
        """Return what changes whenever an account does, or a token of a program; raise StoreUnavailable."""
        return await self._accounts.version()

    async def wait_for_change(self, within_s: float) -> None:
        """Return as soon as an account or a token is seen to have changed, or after so long."""
        await self._accounts.wait_for_change(within_s)

    async def still(self, person: Person) -> Person | None:
        """Return somebody who was let in as they are now, or None where they may not stay."""
        if person.token is not None:
            return await self._program(person.token)
        return await self._person(person.username, person.epoch, person.ends_at)

    async def _program(self, sha256: bytes) -> Person | None:
        known = await self._accounts.token(sha256)
        if known is None:
            return None
        return await self._person(known.username, None, known.ends_at, token=sha256)

    async def _person(
        self, username: str, epoch: int | None, ends_at: datetime | None, token: bytes | None = None
    ) -> Person | None:
        account = await self._accounts.account(username, epoch)
        if account is None or account.disabled:
            return None
        if ends_at is not None and ends_at <= datetime.now(UTC):
            return None
        return Person.of(account, ends_at=ends_at, token=token)


class Passwords:
    """Hashes and checks passwords off the event loop, a few at a time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(HASHING_AT_ONCE)
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to keep."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def match(self, password_hash: str | None, password: str) -> bool:
        """Say whether the password is right; without a hash it never is, and takes as long."""
        if self._decoy is None:
            self._decoy = await self.hash("nobody has this one")
        async with self._turn:
            right = await asyncio.to_thread(self._verify, password_hash or self._decoy, password)
        return right and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


class Guesses:
    """Counts wrong passwords by name and address."""

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait_s(self, username: str, address: str) -> float:
        """Return how long this address must wait before the next guess of this name; 0 for not at all."""
        failed = self._failed.get((username, address))
        if failed is None or len(failed) < GUESSES:
            return 0.0
        return max(0.0, failed[0] + GUESSES_WITHIN_S - time.monotonic())

    def count(self, username: str, address: str) -> None:
        """Count a wrong password."""
        failed = self._failed.setdefault((username, address), deque(maxlen=GUESSES))
        failed.append(time.monotonic())
        self._failed.move_to_end((username, address))
        if len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)

    def forget(self, username: str, address: str) -> None:
        """Forget what was counted: the right password came."""
        self._failed.pop((username, address), None)


async def sign_in(store: Store, passwords: Passwords, username: str, password: str) -> Person | None:
    """Return who this is, or None where name or password is wrong; both take the same time."""
    # No account has a name that PostgreSQL can't hold.
    possible = "\0" not in username and username.isprintable()
    account = await find_account(store, username) if possible else None
    right = await passwords.match(account.password_hash if account else None, password)
    if account is None or account.disabled or not right:
        return None
    return Person.of(account)
